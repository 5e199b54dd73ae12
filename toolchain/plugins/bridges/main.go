package bridges

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// Framework is the main function of a plugin over a provider that is written
// with Terraform's plugin framework. The folder holds what the generator wrote.
func Framework(name, version string, make Make, folder fs.FS) {
	schema, metadata := read(name, folder)
	pf.Main(context.Background(), name, make(version, metadata), pf.ProviderMetadata{PackageSchema: schema})
}

// SDK is the same over a provider that is written with Terraform's older SDK.
func SDK(name, version string, make Make, folder fs.FS) {
	schema, metadata := read(name, folder)
	tfbridge.Main(name, version, make(version, metadata), schema)
}

func read(name string, folder fs.FS) (schema, metadata []byte) {
	schema, err := fs.ReadFile(folder, "generated/schema.json")
	if err == nil {
		metadata, err = fs.ReadFile(folder, "generated/bridge-metadata.json")
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "pulumi-resource-%s was built before the generator ran: %s\n", name, err)
		os.Exit(1)
	}
	return schema, metadata
}
