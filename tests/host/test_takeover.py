"""Takeover: an emptied server goes on where the mirror ends, or refuses in one sentence."""

import os
import signal
import subprocess
import unittest

from tests.host.server_sandbox import DATA, SandboxCase, library_path

MIRROR = "/mnt/gdata/amanda"
DISK = "/srv/src/data"


class TakeoverTest(SandboxCase):
    """Each test starts with a new data volume on which converge has only made the folders."""

    options = {"slots": 4, "vtape_mb": 20, "part_mb": 5, "runtapes": 2}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        box = cls.box
        box.sh(f"""
            mkdir -p {DISK}; head -c 15M /dev/urandom > {DISK}/large; echo one > {DISK}/one
            install -d -m 700 {DATA}/enrolment/amanda-backup.test
            echo '{{"fragment": "web1"}}' > {DATA}/enrolment/amanda-backup.test/web1.json
        """)
        box.disklist("daily", (DISK, DISK))
        box.backupctl("run", "daily")
        cls.run_stamp = box.ledger()[-1]["run"]
        # The old server's volume and mirror, to compare with and to begin again from.
        box.sh(f"mv {DATA} /srv/old; cp -a {MIRROR} /mnt/gdata/good")

    def setUp(self):
        self.box.sh(f"""
            rm -rf {DATA} {MIRROR}; cp -al /mnt/gdata/good {MIRROR}
            install -d -m 755 {DATA} {DATA}/catalogue {DATA}/vtapes {DATA}/holding
            install -d -m 700 {DATA}/enrolment
            install -d -o backup -g backup -m 700 {DATA}/gnutar-lists {DATA}/catalogue/daily {DATA}/holding/daily \\
              {DATA}/catalogue/daily/curinfo {DATA}/catalogue/daily/index {DATA}/catalogue/daily/log
            install -o backup -g backup -m 600 /dev/null {DATA}/catalogue/daily/tapelist
            install -d -o backup -g backup -m 750 {DATA}/vtapes/daily {DATA}/vtapes/daily/slot1
        """)

    def takeover(self, *argv, status=0):
        done = self.box.backupctl("takeover", *argv, check=False)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def refused(self, words):
        """One sentence, and nothing at its place."""
        done = self.takeover(status=1)
        self.assertIn(words, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(self.files("vtapes/daily"), {})
        self.assertEqual([path for path, data in self.files("catalogue").items() if data], [])

    def files(self, below, base=DATA):
        """Every file with its content."""
        top = self.box.path(f"{base}/{below}")
        return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*")
                if path.is_file() and not path.is_symlink()}

    def spoil(self, pattern, change):
        """Change a file of the mirror without touching the good copy."""
        path = sorted(self.box.path(MIRROR).glob(pattern))[0]
        data = bytearray(path.read_bytes())
        owner = path.stat().st_uid
        path.unlink()
        if change(data) is not False:
            path.write_bytes(data)
            os.chown(path, owner, owner)
        return path.name

    def assert_taken(self):
        vtapes = {path: data for path, data in self.files("vtapes/daily", "/srv/old").items() if path.startswith("slot")}
        self.assertEqual(self.files("vtapes/daily"), vtapes)
        for part in ("catalogue/daily/curinfo", "catalogue/daily/index", "catalogue/daily/log", "enrolment"):
            self.assertEqual(self.files(part), self.files(part, "/srv/old"), part)
        for name in ("catalogue/daily/tapelist", "ledger/crypt.jsonl", "ledger/key-2026a.sha256"):
            self.assertEqual(self.box.path(f"{DATA}/{name}").read_bytes(), self.box.path(f"/srv/old/{name}").read_bytes(), name)
        self.assertEqual([line["event"] for line in self.box.ledger()].count("takeover"), 1)
        self.assertEqual(self.box.ledger()[-1]["event"], "takeover")
        self.assertFalse(self.box.path(f"{DATA}/.takeover").exists())

    def test_everything_comes_back_and_the_next_run_is_full(self):
        self.assertIn("took over daily", self.takeover().stdout)
        self.assert_taken()
        self.assertIn("nothing to take over", self.takeover().stdout)
        # Amanda accepts it, GNU tar's state on the client is newer than anything here, and the dump is full.
        self.box.run("amcheck", "-s", "daily", user="backup")
        self.box.backupctl("run", "daily")
        dump = [line for line in self.box.ledger() if line["event"] == "dump"][-1]
        self.assertNotEqual(dump["stamp"], self.run_stamp)
        self.assertEqual((dump["level"], dump["proved"]), (0, True))
        used = {part["vtape"].split("@")[0] for part in dump["parts"]}
        self.assertNotIn("daily-001", used)
        stamps = sorted(path.name for path in self.box.path(f"{MIRROR}/generations/daily").iterdir())
        self.assertEqual(stamps, [self.run_stamp, dump["stamp"]])

    def test_killed_at_many_moments(self):
        delay, kills = 0.05, 0
        while True:
            runner = subprocess.Popen(
                ["nsenter", f"--mount=/proc/{self.box.holder.pid}/ns/mnt", "--", f"{library_path()}/backupctl", "takeover"],
                start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                told = runner.communicate(timeout=delay)
                break
            except subprocess.TimeoutExpired:
                os.killpg(runner.pid, signal.SIGKILL)
                runner.communicate()
                kills += 1
                delay += 0.03
        self.assertEqual((runner.returncode, told[1]), (0, b""))
        self.assertGreater(kills, 2)
        self.assert_taken()

    def test_killed_before_each_move_of_the_commit(self):
        """Every rename, write and removal of the last step is once the last thing that happens."""
        for moves in range(100):
            done = self.box.python(f"""
import os, shutil, sys
from amanda_backup import ledger, takeover
left = [{moves}]
def dying(real):
    def call(*args, **kw):
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)
        return real(*args, **kw)
    return call
real = takeover.commit
def commit(*args):
    os.rename, os.unlink, os.chown, shutil.rmtree, ledger.append = map(
        dying, (os.rename, os.unlink, os.chown, shutil.rmtree, ledger.append))
    real(*args)
    left[0] = 10**9
takeover.commit = commit
print(takeover.take_over_if_needed(settings))
""", check=False)
            if done.returncode == 0:
                break
            self.assertEqual((done.returncode, done.stderr), (9, ""))
        # The last kill may have come after all was done.
        self.assertIn(done.stdout, ("['daily']\n", "[]\n"))
        self.assertGreater(moves, 10)
        self.assert_taken()

    def test_a_server_with_vtapes_is_left_alone(self):
        self.box.run("amlabel", "daily", "daily-001", "slot", "1", user="backup")
        before = self.files("")
        self.assertIn("nothing to take over", self.takeover().stdout)
        self.assertEqual(self.files(""), before)

    def test_a_set_more_brings_no_enrolment_back(self):
        """Of a server that has another set's vtapes: what is not enrolled here was withdrawn since."""
        kept = self.box.settings["sets"]["daily"]
        self.box.settings["sets"]["weekly"] = kept
        self.box.write_settings()
        self.addCleanup(self.box.write_settings)
        self.addCleanup(self.box.settings["sets"].pop, "weekly")
        self.box.make_set("weekly")
        self.addCleanup(self.box.sh, "rm -r /etc/amanda/weekly")
        self.assertIn("took over daily", self.takeover().stdout)
        self.assertEqual(self.files("enrolment"), {})
        self.assertEqual(self.files("vtapes/daily"), {
            path: data for path, data in self.files("vtapes/daily", "/srv/old").items() if path.startswith("slot")})

    def test_the_newest_generation_brings_the_enrolments(self):
        told = self.box.python("""
from amanda_backup import takeover
chosen = {"daily": {"run": "2"}, "archive": {"run": "1"}, "weekly": {"run": "3"}}
print(takeover.newest_first(chosen))
""").stdout
        self.assertEqual(told, "['weekly', 'daily', 'archive']\n")

    def test_an_empty_mirror_means_a_new_server(self):
        self.box.sh(f"rm -r {MIRROR}")
        self.assertIn("nothing to take over", self.takeover().stdout)
        self.assertEqual(self.files("vtapes/daily"), {})

    def test_a_mirror_that_cannot_be_reached(self):
        self.box.sh("mount -t tmpfs tmpfs -o mode=700 /mnt/gdata")
        self.addCleanup(self.box.sh, "umount /mnt/gdata")
        self.refused("cannot be used: Permission denied")

    def test_a_forged_manifest(self):
        self.spoil("generations/daily/*/manifest.json", lambda data: data.__setitem__(slice(-2, None), b" }\n"))
        self.refused("its signature is not the server's")

    def test_a_missing_signature(self):
        self.spoil("generations/daily/*/manifest.json.sig", lambda data: False)
        self.refused("manifest.json.sig: No such file or directory")

    def test_a_damaged_catalogue(self):
        self.spoil("generations/daily/*/catalogue.tar.gz.amcrypt", lambda data: data.reverse())
        self.refused("the catalogue of generation")

    def test_a_damaged_vtape_file_is_named_and_force_takes_the_rest(self):
        name = self.spoil("vtapes/daily/*/00002.*", lambda data: data.__setitem__(-1, data[-1] ^ 1))
        self.refused(f"1 files of generation {self.run_stamp} are missing or damaged (daily-001@{self.run_stamp}/{name})")
        self.takeover("--force")
        self.assertNotIn(f"slot1/{name}", self.files("vtapes/daily"))
        self.assertEqual(len(self.files("vtapes/daily")), len([
            path for path in self.files("vtapes/daily", "/srv/old") if path.startswith("slot")]) - 1)

    def test_a_missing_vtape_file_is_named(self):
        name = self.spoil("vtapes/daily/*/00002.*", lambda data: False)
        self.refused(f"are missing or damaged (daily-001@{self.run_stamp}/{name})")

    def test_an_older_generation_only_by_force(self):
        self.box.python("""
import json, os, pathlib, shutil
from amanda_backup import kit, manifest
base = pathlib.Path("/mnt/gdata/amanda/generations/daily")
good = next(base.iterdir())
old = base / "20200101000000"
shutil.copytree(good, old)
for file in (old / "manifest.json", old / "manifest.json.sig", good / "manifest.json.sig"):
    file.unlink()
data = manifest.text({**json.loads((good / "manifest.json").read_text()), "run": old.name}).encode()
(old / "manifest.json").write_bytes(data)
(old / "manifest.json.sig").write_bytes(manifest.sign(data, kit.SIGN_KEY))
(good / "manifest.json.sig").write_bytes(b"none")
os.system(f"chown -R gmirror {base}")
""")
        self.refused(f"generation {self.run_stamp} of daily: its signature is not the server's")
        self.takeover("--force")
        self.assertEqual(self.box.ledger()[-1]["run"], "20200101000000")

    def test_another_key(self):
        self.box.sh("mv /etc/amanda-backup/keys/2026a /etc/amanda-backup/keys/away")
        self.addCleanup(self.box.sh, "cd /etc/amanda-backup/keys; rm -r 2026a; mv away 2026a")
        self.box.make_key("2026a")
        self.refused("does not unpack with key 2026a, so that is not the key it was made with")

    def test_another_stacks_mirror(self):
        self.spoil("MIRROR.json", lambda data: data.__setitem__(slice(None), b'{"format": 1, "stack": "other"}'))
        self.refused("it belongs to the stack 'other'")

    def test_a_mirror_that_is_ahead_forces_full_dumps(self):
        """The data volume is an older copy: a level 1 would be based on dumps that only the mirror knows."""
        self.takeover()
        self.box.sh(f"sed -i '$ d' {DATA}/ledger/daily.jsonl")
        self.box.sh(f"cp -al {MIRROR}/generations/daily/{self.run_stamp} {MIRROR}/generations/daily/20300101000000;"
                    f" chown gmirror {MIRROR}/generations/daily/20300101000000")
        for expected in (1, 0):
            told = self.box.python("from amanda_backup import runs; print(len(runs.note_if_behind(settings, 'daily')))")
            self.assertEqual(told.stdout, f"{expected}\n")
        state = self.box.python("from amanda_backup import ledger, levels\n"
                                "print(levels.histories(ledger.read('/srv/amanda/ledger/daily.jsonl')))").stdout
        self.assertIn("{}", state)
        done = self.box.backupctl("mirror", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("it holds the run 20300101000000 of daily, newer than this server's last run", done.stderr)


if __name__ == "__main__":
    unittest.main()
