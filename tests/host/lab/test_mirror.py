"""The mirror on real storage: sshfs of a user from LDAP, on which root may not even look, lost and found again."""

import json
import unittest

from drive import lab
from tests.host import documents

SERVER = "server2"
MIRROR = {"user": "gmirror", "path": "/mnt/gdata/mirror-test", "mount": "/mnt/gdata", "fstype": "fuse.sshfs", "keepDays": 30}


class Storage(unittest.TestCase):
    """In the order of the names, on a fresh server and a folder of its own on the lab's storage."""

    @classmethod
    def setUpClass(cls):
        lab.fresh(SERVER)
        cls.addClassCleanup(lab.lab, "destroy", SERVER)
        lab.ssh("storage", "rm -rf /srv/gdata/mirror-test")
        lab.ssh(SERVER, "mkdir -p /srv/data; head -c 20M /dev/urandom > /srv/data/large; echo one > /srv/data/small")
        cls.converge()

    @classmethod
    def converge(cls):
        directory = documents.directory("/srv/data", dumptype="encrypt-gnutar-local")
        settings = documents.server_settings("backup1", lab.status()[SERVER]["address"], mirror=MIRROR,
            sets={"daily": {"tapecycle": 8, "vtapeMB": 50, "runtapes": 2, "holdingMB": 100}}, ownDirectories=[directory])
        for document in (documents.secrets(), documents.server(settings)):
            lab.call([lab.ROOT / "lab/ssh", SERVER, f"sudo -n python3 -I -c {lab.quote(documents.BOOTSTRAP)}"],
                     stdin=json.dumps(document))

    def backupctl(self, *argv, status=0):
        done = lab.ssh(SERVER, "backupctl " + " ".join(argv), check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr

    def mirrored(self):
        """The mirror's files by path, as the storage has them: {path: sha256}."""
        told = lab.ssh("storage", "cd /srv/gdata/mirror-test && find . -type f -exec sha256sum {} +").stdout
        return {path: sha256 for sha256, path in (line.split("  ", 1) for line in told.splitlines())}

    def test_1_root_is_locked_out_and_the_run_is_mirrored_all_the_same(self):
        looked = lab.ssh(SERVER, "ls /mnt/gdata", check=False)
        self.assertIn("Permission denied", looked.stderr)
        self.assertEqual(self.backupctl("run", "daily"), "")
        found = self.mirrored()
        self.assertEqual(len([path for path in found if path.endswith("manifest.json.sig")]), 1)
        for path in lab.ssh(SERVER, "cd /srv/amanda/vtapes/daily && sha256sum slot1/0*").stdout.splitlines():
            self.assertIn(path.split()[0], found.values())

    def test_2_without_the_mount_nothing_is_written_beneath(self):
        lab.lab("storage-detach", SERVER)
        self.addCleanup(lab.lab, "storage-attach", SERVER)
        lab.ssh(SERVER, "runuser -u gmirror -- touch /mnt/gdata/writable && rm /mnt/gdata/writable")
        told = self.backupctl("mirror", status=1)
        self.assertRegex(told, r"\Aamanda-backup: daily: not mirrored: mirror /mnt/gdata/mirror-test: /mnt/gdata must be on a"
                               r" fuse.sshfs mounted at /mnt/gdata but is on a [^\n]+\n\Z")
        self.assertEqual(lab.ssh(SERVER, "ls -A /mnt/gdata").stdout, "")

    def test_3_the_storage_goes_away_in_the_middle(self):
        """Its plug is pulled while the copy runs; the next call finishes the work."""
        before = self.mirrored()
        lab.ssh(SERVER, "head -c 60M /dev/urandom > /srv/data/large")
        lab.ssh(SERVER, "systemd-run --quiet --unit=night backupctl run daily")
        lab.ssh(SERVER, "until [ $(grep -c '\"event\": \"run\"' /srv/amanda/ledger/daily.jsonl) = 2 ]; do sleep 0.1; done")
        lab.lab("power-off", "storage")
        self.addCleanup(lab.lab, "power-on", "storage")
        lab.lab("power-on", "storage")
        lab.ssh(SERVER, "flock --wait 180 /run/lock/amanda-backup true")
        lab.lab("storage-detach", SERVER)
        lab.lab("storage-attach", SERVER)
        self.assertEqual(self.backupctl("mirror"), "")
        after = self.mirrored()
        self.assertEqual({path: after.get(path) for path in before if "/vtapes/" in path},
                         {path: sha256 for path, sha256 in before.items() if "/vtapes/" in path})
        self.assertEqual(len([path for path in after if path.endswith("manifest.json.sig")]), 2)

    def test_4_the_servers_plug_is_pulled_during_a_run(self):
        lab.ssh(SERVER, "head -c 60M /dev/urandom > /srv/data/large")
        lab.ssh(SERVER, "systemd-run --quiet --unit=night2 backupctl run daily")
        lab.ssh(SERVER, "while ! ls /srv/amanda/holding/daily/*/*data* >/dev/null 2>&1; do sleep 0.1; done")
        lab.lab("power-off", SERVER)
        lab.lab("power-on", SERVER)
        # A container's /etc/hosts is made anew at each start, as cloud-init does on many images.
        self.assertNotIn("backup1", lab.ssh(SERVER, "cat /etc/hosts").stdout)
        killed = lab.ssh(SERVER, "ls /srv/amanda/catalogue/daily/log | grep '^log\\.2' | tail -1").stdout.split(".")[1]
        told = self.backupctl("run", "daily", status=1)
        self.assertTrue(all(killed in line for line in told.splitlines()), told)
        self.assertEqual(self.backupctl("run", "daily"), "")
        lab.ssh(SERVER, "backupctl status")


if __name__ == "__main__":
    unittest.main()
