// Package command is the Pulumi provider `command`, with the tokens, properties
// and behaviour of @pulumi/command 1.2.1 as far as this project uses it.
package command

import (
	"context"
	"fmt"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/middleware/schema"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"amanda-backup/toolchain/plugins/command/local"
	"amanda-backup/toolchain/plugins/command/output"
	"amanda-backup/toolchain/plugins/command/remote"
)

// Provider makes the provider.
func Provider() p.Provider {
	provider := infer.Provider(infer.Options{
		Metadata: schema.Metadata{
			DisplayName: "Command",
			Description: "Commands on this machine and, by SSH, on others.",
		},
		Resources: []infer.InferredResource{
			infer.Resource(&local.Command{}),
			infer.Resource(&remote.Command{}),
		},
	})
	return withoutTheRest(withSecrets(provider))
}

// withSecrets lets a run know which of its properties are secret. The typed
// properties that infer hands on no longer say so.
func withSecrets(provider p.Provider) p.Provider {
	create, update, remove := provider.Create, provider.Update, provider.Delete
	provider.Create = func(ctx context.Context, request p.CreateRequest) (p.CreateResponse, error) {
		return create(output.WithSecrets(ctx, request.Properties), request)
	}
	provider.Update = func(ctx context.Context, request p.UpdateRequest) (p.UpdateResponse, error) {
		return update(output.WithSecrets(ctx, request.Inputs), request)
	}
	provider.Delete = func(ctx context.Context, request p.DeleteRequest) error {
		return remove(output.WithSecrets(ctx, request.Properties), request)
	}
	return provider
}

// absent are the parts of @pulumi/command that the official plugin has and this
// one lacks, with what to use instead.
var absent = map[tokens.Type]string{
	"command:local:run":           "use local.Command",
	"command:remote:CopyFile":     "send the text by the stdin of a remote.Command",
	"command:remote:CopyToRemote": "send the text by the stdin of a remote.Command",
}

// withoutTheRest answers for what is absent in one clear sentence, before
// anything is changed.
func withoutTheRest(provider p.Provider) p.Provider {
	check, invoke := provider.Check, provider.Invoke
	provider.Check = func(ctx context.Context, request p.CheckRequest) (p.CheckResponse, error) {
		if instead, ok := absent[request.Urn.Type()]; ok {
			return p.CheckResponse{}, lacks(request.Urn.Type(), instead)
		}
		return check(ctx, request)
	}
	provider.Invoke = func(ctx context.Context, request p.InvokeRequest) (p.InvokeResponse, error) {
		if instead, ok := absent[tokens.Type(request.Token)]; ok {
			return p.InvokeResponse{}, lacks(tokens.Type(request.Token), instead)
		}
		return invoke(ctx, request)
	}
	return provider
}

func lacks(token tokens.Type, instead string) error {
	return fmt.Errorf("%s is not in this build of the command plugin (made without Pulumi's download site): "+
		"%s, or install the official plugin", token, instead)
}
