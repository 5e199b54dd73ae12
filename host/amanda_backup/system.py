"""The ground under every program: refusals, child processes, atomic files and the run's lock."""

import contextlib
import fcntl
import grp
import json
import os
import pathlib
import pwd
import subprocess
import sys
import tempfile
import time

INSTALL_DIR = pathlib.Path("/usr/local/lib/amanda-backup")
ETC = pathlib.Path("/etc/amanda-backup")
LOCK = pathlib.Path("/run/lock/amanda-backup")
# The open run's lock, if any: children inherit it, so that it is not free while what a killed program started goes on.
held_locks = set()


class Refusal(Exception):
    """A condition that a person must cure: one sentence that names the thing, its value and the cure."""


def main(program):
    """Run `program()`; a Refusal becomes one sentence on standard error and exit status 1."""
    try:
        sys.exit(program() or 0)
    except Refusal as refusal:
        print(f"amanda-backup: {refusal}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(141)


def run(argv, *, user=None, groups=None, stdin=None, check=True, cwd="/", env=None):
    """Run a command to its end and return its CompletedProcess (text).

    user: whom to become (with only the groups given, default the user's own); needs root.
    stdin: text for its standard input; without it the input is empty.
    check: on a non-zero status raise a Refusal with the command's own last words.
    """
    if user is not None:
        argv = [*become(user, groups), *argv]
    done = subprocess.run(
        argv, input=stdin if stdin is not None else "", text=True, errors="surrogateescape",
        capture_output=True, cwd=cwd, env=clean_environment(user, env), pass_fds=tuple(held_locks), check=False,
    )
    if check and done.returncode != 0:
        words = (done.stderr.strip() or done.stdout.strip() or "no message").splitlines()
        raise Refusal(f"{argv[0]} … {argv[-1]} ended with status {done.returncode}: {' / '.join(words[-3:])}")
    return done


def become(user, groups=None):
    """The argv prefix that drops root for `user`; `groups` replaces its supplementary groups."""
    entry = pwd.getpwnam(user)
    group = ["--groups", ",".join(str(grp.getgrnam(name).gr_gid) for name in groups)] if groups else ["--init-groups"]
    return ["setpriv", "--reuid", str(entry.pw_uid), "--regid", str(entry.pw_gid), *group, "--"]


def clean_environment(user=None, extra=None):
    """A small fixed environment: what a caller's shell exports must not change what a program does."""
    home = pwd.getpwnam(user).pw_dir if user else "/root"
    base = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": home}
    return {**base, **(extra or {})}


def read_text(path):
    """The file's text, or None when there is no such file."""
    try:
        return pathlib.Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def ids(owner, group=None):
    """The (uid, gid) of an owner; without a group the owner's own."""
    entry = pwd.getpwnam(owner)
    return entry.pw_uid, grp.getgrnam(group).gr_gid if group else entry.pw_gid


def has_attributes(path, mode, owner, group=None):
    """Whether `path` is there with this owner, group and mode."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False
    return (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (*ids(owner, group), mode)


def has_content(path, text):
    """Whether `path` is a file of its own (no link) with exactly this content."""
    path = pathlib.Path(path)
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    return path.is_file() and not path.is_symlink() and path.read_bytes() == data


def write_atomic(path, text, *, mode=0o644, owner="root", group=None):
    """Give `path` exactly this content, owner and mode; return True when something changed.

    A reader sees the old file or the new one, never a part; a kill leaves at most a stray `.NAME.…` beside it.
    """
    path = pathlib.Path(path)
    if has_content(path, text) and has_attributes(path, mode, owner, group):
        return False
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    uid, gid = ids(owner, group)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fchown(out.fileno(), uid, gid)
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    sync_directory(path.parent)
    return True


def sync_directory(path):
    """Make renames in this directory survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def ensure_directory(path, *, mode=0o755, owner="root", group=None):
    """Make the directory with this owner and mode; return True when something changed.

    A link in a folder of another account is refused: root would give away what it leads to.
    """
    path = pathlib.Path(path)
    if path.is_dir() and has_attributes(path, mode, owner, group):
        return False
    try:
        path.mkdir(parents=True, exist_ok=True)
        follow = 0 if os.stat(path.parent).st_uid == 0 else os.O_NOFOLLOW
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | follow)
    except (FileExistsError, NotADirectoryError):
        raise Refusal(f"{path} must be a folder and is none: move it away and run this again") from None
    try:
        os.fchown(handle, *ids(owner, group))
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
    return True


@contextlib.contextmanager
def run_lock(what, *, wait_minutes=0.0):
    """Hold the run's lock: dump, mirror, converge and enrolment never overlap.

    Waits up to `wait_minutes`, then refuses, naming the holder. The kernel frees the lock when its holder, and every
    child that `run` gave it, has ended.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8") as lock:
        deadline = time.monotonic() + wait_minutes * 60
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    lock.seek(0)
                    holder = lock.read().strip() or "another program"
                    raise Refusal(
                        f"{what} waited {wait_minutes:g} min for {holder}; run it again when that is done"
                    ) from None
                time.sleep(0.5)
        lock.seek(0)
        lock.truncate()
        lock.write(f"{what} (pid {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')})\n")
        lock.flush()
        held_locks.add(lock.fileno())
        try:
            yield
            lock.seek(0)
            lock.truncate()
        finally:
            held_locks.discard(lock.fileno())


def kept_document(role):
    """Where the document that was last applied for this role is kept."""
    return ETC / f"document-{role}.json"


def load_settings():
    """The facts that converge last applied on this host."""
    text = read_text(ETC / "settings.json")
    if text is None:
        raise Refusal(f"{ETC}/settings.json is missing: this host is not set up; run `pulumi up`")
    return json.loads(text)
