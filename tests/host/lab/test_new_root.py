"""A server's data volume outlives its machine: a restart, a pulled volume, a new root disk, and what is restored then."""

import json
import subprocess
import time
import unittest

from drive import lab
from tests.host import disks, documents
from tests.host.lab import hosts, volumes
from tests.host.lab.hosts import CLIENT

SERVER = "server2"
MIRROR = {"user": "gmirror", "path": "/mnt/gdata/volume-test", "mount": "/mnt/gdata", "fstype": "fuse.sshfs", "keepDays": 30}
SETS = {"daily": {"tapecycle": 6, "vtapeMB": 50, "runtapes": 1, "holdingMB": 100}}


class NewRoot(unittest.TestCase):
    """In the order of the names, on one client and a server that gets a new root disk half-way."""

    @classmethod
    def setUpClass(cls):
        hosts.make(SERVER, CLIENT)
        cls.addClassCleanup(hosts.remove, SERVER, CLIENT)
        lab.ssh("storage", "rm -rf /srv/gdata/volume-test")
        cls.disk, cls.other, cls.own = disks.Disk(600), disks.Disk(600), disks.Disk(16)
        for disk in (cls.disk, cls.other, cls.own):
            cls.addClassCleanup(disk.close)
        # Loop devices are free only when nothing mounts them any more.
        cls.addClassCleanup(hosts.remove, SERVER)
        hosts.root(CLIENT, "mkdir -p /srv/www; echo one > /srv/www/page; head -c 3M /dev/urandom > /srv/www/large")
        volumes.attach(SERVER, cls.disk)
        # A part of the server's root disk, which will be what its image had.
        disks.run("mkfs.ext4", "-q", cls.own.device)
        cls.mount_own()
        hosts.root(SERVER, "echo image > /srv/own/from-image; umount /srv/own")
        cls.own.save()
        cls.mount_own()
        hosts.root(SERVER, "echo changed > /srv/own/from-image; echo new > /srv/own/later")

    @classmethod
    def mount_own(cls):
        volumes.attach(SERVER, cls.own, "vdc")
        hosts.root(SERVER, "mkdir -p /srv/own; mount /dev/vdc /srv/own")

    def document(self, instance="i-1", disk=None):
        directory = documents.directory("/srv/own", dumptype="encrypt-gnutar-local")
        settings = documents.server_settings(
            "backup1", hosts.address(SERVER), mirror=MIRROR, sets=SETS, ownDirectories=[directory],
            dataVolume={"id": (disk or self.disk).id})
        return {**documents.server(settings), "boot": 300, "identity": {"generation": 1, "instance": instance}}

    def send(self, document, host=SERVER):
        done = hosts.send(host, document)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout

    def backupctl(self, *argv, status=0):
        done = lab.ssh(SERVER, "backupctl " + " ".join(argv), check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done.stderr if status else done.stdout

    def levels(self):
        """(host, disk, level, proved) of the newest run's dumps, as the ledger has them."""
        lines = lab.ssh(SERVER, "cat /srv/amanda/ledger/daily.jsonl").stdout.splitlines()
        dumps = [record for record in map(json.loads, lines) if record["event"] == "dump"]
        return sorted(
            (record["host"], record["level"], record["proved"]) for record in dumps if record["run"] == dumps[-1]["run"])

    def ask_for_level_1(self):
        """Amanda makes some full dumps early where there is room; here each is to be incremental if it may."""
        hosts.root(SERVER, "runuser -u backup -- amadmin daily force-level-1")

    def mounted(self):
        return hosts.root(SERVER, "findmnt -n -o SOURCE,FSTYPE /srv/amanda || true").split()

    def test_1_a_blank_volume_becomes_the_data_of_a_new_server(self):
        told = self.send(documents.secrets()) + self.send(self.document())
        self.assertIn(f"make a file system on the empty data volume {self.disk.id}", told)
        self.assertEqual(self.mounted(), ["/dev/vdb", "ext4"])
        self.assertEqual(self.send(self.document()), "ok\n")
        self.send(documents.client(CLIENT, server_address=hosts.address(SERVER)), CLIENT)
        enrolled = hosts.enrol(documents.enrolment(
            CLIENT, directories=[documents.directory("/srv/www")], address=hosts.address(CLIENT),
            host_key=hosts.host_key(CLIENT)), host=SERVER)
        self.assertEqual(enrolled.returncode, 0, enrolled.stderr)
        self.backupctl("run", "daily")
        self.assertEqual(self.levels(), [("backup1", 0, True), (CLIENT, 0, True)])
        hosts.root(CLIENT, "echo two > /srv/www/page")
        hosts.root(SERVER, "echo newer > /srv/own/later")
        self.ask_for_level_1()
        self.backupctl("run", "daily")
        self.assertEqual(self.levels(), [("backup1", 1, True), (CLIENT, 1, True)])
        clean = hosts.ssh(SERVER, "sudo -n /usr/local/lib/amanda-backup/converge --check")
        self.assertEqual((clean.returncode, clean.stdout, clean.stderr), (0, "", ""))

    def test_2_everything_refuses_without_the_volume_and_it_comes_back_by_itself(self):
        lab.lab("power-off", SERVER)
        # Until the volume is there the boot does not end, so neither does this; the host answers all the same.
        starting = subprocess.Popen([lab.ROOT / "lab/power-on", SERVER], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(starting.wait)
        while hosts.ssh(SERVER, "true").returncode:
            time.sleep(0.2)
        self.assertEqual(self.mounted(), [])
        for command in ("run daily", "mirror", "status", "list", "takeover"):
            self.assertIn("dataVolume: the volume", self.backupctl(*command.split(), status=1))
        enrolment = documents.enrolment(CLIENT, address=hosts.address(CLIENT), host_key=hosts.host_key(CLIENT))
        for verb in ("enrol", "withdraw"):
            refused = hosts.enrol(enrolment, verb, host=SERVER)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"the volume {self.disk.id} is not attached", refused.stderr)
        self.assertEqual(hosts.root(SERVER, "ls -A /srv/amanda"), "")
        volumes.attach(SERVER, self.disk)
        hosts.root(SERVER, "for t in $(seq 100); do findmnt /srv/amanda && exit; sleep 0.5; done; exit 1")
        hosts.root(SERVER, "for t in $(seq 20); do systemctl is-active cron amanda-backup-data && exit; sleep 0.5; done; exit 1")
        self.assertEqual(starting.wait(), 0)
        self.mount_own()
        # A container's /etc/hosts is made anew at each start.
        self.assertRegex(self.send(self.document()), r"\A(add 127.0.1.1 backup1 to /etc/hosts\n)?ok\n\Z")

    def test_3_another_volume_is_refused_and_stays_blank(self):
        before = disks.run("sha256sum", self.other.file)
        volumes.detach(SERVER, self.disk)
        volumes.attach(SERVER, self.other)
        done = hosts.send(SERVER, self.document(disk=self.other))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"this server's data is on the volume {self.disk.id}", done.stderr)
        self.assertEqual(disks.run("sha256sum", self.other.file), before)
        volumes.attach(SERVER, self.disk)

    def test_4_a_new_root_disk_goes_on_with_the_volume(self):
        kept = "cd /srv/amanda && find vtapes catalogue/daily/index enrolment -type f -name '[0-9]*' -o -name '*.json' | xargs sha256sum | sort"
        before = hosts.root(SERVER, kept)
        hosts.remove(SERVER)
        lab.lab("create", SERVER)
        # An older state comes back with it, and no file there is newer than the last dump of it.
        self.own.restore()
        self.mount_own()
        volumes.attach(SERVER, self.disk)
        told = self.send(documents.secrets()) + self.send(self.document("i-2"))
        self.assertNotIn("label slot", told)
        self.assertNotIn("make a file system", told)
        self.assertIn("go on with the dumps of daily on the data volume", told)
        self.assertEqual(hosts.root(SERVER, kept), before)
        self.assertEqual(self.send(self.document("i-2")), "ok\n")
        # The client's base is proved and stays; the server's own is on a disk that is gone.
        hosts.root(CLIENT, "echo three > /srv/www/page; rm /srv/www/large; echo more > /srv/www/more")
        self.ask_for_level_1()
        self.backupctl("run", "daily")
        self.assertEqual(self.levels(), [("backup1", 0, True), (CLIENT, 1, True)])
        self.backupctl("status")

    def test_5_a_clients_new_root_disk_has_no_state_and_is_dumped_whole(self):
        """Its level 1 has no list to compare with, so it holds all there is, and says what is gone."""
        hosts.remove(CLIENT)
        lab.lab("create", CLIENT)
        hosts.root(CLIENT, "mkdir -p /srv/www/deep; echo image > /srv/www/page; echo four > /srv/www/deep/four; touch -d 2020-01-01 /srv/www/page")
        self.send(documents.client(CLIENT, server_address=hosts.address(SERVER)), CLIENT)
        self.ask_for_level_1()
        self.backupctl("run", "daily")
        self.assertEqual(self.levels(), [("backup1", 1, True), (CLIENT, 1, True)])

    def test_6_what_is_restored_is_what_was_there(self):
        lab.ssh(SERVER, "backupctl kit --out /root/kit.tar; mkdir /root/kit; tar -xf /root/kit.tar -C /root/kit")
        # Root may not read the mirror there: its user hands it over.
        hosts.root(SERVER, "mkdir /root/mirror; runuser -u gmirror -- tar -C /mnt/gdata/volume-test -c . | tar -x -C /root/mirror")
        told = lab.ssh(SERVER, "/root/kit/recover.sh --kit /root/kit --mirror /root/mirror --to /restored 2>&1")
        self.assertEqual(told.stdout.count(" restored\n"), 2, told.stdout)
        tree = "cd {} && find . -type f | sort | xargs sha256sum"
        for host, place in ((CLIENT, "/srv/www"), ("backup1", "/srv/own")):
            source = hosts.root(CLIENT if host == CLIENT else SERVER, tree.format(place))
            self.assertEqual(hosts.root(SERVER, tree.format(f"/restored/{host}{place}")), source)

    def test_7_monitoring_names_a_client_that_is_gone(self):
        self.assertRegex(self.backupctl("check"), r"\AAMANDA OK - 2 directories of 2 hosts in 1 sets, last run [-0-9: ]+\n\Z")
        hosts.root(CLIENT, "ssh-keygen -q -t ed25519 -N '' -f /root/other; cp /root/other /etc/ssh/ssh_host_ed25519_key;"
                           " systemctl restart ssh")
        done = lab.ssh(SERVER, "backupctl check", check=False)
        self.assertIn("another machine answers: its host key is not the enrolled one", done.stdout)
        self.assertEqual(done.returncode, 1)
        lab.lab("power-off", CLIENT)
        done = lab.ssh(SERVER, "backupctl check --json", check=False)
        told = json.loads(done.stdout)
        self.assertEqual((done.returncode, [(each["level"], each["about"]) for each in told["problems"]]), (1, [("WARNING", "client")]))
        self.assertRegex(told["summary"], rf"client {CLIENT} \({hosts.address(CLIENT)}\) cannot be reached for /srv/www: .*(timed out|No route)")


if __name__ == "__main__":
    unittest.main()
