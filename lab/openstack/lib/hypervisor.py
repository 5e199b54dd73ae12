#!/usr/bin/env python3
"""The lab's hypervisor: a daemon on this machine that runs what OpenStack only keeps books of.

Nova's, Cinder's and Neutron's drivers (../drivers) speak HTTP with it on a
unix socket. It can be killed at any line: what is wanted lies in files below
$LAB_STATE/hypervisor, what is comes from podman and the kernel.
"""

import contextlib
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "lib"))

from hosts import Hosts
from lab import Lab, LabError

from hypervisor_firewall import Firewall, refuse_without_bridge_filter
from hypervisor_http import serve
from hypervisor_instances import Instances
from hypervisor_volumes import Volumes


class Hypervisor:
    """The daemon seen from outside: start it, stop it, remove all that it made."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        # Mounted into the control plane, where users other than root reach the socket.
        self.directory = lab.state / "hypervisor"
        self.socket = self.directory / "socket"
        self.log = lab.state / "hypervisor.log"
        # If it was this process that started it.
        self.daemon: subprocess.Popen | None = None

    def start(self, seconds: float = 30) -> None:
        """Start the daemon unless it answers, anew when its programs have changed.

        Needs the lab's networks (Hosts.ensure_networks) and its image.
        """
        if self.is_current():
            return
        refuse_without_bridge_filter()
        # Every user of the container may write to the socket, so nobody else here may come to it.
        if self.lab.state.stat().st_mode & 0o011:
            raise LabError(f"others may enter {self.lab.state} and command the hypervisor: chmod 700 {self.lab.state}")
        self.stop()
        self.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        with open(self.log, "a", encoding="utf-8") as log:
            self.daemon = subprocess.Popen(
                [sys.executable, str(Path(__file__).resolve())], start_new_session=True, cwd="/",
                env={**os.environ, "LAB_STATE": str(self.lab.state)},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + seconds
        while not self.answers():
            if self.daemon.poll() is not None or time.monotonic() > until:
                last = "\n".join(self.log.read_text().splitlines()[-5:])
                raise LabError(f"the hypervisor does not answer; the end of {self.log}:\n{last}")
            time.sleep(0.1)

    def stop(self, seconds: float = 120) -> None:
        """End the daemon, and wait for podman commands that it left at work."""
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + seconds
        while not self.is_free():
            if time.monotonic() > until:
                raise LabError(f"the hypervisor has not ended after {seconds:.0f} s")
            time.sleep(0.05)
        if self.daemon:
            self.daemon.wait()
        self.socket.unlink(missing_ok=True)

    def remove(self) -> None:
        """Stop, then remove instances, volumes with their data, and the firewall."""
        self.stop()
        hosts = Hosts(self.lab)
        volumes = Volumes(self.directory / "volumes")
        Instances(hosts, volumes, self.directory / "instances").remove_all()
        Firewall(self.lab, self.directory / "firewall.json").remove()
        volumes.release_all()
        shutil.rmtree(self.directory, ignore_errors=True)

    def pid(self) -> int:
        """The daemon's process; 0 when none runs. It may be left where the state is gone."""
        state = f"LAB_STATE={self.lab.state}\0".encode()
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                # Whichever checkout of this repository started it.
                if (b"/lab/openstack/lib/hypervisor.py\0" in (process / "cmdline").read_bytes()
                        and state in (process / "environ").read_bytes()):
                    return int(process.name)
        return 0

    def is_free(self) -> bool:
        """Neither the daemon nor a podman of it holds the lock."""
        try:
            with open(self.directory / "lock", encoding="utf-8") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def answers(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.request("GET", "/")[0] == 200
        return False

    def is_current(self) -> bool:
        """It answers, and runs the programs that lie here."""
        return self.answers() and self.request("GET", "/")[1] == {"version": version()}

    def request(self, method: str, path: str, body=None, timeout: float = 300):
        """(status, answer) of one request; OSError when nobody listens."""
        connection = UnixConnection(str(self.socket), timeout)
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())


def version() -> str:
    """A hash of the programs of lab and hypervisor."""
    here = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted([*here.glob("hypervisor*.py"), *(here.parent.parent / "lib").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("hypervisor", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def main() -> None:
    """The daemon itself."""
    lab = Lab()
    hypervisor = Hypervisor(lab)
    lock = open(hypervisor.directory / "lock", "a", encoding="utf-8")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    # Each podman inherits it, so a podman that outlives us keeps the next daemon waiting.
    lab.lock = lock.fileno()
    (hypervisor.directory / "pid").write_text(str(os.getpid()))
    hosts = Hosts(lab)
    volumes = Volumes(hypervisor.directory / "volumes")
    instances = Instances(hosts, volumes, hypervisor.directory / "instances")
    firewall = Firewall(lab, hypervisor.directory / "firewall.json",
                        hosts.networks.existing()["lab"], hosts.machine)
    instances.changed = lambda: firewall.apply(instances.addresses())
    instances.sweep()
    instances.changed()
    serve(hypervisor.socket, version(), instances, volumes, firewall)


if __name__ == "__main__":
    main()
