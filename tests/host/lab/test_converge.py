"""Converge on real hosts: killed at random, run again, checked, grown, and refused without a change."""

import random
import unittest

from tests.host import documents
from tests.host.lab import hosts
from tests.host.lab.hosts import SERVER, TWIN

SETS = {"daily": {"tapecycle": 4, "vtapeMB": 60, "runtapes": 2, "holdingMB": 100}}


def server_document(host, **more):
    return documents.server(name="backup1", address=hosts.address(host), **{"sets": SETS, **more})


class Server(unittest.TestCase):
    maxDiff = 3000

    @classmethod
    def setUpClass(cls):
        hosts.make(SERVER, TWIN)
        cls.addClassCleanup(hosts.remove, SERVER, TWIN)
        cls.undisturbed = [hosts.send(TWIN, document) for document in (documents.secrets(), server_document(TWIN))]

    def send(self, document, *, host=SERVER):
        done = hosts.send(host, document)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.splitlines()

    def same(self, found, wanted):
        """Two states are equal; only what differs is shown."""
        self.assertEqual(sorted(set(found) - set(wanted)), sorted(set(wanted) - set(found)))

    def refused(self, document, told, *, host=TWIN):
        """The document is refused in one sentence and nothing on the host changes."""
        before = hosts.state(host, inodes=True)
        done = hosts.send(host, document)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"\Aamanda-backup: [^\n]+\n\Z")
        self.assertIn(told, done.stderr)
        self.same(hosts.state(host, inodes=True), before)

    def test_1_a_bare_host_becomes_a_server(self):
        self.assertEqual([(done.returncode, done.stderr) for done in self.undisturbed], [(0, ""), (0, "")])
        self.assertIn("install packages", self.undisturbed[1].stdout)
        self.assertEqual(self.undisturbed[1].stdout.splitlines()[-1], "ok")

    def test_2_a_second_run_changes_nothing(self):
        before = hosts.state(TWIN, inodes=True)
        for document in (documents.secrets(), server_document(TWIN)):
            self.assertEqual(self.send(document, host=TWIN), ["ok"])
        self.same(hosts.state(TWIN, inodes=True), before)

    def test_3_killed_at_random_it_comes_to_the_same_state(self):
        chance = random.Random(11)
        for document, longest in ((documents.secrets(), 0.5), (server_document(TWIN), 7.0)):
            killed = 0
            while killed < 7:
                done = hosts.send(SERVER, document, limit=chance.uniform(0.1, longest))
                killed += done.returncode != 0
                self.assertNotIn("Traceback", done.stderr)
                # A host where everything is done already ends before it can be killed late.
                longest *= 0.9 if done.returncode == 0 else 1
            self.send(document)
        self.same(hosts.state(SERVER), hosts.state(TWIN))

    def test_4_check_tells_each_drift_and_changes_nothing(self):
        converge = "/usr/local/lib/amanda-backup/converge --check"
        clean = hosts.ssh(TWIN, f"sudo -n {converge}")
        self.assertEqual((clean.returncode, clean.stdout, clean.stderr), (0, "", ""))
        hosts.root(
            TWIN,
            """
            echo '# edited' >> /etc/amanda/daily/amanda.conf
            echo 'web1 /etc encrypt-gnutar-ssh' >> /etc/amanda/daily/disklist
            chmod 644 /etc/amanda-backup/document-server.json; chmod 777 /srv/amanda/catalogue/daily
            rm /etc/sudoers.d/amanda-backup-enrol /usr/local/sbin/backupctl
            echo 'pass' >> /usr/local/lib/amanda-backup/amanda_backup/runs.py
            echo 'ssh-ed25519 AAAA amanda-backup' >> /var/lib/amanda-backup-enrol/.ssh/authorized_keys
            systemctl stop cron; mv /srv/amanda/vtapes/daily/slot4 /srv/slot4
        """,
        )
        before = hosts.state(TWIN, inodes=True)
        drifted = hosts.ssh(TWIN, f"sudo -n {converge} server")
        self.assertEqual((drifted.returncode, drifted.stderr), (1, ""))
        for line in (
            "write /usr/local/lib/amanda-backup/amanda_backup/runs.py",
            "link /usr/local/sbin/backupctl to",
            "make directory /srv/amanda/catalogue/daily (backup, 700)",
            "write /etc/amanda/daily/amanda.conf",
            "write /etc/sudoers.d/amanda-backup-enrol",
            "write /var/lib/amanda-backup-enrol/.ssh/authorized_keys",
            "write /etc/amanda/daily/disklist",
            "make directory /srv/amanda/vtapes/daily/slot4",
            "label slot4 of daily as daily-004",
            "start the service cron",
        ):
            self.assertIn(f"differs: {line}", drifted.stdout)
        self.same(hosts.state(TWIN, inodes=True), before)
        hosts.root(TWIN, "mv /srv/slot4 /srv/amanda/vtapes/daily/slot4")
        self.send(server_document(TWIN), host=TWIN)
        clean = hosts.ssh(TWIN, f"sudo -n {converge}")
        self.assertEqual((clean.returncode, clean.stdout, clean.stderr), (0, "", ""))

    def test_5_more_vtapes_relabel_nothing_and_fewer_keep_all(self):
        labels = "cd /srv/amanda; find vtapes/daily/slot* -type f -printf '%p %i %T@\\n' | sort; sort catalogue/daily/tapelist"
        before = hosts.root(TWIN, labels).splitlines()
        self.send(server_document(TWIN, sets={"daily": SETS["daily"] | {"tapecycle": 6}}), host=TWIN)
        grown = hosts.root(TWIN, labels).splitlines()
        self.assertEqual([line for line in grown if line in before], before)
        self.assertEqual(len(grown), len(before) + 4)
        self.send(server_document(TWIN), host=TWIN)
        self.assertEqual(hosts.root(TWIN, labels).splitlines(), grown)

    def test_6_refusals_change_nothing(self):
        document = server_document(TWIN)
        bad = {
            **document,
            "files": {
                **document["files"],
                "/etc/amanda/daily/amanda.conf": document["files"]["/etc/amanda/daily/amanda.conf"] + "tapecycl 7\n",
            },
        }
        self.refused(bad, "error: not a keyword")
        hosts.root(TWIN, "mkdir /etc/amanda/old; echo 'org old' > /etc/amanda/old/amanda.conf")
        both = {**SETS, "old": SETS["daily"]}
        self.refused(server_document(TWIN, sets=both), "/etc/amanda/old/amanda.conf is there already and was not written by")
        hosts.root(TWIN, "rm -r /etc/amanda/old")
        huge = {"daily": SETS["daily"] | {"vtapeMB": 10**8}}
        self.refused(server_document(TWIN, sets=huge), "there is no space for the vtapes: tapecycle × vtapeMB")
        self.refused(server_document(TWIN, encryption={"keyId": "2027b"}), "keys/2027b/am_passphrase is missing")
        self.refused(server_document(TWIN, platform=documents.platform("redhat")), "this host runs 'debian'")
        self.refused(documents.secrets(passphrase="seven zebras"), "holds another passphrase")
        self.refused(
            server_document(TWIN, hooks={"x": {"user": "nosuch", "script": "#!/bin/sh\n"}}),
            "hook 'x' runs as 'nosuch', but backup1 has no such user",
        )
        mirror = {"user": "nosuch", "path": "/mnt/none/amanda", "mount": "/mnt/none", "fstype": "nfs", "keepDays": 3}
        self.refused(server_document(TWIN, mirror=mirror), "nosuch")
        root_may = {**mirror, "user": "debian"}
        self.refused(server_document(TWIN, mirror=root_may), "/mnt/none")

    def test_6b_an_own_directory_that_is_not_there_is_named_at_the_end(self):
        own = [documents.directory("/srv/none", dumptype="encrypt-gnutar-local")]
        done = hosts.send(TWIN, server_document(TWIN, ownDirectories=own))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(
            done.stderr,
            r"\Aamanda-backup: client 'backup1' is not fit for the set 'daily': can not stat '/srv/none': .*\n\Z",
        )
        self.send(server_document(TWIN), host=TWIN)

    def test_7_it_waits_for_a_run_or_says_so(self):
        holder = (
            'cd /run/lock; flock amanda-backup sh -c \'echo "backupctl run daily (pid 1, since now)" > amanda-backup; '
            "sleep {}' </dev/null >/dev/null 2>&1 &"
        )
        hosts.root(TWIN, holder.format(8))
        self.refused(
            server_document(TWIN, lockWaitMinutes=0), "waited 0 min for backupctl run daily (pid 1, since now)"
        )
        self.assertEqual(self.send(server_document(TWIN, lockWaitMinutes=1), host=TWIN)[-1], "ok")

    def test_8_a_set_that_is_gone_leaves_its_dumps(self):
        two = {**SETS, "weekly": SETS["daily"]}
        self.send(server_document(TWIN, sets=two), host=TWIN)
        kept = "find /srv/amanda/vtapes/weekly /srv/amanda/catalogue/weekly -printf '%p %i %T@\\n' | sort"
        before = hosts.root(TWIN, kept)
        self.send(server_document(TWIN), host=TWIN)
        self.assertEqual(hosts.root(TWIN, kept), before)
        self.assertIn("/srv/amanda/vtapes/weekly/slot4/00000.weekly-004", before)
        self.assertEqual(hosts.root(TWIN, "ls /etc/amanda/weekly").split(), [])


if __name__ == "__main__":
    unittest.main()
