"""Nova's compute driver: an instance is a container of the lab's hypervisor.

Keeps nothing itself: the hypervisor knows what is there and what runs, so
nova-compute may be restarted at any time.
"""

import base64
import urllib.parse

import os_resource_classes as orc
from nova import conf, exception
from nova.api.metadata import base as instance_metadata
from nova.compute import power_state
from nova.objects import fields
from nova.virt import configdrive, driver, hardware
from oslo_serialization import jsonutils

import labhypervisor

CONF = conf.CONF
# The machine is not asked: flavors are names here, nothing limits an instance to its own.
VCPUS, MEMORY_MB, DISK_GB = 64, 64 * 1024, 1000
STATES = {"running": power_state.RUNNING, "off": power_state.SHUTDOWN, "missing": power_state.CRASHED}
SHUTDOWN_SECONDS = 60


class LabDriver(driver.ComputeDriver):
    capabilities = {
        **driver.ComputeDriver.capabilities,
        "supports_extend_volume": True,
        "supports_image_type_qcow2": True,
        "supports_image_type_raw": True,
        "supports_migrate_to_same_host": True,
    }

    def init_host(self, host):
        labhypervisor.request("GET", "/")

    # What there is.

    def get_info(self, instance, use_cache=True):
        return hardware.InstanceInfo(state=STATES[found(instance)["state"]])

    def list_instances(self):
        return [record["name"] for record in labhypervisor.request("GET", "/instances").values()]

    def list_instance_uuids(self):
        return list(labhypervisor.request("GET", "/instances"))

    def get_available_nodes(self, refresh=False):
        return [CONF.host]

    def get_available_resource(self, nodename):
        return {
            "cpu_info": jsonutils.dumps({}), "disk_available_least": DISK_GB,
            "hypervisor_hostname": nodename, "hypervisor_type": "lab", "hypervisor_version": 1,
            "local_gb": DISK_GB, "local_gb_used": 0, "memory_mb": MEMORY_MB, "memory_mb_used": 0,
            "numa_topology": None, "vcpus": VCPUS, "vcpus_used": 0,
            "supported_instances": [(fields.Architecture.X86_64, fields.HVType.LXC, fields.VMMode.EXE)],
        }

    def update_provider_tree(self, provider_tree, nodename, allocations=None):
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        provider_tree.update_inventory(nodename, {
            name: {"allocation_ratio": ratios[name], "max_unit": total, "min_unit": 1, "reserved": 0,
                   "step_size": 1, "total": total}
            for name, total in ((orc.VCPU, VCPUS), (orc.MEMORY_MB, MEMORY_MB), (orc.DISK_GB, DISK_GB))})

    def get_console_output(self, context, instance):
        return ask("GET", instance, "/console")["text"].encode()

    def get_host_ip_addr(self):
        return CONF.my_ip

    # Life and death.

    def spawn(self, context, instance, image_meta, injected_files, admin_password, allocations,
              network_info=None, block_device_info=None, power_on=True, accel_info=None):
        address, mac = one_port(instance, network_info)
        ask("PUT", instance, body={
            "address": address, "flavor": instance.flavor.name, "hostname": instance.hostname,
            "configDrive": config_drive(instance, network_info, injected_files),
            "image": {"id": instance.image_ref, "name": image_name(instance, image_meta)},
            "mac": mac, "name": instance.name})
        for volume in driver.block_device_info_get_mapping(block_device_info):
            self.attach_volume(context, volume["connection_info"], instance, volume["mount_device"])
        if power_on:
            ask("POST", instance, "/start")

    def destroy(self, context, instance, network_info, block_device_info=None, destroy_disks=True,
                destroy_secrets=True):
        if destroy_disks:
            ask("DELETE", instance)
        else:
            self.power_off(instance)

    def cleanup(self, context, instance, network_info, block_device_info=None, destroy_disks=True,
                migrate_data=None, destroy_vifs=True, destroy_secrets=True):
        if destroy_disks:
            ask("DELETE", instance)

    def power_on(self, context, instance, network_info, block_device_info=None, accel_info=None):
        ask("POST", instance, "/start")

    def power_off(self, instance, timeout=0, retry_interval=0):
        ask("POST", instance, f"/stop?seconds={timeout}" if timeout else "/kill")

    def reboot(self, context, instance, network_info, reboot_type, block_device_info=None,
               bad_volumes_callback=None, accel_info=None):
        self.power_off(instance, SHUTDOWN_SECONDS if reboot_type == "SOFT" else 0)
        ask("POST", instance, "/start")

    def resume_state_on_host_boot(self, context, instance, network_info, block_device_info=None):
        ask("POST", instance, "/start")

    # Another flavor, on the same host.

    def migrate_disk_and_power_off(self, context, instance, dest, flavor, network_info,
                                   block_device_info=None, timeout=0, retry_interval=0):
        self.power_off(instance, timeout, retry_interval)
        return jsonutils.dumps({})

    def finish_migration(self, context, migration, instance, disk_info, network_info, image_meta,
                         resize_instance, allocations, block_device_info=None, power_on=True):
        ask("PUT", instance, "/flavor", {"flavor": instance.flavor.name})
        if power_on:
            ask("POST", instance, "/start")

    def confirm_migration(self, context, migration, instance, network_info):
        """It never was anywhere else."""

    def finish_revert_migration(self, context, instance, network_info, migration,
                                block_device_info=None, power_on=True):
        self.finish_migration(context, migration, instance, None, network_info, None, False, None,
                              block_device_info, power_on)

    def check_instance_shared_storage_local(self, context, instance):
        """The one host shares its storage with itself, so a revert destroys no disk."""
        return {"host": CONF.host}

    def check_instance_shared_storage_remote(self, context, data):
        return data["host"] == CONF.host

    def check_instance_shared_storage_cleanup(self, context, data):
        pass

    # Volumes.

    def get_volume_connector(self, instance):
        return {"host": CONF.host, "initiator": "lab", "ip": CONF.my_ip}

    def attach_volume(self, context, connection_info, instance, mountpoint, disk_bus=None,
                      device_type=None, encryption=None):
        ask("PUT", instance, f"/volumes/{connection_info['data']['volume_id']}", {"device": mountpoint})

    def detach_volume(self, context, connection_info, instance, mountpoint, encryption=None):
        ask("DELETE", instance, f"/volumes/{connection_info['data']['volume_id']}")

    def extend_volume(self, context, connection_info, instance, requested_size):
        """Cinder's driver has grown the file and its loop device."""

    def default_root_device_name(self, instance, image_meta, root_bdm):
        return "/dev/vda"

    def get_device_name_for_instance(self, instance, bdms, block_device_obj):
        """The next free one, as libvirt does, which does not heed a wish either."""
        taken = {bdm.device_name for bdm in bdms} | {"/dev/vda"}
        return next(name for name in (f"/dev/vd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz")
                    if name not in taken)

    # The hypervisor plugs a port when it starts the instance.

    def plug_vifs(self, instance, network_info):
        pass

    def unplug_vifs(self, instance, network_info):
        pass


def ask(method, instance, path="", body=None):
    try:
        return labhypervisor.request(method, f"/instances/{urllib.parse.quote(instance.uuid)}{path}", body)
    except labhypervisor.HypervisorError as error:
        if error.status == 404 and path.startswith("/volumes/"):
            raise exception.NovaException(str(error)) from error
        if error.status == 404:
            raise exception.InstanceNotFound(instance_id=instance.uuid) from error
        raise exception.NovaException(str(error)) from error


def found(instance):
    record = labhypervisor.request("GET", "/instances").get(instance.uuid)
    if record is None:
        raise exception.InstanceNotFound(instance_id=instance.uuid)
    return record


def one_port(instance, network_info):
    """(address, MAC) of the instance's one port."""
    ports = [(ip["address"], vif["address"]) for vif in network_info or []
             for ip in vif.fixed_ips() if ip["version"] == 4]
    if len(ports) != 1 or len(network_info) != 1:
        raise exception.NovaException(
            f"an instance of the lab needs one port with one IPv4 address, not {len(ports)}")
    return ports[0]


def image_name(instance, image_meta):
    return image_meta.name if image_meta.obj_attr_is_set("name") else instance.image_ref


def config_drive(instance, network_info, injected_files):
    """Its files in base64, by path; None when the metadata service has to do."""
    if not configdrive.required_by(instance):
        return None
    metadata = instance_metadata.InstanceMetadata(
        instance, content=injected_files, extra_md={}, network_info=network_info)
    return {path: base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()
            for path, data in metadata.metadata_for_config_drive()}
