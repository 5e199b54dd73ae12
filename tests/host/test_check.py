"""`backupctl check` on a sandboxed server with real runs: what is well, and every kind of thing that is not."""

import json
import unittest

from tests.host import documents
from tests.host.server_sandbox import DATA, SandboxCase

MIRROR_MOUNT = "/mnt/gdata"


class Check(SandboxCase):
    """In the order of the names."""

    options = {"slots": 8, "vtape_mb": 30, "runtapes": 1, "holding_mb": 100}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box.sh(f"mkdir -p /srv/src {DATA}/enrolment; echo one > /srv/src/file; install -d -g backup -m 750 /var/backups/.ssh")
        cls.box.disklist("daily", ("/srv/src", "/srv/src"))

    def check(self, status, *options):
        """(level, kind, sentence) of every problem; the plain form must say the same."""
        found = self.box.backupctl("check", "--json", *options, check=False)
        self.assertEqual((found.returncode, found.stderr), (status, ""), found.stdout)
        told = json.loads(found.stdout)
        plain = self.box.backupctl("check", *options, check=False)
        self.assertEqual(plain.returncode, status)
        lines = plain.stdout.splitlines()
        self.assertEqual(lines[0], told["summary"].replace("|", "/"))
        self.assertTrue(lines[0].startswith(f"AMANDA {('OK', 'WARNING', 'CRITICAL', 'UNKNOWN')[status]} - "), lines[0])
        self.assertEqual(lines[1:], [f"{each['level']}: {each['text']}" for each in told["problems"]])
        return [(each["level"], each["about"], each["text"]) for each in told["problems"]]

    def test_1_a_new_set_waits_for_its_first_run(self):
        self.assertEqual(
            self.check(1),
            [("WARNING", "directory", "daily: localhost /srv/src has no proved dump: it waits for its first run")])
        # It does not wait for ever.
        self.box.sh(f"touch -d '3 days ago' {DATA}/vtapes/daily/slot1/00000.daily-001")
        self.assertRegex(self.check(1)[0][2], "daily: no run ended without trouble yet, 72 hours ago")
        self.box.sh(f"touch -d '9 days ago' {DATA}/vtapes/daily/slot1/00000.daily-001")
        self.assertRegex(self.check(2)[0][2], r"daily: no run ended without trouble yet, 9\.0 days ago")

    def test_2_after_a_good_run_all_is_well(self):
        self.box.backupctl("run", "daily")
        self.assertEqual(self.check(0), [])
        told = self.box.backupctl("check").stdout
        self.assertRegex(told, r"\AAMANDA OK - 1 directories of 1 hosts in 1 sets, last run 20[0-9-]+ [0-9:]+\n\Z")
        self.assertRegex(self.check(1, "--warn", "0")[0][2], r"daily: its last run without trouble was 20.* 0 hours ago")
        self.assertEqual(self.check(2, "--critical", "0")[0][:2], ("CRITICAL", "age"))

    def test_3_a_run_with_troubles_does_not_count(self):
        self.box.disklist("daily", ("/srv/src", "/srv/src"), ("/srv/gone", "/srv/gone"))
        self.box.backupctl("run", "daily", check=False)
        found = self.check(2)
        self.assertEqual(found[0], ("CRITICAL", "directory", "daily: localhost /srv/gone has no proved dump"))
        self.assertRegex(found[1][2], "daily: localhost /srv/gone: not proved: ")
        told = self.box.python("""
from amanda_backup import check, ledger
ledger.read = lambda path: [{"event": "run", "run": "20200101120000", "troubles": []},
                            {"event": "run", "run": "20990101000000", "troubles": ["one"]}]
print(check.late(settings, "daily", None, None)[0].text)
""").stdout
        self.assertIn("daily: its last run without trouble was 2020-01-01 12:00, ", told)
        self.box.disklist("daily", ("/srv/src", "/srv/src"))
        self.box.backupctl("run", "daily")
        self.assertEqual(self.check(0), [])

    def test_4_a_run_that_nobody_proved(self):
        self.box.run("amdump", "daily", user="backup", check=False)
        self.assertRegex(self.check(1)[0][2], r"daily: run [0-9]{14} is not proved yet")
        # While a run is at work this is as it should be.
        with_lock = self.box.sh("flock /run/lock/amanda-backup /usr/local/lib/amanda-backup/backupctl check")
        self.assertRegex(with_lock.stdout, r"\AAMANDA OK")
        self.box.backupctl("run", "daily")
        self.assertEqual(self.check(0), [])

    def test_5_the_mirror_is_away_and_behind(self):
        self.box.sh(f"mkdir /mnt/kept; mount --move {MIRROR_MOUNT} /mnt/kept 2>/dev/null || mount --bind {MIRROR_MOUNT} /mnt/kept;"
                    f" umount {MIRROR_MOUNT} 2>/dev/null || true")
        self.assertRegex("\n".join(text for level, about, text in self.check(2) if (level, about) == ("CRITICAL", "mirror")),
                         "mirror /mnt/gdata/amanda: /mnt/gdata must be on a tmpfs mounted at /mnt/gdata but")
        self.box.backupctl("run", "daily", check=False)
        self.box.sh(f"mount --bind /mnt/kept {MIRROR_MOUNT}; umount /mnt/kept")
        behind = [text for _, about, text in self.check(1) if about == "mirror"]
        self.assertRegex(behind[0], r"daily: the mirror does not hold the run [0-9]{14}: `backupctl mirror daily`")
        self.box.backupctl("mirror")
        self.assertEqual(self.check(0), [])

    def test_6_a_client_that_is_gone_and_a_namespace_that_is_gone(self):
        document = documents.enrolment("web9", directories=[documents.directory("/srv/www"), documents.directory("/etc")],
                                       address="192.0.2.9")
        place = self.box.path(f"{DATA}/enrolment/old.stack")
        place.mkdir()
        (place / "web9.json").write_text(json.dumps(document))
        # Nothing listens there.
        self.box.path("/var/backups/.ssh/config").write_text("Host web9\n    HostName 127.0.0.1\n    Port 1\n")
        found = self.check(1)
        self.assertEqual([(level, about) for level, about, _ in found], [("WARNING", "client"), ("WARNING", "namespace")])
        self.assertRegex(found[0][2], r"client web9 \(192.0.2.9\) cannot be reached for /etc, /srv/www: .*Connection refused")
        self.assertRegex(found[1][2], "web9 is enrolled by the namespace old.stack, which is not in `namespaces` any more")
        # A client that had to dump nothing is not asked.
        (place / "web9.json").write_text(json.dumps({**document, "directories": []}))
        self.assertEqual([about for _, about, _ in self.check(1)], ["namespace"])
        refused = self.box.backupctl("withdraw", "old.stack", "web8", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("'web8' is not enrolled by the namespace 'old.stack': it has enrolled web9", refused.stderr)
        self.box.backupctl("withdraw", "old.stack", "web9")
        self.assertEqual(list(place.iterdir()), [])
        self.box.disklist("daily", ("/srv/src", "/srv/src"))
        self.assertEqual(self.check(0), [])

    def test_7_what_cannot_be_known(self):
        self.box.sh(f"mv {DATA}/catalogue {DATA}/elsewhere")
        self.assertEqual(self.check(2), [
            ("CRITICAL", "volume", f"dataPath: {DATA} holds no catalogue: mount the data volume; nothing was changed")])
        self.box.sh(f"mv {DATA}/elsewhere {DATA}/catalogue; mv /etc/amanda/daily/amanda.conf /etc/amanda/daily/kept")
        self.assertEqual(self.check(3)[0][1], "check")
        self.box.sh("mv /etc/amanda/daily/kept /etc/amanda/daily/amanda.conf; mv /etc/amanda-backup/settings.json /etc/kept")
        self.assertRegex(self.check(3)[0][2], "settings.json is missing: this host is not set up")
        self.box.sh("echo '{' > /etc/amanda-backup/settings.json")
        self.assertRegex(self.check(3)[0][2], "JSONDecodeError")
        self.box.sh("mv /etc/kept /etc/amanda-backup/settings.json")
        done = self.box.backupctl("check", user="backup", check=False)
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]),
                         (3, "AMANDA UNKNOWN - backupctl works as root only: use sudo"))


if __name__ == "__main__":
    unittest.main()
