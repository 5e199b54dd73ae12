"""Restore one directory from copies of its dumps: level 0, then each higher level, by GNU tar alone."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from amanda_backup import crypt, streams

VTAPE_HEADER_BYTES = 32768
TAR = [
    "tar", "--extract", "--file=-", "--listed-incremental=/dev/null", "--preserve-permissions", "--same-owner",
    "--numeric-owner", "--acls", "--xattrs", "--xattrs-include=user.*", "--xattrs-include=trusted.*",
    "--xattrs-include=security.capability",
]


class Failed(Exception):
    """Why a directory was not restored, as one sentence."""


def target(base, host, disk):
    """Where a directory goes: BASE/HOST/DISK, made safe part by part."""
    parts = [part for part in disk.split("/") if part]
    return pathlib.Path(base, *(part if part not in (".", "..") else part.replace(".", "%2E") for part in [host, *parts]))


def make_target(base, place, ours=False):
    """The folder to restore into, empty; a link on the way (out of a restored tree) is refused.

    ours: what is in it came from this program and may go. The folders above keep their times.
    """
    base = pathlib.Path(base)
    folders = [base, *(base / path for path in reversed(place.relative_to(base).parents)), place]
    for folder in folders:
        if folder.is_symlink():
            raise Failed(f"{folder} is a link, which leads out of {base}: restore this directory alone into another folder")
    times = {folder: folder.stat() for folder in folders[:-1] if folder.is_dir()}
    if ours and place.exists():
        shutil.rmtree(place)
    for folder in folders:
        folder.mkdir(mode=0o755, exist_ok=True)
    for folder, found in times.items():
        os.utime(folder, ns=(found.st_atime_ns, found.st_mtime_ns))
    if any(place.iterdir()):
        raise Failed(f"{place} already holds files and is never overwritten: choose another --to")


def check_parts(vtapes_folder, vtapes, dump):
    """Refuse unless every part is there with the size and sha256 of the signed manifest."""
    for vtape, name in dump["parts"]:
        path = pathlib.Path(vtapes_folder, vtape, name)
        facts = vtapes[vtape]["files"][name]
        counted = crypt.Counted()
        try:
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(crypt.CHUNK_BYTES):
                    counted.update(chunk)
        except OSError as error:
            raise Failed(f"{path}: {error.strerror}") from None
        if (counted.bytes, counted.sha256) != (facts["bytes"], facts["sha256"]):
            raise Failed(f"{path} is not the file that the server signed")


def body(vtapes_folder, dump):
    """The ciphertext of a dump: its parts without their headers."""
    for vtape, name in dump["parts"]:
        with open(pathlib.Path(vtapes_folder, vtape, name), "rb", buffering=0) as file:
            file.seek(VTAPE_HEADER_BYTES)
            while chunk := file.read(crypt.CHUNK_BYTES):
                yield chunk


def extract(key, vtapes_folder, dump, place):
    """Decrypt, unpack and extract one dump over what the lower levels left; returns the bytes of the archive."""
    # The folder is given as the working directory: tar would take a backslash in --directory as an escape.
    with complaints() as told, subprocess.Popen(TAR, cwd=place, stdin=subprocess.PIPE, stderr=told, bufsize=0,
                                                env={**os.environ, "LC_ALL": "C.UTF-8"}) as tar:
        unpack = streams.Unpack(dump["compress"], lambda data: crypt.write_all(tar.stdin.fileno(), data))
        trouble = None
        try:
            crypt.decrypt(key, body(vtapes_folder, dump), unpack.take)
            unpack.finish(dump["plainBytes"])
        except BrokenPipeError:
            trouble = "tar stopped"
        except (crypt.CryptError, OSError) as error:
            trouble = str(error)
        tar.stdin.close()
        status = tar.wait()
        words = first_lines(told)
    if status != 0 or trouble:
        reasons = [*([trouble] if trouble else []), *words[:2]]
        raise Failed(f"level {dump['level']} of {dump['stamp']}: " + ("; ".join(reasons) or f"tar ended with status {status}"))
    if dump["plainSha256"] not in (None, unpack.plain.sha256) or unpack.original != dump["originalBytes"]:
        raise Failed(f"level {dump['level']} of {dump['stamp']} is not what was dumped")
    return unpack.original


def complaints():
    """Where tar's standard error goes. Not a pipe: one line a file fills it, and tar waits while nobody reads it."""
    return tempfile.TemporaryFile()


def first_lines(told):
    told.seek(0)
    return told.read(10000).decode(errors="replace").strip().splitlines()


def unpack_catalogue(key, path, folder):
    """Decrypt the catalogue (index, configuration, ledger) into a new folder, for whoever looks for a single file."""
    partial = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True, mode=0o700)
    with complaints() as told, subprocess.Popen(["tar", "--extract", "--gzip", "--file=-"], cwd=partial,
                                                stdin=subprocess.PIPE, stderr=told, bufsize=0) as tar:
        try:
            with open(path, "rb", buffering=0) as file, tar.stdin:
                crypt.decrypt(key, iter(lambda: file.read(crypt.CHUNK_BYTES), b""),
                              lambda chunk: crypt.write_all(tar.stdin.fileno(), chunk))
        except BrokenPipeError:
            pass
        status = tar.wait()
        words = first_lines(told)
    if status != 0:
        raise Failed(f"{path} does not unpack with key {key.key_id}: {words[0] if words else status}")
    os.rename(partial, folder)
