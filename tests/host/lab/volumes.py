"""A volume on a lab host: the device and the link that a hypervisor and udev make on a real machine."""

from tests.host.lab import hosts


def attach(host, disk, name="vdb"):
    hosts.root(host, f"""
        rm -f /dev/{name}; mknod /dev/{name} {disk.node}
        mkdir -p /dev/disk/by-id; ln -sfn ../../{name} /dev/disk/by-id/virtio-{disk.serial}
    """)


def detach(host, disk):
    hosts.root(host, f"rm -f /dev/vdb /dev/disk/by-id/virtio-{disk.serial}")
