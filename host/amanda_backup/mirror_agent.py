"""The mirror's only hand: runs as the mirror's user, and nobody else touches the mirror.

Started by mirror_link with one end of a socket; takes one JSON request a line, answers each with one JSON line. File
content comes and goes by file handles that root opened and passed along, so this user needs no right to read anything
of the backup's own, and root needs none on the mirror. All paths are relative to the mirror's folder, which is held
open: when the mount is lost on the way, writes fail instead of landing in the bare folder underneath.
"""

import array
import errno
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import sys

CHUNK_BYTES = 1 << 20
TEMPORARY = ".new-"
REMOVED = ".removed-"
# The only things that may ever be removed: a superseded copy of a vtape, an expired generation, what a kill left over.
REMOVABLE = re.compile(
    r"vtapes/[^/]+/[^/]+@[^/]+|generations/[^/]+/[0-9]{14}|(?:vtapes|generations)/[^/]+/\.(?:new|removed)-[^/]+")


class Trouble(Exception):
    """A sentence for the administrator."""


def unescape(text):
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def mounted_on(handle):
    """(mount point, file system type) of the mount that an open directory is on."""
    info = pathlib.Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii")
    number = re.search(r"^mnt_id:\s*(\d+)$", info, re.M)[1]
    for line in pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        words = line.split(" ")
        if words[0] == number:
            return unescape(words[4]), words[words.index("-") + 1]
    raise Trouble("the mirror's folder is on a mount that this host does not list")


def check_mount(handle, path, mount, fstype):
    found = mounted_on(handle)
    if found != (os.path.realpath(mount), fstype):
        raise Trouble(
            f"{path} must be on a {fstype} mounted at {mount} but is on a {found[1]} mounted at {found[0]}: mount the"
            " storage, then run this again")


def open_mirror(path, mount, fstype):
    """Make the mirror's folder the working directory, creating it below the mount (never above it)."""
    if os.path.commonpath([os.path.realpath(path), os.path.realpath(mount)]) != os.path.realpath(mount):
        raise Trouble(f"mirror.path {path} is not below mirror.mount {mount}: correct one of them")
    try:
        handle = os.open(mount, os.O_RDONLY | os.O_DIRECTORY)
        check_mount(handle, mount, mount, fstype)
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.close(handle)
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        check_mount(handle, path, mount, fstype)
        os.fchdir(handle)
        probe = f"{TEMPORARY}probe"
        with open(probe, "wb") as file:
            file.write(b"x")
            file.flush()
            os.fsync(file.fileno())
        os.unlink(probe)
    except OSError as error:
        raise Trouble(f"{error.filename or path} cannot be used: {error.strerror}") from None
    return {"names": sorted(os.listdir("."))}


def safe(path):
    parts = path.split("/")
    if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise Trouble(f"{path!r} is not a path in the mirror")
    return path


def sync_folder(path):
    """Not every network file system can do this; those that cannot say EINVAL or ENOTSUP."""
    handle = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def copy(source, target):
    """Copy between two open files; returns size and sha256."""
    size, digest = 0, hashlib.sha256()
    while chunk := os.read(source, CHUNK_BYTES):
        digest.update(chunk)
        size += len(chunk)
        view = memoryview(chunk)
        while target is not None and view:
            view = view[os.write(target, view):]
    return {"bytes": size, "sha256": digest.hexdigest()}


def put(handle, path, sha256, replace=False):
    """Copy the handed file to `path`: a whole file with this sha256, or nothing (`matches` false)."""
    folder, name = os.path.split(safe(path))
    os.makedirs(folder or ".", mode=0o700, exist_ok=True)
    if not replace and os.path.lexists(path):
        raise Trouble(f"{path} is already in the mirror and is never overwritten")
    # The final name may be as long as a name can be.
    temporary = os.path.join(folder, TEMPORARY + hashlib.sha256(os.fsencode(name)).hexdigest()[:16])
    target = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        done = copy(handle, target)
        os.fsync(target)
    finally:
        os.close(target)
    if done["sha256"] != sha256:
        os.unlink(temporary)
        return {**done, "matches": False}
    os.rename(temporary, path)
    sync_folder(folder)
    return {**done, "matches": True}


def get(handle, path):
    """Copy `path` into the handed file; without one only hash it."""
    source = os.open(safe(path), os.O_RDONLY | os.O_NOFOLLOW)
    try:
        return copy(source, handle)
    finally:
        os.close(source)


def names(path):
    """What is in a folder; None when there is no such folder."""
    try:
        return sorted(os.listdir(safe(path)))
    except FileNotFoundError:
        return None


def sizes(path):
    """The size of each file directly in a folder; None when there is no such folder."""
    found = names(path)
    return None if found is None else {name: os.lstat(os.path.join(path, name)).st_size for name in found}


def rename(path, to):
    """Give a finished folder its name; never over something."""
    if os.path.lexists(safe(to)):
        raise Trouble(f"{to} is already in the mirror and is never overwritten")
    sync_folder(safe(path))
    os.rename(path, to)
    sync_folder(os.path.dirname(to))
    return {}


def remove(path):
    """Remove a folder that is listed as removable; it vanishes at once under its name, whatever happens after."""
    if not REMOVABLE.fullmatch(safe(path)):
        raise Trouble(f"{path} is never removed from the mirror")
    folder, name = os.path.split(path)
    gone = path if name.startswith((TEMPORARY, REMOVED)) else os.path.join(folder, REMOVED + name)
    if gone != path:
        os.rename(path, gone)
    if os.path.isdir(gone) and not os.path.islink(gone):
        shutil.rmtree(gone)
    else:
        os.unlink(gone)
    return {}


def space():
    found = os.statvfs(".")
    return {"free": found.f_bavail * found.f_frsize}


OPERATIONS = {
    "open": open_mirror, "put": put, "get": get, "names": names, "sizes": sizes, "rename": rename, "remove": remove,
    "space": space,
}


def serve(channel):
    """Answer requests until the other side hangs up."""
    while request := receive(channel):
        line, handle = request
        arguments = json.loads(line)
        operation = arguments.pop("do")
        if operation in ("put", "get"):
            arguments["handle"] = handle
        try:
            answer = {"answer": OPERATIONS[operation](**arguments)}
        except Trouble as trouble:
            answer = {"trouble": str(trouble)}
        except FileNotFoundError as error:
            answer = {"missing": f"{error.filename}: {error.strerror}"}
        except OSError as error:
            answer = {"trouble": f"{error.filename or arguments.get('path', '')}: {error.strerror}"}
        finally:
            if handle is not None:
                os.close(handle)
        channel.sendall(json.dumps(answer).encode() + b"\n")


def receive(channel):
    """One request: its line and the file handle that came with it, None for none."""
    line, handle = b"", None
    while not line.endswith(b"\n"):
        data, ancillary, _, _ = channel.recvmsg(65536, socket.CMSG_SPACE(array.array("i").itemsize))
        for level, kind, content in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                handle = array.array("i", content)[0]
        if not data:
            return None
        line += data
    return line, handle


if __name__ == "__main__":
    os.umask(0o077)
    serve(socket.socket(fileno=int(sys.argv[1])))
