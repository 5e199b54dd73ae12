"""Make, stop, start and remove the lab's hosts."""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import seed
from lab import LABEL, Host, Lab, LabError
from machine import Machine, alive, note_death
from networks import Networks

# Beyond podman's defaults: what an ordinary Debian host may do and backups meet.
CAPABILITIES = ["AUDIT_WRITE", "MKNOD", "NET_RAW"]


class Hosts:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machine = Machine(lab)
        self.networks = Networks(lab, self.machine)

    def records(self) -> list[dict]:
        """The lab's containers, hosts or not; the dead among them are known to be dead."""
        records = self.machine.podman_json(
            "ps", "--all", "--filter", f"label={LABEL}={self.lab.id}", "--format", "json")
        for record in records:
            if record["State"] in ("running", "stopping") and not alive(record["Pid"]):
                note_death(record["Id"])
        return records

    def existing(self) -> dict[str, dict]:
        """Container records by host name."""
        return {record["Labels"][f"{LABEL}.host"]: record for record in self.records()
                if f"{LABEL}.host" in record["Labels"]}

    def create(self, host: Host, image: str, network: str) -> None:
        """Start a new host. Its container must not exist."""
        seed.write_seed(self.lab, host)
        mounts = [f"{host.directory}/seed:/var/lib/cloud/seed/nocloud:ro"]
        flags = [f"--cap-add={capability}" for capability in CAPABILITIES]
        if host.role == "server":
            flags += ["--device=/dev/fuse", "--cap-add=SYS_ADMIN"]
        if host.role in ("storage", "bare"):
            self.lab.storage.mkdir(mode=0o755, exist_ok=True)
            mounts.append(f"{self.lab.storage}:" + (
                "/srv/gdata" if host.role == "storage" else "/mnt/mirror:ro"))
        self.machine.clear_cgroup(host.name)
        self.machine.podman(
            "run", "--detach", "--name", host.container, "--hostname", host.name,
            "--label", f"{LABEL}={self.lab.id}", "--label", f"{LABEL}.host={host.name}",
            "--network", f"{network}:ip={host.address},mac={host.mac},alias={host.name}",
            "--systemd=always", *self.machine.run_flags(), *flags,
            *(f"--volume={mount}" for mount in mounts), image, "/sbin/init", host=host.name)

    def start(self, host: Host) -> None:
        self.machine.clear_cgroup(host.name)
        # A crash of the machine left mounts and addresses on podman's books.
        self.machine.podman("container", "cleanup", host.container, check=False)
        self.machine.podman("start", host.container, host=host.name)

    def power_off(self, host: Host) -> None:
        """As pulling the plug: every process is killed at once."""
        self.machine.podman("kill", "--signal=KILL", host.container)
        self.machine.podman("wait", "--condition=stopped", "--condition=exited", host.container,
                            check=False)

    def remove(self, hosts: list[Host]) -> None:
        self.remove_containers([host.container for host in hosts])

    def remove_containers(self, containers: list[str]) -> None:
        if containers:
            self.machine.podman("rm", "--force", "--ignore", "--time=0", *containers)
        for container in containers:
            self.machine.clear_cgroup(container.removeprefix(f"{self.lab.id}-"))

    def ensure_networks(self) -> dict[str, str]:
        """Podman's names of the networks; new ones when no host is on the old."""
        records = self.records()
        if records and not self.lab.has_subnets():
            print("lab: removing hosts whose keys are gone with the state", file=sys.stderr)
            self.down()
        elif not records:
            self.networks.remove()
        return self.networks.ensure()

    def ensure(self, hosts: list[Host], image: str, networks: dict[str, str]) -> None:
        """Every one of these hosts runs afterwards; those that ran are not touched."""
        existing = self.existing()

        def ensure_one(host: Host) -> None:
            record = existing.get(host.name)
            if record is None or record["State"] in ("created", "configured"):
                self.remove([host])
                self.create(host, image, networks[host.network])
                return
            if record["Image"] != image:
                print(f"lab: {host.name} is made from an older image; to renew it: "
                      f"lab/destroy {host.name}; lab/create {host.name}", file=sys.stderr)
            if not is_running(record):
                self.start(host)

        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(ensure_one, hosts))

    def down(self) -> None:
        """By label, so that it needs nothing of the state to be left."""
        self.remove_containers([record["Names"][0] for record in self.records()])
        self.networks.remove()
        self.machine.kill_rest()
        self.machine.clear_cgroup()
        self.machine.leave()
        shutil.rmtree(self.lab.storage, ignore_errors=True)

    def record(self, host: Host) -> dict:
        record = self.existing().get(host.name)
        if record is None:
            raise LabError(f"{host.name} does not exist: lab/create {host.name} makes it")
        return record


def is_running(record: dict) -> bool:
    return record["State"] == "running" and alive(record["Pid"])
