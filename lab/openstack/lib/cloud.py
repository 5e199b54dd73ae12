"""The cloud's control plane: one container with all of OpenStack's services."""

import json
import sys
from pathlib import Path

from hosts import Hosts, is_running
from lab import LABEL, Lab, LabError

HERE = Path(__file__).resolve().parent.parent
# In the lab's /24.
ADDRESS = 5
# Beyond podman's defaults: the metadata service's address is put on `lo`.
CAPABILITIES = ["AUDIT_WRITE", "NET_ADMIN"]


class Cloud:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.hosts = Hosts(lab)
        self.machine = self.hosts.machine
        self.container = f"{lab.id}-cloud"

    def record(self) -> dict | None:
        return next((record for record in self.hosts.records()
                     if record["Names"][0] == self.container), None)

    def running(self) -> bool:
        record = self.record()
        return record is not None and is_running(record)

    def address(self) -> str:
        return str(self.lab.subnets()["lab"][ADDRESS])

    def start(self, image: str, network: str) -> None:
        """The container runs afterwards; one that ran is not touched."""
        record = self.record()
        if record is not None and record["State"] not in ("created", "configured"):
            if record["Image"] != image:
                print("lab: the cloud is made from an older image; to renew it: "
                      "lab/openstack/down; lab/openstack/up", file=sys.stderr)
            if not is_running(record):
                self.machine.clear_cgroup("cloud")
                self.machine.podman("container", "cleanup", self.container, check=False)
                self.machine.podman("start", self.container, host="cloud")
            return
        self.remove()
        self.machine.podman(
            "run", "--detach", "--name", self.container, "--hostname", "cloud",
            "--label", f"{LABEL}={self.lab.id}", "--label", f"{LABEL}.cloud=true",
            "--network", f"{network}:ip={self.address()},mac={self.mac()},alias=cloud",
            # Its services and commands are each other's only peers.
            "--http-proxy=false", "--systemd=always", *self.machine.run_flags(16384),
            *(f"--cap-add={capability}" for capability in CAPABILITIES),
            f"--volume={HERE}/drivers:/opt/lab/drivers:ro",
            f"--volume={self.lab.state}/hypervisor:/run/hypervisor",
            image, "/sbin/init", host="cloud")

    def passwords(self) -> dict[str, str]:
        """By user. They were made when the image was built."""
        return json.loads(self.run("cat", "/opt/lab/cloud/passwords.json").stdout)

    def mac(self) -> str:
        return ":".join(["02", "4c", *(f"{int(part):02x}" for part in self.address().split("."))])

    def remove(self) -> None:
        self.hosts.remove_containers([self.container])

    def run(self, *command: str, check: bool = True):
        """A command in the container; LabError with what it said."""
        done = self.machine.podman("exec", self.container, *command, check=False)
        if check and done.returncode:
            raise LabError(f"{command[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done
