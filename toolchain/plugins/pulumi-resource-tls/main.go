// pulumi-resource-tls is the Pulumi plugin over HashiCorp's tls provider.
package main

import (
	"context"
	"embed"
	"fmt"
	"os"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"

	"amanda-backup/toolchain/plugins/bridges"
)

// version is set by the build to the version of the npm package.
var version string

//go:embed all:generated
var generated embed.FS

func main() {
	schema, metadata := read("schema.json"), read("bridge-metadata.json")
	pf.Main(context.Background(), "tls", bridges.TLS(version, metadata), pf.ProviderMetadata{PackageSchema: schema})
}

func read(name string) []byte {
	data, err := generated.ReadFile("generated/" + name)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-tls was built before the generator ran:", err)
		os.Exit(1)
	}
	return data
}
