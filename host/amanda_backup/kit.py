"""The recovery kit: with it and the mirror, everything can be restored on a bare machine."""

import io
import json
import os
import pathlib
import tarfile

import amanda_backup
from amanda_backup import crypt, manifest, recovery, restoring, streams, system

SIGN_KEY = system.ETC / "ssh" / "sign"
# What recover.sh needs of this package; nothing in them may need Amanda, settings or another of our modules.
MODULES = (amanda_backup, crypt, manifest, recovery, restoring, streams)
README = """Recovery kit of {stack}, written on {name}.

This kit holds the keys of the backups: keep it offline, and not beside the mirror.
To restore everything on a machine with bash, python3, gpg, aespipe, gzip, GNU tar and ssh-keygen:

    ./recover.sh --kit . --mirror /path/of/the/mirror --list
    ./recover.sh --kit . --mirror /path/of/the/mirror --to /path/to/restore/into

Use the recover.sh of this kit. The copy in the mirror is for the case that this one is damaged; compare before use:

    cmp recover.sh /path/of/the/mirror/recover.sh && diff -r recover /path/of/the/mirror/recover

A kit that is older than the newest key (keys/) cannot open newer dumps: make a new kit after every change of keys.
"""


def signers():
    """Whose manifests are trusted, as an allowed_signers file."""
    public = system.read_text(f"{SIGN_KEY}.pub")
    if public is None:
        raise system.Refusal(f"{SIGN_KEY}.pub is missing: run `pulumi up`, which puts the stack's keys on this server")
    return manifest.allowed_signers(public)


def recovery_files():
    """recover.sh and the modules that it runs: path in kit and mirror -> content."""
    programs = pathlib.Path(amanda_backup.__file__).parent.parent
    found = {"recover.sh": (programs / "recover.sh").read_bytes()}
    for module in MODULES:
        path = pathlib.Path(module.__file__)
        found[f"recover/amanda_backup/{path.name}"] = path.read_bytes()
    return found


def content(settings, trusted, keys):
    """Every file of the kit: path -> (content, mode).

    trusted: the allowed_signers text. keys: key id -> the texts of its `am_passphrase` and `am_key.gpg`.
    """
    found = {path: (data, 0o755 if path == "recover.sh" else 0o644) for path, data in recovery_files().items()}
    found["README"] = (README.format(**settings).encode(), 0o644)
    found["settings.json"] = ((json.dumps(settings, indent=2, sort_keys=True) + "\n").encode(), 0o644)
    found["allowed_signers"] = (trusted.encode(), 0o644)
    for key_id, (passphrase, wrapped) in keys.items():
        found[f"keys/{key_id}/am_passphrase"] = (passphrase, 0o600)
        found[f"keys/{key_id}/am_key.gpg"] = (wrapped, 0o600)
    return found


def of_this_server(settings):
    """The kit's files as this server has them."""
    return content(settings, signers(), {
        folder.name: ((folder / "am_passphrase").read_bytes(), (folder / "am_key.gpg").read_bytes())
        for folder in sorted((system.ETC / "keys").iterdir())
    })


def write(files, out):
    """Write the kit to a new file that only its owner may read."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in sorted(files):
            data, mode = files[path]
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise system.Refusal(f"{out} is already there and is not overwritten: name another file") from None
    except OSError as error:
        raise system.Refusal(f"{out} cannot be written: {error.strerror}") from None
    with open(handle, "wb") as file:
        file.write(buffer.getvalue())
        file.flush()
        os.fsync(file.fileno())
    system.sync_directory(pathlib.Path(out).resolve().parent)
