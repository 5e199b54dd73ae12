// pulumi-resource-random is the Pulumi plugin over HashiCorp's random provider.
package main

import (
	"context"
	_ "embed"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	"amanda-backup/toolchain/plugins/bridges"
)

// version is set by the build to the version of the npm package.
var version string

//go:embed schema.json
var schema []byte

//go:embed bridge-metadata.json
var metadata []byte

func main() {
	pf.Main(context.Background(), "random", bridges.Random(version, metadata), pf.ProviderMetadata{PackageSchema: schema})
}
