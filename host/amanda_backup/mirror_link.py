"""Root's side of the mirror's agent: one child process as the mirror's user, one request at a time."""

import contextlib
import json
import os
import pwd
import socket
import subprocess

from amanda_backup import system

AGENT = system.INSTALL_DIR / "amanda_backup" / "mirror_agent.py"


class Mismatch(system.Refusal):
    """A file to be copied is not what the ledger or the last manifest says it is."""


class Missing(system.Refusal):
    """A file or folder is not in the mirror."""


class Mirror:
    """An open mirror. Every trouble that the agent tells is a Refusal."""

    def __init__(self, channel, where):
        self.channel = channel
        self.answers = channel.makefile("rb")
        self.where = where
        self.top = []

    def ask(self, do, handle=None, **arguments):
        line = json.dumps({"do": do, **arguments}).encode() + b"\n"
        try:
            if handle is None:
                self.channel.sendall(line)
            else:
                socket.send_fds(self.channel, [line[:1]], [handle])
                self.channel.sendall(line[1:])
            answer = self.answers.readline()
        except OSError as error:
            raise system.Refusal(f"the mirror's agent died: {error.strerror}") from None
        if not answer.endswith(b"\n"):
            raise system.Refusal("the mirror's agent died: see the system's log")
        told = json.loads(answer)
        if "missing" in told:
            raise Missing(f"mirror {self.where}: {told['missing']}")
        if "trouble" in told:
            raise system.Refusal(f"mirror {self.where}: {told['trouble']}")
        return told["answer"]

    def put(self, path, source, sha256, replace=False):
        """Copy the open file `source` to `path`; a Mismatch when its sha256 is another."""
        done = self.ask("put", source.fileno(), path=path, sha256=sha256, replace=replace)
        if not done["matches"]:
            raise Mismatch(f"mirror {self.where}: {path} was not copied: its sha256 is not the one that is recorded")
        return done

    def get(self, path, target=None):
        """Copy `path` into the open file `target`, or only hash it; returns {bytes, sha256}."""
        return self.ask("get", None if target is None else target.fileno(), path=path)

    def read(self, path):
        """The content of a small file as bytes."""
        with open(os.memfd_create("mirror"), "w+b", buffering=0) as file:
            self.get(path, file)
            file.seek(0)
            return file.read()


@contextlib.contextmanager
def connect(settings):
    """The mirror of these settings, opened: its mount is the expected one and its user can write there."""
    mirror = settings["mirror"]
    try:
        pwd.getpwnam(mirror["user"])
    except KeyError:
        raise system.Refusal(
            f"mirror.user: this host knows no user {mirror['user']!r}; create it or check the directory service (getent"
            f" passwd {mirror['user']})") from None
    ours, theirs = socket.socketpair()
    become = system.become(mirror["user"])
    with ours, subprocess.Popen(
        [become[0], "--no-new-privs", *become[1:], "python3", "-I", str(AGENT), str(theirs.fileno())], cwd="/",
        env=system.clean_environment(mirror["user"]), stdin=subprocess.DEVNULL, pass_fds=(theirs.fileno(),),
    ) as agent:
        theirs.close()
        link = Mirror(ours, mirror["path"])
        try:
            link.top = link.ask("open", path=mirror["path"], mount=mirror["mount"], fstype=mirror["fstype"])["names"]
            yield link
        finally:
            link.answers.close()
            ours.close()
            agent.wait()
