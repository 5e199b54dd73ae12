"""A lab with one stack on it, made once for all tests of a run and taken down at its end."""

import atexit
import copy
import functools
import json
import re
import shutil
import unittest

from drive import lab
from drive.lab import ROOT, STATE
from drive.stack import Stack

KEEP_LAB = (STATE / "keep").exists()


def machine(hosts, name):
    return {key: hosts[name][key] for key in ("address", "user", "hostKey")}


class World:
    """The lab's hosts, the stack and its configuration as it is meant to be between tests."""

    def __init__(self):
        down()
        lab.lab("up")
        self.hosts = lab.status()
        for host in ("client1", "client2"):
            lab.ssh(host, "mkdir -p /srv/a /srv/b /srv/c && for d in a b c; do echo $d >/srv/$d/file; done")
        self.config = {
            "server": {**machine(self.hosts, "server"), "name": "backup1", "lockWaitMinutes": 3},
            "sets": {"daily": {"schedule": "30 2 * * *", "dumpcycle": 2, "runspercycle": 2, "runtapes": 1,
                               "tapecycle": 4, "vtapeMB": 64, "holdingMB": 128}},
            "mirror": {"user": "gmirror", "path": "/mnt/gdata/amanda", "mount": "/mnt/gdata", "fstype": "fuse.sshfs"},
            "encryption": {"keyId": "2026a"},
            "clients": {name: {**machine(self.hosts, name), "directories": ["/srv/a"]} for name in ("client1", "client2")},
        }
        self.stack = Stack("test-integration", STATE / "stack")
        self.stack.init(lab.admin_key())
        self.stack.configure(self.config)
        self.first_up = self.stack.up()

    def changed(self, change):
        """A copy of the configuration with this change made to it."""
        config = copy.deepcopy(self.config)
        change(config)
        return config


@functools.cache
def world():
    atexit.register(lambda: None if KEEP_LAB else down())
    return World()


def down():
    lab.lab("down")
    shutil.rmtree(STATE / "stack", ignore_errors=True)
    (ROOT / "Pulumi.test-integration.yaml").unlink(missing_ok=True)


class OnTheLab(unittest.TestCase):
    """A test that leaves the stack's configuration as it found it."""

    @classmethod
    def setUpClass(cls):
        cls.world = world()
        cls.stack = cls.world.stack

    def setUp(self):
        self.addCleanup(self.stack.configure, self.world.config)

    def up(self, change=None):
        """`pulumi up` with this change of the configuration; its CompletedProcess, whatever its status."""
        self.stack.configure(self.world.changed(change or (lambda config: None)))
        return self.stack.up(check=False)

    def steps(self):
        """What a preview would do now: {(operation, name)} without what stays the same."""
        told = json.loads(self.stack.preview("--json").stdout)
        return {(step["op"], step["urn"].rsplit("::", 1)[1]) for step in told["steps"] if step["op"] != "same"}

    def refused(self, done, *words):
        """The `up` failed, and one line of what it printed holds all these words."""
        self.assertNotEqual(done.returncode, 0, "`pulumi up` was to fail")
        lines = (done.stdout + done.stderr).splitlines()
        self.assertTrue(any(all(word in line for word in words) for line in lines),
                        f"no line has all of {words}:\n{done.stdout[-3000:]}{done.stderr[-1500:]}")

    def accepted(self, done):
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-1500:])


def disklist(name="daily"):
    return lab.ssh("server", f"cat /etc/amanda/{name}/disklist").stdout


def entries(name="daily"):
    """The (host, disk) pairs of the disklist as it is on the server."""
    return set(re.findall(r'^(\S+) "([^"]*)" "[^"]*" \{$', disklist(name), re.M))
