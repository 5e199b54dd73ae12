"""Cinder's volume driver: a volume is a sparse file that the lab's hypervisor keeps."""

from cinder import exception, interface
from cinder.volume import driver

import labhypervisor

# Files are sparse: what fits on the machine's disk is for its administrator to see.
CAPACITY_GB = 1000


@interface.volumedriver
class LabVolume(driver.VolumeDriver):
    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def check_for_setup_error(self):
        labhypervisor.request("GET", "/")

    def get_volume_stats(self, refresh=False):
        return {
            "driver_version": self.VERSION, "free_capacity_gb": CAPACITY_GB, "multiattach": False,
            "online_extend_support": True, "QoS_support": False, "reserved_percentage": 0,
            "storage_protocol": "lab", "total_capacity_gb": CAPACITY_GB, "vendor_name": "lab",
            "volume_backend_name": self.configuration.safe_get("volume_backend_name"),
        }

    def create_volume(self, volume):
        make(volume.id, volume.size)

    def delete_volume(self, volume):
        remove(volume.id)

    def extend_volume(self, volume, new_size):
        make(volume.id, new_size)

    def create_snapshot(self, snapshot):
        make(snapshot.id, snapshot.volume_size, snapshot.volume_id)

    def delete_snapshot(self, snapshot):
        remove(snapshot.id)

    def create_volume_from_snapshot(self, volume, snapshot):
        make(volume.id, volume.size, snapshot.id)

    def create_cloned_volume(self, volume, src_vref):
        make(volume.id, volume.size, src_vref.id)

    def initialize_connection(self, volume, connector):
        return {"driver_volume_type": "lab", "data": {"volume_id": volume.id}}

    def terminate_connection(self, volume, connector, **kwargs):
        """Nova's driver has told the hypervisor."""

    def create_export(self, context, volume, connector):
        pass

    def ensure_export(self, context, volume):
        pass

    def remove_export(self, context, volume):
        pass


def make(identity, size, source=None):
    ask("PUT", identity, {"from": source, "size": size})


def remove(identity):
    ask("DELETE", identity)


def ask(method, identity, body=None):
    try:
        labhypervisor.request(method, f"/volumes/{identity}", body)
    except labhypervisor.HypervisorError as error:
        if method == "DELETE" and error.status == 409:
            raise exception.VolumeIsBusy(volume_name=identity) from error
        raise exception.VolumeBackendAPIException(data=str(error)) from error
