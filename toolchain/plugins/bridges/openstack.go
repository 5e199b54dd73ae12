package bridges

import (
	"maps"
	"os"
	"slices"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	sdkv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/terraform-provider-openstack/terraform-provider-openstack/openstack"
)

// OpenStack is the bridge of the community's openstack provider, for what a
// stack of machines is made of. The provider itself reads credentials from the
// configuration, OS_* variables or clouds.yaml, at each run, so that nothing of
// the environment gets into the state.
func OpenStack(version string, metadata []byte) tfbridge.ProviderInfo {
	const pkg = "openstack"
	provider := openstack.Provider()
	if os.Getenv("OS_USE_OCTAVIA") == "" {
		// The SDK takes the value of a default *function* for something that the
		// user wrote, and so each run warned that useOctavia is deprecated,
		// though nobody had set it. A plain default means the same and is not
		// mistaken. Who does set it is still warned.
		octavia := provider.Schema["use_octavia"]
		octavia.DefaultFunc, octavia.Default = nil, true
	}
	info := tfbridge.ProviderInfo{
		P:            sdkv2.NewProvider(provider),
		Name:         pkg,
		Version:      version,
		MetadataInfo: tfbridge.NewProviderMetadata(metadata),
		Resources: map[string]*tfbridge.ResourceInfo{
			"openstack_blockstorage_volume_attach_v3":         entry(pkg, "blockstorage/VolumeAttach"),
			"openstack_blockstorage_volume_v2":                entry(pkg, "blockstorage/VolumeV2"),
			"openstack_blockstorage_volume_v3":                entry(pkg, "blockstorage/Volume"),
			"openstack_compute_floatingip_associate_v2":       entry(pkg, "compute/FloatingIpAssociate"),
			"openstack_compute_instance_v2":                   entry(pkg, "compute/Instance"),
			"openstack_compute_interface_attach_v2":           entry(pkg, "compute/InterfaceAttach"),
			"openstack_compute_keypair_v2":                    entry(pkg, "compute/Keypair"),
			"openstack_compute_servergroup_v2":                entry(pkg, "compute/ServerGroup"),
			"openstack_compute_volume_attach_v2":              entry(pkg, "compute/VolumeAttach"),
			"openstack_identity_application_credential_v3":    entry(pkg, "identity/ApplicationCredential"),
			"openstack_images_image_v2":                       entry(pkg, "images/Image"),
			"openstack_networking_floatingip_associate_v2":    entry(pkg, "networking/FloatingIpAssociate"),
			"openstack_networking_floatingip_v2":              entry(pkg, "networking/FloatingIp"),
			"openstack_networking_network_v2":                 entry(pkg, "networking/Network"),
			"openstack_networking_port_secgroup_associate_v2": entry(pkg, "networking/PortSecGroupAssociate"),
			"openstack_networking_port_v2":                    entry(pkg, "networking/Port"),
			"openstack_networking_router_interface_v2":        entry(pkg, "networking/RouterInterface"),
			"openstack_networking_router_route_v2":            entry(pkg, "networking/RouterRoute"),
			"openstack_networking_router_v2":                  entry(pkg, "networking/Router"),
			"openstack_networking_secgroup_rule_v2":           entry(pkg, "networking/SecGroupRule"),
			"openstack_networking_secgroup_v2":                entry(pkg, "networking/SecGroup"),
			"openstack_networking_subnet_route_v2":            entry(pkg, "networking/SubnetRoute"),
			"openstack_networking_subnet_v2":                  entry(pkg, "networking/Subnet"),
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"openstack_blockstorage_availability_zones_v3": dataSource(pkg, "blockstorage/getAvailabilityZonesV3"),
			"openstack_blockstorage_snapshot_v3":           dataSource(pkg, "blockstorage/getSnapshotV3"),
			"openstack_blockstorage_volume_v3":             dataSource(pkg, "blockstorage/getVolumeV3"),
			"openstack_compute_availability_zones_v2":      dataSource(pkg, "compute/getAvailabilityZones"),
			"openstack_compute_flavor_v2":                  dataSource(pkg, "compute/getFlavor"),
			"openstack_compute_instance_v2":                dataSource(pkg, "compute/getInstanceV2"),
			"openstack_compute_keypair_v2":                 dataSource(pkg, "compute/getKeypair"),
			"openstack_identity_auth_scope_v3":             dataSource(pkg, "identity/getAuthScope"),
			"openstack_identity_project_v3":                dataSource(pkg, "identity/getProject"),
			"openstack_images_image_ids_v2":                dataSource(pkg, "images/getImageIds"),
			"openstack_images_image_v2":                    dataSource(pkg, "images/getImage"),
			"openstack_networking_floatingip_v2":           dataSource(pkg, "networking/getFloatingIp"),
			"openstack_networking_network_v2":              dataSource(pkg, "networking/getNetwork"),
			"openstack_networking_port_ids_v2":             dataSource(pkg, "networking/getPortIds"),
			"openstack_networking_port_v2":                 dataSource(pkg, "networking/getPort"),
			"openstack_networking_router_v2":               dataSource(pkg, "networking/getRouter"),
			"openstack_networking_secgroup_v2":             dataSource(pkg, "networking/getSecGroup"),
			"openstack_networking_subnet_ids_v2":           dataSource(pkg, "networking/getSubnetIdsV2"),
			"openstack_networking_subnet_v2":               dataSource(pkg, "networking/getSubnet"),
		},
		// What is mapped above is mapped all the same.
		IgnoreMappings: slices.Concat(
			slices.Collect(maps.Keys(provider.ResourcesMap)), slices.Collect(maps.Keys(provider.DataSourcesMap))),
	}
	// Where the npm package spells otherwise than the bridge would.
	info.Resources["openstack_networking_subnet_v2"].Fields = map[string]*tfbridge.SchemaInfo{
		"allocation_pool":  {Name: "allocationPools"},
		"allocation_pools": {Name: "allocationPoolsCollection"},
	}
	// As the official plugin does; a program that gives names is not touched.
	info.SetAutonaming(255, "-")
	return info
}
