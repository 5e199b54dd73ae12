// Package script holds what local and remote commands share: the three scripts
// of a resource, and which of them runs when.
package script

import "github.com/pulumi/pulumi-go-provider/infer"

const (
	// PreviousStdout and PreviousStderr are the environment variables that hand
	// a run the outputs of the one before.
	PreviousStdout = "PULUMI_COMMAND_STDOUT"
	PreviousStderr = "PULUMI_COMMAND_STDERR"
)

// Inputs are the properties that decide when something runs.
type Inputs struct {
	Triggers *[]any  `pulumi:"triggers,optional" provider:"replaceOnChanges"`
	Create   *string `pulumi:"create,optional"`
	Delete   *string `pulumi:"delete,optional"`
	Update   *string `pulumi:"update,optional"`
}

// Annotate describes the properties.
func (i *Inputs) Annotate(a infer.Annotator) {
	a.Describe(&i.Triggers, "Values of any type; the resource is replaced when one changes.")
	a.Describe(&i.Create, "The command to run on creation, and on each change when there is no update.")
	a.Describe(&i.Delete, "The command to run on deletion, as the state holds it.")
	a.Describe(&i.Update, "The command to run when an input changes.")
}

// OnUpdate is the script of a change: update, else create, else none.
func (i *Inputs) OnUpdate() *string {
	if i.Update != nil {
		return i.Update
	}
	return i.Create
}

// Outputs are what the last run said.
type Outputs struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

// Annotate describes the properties.
func (o *Outputs) Annotate(a infer.Annotator) {
	a.Describe(&o.Stdout, "The standard output of the command's process.")
	a.Describe(&o.Stderr, "The standard error of the command's process.")
}

// Previous gives the variables for the next run, none when they are empty or
// addPrevious is false (nil means true).
func (o *Outputs) Previous(addPrevious *bool) map[string]string {
	variables := map[string]string{}
	if addPrevious != nil && !*addPrevious {
		return variables
	}
	if o.Stdout != "" {
		variables[PreviousStdout] = o.Stdout
	}
	if o.Stderr != "" {
		variables[PreviousStderr] = o.Stderr
	}
	return variables
}
