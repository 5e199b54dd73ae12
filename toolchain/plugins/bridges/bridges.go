// Package bridges maps real Terraform providers to the tokens of Pulumi's
// packages of the same names, so that the npm packages work unchanged on a
// machine that cannot download the official plugins.
package bridges

import (
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// All names each bridge and how to make it. The argument is the bridge's own
// metadata: `{}` when it is about to be generated.
var All = map[string]func(version string, metadata []byte) tfbridge.ProviderInfo{
	"random": Random,
	"tls":    TLS,
}

func entry(pkg, name string) *tfbridge.ResourceInfo {
	return &tfbridge.ResourceInfo{Tok: tokens.Type(member(pkg, name))}
}

func dataSource(pkg, name string) *tfbridge.DataSourceInfo {
	return &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(member(pkg, name))}
}

// member spells a token the way the npm packages do: random:index/randomId:RandomId.
func member(pkg, name string) string {
	return pkg + ":index/" + strings.ToLower(name[:1]) + name[1:] + ":" + name
}
