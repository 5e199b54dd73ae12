"""Reach hosts by ssh with the lab's key and their pinned keys."""

import shlex
import subprocess
from pathlib import Path

from lab import Host, Lab, LabError


def ssh(lab: Lab, host: Host, *command: str) -> list[str]:
    """The words of an ssh command; LabError for a host that never was."""
    if not host.host_key.exists():
        raise LabError(f"{host.name} does not exist: lab/create {host.name} makes it")
    return ["ssh", "-F", str(lab.ssh_config), host.name, *command]


def run_script(lab: Lab, host: Host, script: str) -> subprocess.CompletedProcess:
    return subprocess.run(ssh(lab, host, script), capture_output=True, text=True,
                          errors="replace", stdin=subprocess.DEVNULL)


def copy_from(lab: Lab, host: Host, remote: str, local: Path) -> None:
    """Copy a file or directory, read as root there, to exactly this path here."""
    folder, name = split(remote)
    pack = ssh(lab, host, f"sudo tar -C {shlex.quote(folder)} -cf - -- {shlex.quote(name)}")
    pipe(pack, ["sh", "-c", UNPACK, name, str(local.resolve())], f"{host.name}:{remote}")


def copy_to(lab: Lab, host: Host, local: Path, remote: str) -> None:
    """Copy a file or directory to exactly this path there, owned by root."""
    local = local.resolve()
    pack = ["tar", "-C", str(local.parent), "--owner=root:0", "--group=root:0", "-cf", "-", "--",
            local.name]
    unpack = shlex.join(["sudo", "sh", "-c", UNPACK, local.name, remote])
    pipe(pack, ssh(lab, host, unpack), str(local))


# Beside the target first, so that it is whole or absent.
UNPACK = """
set -e
if [ -d "$1" ]; then echo "$1 is a directory already" >&2; exit 1; fi
umask 077
new=$1.lab-copy
rm -rf -- "$new"
mkdir -- "$new"
trap 'rm -rf -- "$new"' EXIT
tar --no-same-owner -xpf - -C "$new"
mv -T -- "$new/$0" "$1"
"""


def split(path: str) -> tuple[str, str]:
    if not path.startswith("/") or path.rstrip("/") == "":
        raise LabError(f"'{path}' must be an absolute path below /")
    return str(Path(path).parent), Path(path).name


def pipe(source: list[str], target: list[str], what: str) -> None:
    with subprocess.Popen(source, stdout=subprocess.PIPE) as sender:
        status = subprocess.run(target, stdin=sender.stdout).returncode
        sender.stdout.close()
    if status or sender.returncode:
        raise LabError(f"{what} was not copied")
