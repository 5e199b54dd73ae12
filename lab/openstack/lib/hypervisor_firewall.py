"""Security groups as nftables on this machine, keyed by the instances' addresses.

On this side, since an instance's own root could undo what is inside it.
Default deny both ways, stateful, also for this machine's own traffic. A rule
that goes also ends the connections that it had let in, for only replies pass
without a rule.
"""

import json
import shutil
import subprocess
import threading
from pathlib import Path

from lab import Lab, LabError, write
from machine import Machine, run

import hypervisor_rules as rules

# Marks our routes among those of the bridge.
FLOATING = "86"
BRIDGE_FILTER = Path("/proc/sys/net/bridge")


def refuse_without_bridge_filter() -> None:
    """Without it, traffic between instances would pass unseen."""
    for name in ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables"):
        path = BRIDGE_FILTER / name
        if not path.exists() or path.read_text().strip() != "1":
            raise LabError(f"security groups need net.bridge.{name}=1 on this machine: "
                           f"modprobe br_netfilter; sysctl -w net.bridge.{name}=1")


class Firewall:
    def __init__(self, lab: Lab, file: Path, network: str = "",
                 machine: Machine | None = None) -> None:
        self.table = lab.id
        self.file = file
        self.lock = threading.Lock()
        if network and machine:
            record = machine.podman_json("network", "inspect", network)[0]
            self.bridge = record["network_interface"]
            self.gateway = str(lab.subnets()["lab"][1])

    def wanted(self) -> dict:
        try:
            return json.loads(self.file.read_text())
        except FileNotFoundError:
            return {"floating": {}, "groups": {}, "ports": {}}

    def replace(self, wanted: dict, instances: dict[str, str]) -> None:
        """In one step; what nft refuses changes nothing."""
        with self.lock:
            self.load(wanted, instances)
            write(self.file, json.dumps(wanted, sort_keys=True))

    def apply(self, instances: dict[str, str]) -> None:
        with self.lock:
            self.load(self.wanted(), instances)

    def load(self, wanted: dict, instances: dict[str, str]) -> None:
        nft(rules.render(self.table, self.bridge, wanted, instances))
        self.route({rules.ipv4(address) for address in wanted["floating"]})

    def route(self, floating: set[str]) -> None:
        """This machine has its address in the lab towards floating ones too, not its uplink's.

        The bridge comes with the first host and goes with the last.
        """
        if not Path(f"/sys/class/net/{self.bridge}").exists():
            return
        ours = ["dev", self.bridge, "proto", FLOATING]
        listed = run(["ip", "-j", "route", "show", *ours]).stdout
        present = {route["dst"] for route in json.loads(listed or "[]")}
        for address in present - floating:
            run(["ip", "route", "delete", address, *ours])
        for address in floating - present:
            run(["ip", "route", "replace", address, *ours, "src", self.gateway])

    def remove(self) -> None:
        """`down` comes before `up` in scripts, also on a machine where no firewall ever was."""
        if shutil.which("nft"):
            nft(f"table inet {self.table}\ndelete table inet {self.table}\n")


def nft(text: str) -> None:
    done = subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True)
    if done.returncode:
        raise LabError(f"nft refuses the firewall: {done.stderr.strip()}")
