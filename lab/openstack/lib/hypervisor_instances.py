"""Instances: lab hosts that OpenStack asked for."""

import collections
import ipaddress
import json
import re
import shutil
import threading
from pathlib import Path

import image
from hosts import CAPABILITIES, Hosts, is_running
from lab import LABEL, Host, LabError, write

import hypervisor_disks as disks
import hypervisor_guest as guest
from hypervisor_volumes import Volumes

PREFIX = "instance-"
# The label of their containers.
OURS = f"{LABEL}.instance"
# The control plane's address in its network; it also answers as the metadata service.
CLOUD = 5
TEXTS = ("name", "hostname", "address", "mac", "flavor")


class Instances:
    """What is wanted is in DIRECTORY/ID/instance.json, what runs is podman's knowledge."""

    def __init__(self, hosts: Hosts, volumes: Volumes, directory: Path) -> None:
        self.hosts = hosts
        self.lab = hosts.lab
        self.volumes = volumes
        self.directory = directory
        self.locks: dict[str, threading.RLock] = collections.defaultdict(threading.RLock)
        # Called when addresses have changed, before a new one is used, and when the bridge may be new.
        self.changed = lambda: None

    def all(self) -> dict[str, dict]:
        existing = self.existing()
        return {uuid: {**record, "state": state(existing.get(uuid))}
                for uuid, record in self.records().items()}

    def existing(self) -> dict[str, dict]:
        """Container records by instance."""
        return {record["Labels"][OURS]: record for record in self.hosts.records()
                if OURS in record["Labels"]}

    def records(self) -> dict[str, dict]:
        found = {}
        for path in sorted(self.directory.glob("*/instance.json")):
            try:
                found[path.parent.name] = json.loads(path.read_text())
            except FileNotFoundError:
                continue
        return found

    def addresses(self) -> dict[str, str]:
        """MAC addresses by address, of all instances."""
        return {record["address"]: record["mac"] for record in self.records().values()}

    def record(self, uuid: str) -> dict:
        try:
            return json.loads((self.directory / uuid / "instance.json").read_text())
        except FileNotFoundError:
            raise LookupError(f"instance {uuid} does not exist") from None

    def save(self, uuid: str, record: dict) -> None:
        write(self.directory / uuid / "instance.json", json.dumps(record, sort_keys=True))

    def host(self, uuid: str) -> Host:
        """The instance as a lab host, whether it is defined or not."""
        name = PREFIX + uuid
        return Host(name, "instance", "lab", "", f"{self.lab.id}-{name}", self.directory / uuid)

    def running(self, uuid: str) -> int:
        """PID 1's number on this machine; 0 when the instance is off."""
        record = self.existing().get(uuid)
        return record["Pid"] if record and is_running(record) else 0

    def define(self, uuid: str, wanted: dict) -> None:
        """Make it, off. An existing one must be just so."""
        check(wanted, self.lab.subnets()["lab"])
        record = {key: wanted[key] for key in (*TEXTS, "image")}
        with self.locks[uuid]:
            old = self.records().get(uuid)
            record["volumes"] = old["volumes"] if old else {}
            exists = uuid in self.existing()
            if exists and record != old:
                raise LabError(f"instance {uuid} exists and is not like that: {old}")
            drive = guest.decode(wanted.get("configDrive"))
            self.save(uuid, record)
            guest.write_files(self.directory / uuid, record, drive,
                              str(self.lab.subnets()["lab"][CLOUD]))
            if not exists:
                # Shut from its first moment, unless Neutron has said more by then.
                self.changed()
                self.create(uuid, record)

    def resize(self, uuid: str, flavor: str) -> None:
        with self.locks[uuid]:
            record = {**self.record(uuid), "flavor": flavor}
            self.save(uuid, record)
            guest.write_image(self.directory / uuid, record)

    def create(self, uuid: str, record: dict) -> None:
        host, machine = self.host(uuid), self.hosts.machine
        flags = [f"--cap-add={name}" for name in (*CAPABILITIES, "NET_ADMIN", "SYS_ADMIN")]
        if not machine.hybrid:
            flags.append("--device-cgroup-rule=b 7:* rwm")
        machine.podman(
            "create", "--name", host.container, "--hostname", record["hostname"],
            "--label", f"{LABEL}={self.lab.id}", "--label", f"{OURS}={uuid}",
            "--network", f"{self.hosts.networks.existing()['lab']}"
                         f":ip={record['address']},mac={record['mac']}",
            # The terminal is the console; its log is cut when it is full.
            "--tty", "--log-driver=k8s-file", "--log-opt=max-size=1mb",
            "--systemd=always", "--device=/dev/fuse", *machine.run_flags(), *flags,
            *guest.flags(host.directory), image.name(), guest.INIT)

    def start(self, uuid: str) -> None:
        with self.locks[uuid]:
            record, host = self.record(uuid), self.host(uuid)
            if self.running(uuid):
                return
            guest.write_devices(host.directory, {
                name: (volume, self.volumes.connect(volume))
                for volume, name in record["volumes"].items()})
            self.hosts.start(host)
            self.changed()

    def stop(self, uuid: str, seconds: int) -> None:
        """Shut down by its own systemd, or kill what is left after so long."""
        with self.locks[uuid]:
            record = self.record(uuid)
            if self.running(uuid):
                self.hosts.machine.podman("stop", f"--time={seconds}", self.host(uuid).container)
            self.release(record)

    def kill(self, uuid: str) -> None:
        with self.locks[uuid]:
            record = self.record(uuid)
            if self.running(uuid):
                self.hosts.power_off(self.host(uuid))
            self.release(record)

    def remove(self, uuid: str) -> None:
        with self.locks[uuid]:
            record = self.records().get(uuid)
            self.hosts.remove([self.host(uuid)])
            if record:
                self.release(record)
            shutil.rmtree(self.directory / uuid, ignore_errors=True)
            self.changed()

    def release(self, record: dict) -> None:
        for volume in record["volumes"]:
            self.volumes.release(volume)

    def console(self, uuid: str) -> str:
        """What PID 1 and cloud-init said, of all boots, as far back as the log goes."""
        self.record(uuid)
        logs = self.hosts.machine.podman("logs", self.host(uuid).container)
        # Nova passes on ASCII only.
        plain = logs.stdout.replace("\r", "").replace("…", "...")
        return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", plain)

    def attach(self, uuid: str, volume: str, device: str) -> None:
        """Cinder decides who has a volume: another instance's stale claim is withdrawn."""
        name = device.removeprefix("/dev/")
        if not re.fullmatch("vd[b-z]", name):
            raise ValueError(f"device: '{device}' is not /dev/vdb to /dev/vdz")
        self.volumes.path(volume)
        for other, record in self.records().items():
            if other != uuid and volume in record["volumes"]:
                self.detach(other, volume)
        with self.locks[uuid]:
            record = self.record(uuid)
            taken = [other for other, used in record["volumes"].items()
                     if used == name and other != volume]
            if taken:
                raise LabError(f"/dev/{name} of instance {uuid} is volume {taken[0]}")
            record["volumes"][volume] = name
            self.save(uuid, record)
            pid = self.running(uuid)
            if pid:
                disks.plug(pid, name, volume, self.volumes.connect(volume))

    def detach(self, uuid: str, volume: str) -> None:
        with self.locks[uuid]:
            record = self.record(uuid)
            name = record["volumes"].get(volume)
            pid = self.running(uuid)
            if name and pid:
                disks.pull(pid, name, volume, self.volumes.device(volume))
            # Else it may be another instance's by now.
            if name:
                self.volumes.release(volume)
                del record["volumes"][volume]
                self.save(uuid, record)

    def remove_volume(self, volume: str) -> None:
        for uuid, record in self.records().items():
            if volume in record["volumes"]:
                raise LabError(f"volume {volume} is attached to instance {uuid}")
        self.volumes.remove(volume)

    def sweep(self) -> None:
        """Remove what a kill left: containers without a record, loop devices without a user."""
        records = self.records()
        self.hosts.remove([self.host(uuid) for uuid in self.existing() if uuid not in records])
        used = {volume for uuid, record in records.items() if self.running(uuid)
                for volume in record["volumes"]}
        self.volumes.release_all(keep=tuple(used))

    def remove_all(self) -> None:
        self.hosts.remove([self.host(uuid) for uuid in self.existing()])
        shutil.rmtree(self.directory, ignore_errors=True)


def state(record: dict | None) -> str:
    if record is None:
        return "missing"
    return "running" if is_running(record) else "off"


def check(wanted: dict, subnet: ipaddress.IPv4Network) -> None:
    """One sentence on the first thing that is wrong, before anything is made."""
    for key in TEXTS:
        if not isinstance(wanted[key], str) or not wanted[key]:
            raise ValueError(f"{key}: a text is needed")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", wanted["hostname"]):
        raise ValueError(f"hostname: '{wanted['hostname']}' is no host's name")
    if not re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", wanted["mac"]):
        raise ValueError(f"mac: '{wanted['mac']}' is no MAC address")
    if ipaddress.ip_address(wanted["address"]) not in subnet:
        raise ValueError(f"address: {wanted['address']} is not in the lab's network {subnet}")
    if set(wanted["image"]) != {"id", "name"}:
        raise ValueError("image: id and name are needed")
