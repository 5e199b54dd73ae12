// Package bridges maps real Terraform providers to the tokens of Pulumi's
// packages of the same names, so that the npm packages work unchanged on a
// machine that cannot download the official plugins.
package bridges

import (
	"path"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
)

// Make makes a bridge; its metadata is `{}` when it is about to be generated.
type Make func(version string, metadata []byte) tfbridge.ProviderInfo

func entry(pkg, name string) *tfbridge.ResourceInfo {
	return &tfbridge.ResourceInfo{Tok: tokens.Type(member(pkg, name))}
}

func dataSource(pkg, name string) *tfbridge.DataSourceInfo {
	return &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember(member(pkg, name))}
}

// member spells a token the way the npm packages do: random:index/randomId:RandomId
// for RandomId, openstack:compute/instance:Instance for compute/Instance.
func member(pkg, name string) string {
	module, name := path.Split(name)
	if module == "" {
		module = "index/"
	}
	return pkg + ":" + module + strings.ToLower(name[:1]) + name[1:] + ":" + name
}
