"""A backup server on this machine that leaves no trace: real Amanda, users and paths in a mount namespace of its own.

/etc, /usr/local and /var are overlays whose upper side is in memory, /srv, /mnt and /run/lock are empty memory file
systems, so the programs run at their real places and nothing of the machine's own is touched. The namespace lives as
long as its holder process; files in it are seen from outside below `Sandbox.root`. Needs root and the packages of
tests/prerequisites.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

REPO = pathlib.Path(__file__).resolve().parents[2]
DATA = "/srv/amanda"
MOUNTS = """
set -eu
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/.over
for place in etc usr/local var; do
  mkdir -p "/mnt/.over/$place/up" "/mnt/.over/$place/work"
  mount -t overlay overlay -o "lowerdir=/$place,upperdir=/mnt/.over/$place/up,workdir=/mnt/.over/$place/work" "/$place"
done
mount -t tmpfs -o mode=755 tmpfs /srv
mount -t tmpfs -o mode=755 tmpfs /run/lock
rm -rf /etc/amanda /var/lib/amanda/* /var/log/amanda
echo ready
exec sleep infinity
"""
EXAMPLE = REPO / "tests/templates/examples/amanda.conf"


class Sandbox:
    """One server; `settings` is what converge would have written."""

    def __init__(self, *, slots=4, vtape_mb=60, part_mb=10, runtapes=2, holding_mb=300, keep_days=30, mirror=True):
        self.key = "2026a"
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNTS], stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            self.close()
            raise RuntimeError("the sandbox's mounts failed: it needs root and overlay")
        self.root = pathlib.Path(f"/proc/{self.holder.pid}/root")
        platform = json.loads((REPO / "host/platforms.json").read_text())["debian"]
        self.settings = {
            "stack": "amanda-backup.test", "platform": platform, "name": "backup1", "address": "127.0.0.1",
            "dataPath": DATA,
            "sets": {"daily": {"tapecycle": slots, "vtapeMB": vtape_mb, "runtapes": runtapes, "holdingMB": holding_mb}},
            "encryption": {"keyId": self.key}, "namespaces": {}, "ownDirectories": [], "lockWaitMinutes": 0,
            "notify": {"mail": "root"}, "mirror": None,
        }
        if mirror:
            self.settings["mirror"] = {
                "user": "gmirror", "path": "/mnt/gdata/amanda", "mount": "/mnt/gdata", "fstype": "tmpfs",
                "keepDays": keep_days}
        self.part_mb = part_mb
        try:
            self.install()
        except BaseException:
            self.close()
            raise

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()

    def path(self, path):
        """The sandbox's file seen from outside (no absolute links on the way)."""
        return self.root / str(path).lstrip("/")

    def run(self, *argv, user=None, check=True, stdin=None, env=None):
        """Run a command inside; returns its CompletedProcess with text output."""
        if user:
            argv = ("setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", *argv)
        done = subprocess.run(
            ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", "--", *argv], input=stdin or "", text=True,
            errors="surrogateescape", capture_output=True, env={**os.environ, "HOME": "/var/backups", **(env or {})},
            check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def sh(self, script, **options):
        return self.run("bash", "-euc", script, **options)

    def install(self):
        """What bootstrap and converge do on a real server, as far as these tests need it."""
        library = self.path("/usr/local/lib/amanda-backup")
        library.mkdir(parents=True)
        (library / "amanda_backup").mkdir()
        for name in json.loads((REPO / "host/programs.json").read_text())["server"]:
            shutil.copy(REPO / "host" / name, library / name)
        self.path("/etc/amanda-backup").mkdir()
        self.write_settings()
        self.sh(f"""
            useradd --system --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin gmirror
            ln -sfn amcrypt {library_path()}/amcrypt-{self.key}
            install -d -m 755 {DATA} {DATA}/catalogue {DATA}/vtapes {DATA}/holding /etc/amanda
            install -d -o backup -g backup -m 700 {DATA}/gnutar-lists
            install -d -o backup -g backup -m 770 /var/log/amanda
            install -d /etc/amanda-backup/ssh
            ssh-keygen -q -t ed25519 -N '' -C amanda-backup -f /etc/amanda-backup/ssh/sign
            printf '127.0.0.1 localhost\\n' >> /etc/hosts
            printf 'localhost backup amdump\\nlocalhost root amindexd amidxtaped\\n' > /etc/amandahosts
            install -d -o gmirror -m 700 /mnt/gdata
            mount -t tmpfs -o mode=700,uid=$(id -u gmirror) tmpfs /mnt/gdata
        """)
        self.make_key(self.key)
        for name in self.settings["sets"]:
            self.make_set(name)

    def write_settings(self):
        self.path("/etc/amanda-backup/settings.json").write_text(json.dumps(self.settings))

    def make_key(self, key_id):
        """A key in the stock form, made as stock amcrypt's documentation says."""
        self.sh(f"""
            umask 077
            place=/etc/amanda-backup/keys/{key_id}; mkdir -p $place; chmod 711 /etc/amanda-backup/keys
            head -c 2925 /dev/urandom | base64 -w 60 > /run/lock/text
            head -c 33 /dev/urandom | base64 > $place/am_passphrase
            gpg --homedir /run/lock --batch --no-tty --no-autostart --s2k-count 65011712 --pinentry-mode loopback --quiet \\
              --passphrase-file $place/am_passphrase --symmetric -a -o $place/am_key.gpg /run/lock/text 2>/dev/null
            rm -f /run/lock/text; chmod 400 $place/*; chown -R backup:backup $place
        """)

    def use_key(self, key_id):
        """A new key for what is dumped from now on."""
        self.key = self.settings["encryption"]["keyId"] = key_id
        self.make_key(key_id)
        self.sh(f"ln -sfn amcrypt {library_path()}/amcrypt-{key_id}")
        self.write_settings()

    def make_set(self, name):
        values = self.settings["sets"][name]
        self.path(f"/etc/amanda/{name}").mkdir()
        self.write_conf(name)
        self.path(f"/etc/amanda/{name}/disklist").write_text("")
        labels = "\n".join(
            f"install -d -o backup -g backup -m 750 {DATA}/vtapes/{name}/slot{slot}\n"
            f"su_label {name} {name}-{slot:03d} slot {slot}" for slot in range(1, values["tapecycle"] + 1))
        self.sh(f"""
            su_label() {{ setpriv --reuid backup --regid backup --init-groups amlabel "$@" >/dev/null; }}
            chown -R root:backup /etc/amanda/{name}; chmod 640 /etc/amanda/{name}/*; chmod 750 /etc/amanda/{name}
            install -d -o backup -g backup -m 700 {DATA}/catalogue/{name}/curinfo {DATA}/catalogue/{name}/index \\
              {DATA}/catalogue/{name}/log {DATA}/catalogue/{name} {DATA}/holding/{name}
            install -d -o backup -g backup -m 750 {DATA}/vtapes/{name}
            install -o backup -g backup -m 600 /dev/null {DATA}/catalogue/{name}/tapelist
            {labels}
        """)

    def write_conf(self, name, *changes):
        """amanda.conf as the program renders it, in this sandbox's sizes; more `changes` are (pattern, text)."""
        values = self.settings["sets"][name]
        text = EXAMPLE.read_text()
        for pattern, replacement in (
            (r"\bdaily\b", name), (r"amcrypt-2026a", f"amcrypt-{self.key}"),
            (r"^tapecycle .*", f"tapecycle {values['tapecycle']} tapes"), (r"^runtapes .*", f"runtapes {values['runtapes']}"),
            (r"^    length .*", f"    length {values['vtapeMB']} mbytes"), (r"^    part_size .*", f"    part_size {self.part_mb} mbytes"),
            (r"^    use .*", f"    use {values['holdingMB']} mbytes"), *changes,
        ):
            text, count = re.subn(pattern, replacement, text, flags=re.M)
            if count == 0:
                raise AssertionError(f"the example amanda.conf has no {pattern}")
        self.path(f"/etc/amanda/{name}/amanda.conf").write_text(text)

    def disklist(self, name, *entries):
        """Write the set's disklist: (disk name, path) each, all of the server's own."""
        quote = lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'  # noqa: E731
        self.path(f"/etc/amanda/{name}/disklist").write_text("".join(
            f"localhost {quote(disk)} {quote(path)} {{\n    encrypt-gnutar-local\n}}\n" for disk, path in entries))

    def backupctl(self, *argv, check=True, **options):
        return self.run(f"{library_path()}/backupctl", *argv, check=check, **options)

    def python(self, code, *arguments, **options):
        """Run Python inside with the installed package on its path; `settings` is there."""
        head = (f"import sys; sys.path.insert(0, {library_path()!r})\n"
                "from amanda_backup import system; settings = system.load_settings()\n")
        return self.run("python3", "-I", "-B", "-c", head + code, *arguments, **options)

    def program(self, name, *arguments):
        """One of drive's stand-alone programs, run inside."""
        return self.run("python3", "-I", str(REPO / "drive" / name), *arguments).stdout

    def ledger(self, name="daily"):
        text = self.path(f"{DATA}/ledger/{name}.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]


def library_path():
    return "/usr/local/lib/amanda-backup"


class SandboxCase(unittest.TestCase):
    """A test class with one sandbox for all its tests; `options` are Sandbox's."""

    options: dict = {}

    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox(**cls.options)
        cls.addClassCleanup(cls.box.close)
