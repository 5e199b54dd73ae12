"""Comparisons of what came back with what there was."""

import difflib
import json

from demo.config import SERVER_NAME
from drive import lab
from drive.lab import Failed


def compare(what, source, found):
    """Two fingerprints must be equal, entry by entry."""
    if source != found:
        lines = [line for line in difflib.unified_diff(source.splitlines(), found.splitlines(), "source", "restored", n=0)
                 if line[:2] not in ("--", "++", "@@")]
        raise Failed(f"{what} differs in {len(lines)} lines:\n" + "\n".join(line[:400] for line in lines[:20]))
    print(f"   {what}: {len(source.splitlines())} entries equal")


def sha256_of(fingerprint, path):
    """The hash that a fingerprint holds of the file at this path."""
    return next(entry["sha256"] for entry in map(json.loads, fingerprint.splitlines()) if entry["path"] == path)


def restored_place(host, directory):
    """Where recover.sh puts a directory of this host below /restored; the server goes by its name in Amanda."""
    name = SERVER_NAME if host == "server" else host
    return f"/restored/{name}{directory}"


def amrecover(server, client, disk, path, date=None):
    """Restore one file with amrecover as root on the server; return the sha256 of what came back."""
    folder, _, name = path.rpartition("/")
    commands = [f"setdate {date}"] if date else []
    commands += [f"sethost {client}", f"setdisk {disk}", *([f"cd {folder}"] if folder else []), f"add {name}",
                 "lcd /root/amrecover", "extract", "y", "y", "exit"]
    lab.ssh(server, "rm -rf /root/amrecover && mkdir /root/amrecover")
    told = lab.ssh(server, "amrecover daily -s localhost -t localhost -o auth=local 2>&1",
                   stdin="\n".join(commands) + "\n", check=False).stdout
    found = lab.ssh(server, f"sha256sum /root/amrecover/{path}", check=False).stdout.split()
    if not found:
        raise Failed(f"amrecover brought no {path}:\n{told[-2000:]}")
    return found[0]
