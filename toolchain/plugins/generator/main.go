// Generator writes what a bridged plugin embeds, its schema and the bridge's
// metadata:
//
//	generator NAME VERSION DIRECTORY
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfgen"
	"github.com/pulumi/pulumi-terraform-bridge/v3/unstable/metadata"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag/colors"

	"amanda-backup/toolchain/plugins/bridges"
)

// makers names each bridge and how to make it.
var makers = map[string]bridges.Make{
	"openstack": bridges.OpenStack,
	"random":    bridges.Random,
	"tls":       bridges.TLS,
}

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
	bridge, ok := makers[name]
	if !ok {
		return fmt.Errorf("there is no bridge named %q", name)
	}
	info := bridge(version, []byte("{}"))
	result, err := tfgen.GenerateSchemaWithOptions(tfgen.GenerateSchemaOptions{
		ProviderInfo:    info,
		DiagnosticsSink: diag.DefaultSink(os.Stdout, os.Stderr, diag.FormatOptions{Color: colors.Never}),
		XInMemoryDocs:   true,
	})
	if err != nil {
		return err
	}
	schema, err := json.Marshal(result.PackageSpec)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(directory, "schema.json"), schema); err != nil {
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
