"""One lab: where its state is, what its hosts are called, which keys they have."""

import contextlib
import fcntl
import hashlib
import ipaddress
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parent.parent
# On every container and network: which lab it belongs to.
LABEL = "amanda-lab"
INVENTORY = json.loads((LAB / "hosts.json").read_text())


class LabError(Exception):
    """What the user reads, in one sentence."""


@dataclass(frozen=True)
class Host:
    """A host of the inventory, whether it exists or not."""

    name: str
    role: str
    network: str
    address: str
    container: str
    directory: Path

    @property
    def host_key(self) -> Path:
        return self.directory / "host_key"

    @property
    def mac(self) -> str:
        """Fixed, or the others' ARP caches would miss a host that was off."""
        return ":".join(["02", "4c", *(f"{int(part):02x}" for part in self.address.split("."))])

    def public_key(self) -> str:
        """Type and key alone, as known_hosts wants them."""
        return " ".join(self.host_key.with_suffix(".pub").read_text().split()[:2])


class Lab:
    """The lab whose state is in $LAB_STATE (default: .lab beside lab/).

    The names of containers and networks carry a hash of the state's path, so
    that two labs on one machine share nothing but the image.
    """

    def __init__(self) -> None:
        self.state = Path(os.environ.get("LAB_STATE") or LAB.parent / ".lab").resolve()
        self.id = "amanda-lab-" + hashlib.sha256(str(self.state).encode()).hexdigest()[:8]
        # Descriptor of the lock while this process holds it.
        self.lock = 0
        self.admin = self.state / "admin"
        self.storage_key = self.state / "storage_key"
        self.storage = self.state / "storage"
        self.ssh_config = self.state / "ssh_config"

    @contextlib.contextmanager
    def locked(self):
        """One command at a time changes the lab."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.state / "lock", "w", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("lab: waiting for another lab command", file=sys.stderr, flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            self.lock = lock.fileno()
            yield
            self.lock = 0

    def subnets(self) -> dict[str, ipaddress.IPv4Network]:
        """The networks' subnets; LabError when the lab never was up."""
        try:
            saved = json.loads((self.state / "subnets.json").read_text())
        except FileNotFoundError:
            raise LabError("the lab is not up: run lab/up first") from None
        return {name: ipaddress.ip_network(subnet) for name, subnet in saved.items()}

    def has_subnets(self) -> bool:
        return (self.state / "subnets.json").exists()

    def save_subnets(self, subnets: dict[str, ipaddress.IPv4Network]) -> None:
        write(self.state / "subnets.json", json.dumps({n: str(s) for n, s in subnets.items()}))

    def host(self, name: str) -> Host:
        entry, number = INVENTORY["hosts"].get(name), 0
        numbered = re.fullmatch(r"client([1-9][0-9]?)", name)
        if numbered and int(numbered[1]) < 80:
            entry, number = INVENTORY["hosts"]["clientN"], int(numbered[1])
        if entry is None or name == "clientN":
            known = ", ".join(sorted(INVENTORY["hosts"]))
            raise LabError(f"no host is called '{name}': lab/hosts.json has {known}")
        address = self.subnets()[entry["network"]][entry["address"] + number]
        return Host(name, entry["role"], entry["network"], str(address),
                    f"{self.id}-{name}", self.state / "hosts" / name)

    def make_keys(self, hosts: list[Host]) -> None:
        """Make what is absent; a host keeps its key for the lab's lifetime."""
        for key in (self.admin, self.storage_key, *(host.host_key for host in hosts)):
            make_key(key)
        known = [host for host in self.keyed_hosts()]
        write(self.state / "known_hosts",
              "".join(f"{h.address} {h.public_key()}\n" for h in known))
        blocks = [f"Host {h.name}\n  HostName {h.address}\n" for h in known]
        write(self.ssh_config, "".join(blocks) + "\n".join((
            "Host *", "  User debian", f'  IdentityFile "{self.admin}"', "  IdentitiesOnly yes",
            "  IdentityAgent none", "  BatchMode yes", "  StrictHostKeyChecking yes",
            f'  UserKnownHostsFile "{self.state}/known_hosts"', "  GlobalKnownHostsFile none",
            "  ConnectTimeout 5", "  LogLevel ERROR", "")))

    def keyed_hosts(self) -> list[Host]:
        """The hosts that have a key: all that ever were created and not forgotten."""
        keys = sorted((self.state / "hosts").glob("*/host_key.pub"))
        return [self.host(key.parent.name) for key in keys]


def make_key(path: Path) -> None:
    public = path.with_suffix(".pub")
    if path.exists() and public.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    for leftover in (new, new.with_suffix(".pub"), Path(f"{new}.pub")):
        leftover.unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.parent.name,
                    "-f", str(new)], check=True)
    # The public half last: its presence says that the pair is whole.
    new.rename(path)
    Path(f"{new}.pub").rename(public)


def write(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a kill leaves the old or the new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    new.chmod(mode)
    new.rename(path)
