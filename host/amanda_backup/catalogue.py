"""The catalogue's archive: what a new server needs to go on, as one encrypted file.

Names of backed-up files stand in the index, so it is encrypted like a dump, and its hash stands in the signed manifest.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from amanda_backup import crypt, system


def places(settings, name):
    """What belongs to the catalogue of a set, as paths from the root."""
    data = settings["dataPath"].lstrip("/")
    return [
        f"etc/amanda/{name}", "etc/amanda-backup/settings.json", f"{data}/catalogue/{name}",
        f"{data}/ledger", f"{data}/enrolment",
    ]


@contextlib.contextmanager
def packed(settings, name):
    """The archive in an open file that is gone afterwards, with its Counted facts. Nothing is ever on disk in clear."""
    there = [place for place in places(settings, name) if os.path.lexists(f"/{place}")]
    key = crypt.load_key(settings["encryption"]["keyId"], system.ETC / "keys")
    with tempfile.TemporaryFile(dir=settings["dataPath"], buffering=0) as out, subprocess.Popen(
        ["tar", "--create", "--gzip", "--warning=no-file-changed", "--directory=/", "--", *there],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=system.clean_environment(),
    ) as tar:
        _, counted = crypt.encrypt(
            key, lambda: os.read(tar.stdout.fileno(), crypt.CHUNK_BYTES), lambda chunk: crypt.write_all(out.fileno(), chunk))
        words = tar.stderr.read().decode(errors="replace").strip()
        # 1: a file changed or went away while it was read, such as amindexd's own; the archive is whole.
        if tar.wait() > 1:
            raise system.Refusal(f"the catalogue of {name} cannot be packed: {words}")
        yield out, counted


def unpack(source, key, folder):
    """Decrypt and unpack the archive in the open file `source` into the empty folder `folder`.

    Its hash was checked before; that it unpacks to its end shows that the key is the right one.
    """
    with subprocess.Popen(
        ["tar", "--extract", "--gzip", "--file=-", "--preserve-permissions", "--same-owner"],
        cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=system.clean_environment(),
    ) as tar:
        try:
            with contextlib.suppress(BrokenPipeError), tar.stdin:
                crypt.decrypt(key, iter(lambda: source.read(crypt.CHUNK_BYTES), b""),
                              lambda chunk: crypt.write_all(tar.stdin.fileno(), chunk))
        finally:
            words = tar.stderr.read().decode(errors="replace").strip()
            status = tar.wait()
    if status != 0:
        raise crypt.CryptError(
            f"it does not unpack with key {key.key_id}, so that is not the key it was made with"
            f" ({words.splitlines()[0] if words else status})")


def replace_folder(source, target):
    """Put the folder `source` where `target` is; `target` may be there only when nothing is written in it."""
    target = pathlib.Path(target)
    if target.exists():
        if any(path.is_file() and path.stat().st_size for path in target.rglob("*")):
            raise system.Refusal(f"{target} already holds files and is never overwritten: move it to a safe place")
        shutil.rmtree(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    os.rename(source, target)
    system.sync_directory(target.parent)
