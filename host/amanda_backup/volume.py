"""The data volume: a block device found by its volume's id, with an ext4 file system of ours, mounted at dataPath.

Closed by default: only a device without any signature is formatted, only a file system with our label is mounted, and
a server that once had a volume takes no other one. Works without udev, which makes the links on a real machine.
"""

import contextlib
import fcntl
import json
import os
import re
import time

from amanda_backup import blockdevice, system

RECORD = system.ETC / "data-volume.json"
# Not in /run/lock, where anybody may hold a file of this name, and cron waits for the unit.
LOCK = "/run/amanda-backup-data.lock"
UNIT = "amanda-backup-data.service"
# Says who made the file system; ext4 takes 16 bytes.
LABEL = "amanda-backup"
# On the volume: whose data it is.
MARKER = ".amanda-backup.json"
BY_ID = "/dev/disk/by-id"
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
WAIT_SECONDS = 60
UNIT_TEXT = """\
# amanda-backup: written by converge
[Unit]
Description=Data volume of the backup server
Before={cron}.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program}
Restart=on-failure
RestartSec=30
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
"""


def ensure(changes, settings, given_up):
    """The volume of these settings is mounted at dataPath, now and after each boot; nothing to do without one.

    given_up: what this root disk has recorded no longer counts, so another volume may be meant, or one to be formatted.
    """
    wanted = settings.get("dataVolume")
    if not wanted:
        return
    volume, path = wanted["id"], settings["dataPath"]
    if not ID.fullmatch(volume):
        raise system.Refusal(f"dataVolume.id: {volume!r} must be a volume's UUID in small letters")
    known = recorded(changes)
    if known and not given_up and known["id"] != volume:
        raise system.Refusal(
            f"dataVolume: this server's data is on the volume {known['id']}, the configuration names {volume}: name the "
            "old one, or, if it is really lost, count the server's generation up, and the mirror is taken over"
        )
    device = find(changes, volume, 0 if changes.check else WAIT_SECONDS)
    with alone(changes):
        if not is_mounted(changes, path, device):
            not_hidden(changes, path, volume)
        uuid = file_system(changes, volume, device, known if known and known["id"] == volume and not given_up else None)
        if not is_mounted(changes, path, device):
            if not changes.wanted(f"mount the data volume {volume} at {path}"):
                return
            mount(changes, path, device)
        elif blockdevice.grown(device) and changes.wanted(f"grow the file system of the data volume {volume}"):
            grow(changes, path, device)
        whose(changes, settings, volume)
        # Last: what is recorded is mounted at each boot without being asked whose it is.
        changes.directory(system.ETC)
        changes.file(RECORD, json.dumps({"id": volume, "uuid": uuid, "path": path}, sort_keys=True) + "\n")


@contextlib.contextmanager
def alone(changes):
    """Keep converge and the unit, which is tried again and again, from working on the volume at once."""
    if changes.check:
        yield
        return
    place = changes.at(LOCK)
    place.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def recorded(changes):
    """What the record on this root disk says; None when it never had a data volume."""
    text = system.read_text(changes.at(RECORD))
    return json.loads(text) if text is not None else None


def find(changes, volume, seconds=0):
    """The block device of a volume, waited for. OpenStack's serial number is the first 20 characters of the id."""
    deadline = time.monotonic() + seconds
    while True:
        links = sorted(path for path in changes.at(BY_ID).glob("*") if path.name.endswith((volume[:20], volume)))
        devices = {os.path.realpath(path) for path in links if os.path.exists(path)}
        if len(devices) > 1:
            raise system.Refusal(
                f"dataVolume: {' and '.join(sorted(devices))} both go by the volume {volume}: detach the wrong one")
        if devices:
            return devices.pop()
        if time.monotonic() >= deadline:
            raise system.Refusal(
                f"dataVolume: the volume {volume} is not attached to this machine ({BY_ID} has no link that ends in "
                f"{volume[:20]}, looked for {seconds:g} s): attach it and run this again"
            )
        time.sleep(0.5)


def is_mounted(changes, path, device):
    """Whether this device is mounted at the path; a Refusal when something else is, or when it is mounted elsewhere."""
    number, place = blockdevice.number(device), os.path.realpath(changes.at(path))
    there = options(place)
    if there and there[0] != number:
        raise system.Refusal(
            f"dataPath: another file system (device {there[0]}) is mounted at {path}, not the data volume {device}: "
            f"run `umount {path}` and remove what mounts it, or take `dataVolume` out of the configuration"
        )
    elsewhere = [where for where, mounted, _ in blockdevice.mounts() if mounted == number]
    if elsewhere and not there:
        raise system.Refusal(
            f"dataPath: the data volume {device} is mounted at {elsewhere[0]} and not at {path}: let nothing use it there, "
            f"`umount {elsewhere[0]}`, and run this again"
        )
    return there is not None


def options(place):
    """(major:minor, options) of the topmost mount at a place; None when nothing is mounted there."""
    found = [(number, words) for where, number, words in blockdevice.mounts() if where == place]
    return found[-1] if found else None


def not_hidden(changes, path, volume):
    """Refuse to mount over files: what the root disk holds would vanish from sight."""
    place = changes.at(path)
    there = sorted(entry.name for entry in place.iterdir()) if place.is_dir() else []
    if there:
        raise system.Refusal(
            f"dataPath: {path} holds files on the root disk ({', '.join(there[:3])}) and the data volume {volume} would "
            "hide them: move them onto the volume or away first"
        )


def file_system(changes, volume, device, known):
    """The UUID of our file system on the device, made when it carries no signature at all; None in a check before that.

    known: the record of this very volume, when this machine has mounted it before.
    """
    found = blockdevice.signatures(device)
    if not found:
        if known:
            raise system.Refusal(
                f"dataVolume: the volume {volume} held this server's data and carries no file system now: find out what "
                "wiped it; if the data is really lost, count the server's generation up, and the mirror is taken over"
            )
        if not changes.wanted(f"make a file system on the empty data volume {volume}"):
            return None
        system.run(["mkfs.ext4", "-q", "-m", "0", "-L", LABEL, device])
        found = blockdevice.signatures(device)
    kinds = [kind for kind, _, _ in found]
    if kinds != ["ext4"] or found[0][2] != LABEL:
        what = ", ".join(f"{kind} {label or uuid or ''}".strip() for kind, uuid, label in found)
        raise system.Refusal(
            f"dataVolume: the volume {volume} ({device}) holds {what}, which amanda-backup did not make, and is neither "
            f"formatted nor mounted: give an empty volume; if it is an ext4 with this server's data, `e2label {device} "
            f"{LABEL}`"
        )
    uuid = found[0][1]
    if known and known["uuid"] != uuid:
        raise system.Refusal(
            f"dataVolume: the volume {volume} holds the file system {uuid}, this server's data was on {known['uuid']}: "
            "find out what formatted it; if the data is lost, count the server's generation up"
        )
    return uuid


def mount(changes, path, device):
    """Check the file system, let it fill the device, mount it."""
    blockdevice.repair(device)
    if blockdevice.grown(device):
        blockdevice.repair(device, "-f")
        system.run(["resize2fs", device])
    place = changes.at(path)
    place.mkdir(parents=True, exist_ok=True)
    system.run(["mount", "-t", "ext4", "-o", "nodev,nosuid,noexec,errors=remount-ro", device, str(place)])


def grow(changes, path, device):
    """Let a mounted file system fill its device; where that is not allowed, unmount it meanwhile. Under the run's lock."""
    if system.run(["resize2fs", device], check=False).returncode == 0:
        return
    if system.run(["umount", str(changes.at(path))], check=False).returncode != 0:
        changes.tell(f"{path} cannot be grown while it is in use: it grows at the next boot")
        return
    mount(changes, path, device)


def whose(changes, settings, volume):
    """The mounted volume is this stack's; it is taken away again when it is another's."""
    path = settings["dataPath"]
    text = system.read_text(changes.at(f"{path}/{MARKER}"))
    if text is None:
        changes.file(f"{path}/{MARKER}", json.dumps({"format": 1, "stack": settings["stack"]}) + "\n")
        return
    stack = json.loads(text)["stack"]
    if stack != settings["stack"]:
        if not changes.check:
            system.run(["umount", str(changes.at(path))])
        raise system.Refusal(
            f"dataVolume: the volume {volume} belongs to the stack {stack!r}, this server to {settings['stack']!r}: give "
            f"each server a volume of its own, or edit {MARKER} on it if the stack was renamed"
        )


def check(changes, settings):
    """Refuse unless the volume of these settings is mounted at dataPath and can be written."""
    wanted, path = settings.get("dataVolume"), settings["dataPath"]
    if not wanted:
        return
    device = find(changes, wanted["id"])
    if not is_mounted(changes, path, device):
        raise system.Refusal(
            f"dataPath: the data volume {wanted['id']} is not mounted at {path}: `systemctl restart {UNIT}` mounts it and "
            f"`journalctl -u {UNIT}` tells what hinders; nothing was changed"
        )
    if "ro" in options(os.path.realpath(changes.at(path)))[1]:
        raise system.Refusal(
            f"dataPath: {path} is mounted read-only, as after an error of the volume {wanted['id']}: see the kernel's "
            f"log, `umount {path}` and `systemctl restart {UNIT}`, which checks it first; nothing was changed"
        )


def at_boot(changes):
    """Mount what is recorded: the program of our systemd unit."""
    known = recorded(changes)
    if not known:
        raise system.Refusal(f"{RECORD} is missing: this host has no data volume; run `pulumi up`")
    device = find(changes, known["id"], WAIT_SECONDS)
    with alone(changes):
        if is_mounted(changes, known["path"], device):
            return
        not_hidden(changes, known["path"], known["id"])
        file_system(changes, known["id"], device, known)
        mount(changes, known["path"], device)
    changes.tell(f"mounted the data volume {known['id']} at {known['path']}")
