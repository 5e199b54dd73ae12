// pulumi-resource-openstack is the Pulumi plugin over the community's openstack provider.
package main

import (
	"embed"

	"amanda-backup/toolchain/plugins/bridges"
)

// version is set by the build to the version of the npm package.
var version string

//go:embed all:generated
var generated embed.FS

func main() { bridges.SDK("openstack", version, bridges.OpenStack, generated) }
