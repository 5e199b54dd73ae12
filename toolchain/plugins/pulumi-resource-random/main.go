// pulumi-resource-random is the Pulumi plugin over HashiCorp's random provider.
package main

import (
	"embed"

	"amanda-backup/toolchain/plugins/bridges"
)

// version is set by the build to the version of the npm package.
var version string

//go:embed all:generated
var generated embed.FS

func main() { bridges.Framework("random", version, bridges.Random, generated) }
