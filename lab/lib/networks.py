"""The lab's networks: one for the hosts, one for the bare host alone."""

import hashlib
import ipaddress
import json
import re
import secrets
import shlex

from lab import LABEL, Lab
from machine import Machine, run

# Hash of the lab's id picks two /24 of these.
POOL = ipaddress.ip_network("10.64.0.0/12")


class Networks:
    def __init__(self, lab: Lab, machine: Machine) -> None:
        self.lab = lab
        self.machine = machine

    def existing(self) -> dict[str, str]:
        """Podman's names of the networks that exist."""
        records = self.machine.podman_json("network", "ls", "--format=json", "--filter",
                                           f"label={LABEL}={self.lab.id}")
        names = [record["name"] for record in records]
        return {name.removeprefix(f"{self.lab.id}-").split("-")[0]: name for name in names}

    def ensure(self) -> dict[str, str]:
        existing = self.existing()
        if not self.lab.has_subnets():
            self.lab.save_subnets(self.free_subnets())
        for network, subnet in self.lab.subnets().items():
            if network in existing:
                continue
            self.sweep(subnet)
            # Podman keeps the leases of a name, even those of hosts that a
            # crash removed: a name of its own starts without any.
            name = f"{self.lab.id}-{network}-{secrets.token_hex(3)}"
            # The bare host's network has no way out, not even through the machine.
            flags = ["--internal"] if network == "bare" else []
            self.machine.podman("network", "create", "--label", f"{LABEL}={self.lab.id}",
                                "--subnet", str(subnet), *flags, name)
            existing[network] = name
        return existing

    def remove(self) -> None:
        """Networks go after their hosts. Also removes what a crash left of them."""
        existing = self.existing().values()
        subnets = set(self.lab.subnets().values()) if self.lab.has_subnets() else set()
        if existing:
            for network in json.loads(self.machine.podman("network", "inspect", *existing).stdout):
                subnets |= {ipaddress.ip_network(s["subnet"]) for s in network["subnets"]}
            self.machine.podman("network", "rm", "--force", *existing)
        for subnet in subnets:
            self.sweep(subnet)

    def sweep(self, subnet: ipaddress.IPv4Network) -> None:
        """Remove the bridge and rules that a crash left of a network that is no more."""
        for link in json.loads(run(["ip", "-j", "-4", "address"]).stdout):
            if any(a.get("local") == str(subnet[1]) for a in link["addr_info"]):
                run(["ip", "link", "delete", link["ifname"]])
        for table in ("filter", "nat"):
            rules = run(["iptables", "-w", "-t", table, "-S"], check=False).stdout.splitlines()
            ours = [shlex.split(rule) for rule in rules if str(subnet) in rule]
            for rule in ours:
                run(["iptables", "-w", "-t", table, "-D", *rule[1:]], check=False)
            for chain in {rule[1] for rule in ours if re.match("NETAVARK-[0-9A-F]{13}$", rule[1])}:
                run(["iptables", "-w", "-t", table, "-F", chain], check=False)
                run(["iptables", "-w", "-t", table, "-X", chain], check=False)

    def free_subnets(self) -> dict[str, ipaddress.IPv4Network]:
        """Two /24 that neither the machine nor another lab uses."""
        taken = [ipaddress.ip_network(route["dst"], strict=False)
                 for route in json.loads(run(["ip", "-j", "-4", "route"]).stdout)
                 if route["dst"] != "default"]
        for network in self.machine.podman_json("network", "ls", "--format", "json"):
            taken += [ipaddress.ip_network(s["subnet"]) for s in network.get("subnets", [])
                      if "." in s["subnet"]]
        every = list(POOL.subnets(new_prefix=24))
        start = int(hashlib.sha256(self.lab.id.encode()).hexdigest()[:8], 16) % len(every)
        free = (subnet for subnet in every[start:] + every[:start]
                if not any(subnet.overlaps(other) for other in taken))
        return {"bare": next(free), "lab": next(free)}
