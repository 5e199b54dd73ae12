package bridges

import (
	"context"
	"errors"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/terraform-providers/terraform-provider-random/shim"
)

// Random is the bridge of HashiCorp's random provider.
func Random(version string, metadata []byte) tfbridge.ProviderInfo {
	const pkg = "random"
	info := tfbridge.ProviderInfo{
		P:            pf.ShimProvider(shim.NewProvider()),
		Name:         pkg,
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			"random_bytes":    entry(pkg, "RandomBytes"),
			"random_id":       entry(pkg, "RandomId"),
			"random_integer":  entry(pkg, "RandomInteger"),
			"random_password": entry(pkg, "RandomPassword"),
			"random_pet":      entry(pkg, "RandomPet"),
			"random_shuffle":  entry(pkg, "RandomShuffle"),
			"random_string":   entry(pkg, "RandomString"),
			"random_uuid":     entry(pkg, "RandomUuid"),
			"random_uuid4":    entry(pkg, "RandomUuid4"),
			"random_uuid7":    entry(pkg, "RandomUuid7"),
		},
	}
	info.Resources["random_bytes"].ComputeID = bytesID
	return info
}

// bytesID is the id that the official plugin gives: the bytes themselves, in
// the clear. So RandomBytes must never hold a key (docs/decisions/0012), and a
// test that looks for secrets in the state finds it here as it would there.
func bytesID(_ context.Context, state resource.PropertyMap) (resource.ID, error) {
	value := state["base64"]
	for value.IsSecret() {
		value = value.SecretValue().Element
	}
	if !value.IsString() {
		return "", errors.New("random_bytes has no base64 to take its id from")
	}
	return resource.ID(value.StringValue()), nil
}
