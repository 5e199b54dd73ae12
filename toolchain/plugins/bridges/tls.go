package bridges

import (
	"github.com/hashicorp/terraform-provider-tls/shim"
	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// TLS is the bridge of HashiCorp's tls provider.
func TLS(version string, metadata []byte) tfbridge.ProviderInfo {
	const pkg = "tls"
	return tfbridge.ProviderInfo{
		P:            pf.ShimProvider(shim.NewProvider()),
		Name:         pkg,
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			"tls_cert_request":        entry(pkg, "CertRequest"),
			"tls_locally_signed_cert": entry(pkg, "LocallySignedCert"),
			"tls_private_key":         entry(pkg, "PrivateKey"),
			"tls_self_signed_cert":    entry(pkg, "SelfSignedCert"),
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"tls_certificate": dataSource(pkg, "getCertificate"),
			"tls_public_key":  dataSource(pkg, "getPublicKey"),
		},
		EnableZeroDefaultSchemaVersion: true,
	}
}
