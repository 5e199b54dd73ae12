"""`pulumi up`: what it does again, what it touches, what it leaves alone."""

import os
import re
import signal
import subprocess
import time

from drive import lab
from drive.lab import ROOT
from tests.integration.world import OnTheLab, disklist, entries


def logins(host):
    """How often somebody has logged in on this host by ssh."""
    return int(lab.ssh(host, "journalctl -u ssh --no-pager | grep -c 'Accepted publickey'").stdout)


def labels():
    """label -> slot, and what is in each slot's label file."""
    return lab.ssh("server", "cd /srv/amanda/vtapes/daily && find . -name '00000.*' | sort | xargs -d '\\n' sha256sum").stdout


class Up(OnTheLab):
    def test_a_second_up_changes_nothing_and_connects_to_no_host(self):
        before = {host: logins(host) for host in ("server", "client1", "client2")}
        self.stack.expect_no_changes()
        after = {host: logins(host) for host in ("server", "client1", "client2")}
        # each count is itself one more login
        self.assertEqual({host: count - 1 for host, count in after.items()}, before)

    def test_an_inline_directory_touches_only_its_clients_enrolment(self):
        def add(config):
            config["clients"]["client1"]["directories"].append("/srv/b")
        self.stack.configure(self.world.changed(add))
        self.assertEqual(self.steps(), {
            ("create", "client1-/srv/b"), ("update", "client1-enrolment"), ("update", "client1-enrolment-command")})
        self.accepted(self.up(add))
        self.assertIn(("client1", "/srv/b"), entries())
        self.accepted(self.up())
        self.assertNotIn(("client1", "/srv/b"), entries())
        self.assertIn(("client1", "/srv/a"), entries())

    def test_a_directory_alone_comes_and_goes_with_its_own_fragment(self):
        def add(config):
            config["directories"] = [{"client": "client1", "name": "papers of c", "path": "/srv/c"}]
        before = disklist()
        self.accepted(self.up(add))
        self.assertIn(("client1", "papers of c"), entries())
        self.accepted(self.up())
        self.assertEqual(disklist(), before)

    def test_a_removed_client_leaves_the_disklist_though_its_machine_is_off(self):
        lab.lab("power-off", "client2")
        self.addCleanup(lab.lab, "power-on", "client2")
        self.accepted(self.up(lambda config: config["clients"].pop("client2")))
        self.assertEqual({host for host, _ in entries()}, {"backup1", "client1"})
        lab.lab("power-on", "client2")
        self.accepted(self.up())
        self.assertIn(("client2", "/srv/a"), entries())

    def test_more_vtapes_grow_the_changer_and_relabel_nothing(self):
        def grow(config):
            config["sets"]["daily"]["tapecycle"] = 6
        before = set(labels().splitlines())
        self.accepted(self.up(grow))
        after = set(labels().splitlines())
        self.assertTrue(before < after)
        self.assertEqual(len(after), 6)
        tapelist = lab.ssh("server", "cat /srv/amanda/catalogue/daily/tapelist").stdout
        self.assertEqual(sorted(re.findall(r"daily-\d+", tapelist)), [f"daily-{number:03}" for number in range(1, 7)])
        self.world.config["sets"]["daily"]["tapecycle"] = 6

    def test_an_interrupted_up_is_repaired_by_the_next(self):
        def change(config):
            config["sets"]["daily"]["tapecycle"] = 8
            config["clients"]["client1"]["directories"].append("/srv/c")
        self.stack.configure(self.world.changed(change))
        running = subprocess.Popen(
            [ROOT / "toolchain" / "run", "pulumi", "up", "--stack", self.stack.name, "--yes", "--skip-preview"],
            cwd=ROOT, env=self.stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while "daily-007" not in labels_printed():
            self.assertIsNone(running.poll(), "`pulumi up` ended before it could be interrupted")
            time.sleep(0.1)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        self.stack.pulumi("cancel", self.stack.name, "--yes", check=False)
        self.accepted(self.up(change))
        self.stack.expect_no_changes()
        self.assertEqual(len(labels().splitlines()), 8)
        self.assertIn(("client1", "/srv/c"), entries())
        self.world.config["sets"]["daily"]["tapecycle"] = 8
        self.accepted(self.up())

    def test_up_during_a_run_waits_and_harms_neither(self):
        lab.ssh("server", "systemd-run --quiet --unit=nightly /usr/local/sbin/backupctl run daily")
        while not lab.ssh("server", "cat /run/lock/amanda-backup").stdout.strip():
            time.sleep(0.1)

        def add(config):
            config["clients"]["client1"]["directories"].append("/srv/b")
        self.accepted(self.up(add))
        self.assertIn(("client1", "/srv/b"), entries())
        self.assertEqual(lab.ssh("server", "systemctl show -p Result --value nightly; backupctl status",
                                 check=False).stdout.splitlines()[0], "success")
        self.accepted(self.up())


def labels_printed():
    return lab.ssh("server", "ls /srv/amanda/vtapes/daily/*/ | grep daily || true").stdout
