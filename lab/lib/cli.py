#!/usr/bin/env python3
"""The lab's commands. Each is a link to this file, and its name says what to do."""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import image
import ready
import remote
from hosts import Hosts, is_running
from lab import INVENTORY, LAB, Lab, LabError


def main() -> None:
    command = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(prog=f"lab/{command}", description=COMMANDS[command].__doc__)
    for flags, options in ARGUMENTS.get(command, []):
        parser.add_argument(*flags, **options)
    arguments = parser.parse_args()
    try:
        if os.geteuid() != 0:
            raise LabError("the lab needs root (networks, mounts): use sudo")
        COMMANDS[command](Hosts(Lab()), arguments)
    except LabError as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(f"lab: interrupted; lab/{command} can simply be run again")


def start(hosts: Hosts, names: list[str], timeout: float) -> None:
    """Start hosts, with all they need: programs, image, networks and keys."""
    subprocess.run([str(LAB / "prerequisites")], check=True)
    tag = image.ensure(hosts.lab)
    networks = hosts.ensure_networks()
    # The storage's key is known to the servers, so it exists from the start.
    wanted = [hosts.lab.host(name) for name in names]
    hosts.lab.make_keys([*wanted, hosts.lab.host("storage")])
    hosts.ensure(wanted, tag, networks)
    ready.wait(hosts.lab, wanted, timeout)


def up(hosts: Hosts, arguments) -> None:
    """Start the lab's hosts and wait until all are ready."""
    with hosts.lab.locked():
        start(hosts, INVENTORY["up"], arguments.timeout)


def down(hosts: Hosts, arguments) -> None:
    """Remove every host, network, mount and the storage's data; keys and the image stay."""
    with hosts.lab.locked():
        if (hosts.lab.state / "hypervisor").exists():
            raise LabError("this lab is a cloud: lab/openstack/down takes it down, with its volumes")
        hosts.down()
        if arguments.all:
            image.remove()
            shutil.rmtree(hosts.lab.state)


def create(hosts: Hosts, arguments) -> None:
    """Create hosts and wait until they are ready; an existing one is only started."""
    with hosts.lab.locked():
        start(hosts, arguments.host, arguments.timeout)


def destroy(hosts: Hosts, arguments) -> None:
    """Remove hosts and their disks; created again, they have the same key."""
    with hosts.lab.locked():
        wanted = [hosts.lab.host(name) for name in arguments.host]
        hosts.remove(wanted)
        if arguments.new_key:
            for host in wanted:
                shutil.rmtree(host.directory, ignore_errors=True)


def power_off(hosts: Hosts, arguments) -> None:
    """Stop a host at once, as by pulling the plug; its disk stays."""
    with hosts.lab.locked():
        host = hosts.lab.host(arguments.host)
        if is_running(hosts.record(host)):
            hosts.power_off(host)


def power_on(hosts: Hosts, arguments) -> None:
    """Start a host that is off and wait until it is ready."""
    with hosts.lab.locked():
        host = hosts.lab.host(arguments.host)
        if not is_running(hosts.record(host)):
            hosts.start(host)
        ready.wait(hosts.lab, [host], arguments.timeout)


def status(hosts: Hosts, arguments) -> None:
    """List the hosts that exist."""
    found = {}
    for name, record in sorted(hosts.existing().items()):
        host = hosts.lab.host(name)
        found[name] = {"address": host.address, "hostKey": host.public_key(), "role": host.role,
                       "running": is_running(record), "user": "debian"}
    if arguments.json:
        print(json.dumps(found, indent=2, sort_keys=True))
        return
    for name, host in found.items():
        state = "running" if host["running"] else "off"
        print(f"{name:10} {host['role']:8} {host['address']:15} {state}")


def ssh(hosts: Hosts, arguments) -> None:
    """Log in or run a command as debian, who may sudo; the host's key is pinned.

    One word is a shell's command line; several are passed on as they are."""
    words = arguments.command
    command = words if len(words) < 2 else [shlex.join(words)]
    argv = remote.ssh(hosts.lab, hosts.lab.host(arguments.host), *command)
    os.execvp(argv[0], argv)


def copy_from(hosts: Hosts, arguments) -> None:
    """Copy a file or directory, read as root, from a host to exactly this path."""
    remote.copy_from(hosts.lab, hosts.lab.host(arguments.host), arguments.path, arguments.local)


def copy_to(hosts: Hosts, arguments) -> None:
    """Copy a file or directory to exactly this path on a host, owned by root."""
    remote.copy_to(hosts.lab, hosts.lab.host(arguments.host), arguments.local, arguments.path)


def storage_detach(hosts: Hosts, arguments) -> None:
    """Unmount /mnt/gdata on a server: the bare directory below is writable."""
    storage(hosts, arguments.host, "disable")


def storage_attach(hosts: Hosts, arguments) -> None:
    """Mount /mnt/gdata on a server again."""
    storage(hosts, arguments.host, "enable")
    ready.wait(hosts.lab, [hosts.lab.host(arguments.host)], arguments.timeout)


def storage(hosts: Hosts, name: str, verb: str) -> None:
    host = hosts.lab.host(name)
    if host.role != "server":
        raise LabError(f"{name} has no /mnt/gdata: only servers have")
    done = remote.run_script(hosts.lab, host, f"sudo systemctl {verb} --quiet --now gdata")
    if done.returncode:
        raise LabError(f"{name}: {done.stderr.strip()}")


def podman(hosts: Hosts, arguments) -> None:
    """Run podman where the lab's hosts are, for a closer look."""
    done = hosts.machine.podman(*arguments.arguments, check=False)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


def build_image(hosts: Hosts, arguments) -> None:
    """Build the hosts' image unless it is there, and print its name."""
    with hosts.lab.locked():
        subprocess.run([str(LAB / "prerequisites")], check=True)
        print(image.ensure(hosts.lab))


COMMANDS = {
    "cp-from": copy_from, "cp-to": copy_to, "create": create, "destroy": destroy, "down": down, "image": build_image,
    "podman": podman, "power-off": power_off, "power-on": power_on, "ssh": ssh, "status": status,
    "storage-attach": storage_attach, "storage-detach": storage_detach, "up": up,
}
TIMEOUT = (["--timeout"], {"type": float, "default": 120, "metavar": "SECONDS",
                           "help": "how long to wait for the hosts (default: 120)"})
HOST = (["host"], {"metavar": "HOST"})
PATH = (["path"], {"metavar": "PATH", "help": "absolute path on the host"})
LOCAL = (["local"], {"metavar": "LOCAL", "type": Path})
HOSTS = (["host"], {"metavar": "HOST", "nargs": "+"})
ARGUMENTS = {
    "cp-from": [HOST, PATH, LOCAL],
    "cp-to": [HOST, LOCAL, PATH],
    "create": [HOSTS, TIMEOUT],
    "destroy": [HOSTS, (["--new-key"], {"action": "store_true", "help": "forget its host key too"})],
    "down": [(["--all"], {"action": "store_true", "help": "remove keys and images too"})],
    "podman": [(["arguments"], {"metavar": "ARGUMENT", "nargs": argparse.REMAINDER})],
    "power-off": [HOST],
    "power-on": [HOST, TIMEOUT],
    "ssh": [HOST, (["command"], {"nargs": argparse.REMAINDER})],
    "status": [(["--json"], {"action": "store_true", "help": "for programs"})],
    "storage-attach": [HOST, TIMEOUT],
    "storage-detach": [HOST],
    "up": [TIMEOUT],
}

if __name__ == "__main__":
    main()
