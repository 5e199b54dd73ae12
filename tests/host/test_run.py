"""`backupctl run` with real amdump: levels, spanning, proof, and the losses that Amanda does not report."""

import json
import subprocess
import unittest

from tests.host.server_sandbox import DATA, SandboxCase, library_path

HOSTILE = 'od d/näme $(touch x) "q" \\b *'
# Stock amcrypt's fault: whatever happened, the status is 0. Only the header reaches the vtape.
FAILS_OPEN = """#!/bin/sh
[ "$1" = -d ] && exec {library}/amcrypt-2026a.good -d
printf 'bz2aespipe00000000002012345678901234567890abcd'
cat > /dev/null
exit 0
"""
# Keeps a flipped bit in the ciphertext, as a fault in memory or on the disk would.
FLIPS_A_BIT = """#!/bin/sh
{library}/amcrypt-2026a.good "$@" | python3 -c 'import sys
data = bytearray(sys.stdin.buffer.read()); data[-1] ^= 1; sys.stdout.buffer.write(data)'
"""


class RunTest(SandboxCase):
    """One night after another, in the order of the names."""

    options = {"mirror": False, "slots": 9, "vtape_mb": 30, "part_mb": 10, "runtapes": 4, "holding_mb": 200}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box.sh("""
            mkdir -p /srv/src/big /srv/src/small
            head -c 80M /dev/urandom > /srv/src/big/unchanged
            cp -r /usr/lib/python3.11/json /srv/src/small
        """)
        cls.box.disklist("daily", ("/srv/src/big", "/srv/src/big"), (HOSTILE, "/srv/src/small"))
        # The planner may make a full dump early, to spread the work of a dumpcycle; these nights must not depend on it.
        cls.box.write_conf("daily", (r"^    index yes", "    index yes\n    maxpromoteday 0"))

    def night(self, *, status=0):
        """One run; its ledger lines by disk."""
        done = self.box.backupctl("run", "daily", check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        self.stderr = done.stderr
        lines = self.box.ledger()
        run = [line for line in lines if line["event"] == "run"][-1]
        return {line["disk"]: line for line in lines if line["event"] == "dump" and line["run"] == run["run"]}

    def replace_amcrypt(self, text):
        program = self.box.path(f"{library_path()}/amcrypt-2026a")
        good = self.box.path(f"{library_path()}/amcrypt-2026a.good")
        # The key's id is in the name, so the good one goes by a name of a key too.
        self.box.sh("cp -a /etc/amanda-backup/keys/2026a /etc/amanda-backup/keys/2026a.good")
        good.symlink_to("amcrypt")
        program.unlink()
        program.write_text(text.format(library=library_path()))
        program.chmod(0o755)

    def restore_amcrypt(self):
        self.box.sh(f"cd {library_path()} && rm -f amcrypt-2026a amcrypt-2026a.good && ln -s amcrypt amcrypt-2026a"
                    " && rm -rf /etc/amanda-backup/keys/2026a.good")

    def test_1_full_dumps_are_proved_and_span_vtapes(self):
        dumps = self.night()
        self.assertEqual({disk: (line["level"], line["proved"]) for disk, line in dumps.items()},
                         {"/srv/src/big": (0, True), HOSTILE: (0, True)})
        big = dumps["/srv/src/big"]
        self.assertGreater(len({part["vtape"] for part in big["parts"]}), 2)
        self.assertEqual(sum(part["bytes"] - 32768 for part in big["parts"]), big["cipherBytes"])
        self.assertEqual(big["base"], None)

    def test_2_a_level_1_holds_only_what_changed(self):
        self.box.sh("echo changed > /srv/src/big/new; rm /srv/src/small/json/tool.py")
        dumps = self.night()
        first = {line["disk"]: line["stamp"] for line in self.box.ledger() if line["event"] == "dump"
                 and line["level"] == 0}
        for disk, line in dumps.items():
            self.assertEqual((line["level"], line["proved"], line["base"]), (1, True, first[disk]))
        # 80 MB did not change.
        self.assertLess(dumps["/srv/src/big"]["originalBytes"], 100_000)

    def test_3_a_loss_that_amdump_reports_as_success_is_found(self):
        self.box.run("amadmin", "daily", "force", "localhost", user="backup")
        self.replace_amcrypt(FAILS_OPEN)
        self.addCleanup(self.restore_amcrypt)
        dumps = self.night(status=1)
        log = self.box.sh(f"cat $(ls {DATA}/catalogue/daily/log/log.*.0 | tail -1)").stdout
        self.assertIn("SUCCESS dumper localhost /srv/src/big", log)
        self.assertNotIn("FAIL", log)
        for disk in ("/srv/src/big", HOSTILE):
            self.assertFalse(dumps[disk]["proved"])
            self.assertIn("amcrypt never finished a stream", dumps[disk]["reason"])
            self.assertIn(f"{disk}: not proved", self.stderr)
        status = self.box.backupctl("status", check=False)
        self.assertEqual(status.returncode, 1)
        self.assertIn(f"! localhost {HOSTILE}: not proved", status.stdout)
        self.assertEqual(status.stdout.count(f"full: its last dump, of {dumps[HOSTILE]['stamp']}, is not proved"), 2)

    def test_4_after_an_unproved_dump_the_next_is_full(self):
        # By hand nobody asks for a full dump: this one is based on what night 3 lost, and is worth as much.
        self.assertEqual(self.box.run("amdump", "daily", user="backup", check=False).returncode, 0)
        dumps = self.night(status=1)
        for line in self.stderr.splitlines():
            self.assertRegex(line, r"daily: earlier run \d+: localhost .* not proved: it is based on the dump of \d+, which is not proved")
        self.assertEqual(len(self.stderr.splitlines()), 2)
        self.assertEqual({disk: (line["level"], line["proved"]) for disk, line in dumps.items()},
                         {"/srv/src/big": (0, True), HOSTILE: (0, True)})

    def test_5_one_flipped_bit_is_found(self):
        self.box.disklist("daily", (HOSTILE, "/srv/src/small"))
        self.replace_amcrypt(FLIPS_A_BIT)
        self.addCleanup(self.restore_amcrypt)
        dumps = self.night(status=1)
        self.assertFalse(dumps[HOSTILE]["proved"])
        self.assertIn("sha256", dumps[HOSTILE]["reason"])

    def test_6_a_missing_directory_is_named_and_the_others_are_proved(self):
        self.box.disklist("daily", ("/srv/src/gone", "/srv/src/gone"), (HOSTILE, "/srv/src/small"))
        dumps = self.night(status=1)
        self.assertTrue(dumps[HOSTILE]["proved"])
        self.assertFalse(dumps["/srv/src/gone"]["proved"])
        self.assertIn("/srv/src/gone: not proved: no dump of it is on a vtape", self.stderr)

    def test_7_a_run_that_was_killed_is_proved_by_the_next(self):
        self.box.disklist("daily", (HOSTILE, "/srv/src/small"))
        runner = subprocess.Popen(
            ["nsenter", f"--mount=/proc/{self.box.holder.pid}/ns/mnt", "--", f"{library_path()}/backupctl", "run", "daily"],
            stderr=subprocess.PIPE)
        before = set(self.stamps())
        while set(self.stamps()) == before:
            self.assertIsNone(runner.poll())
        runner.kill()
        runner.communicate()
        # amdump goes on and keeps the lock: nothing else may start meanwhile.
        second = self.box.backupctl("run", "daily", check=False)
        self.assertEqual(second.returncode, 75)
        self.assertIn("waited 0 min for backupctl run daily (pid ", second.stderr)
        self.assertEqual(len(second.stderr.splitlines()), 1)
        self.box.sh("flock --wait 60 /run/lock/amanda-backup true")
        killed = (set(self.stamps()) - before).pop()
        self.assertNotIn(killed, [line["run"] for line in self.box.ledger()])
        self.night()
        self.assertEqual([line["proved"] for line in self.box.ledger() if line["event"] == "dump" and line["run"] == killed], [True])

    def stamps(self):
        return [path.name.split(".")[1] for path in self.box.path(f"{DATA}/catalogue/daily/log").glob("log.2*")]

    def test_7_others_are_waited_for(self):
        """A converge at work must not cost a night; the same command is not started twice."""
        self.box.settings["lockWaitMinutes"] = 0.02
        self.box.write_settings()
        for holder, waited in (("setting up the server (pid 7)", "0.02"), ("backupctl run daily (pid 7)", "0")):
            done = self.box.sh(f"""
                echo '{holder}' > /run/lock/amanda-backup
                flock /run/lock/amanda-backup sleep 5 &
                sleep 0.2; {library_path()}/backupctl run daily
            """, check=False)
            self.assertEqual(done.returncode, 75)
            self.assertIn(f"waited {waited} min for {holder}", done.stderr)

    def test_7_what_is_not_on_the_disk_does_not_count(self):
        """The data file system is written out before the ledger says a word; a disk that fails there ends the run."""
        program, noted = self.box.path("/usr/local/sbin/sync"), self.box.path("/run/lock/noted")
        program.write_text("#!/bin/sh\necho 'error syncing: Input/output error' >&2\nexit 1\n")
        program.chmod(0o755)
        self.addCleanup(program.unlink)
        done = self.box.backupctl("run", "daily", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aamanda-backup: sync … /srv/amanda ended .*Input/output error\n\Z")
        lost = max(self.stamps())
        self.assertNotIn(lost, [line["run"] for line in self.box.ledger()])
        program.write_text(
            f"#!/bin/sh\necho \"$* $(grep -c '\"event\": \"run\"' {DATA}/ledger/daily.jsonl)\" >> /run/lock/noted\n"
            "exec /usr/bin/sync \"$@\"\n")
        runs = len([line for line in self.box.ledger() if line["event"] == "run"])
        self.night()
        self.assertEqual(noted.read_text(), f"--file-system {DATA} {runs}\n--file-system {DATA} {runs + 1}\n")
        self.assertEqual([line["proved"] for line in self.box.ledger() if line["event"] == "dump" and line["run"] == lost], [True])

    def test_8_status_and_list_tell_all_this(self):
        told = self.box.backupctl("status", "--json")
        state = json.loads(told.stdout)["sets"]["daily"]
        self.assertEqual((state["troubles"], state["unprovedRuns"]), ([], []))
        self.assertEqual([(row["disk"], row["proved"] == state["lastRun"], row["next"]) for row in state["directories"]],
                         [(HOSTILE, True, "as planned")])
        self.assertIn(HOSTILE, self.box.backupctl("status").stdout)
        listed = self.box.backupctl("list").stdout
        self.assertIn("/srv/src/big", listed)

    def test_9_bad_input_is_one_sentence(self):
        for argv, status, words in (
            (("run", "weekly"), 1, "there is no set 'weekly' on this server; its sets are daily"),
            (("mirror",), 1, "this server has no mirror"),
            (("fly",), 2, "invalid choice"),
        ):
            done = self.box.backupctl(*argv, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(words, done.stderr)
        self.box.sh("mv /etc/amanda-backup/keys/2026a /etc/amanda-backup/keys/away")
        self.addCleanup(self.box.sh, "mv /etc/amanda-backup/keys/away /etc/amanda-backup/keys/2026a")
        before = self.stamps()
        done = self.box.backupctl("run", "daily", check=False)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (1, 1))
        self.assertIn("daily was not dumped: key 2026a cannot be read", done.stderr)
        self.assertEqual(self.stamps(), before)

    def test_9_a_run_that_died_at_once_has_dumped_nothing(self):
        """Its planner did not even name the directories; the disklist does."""
        stamp = "20990101000000"
        self.box.sh(f"echo 'FATAL planner out of memory' > {DATA}/catalogue/daily/log/log.{stamp}.0;"
                    f" chown backup {DATA}/catalogue/daily/log/log.{stamp}.0")
        told = self.box.python(f"""
from amanda_backup import entries, runs
runs.amdump = lambda settings, name: ("{stamp}", "planner died")
runs.prove_forgotten = lambda settings, name: []
print("\\n".join(runs.run(settings, "daily")))
""").stdout
        self.assertEqual(told, f"Amanda: out of memory\nlocalhost {HOSTILE}: not proved: no dump of it is on a vtape\n"
                               "amdump said: planner died\n")
        self.assertEqual(self.box.ledger()[-2]["attempted"], True)

    def test_help_documents_the_exit_codes(self):
        text = self.box.backupctl("--help").stdout
        for words in ("exit status:", "75", "run", "mirror", "status", "list", "kit", "takeover", "check", "withdraw"):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()
