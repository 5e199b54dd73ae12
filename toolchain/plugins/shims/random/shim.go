// Package shim opens the internal package of the real Terraform provider to the
// bridge: a module whose path lies below the provider's may import it.
package shim

import (
	"github.com/hashicorp/terraform-plugin-framework/provider"

	upstream "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// NewProvider gives HashiCorp's random provider as it is.
func NewProvider() provider.Provider { return upstream.New() }
