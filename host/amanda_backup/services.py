"""The host's own services and name, as far as backups need them."""

import errno
import os
import re
import socket

from amanda_backup import system

BLOCK = re.compile(r"(?m)^# BEGIN amanda-backup\n(?:.*\n)*?# END amanda-backup\n")


def running(changes, service):
    """The service runs now and after the next boot."""
    states = [
        system.run(["systemctl", verb, "--quiet", service], check=False).returncode
        for verb in ("is-active", "is-enabled")
    ]
    if any(states) and changes.wanted(f"start the service {service}"):
        system.run(["systemctl", "enable", "--now", service])


def unit(changes, name, text):
    """A systemd unit of ours that runs now and after the next boot."""
    unit_file(changes, name, text)
    running(changes, name)


def unit_file(changes, name, text):
    """A unit, or a part of one, that systemd knows from now on."""
    if changes.file(f"/etc/systemd/system/{name}", text) and not changes.check:
        system.run(["systemctl", "daemon-reload"])


def own_name(changes, name):
    """Amanda dumps the server's own directories (auth local) only under a name that leads to this host."""
    path = "/etc/hosts"
    text = system.read_text(changes.at(path)) or ""
    if leads_here(name) or not changes.wanted(f"add 127.0.1.1 {name} to {path}"):
        return
    rest = BLOCK.sub("", text)
    rest += "" if rest.endswith("\n") or not rest else "\n"
    put(changes.at(path), f"# BEGIN amanda-backup\n127.0.1.1\t{name}\n# END amanda-backup\n{rest}")


def leads_here(name):
    """Whether any address of `name` can be bound: Amanda's own test."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as one:
            try:
                one.bind(address)
                return True
            except OSError:
                continue
    return False


def put(path, text):
    """Write a file that in a container may be a mount of its own, which cannot be renamed over."""
    try:
        system.write_atomic(path, text)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        # One write, longer than what it replaces or cut after it: a kill never leaves the file without its old lines.
        handle = os.open(path, os.O_WRONLY)
        try:
            os.pwrite(handle, text.encode(), 0)
            os.ftruncate(handle, len(text.encode()))
        finally:
            os.close(handle)
