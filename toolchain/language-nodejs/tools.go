//go:build tools

// Package nodejs pins Pulumi's Node language host. It has a go.mod apart from
// the engine's: only an SDK this old still holds the package.
package nodejs

import _ "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs"
