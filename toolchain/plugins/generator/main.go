// Generator writes what a bridged plugin embeds, its schema and the bridge's
// metadata:
//
//	generator NAME VERSION DIRECTORY
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfgen"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"

	"amanda-backup/toolchain/plugins/bridges"
)

func main() {
	if err := generate(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "generator:", err)
		os.Exit(1)
	}
}

func generate(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: generator NAME VERSION DIRECTORY")
	}
	name, version, directory := args[0], args[1], args[2]
	bridge, ok := bridges.All[name]
	if !ok {
		return fmt.Errorf("there is no bridge named %q", name)
	}
	info := bridge(version, []byte("{}"))
	result, err := tfgen.GenerateSchema(context.Background(), tfgen.GenerateSchemaOptions{
		ProviderInfo:  info,
		XInMemoryDocs: true,
	})
	if err != nil {
		return err
	}
	if err := write(filepath.Join(directory, "schema.json"), result.ProviderMetadata.PackageSchema); err != nil {
		return err
	}
	data := (*metadata.Data)(info.MetadataInfo.Data)
	return write(filepath.Join(directory, "bridge-metadata.json"), data.Marshal())
}

// write replaces the file in one step: a build that is interrupted here must
// not leave half a schema for the next one.
func write(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
