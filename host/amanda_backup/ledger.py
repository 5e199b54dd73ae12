"""The ledger: append-only files of one JSON object a line below DATA/ledger.

`crypt.jsonl` is written by amcrypt as the dump user, `SET.jsonl` by root after each run; root alone decides what
counts as proved.
"""

import contextlib
import fcntl
import json
import os
import pathlib

from amanda_backup import crypt, system


def folder(settings):
    """DATA/ledger."""
    return pathlib.Path(settings["dataPath"], "ledger")


def prepare(settings):
    """Make the folder, and crypt.jsonl that the dump user may append to."""
    place, platform = folder(settings), settings["platform"]
    system.ensure_directory(place, mode=0o750, owner="root", group=platform["dumpGroup"])
    if not (place / "crypt.jsonl").exists():
        system.write_atomic(
            place / "crypt.jsonl", "", mode=0o640, owner=platform["dumpUser"], group=platform["dumpGroup"])
    return place


def append(path, records):
    """Append one line for each record, in one write, and wait until it is on the disk.

    A line that a power cut tore is closed first, so that it cannot swallow the next one.
    """
    text = "".join(json.dumps(record, sort_keys=True) + "\n" for record in records).encode()
    if not text:
        return
    with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640), "rb+", buffering=0) as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        if (size := os.fstat(out.fileno()).st_size) and os.pread(out.fileno(), 1, size - 1) != b"\n":
            text = b"\n" + text
        crypt.write_all(out.fileno(), text)
        os.fsync(out.fileno())


def read(path):
    """All whole records of the file, oldest first; a torn line proves nothing and is left out."""
    records = []
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    records.append(record)
    return records


def key_record(place, key_id):
    return pathlib.Path(place, f"key-{key_id}.sha256")


def check_key(place, key):
    """Refuse a key that is not the one which the first run under this id used."""
    known = system.read_text(key_record(place, key.key_id))
    if known is not None and known.strip() != key.sha256:
        raise crypt.CryptError(
            f"key {key.key_id} is not the key that earlier dumps were made with; put the right one back"
            f" below {system.ETC}/keys/{key.key_id} or use a new key id")


def record_key(place, key, group):
    """Remember which key goes by this id (its hash; the key cannot be told from it)."""
    check_key(place, key)
    system.write_atomic(key_record(place, key.key_id), key.sha256 + "\n", mode=0o640, owner="root", group=group)
