// Package local is command:local:Command: a command on the machine that runs
// the Pulumi program.
package local

import (
	"context"

	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/infer/types"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"amanda-backup/toolchain/plugins/command/output"
	"amanda-backup/toolchain/plugins/command/script"
)

// Logging says which streams go to the engine's log.
type Logging output.Streams

// Values lists the values of the property.
func (Logging) Values() []infer.EnumValue[Logging] {
	return []infer.EnumValue[Logging]{
		{Name: "Stdout", Value: "stdout", Description: "Only stdout is logged."},
		{Name: "Stderr", Value: "stderr", Description: "Only stderr is logged."},
		{Name: "StdoutAndStderr", Value: "stdoutAndStderr", Description: "Both are logged."},
		{Name: "None", Value: "none", Description: "Nothing is logged."},
	}
}

// Inputs are the arguments of a local command.
type Inputs struct {
	script.Inputs
	AddPreviousOutputInEnv *bool              `pulumi:"addPreviousOutputInEnv,optional"`
	ArchivePaths           *[]string          `pulumi:"archivePaths,optional"`
	AssetPaths             *[]string          `pulumi:"assetPaths,optional"`
	Dir                    *string            `pulumi:"dir,optional"`
	Environment            *map[string]string `pulumi:"environment,optional"`
	Interpreter            *[]string          `pulumi:"interpreter,optional"`
	Logging                *Logging           `pulumi:"logging,optional"`
	Stdin                  *string            `pulumi:"stdin,optional"`
}

// Outputs are the properties of a local command.
type Outputs struct {
	Inputs
	script.Outputs
	Archive *resource.Archive                 `pulumi:"archive,optional"`
	Assets  *map[string]*types.AssetOrArchive `pulumi:"assets,optional"`
}

// Command is the resource.
type Command struct{}

var (
	_ infer.CustomResource[Inputs, Outputs] = (*Command)(nil)
	_ infer.CustomUpdate[Inputs, Outputs]   = (*Command)(nil)
	_ infer.CustomDelete[Outputs]           = (*Command)(nil)
)

// Create runs `create`, if there is one.
func (*Command) Create(
	ctx context.Context, request infer.CreateRequest[Inputs],
) (infer.CreateResponse[Outputs], error) {
	id, err := resource.NewUniqueHex(request.Name, 8, 0)
	state := Outputs{Inputs: request.Inputs}
	if err == nil && !request.DryRun {
		err = state.run(ctx, request.Inputs.Create)
	}
	return infer.CreateResponse[Outputs]{ID: id, Output: state}, err
}

// Update runs `update`, or `create` without one.
func (*Command) Update(
	ctx context.Context, request infer.UpdateRequest[Inputs, Outputs],
) (infer.UpdateResponse[Outputs], error) {
	state := request.State
	state.Inputs = request.Inputs
	var err error
	if !request.DryRun {
		err = state.run(ctx, request.Inputs.OnUpdate())
	}
	return infer.UpdateResponse[Outputs]{Output: state}, err
}

// Delete runs the `delete` of the state.
func (*Command) Delete(ctx context.Context, request infer.DeleteRequest[Outputs]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, request.State.run(ctx, request.State.Delete)
}
