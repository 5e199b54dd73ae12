// pulumi-resource-command is the Pulumi plugin `command`.
package main

import (
	"context"
	"fmt"
	"os"

	"amanda-backup/toolchain/plugins/command"
)

// version is set by the build to the version of the npm package.
var version string

func main() {
	if err := command.Provider().Run(context.Background(), "command", version); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-command:", err)
		os.Exit(1)
	}
}
