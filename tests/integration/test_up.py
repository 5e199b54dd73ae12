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


def vtapes(number):
    """The change of the configuration that asks for so many vtapes."""
    def change(config):
        config["sets"]["daily"]["tapecycle"] = number
    return change


class Up(OnTheLab):
    def test_a_second_up_changes_nothing_and_connects_to_no_host(self):
        def counted():
            return {host: logins(host) for host in ("server", "client1", "client2")}
        first, before = counted(), counted()
        self.stack.expect_no_changes()
        after = counted()
        # counting logs in too
        by_counting = {host: before[host] - first[host] for host in first}
        self.assertEqual({host: after[host] - before[host] for host in first}, by_counting)

    def test_an_inline_directory_touches_only_its_clients_enrolment(self):
        def add(config):
            config["clients"]["client1"]["directories"].append("/srv/b")
        self.stack.configure(self.world.changed(add))
        self.assertEqual(self.steps(), {
            ("create", "client1+/srv/b"), ("update", "client1-enrolment"), ("update", "client1-enrolment-command")})
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
        before = set(labels().splitlines())
        wanted = len(before) + 2
        self.accepted(self.up(vtapes(wanted)))
        after = set(labels().splitlines())
        self.assertTrue(before < after)
        tapelist = lab.ssh("server", "cat /srv/amanda/catalogue/daily/tapelist").stdout
        self.assertEqual(sorted(re.findall(r"daily-\d+", tapelist)),
                         [f"daily-{number:03}" for number in range(1, wanted + 1)])
        # fewer are wanted again: those that are there stay
        self.accepted(self.up())
        self.assertEqual(set(labels().splitlines()), after)

    def test_an_interrupted_up_is_repaired_by_the_next(self):
        wanted = len(labels().splitlines()) + 4

        def change(config):
            vtapes(wanted)(config)
            config["clients"]["client1"]["directories"].append("/srv/c")
        self.stack.configure(self.world.changed(change))
        running = subprocess.Popen(
            [ROOT / "toolchain" / "run", "pulumi", "up", "--stack", self.stack.name, "--yes", "--skip-preview"],
            cwd=ROOT, env=self.stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while len(labels().splitlines()) < wanted - 2:
            self.assertIsNone(running.poll(), "`pulumi up` ended before it could be interrupted")
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        self.stack.pulumi("cancel", self.stack.name, "--yes", check=False)
        self.accepted(self.up(change))
        self.stack.expect_no_changes()
        self.assertEqual(len(labels().splitlines()), wanted)
        self.assertIn(("client1", "/srv/c"), entries())
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
