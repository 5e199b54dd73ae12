"""Make, stop, start and remove the lab's networks and hosts."""

import hashlib
import ipaddress
import json
import shutil
from concurrent.futures import ThreadPoolExecutor

import seed
from lab import Host, Lab, LabError
from machine import Machine, alive, note_death, run

LABEL = "amanda-lab"
# Beyond podman's defaults: what an ordinary Debian host may do and backups meet.
CAPABILITIES = ["AUDIT_WRITE", "MKNOD", "NET_RAW"]


class Hosts:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.machine = Machine(lab.id)

    # Networks

    def network(self, name: str) -> str:
        return f"{self.lab.id}-{name}"

    def ensure_networks(self) -> None:
        if not (self.lab.state / "subnets.json").exists():
            self.lab.save_subnets(self.free_subnets())
        for name, subnet in self.lab.subnets().items():
            network = self.network(name)
            if self.machine.podman("network", "exists", network, check=False).returncode == 0:
                continue
            # The bare host's network has no way out, not even through the machine.
            flags = ["--internal"] if name == "bare" else []
            self.machine.podman("network", "create", "--label", f"{LABEL}={self.lab.id}",
                                "--subnet", str(subnet), *flags, network)

    def free_subnets(self) -> dict[str, ipaddress.IPv4Network]:
        """Two /24 that neither the machine nor another lab uses, the same ones each time."""
        taken = [ipaddress.ip_network(route["dst"], strict=False)
                 for route in json.loads(run(["ip", "-j", "-4", "route"]).stdout)
                 if route["dst"] != "default"]
        for network in self.machine.podman_json("network", "ls", "--format", "json"):
            taken += [ipaddress.ip_network(s["subnet"]) for s in network.get("subnets", [])
                      if "." in s["subnet"]]
        start = int(hashlib.sha256(self.lab.id.encode()).hexdigest()[:4], 16) % 4096
        every = list(ipaddress.ip_network("10.64.0.0/12").subnets(new_prefix=24))
        candidates = every[start:] + every[:start]
        free = (c for c in candidates if not any(c.overlaps(t) for t in taken))
        return {"bare": next(free), "lab": next(free)}

    # Hosts

    def existing(self) -> dict[str, dict]:
        """Container records by host name."""
        records = self.machine.podman_json(
            "ps", "--all", "--filter", f"label={LABEL}={self.lab.id}", "--format", "json")
        return {record["Labels"][f"{LABEL}.host"]: record for record in records}

    def create(self, host: Host, image: str) -> None:
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
            "--network", f"{self.network(host.network)}:ip={host.address},mac={host.mac},"
                         f"alias={host.name}",
            "--systemd=always", *self.machine.run_flags(), *flags,
            *(f"--volume={mount}" for mount in mounts), image, "/sbin/init", host=host.name)

    def start(self, host: Host, record: dict) -> None:
        if record["State"] in ("running", "stopping"):
            note_death(record["Id"])
        self.machine.clear_cgroup(host.name)
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

    def ensure(self, hosts: list[Host], image: str) -> None:
        """Every one of these hosts runs afterwards; those that ran are not touched."""
        existing = self.existing()

        def ensure_one(host: Host) -> None:
            record = existing.get(host.name)
            if record is None or record["State"] in ("created", "configured"):
                self.remove([host])
                self.create(host, image)
            elif not is_running(record):
                self.start(host, record)

        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(ensure_one, hosts))

    def down(self) -> None:
        """By label, so that it needs nothing of the state to be left."""
        self.remove_containers([record["Names"][0] for record in self.existing().values()])
        networks = self.machine.podman("network", "ls", "--quiet", "--filter",
                                       f"label={LABEL}={self.lab.id}").stdout.split()
        if networks:
            self.machine.podman("network", "rm", "--force", *networks)
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
