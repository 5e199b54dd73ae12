"""What an instance finds in its file system besides the lab's image."""

import base64
import binascii
import json
import shutil
from pathlib import Path, PurePosixPath

from lab import write

import hypervisor_disks as disks

# PID 1's first words: what udev, the initrd and DHCP do in a real VM, before systemd needs it.
INIT = "/opt/lab/init"
INIT_SCRIPT = """#!/bin/sh
. /opt/lab/instance.env
ip route replace 169.254.169.254/32 via "$METADATA" onlink dev eth0
while read -r name major minor link; do
  mkdir -p /dev/disk/by-id
  mknod -m 0660 "/dev/$name" b "$major" "$minor"
  chgrp disk "/dev/$name"
  ln -s "../../$name" "/dev/disk/by-id/$link"
done </opt/lab/devices
cp /opt/lab/image /etc/lab-image
# Nobody answers DHCP here: cloud-init would ask for minutes before it asks for metadata.
chmod -x /usr/sbin/dhclient
exec /sbin/init
"""
LOGGING = """[loggers]
keys=root
[handlers]
keys=console,file
[formatters]
keys=lines
[logger_root]
level=DEBUG
handlers=console,file
[handler_console]
class=StreamHandler
level=WARNING
formatter=lines
args=(sys.stderr,)
[handler_file]
class=FileHandler
level=DEBUG
formatter=lines
args=('/var/log/cloud-init.log', 'a', 'UTF-8')
[formatter_lines]
format=%(asctime)s - %(filename)s[%(levelname)s]: %(message)s
"""
CLOUD_CONFIG = {
    "datasource": {"OpenStack": {"max_wait": 180, "metadata_urls": ["http://169.254.169.254"],
                                 "timeout": 10}},
    "datasource_list": ["ConfigDrive", "OpenStack"],
    "log_cfgs": [[LOGGING]],
}


def write_files(directory: Path, record: dict, config_drive: dict[PurePosixPath, bytes], metadata: str) -> None:
    files = directory / "guest"
    write(files / "init", INIT_SCRIPT, 0o755)
    write(files / "instance.env", f"METADATA={metadata}\n", 0o644)
    write_image(directory, record)
    # One key a line, as ds-identify reads it, who is no YAML parser.
    write(directory / "cloud.cfg", "".join(
        f"{key}: {json.dumps(value)}\n" for key, value in sorted(CLOUD_CONFIG.items())), 0o644)
    if not (files / "devices").exists():
        write_devices(directory, {})
    if config_drive:
        write_config_drive(directory / "config_drive", config_drive)


def write_image(directory: Path, record: dict) -> None:
    """What it was made from, for /etc/lab-image."""
    write(directory / "guest" / "image", f"ID={record['image']['id']}\nNAME={record['image']['name']}\n"
                                         f"FLAVOR={record['flavor']}\n", 0o644)


def decode(files: dict[str, str] | None) -> dict[PurePosixPath, bytes]:
    """A config drive's files by path, in base64, as Nova would put them on a disk."""
    found = {}
    for name, content in (files or {}).items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError(f"configDrive: '{name}' leads out of it")
        try:
            found[path] = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise ValueError(f"configDrive: '{name}' is not base64: {error}") from None
    return found


def write_config_drive(directory: Path, files: dict[PurePosixPath, bytes]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    for path, data in files.items():
        target = directory / path
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o600)
    directory.chmod(0o700)


def write_devices(directory: Path, devices: dict[str, tuple[str, tuple[int, int]]]) -> None:
    """The disks at boot: by name, the volume and its device's numbers."""
    write(directory / "guest" / "devices", "".join(
        f"{name} {major} {minor} {disks.link(volume)}\n"
        for name, (volume, (major, minor)) in sorted(devices.items())), 0o644)


def flags(directory: Path) -> list[str]:
    """Podman's flags for all of this; cloud-init knows OpenStack by PID 1's product_name."""
    mounts = [f"{directory}/guest:/opt/lab:ro",
              f"{directory}/cloud.cfg:/etc/cloud/cloud.cfg.d/90-openstack.cfg:ro"]
    if (directory / "config_drive").is_dir():
        mounts.append(f"{directory}/config_drive:/var/lib/cloud/seed/config_drive:ro")
    return ["--env=product_name=OpenStack Nova", *(f"--volume={mount}" for mount in mounts)]
