"""Fresh lab hosts for these tests, apart from those of the demo: a backup server, a second one and a client.

The server's role needs no more than a plain host, so all three are made as clients of the lab.
"""

import functools
import json
import pathlib
import re
import shlex
import subprocess
import tempfile

from drive import lab as drive
from tests.host import documents

SERVER, TWIN, CLIENT = "client77", "client78", "client79"


def make(*hosts):
    """Fresh hosts of these names."""
    drive.fresh(*hosts)
    status.cache_clear()


def remove(*hosts):
    drive.lab("destroy", *hosts)


@functools.cache
def status():
    return drive.status()


def address(host):
    return status()[host]["address"]


def host_key(host):
    return " ".join(status()[host]["hostKey"].split()[:2])


def ssh(host, command, *, stdin="", user="debian", key=None, options=()):
    """Run a command by ssh as this user; returns the CompletedProcess, never raises for its status."""
    chosen = ["-o", f"User={user}", *(["-o", f"IdentityFile={key}", "-i", key] if key else []), *options]
    return subprocess.run(
        ["ssh", "-F", drive.STATE / "ssh_config", *chosen, host, *([command] if command else [])],
        input=stdin,
        text=True,
        errors="replace",
        capture_output=True,
        check=False,
        timeout=300,
    )


def root(host, script, *, check=True):
    """Run a bash script as root; returns its standard output."""
    done = ssh(host, "sudo -n bash -eu", stdin=script)
    if check and done.returncode:
        raise AssertionError(f"{script}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def send(host, document, *, limit=None):
    """What HostSetup does: the document on the standard input of one command line as root.

    limit: seconds after which every process that this command line started is killed at once.
    """
    command = f"python3 -I -c '{documents.BOOTSTRAP}'"
    if limit:
        # They are of several process groups, but of one session: that of this ssh command.
        killer = f"(sleep {limit:.2f}; pkill -KILL -s $(ps -o sid= -p $$)) >/dev/null 2>&1 &"
        command = f"bash -c {shlex.quote(f'{killer} {command}')}"
    return ssh(host, f"sudo -n {command}", stdin=json.dumps(document))


def enrol(document, verb="enrol", *, name="enrol", host=SERVER):
    return ssh(host, verb, stdin=json.dumps(document), user="enrol", key=key_file(name))


@functools.cache
def key_folder():
    folder = tempfile.TemporaryDirectory()
    return folder, pathlib.Path(folder.name)


def key_file(name):
    """The private key NAME of these documents as a file."""
    path = key_folder()[1] / name
    if not path.exists():
        path.touch(0o600)
        path.write_text(documents.private_key(name), encoding="utf-8")
    return path


STATE = """

cd /
for place in etc/amanda etc/amanda-backup etc/amandahosts etc/cron.d etc/sudoers.d/amanda-backup-* \\
  usr/local/lib/amanda-backup usr/local/sbin usr/lib/amanda/application/amanda-hook var/backups/.ssh var/lib/amanda-backup-enrol srv/amanda; do
  [ -e $place ] || continue
  find $place -not -name '*.pyc' -not -name __pycache__ -printf '%p %M %u:%g %l FORMAT\\n'
  find $place -type f -not -name '*.pyc' -not -name am_key.gpg -print0 | xargs -0r sha256sum
done | sort
getent passwd backup enrol; systemctl is-active cron || true; sed '/host.containers\\|NAME/d' /etc/hosts
"""


def state(host, *, inodes=False):
    """Everything of ours on a host: paths, modes, owners, contents; with inodes also which files were written anew.

    Without what Amanda's changer notes at each look at a slot.
    """
    lines = root(host, STATE.replace("FORMAT", "%i %T@" if inodes else "").replace("NAME", host)).splitlines()
    return [
        line
        for line in lines
        if not re.search(r"srv/amanda/(catalogue/\w+/(changer|tapelist.last_write)|vtapes/\w+(/data)?)( |$)", line)
    ]
