"""The mirror with real vtapes: layout, refusals, interruptions, destruction, expiry.

The vtapes come from one real run; later runs are played by an empty log, which is all that the mirror asks of one.
"""

import hashlib
import json
import os
import subprocess
import time
import unittest

from tests.host.server_sandbox import DATA, SandboxCase, library_path

MIRROR = "/mnt/gdata/amanda"
SECRET_NAME = "payroll-of-the-board.ods"


class MirrorTest(SandboxCase):
    """In the order of the names: the refusals first, while the mirror is empty."""

    options = {"slots": 5, "vtape_mb": 30, "part_mb": 10, "runtapes": 3}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box.sh(f"mkdir -p /srv/src/data; head -c 35M /dev/urandom > /srv/src/data/{SECRET_NAME}")
        cls.box.disklist("daily", ("/srv/src/data", "/srv/src/data"))
        cls.box.settings["mirror"], kept = None, cls.box.settings["mirror"]
        cls.box.write_settings()
        cls.box.backupctl("run", "daily")
        cls.box.settings["mirror"] = kept
        cls.box.write_settings()

    def mirror(self, status=0):
        done = self.box.backupctl("mirror", check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def refused(self, words):
        """One sentence, and the mirror stays as it is."""
        before = self.tree()
        told = self.mirror(status=1)
        self.assertIn(words, told)
        self.assertEqual(len(told.splitlines()), 1)
        self.assertEqual(self.tree(), before)

    def tree(self):
        """Every file in the mirror's mount with inode, size and mtime."""
        base, found = self.box.path("/mnt/gdata"), {}
        for folder, _, names in os.walk(base):
            for name in names:
                path = os.path.join(folder, name)
                state = os.lstat(path)
                found[os.path.relpath(path, base / "amanda")] = (state.st_ino, state.st_size, state.st_mtime_ns)
        return found

    def settings(self, **changes):
        """Change the mirror's settings for one test."""
        kept = dict(self.box.settings["mirror"])
        self.box.settings["mirror"] |= changes
        self.box.write_settings()

        def back():
            self.box.settings["mirror"] = kept
            self.box.write_settings()
        self.addCleanup(back)

    def fake_run(self, stamp):
        self.box.sh(f"echo 'START planner date {stamp}' > {DATA}/catalogue/daily/log/log.{stamp}.0;"
                    f" chown backup {DATA}/catalogue/daily/log/log.{stamp}.0")

    def generations(self):
        folder = self.box.path(f"{MIRROR}/generations/daily")
        return sorted(path.name for path in folder.iterdir() if path.name.isdigit()) if folder.exists() else []

    def manifest(self, stamp=None):
        return json.loads(self.box.path(f"{MIRROR}/generations/daily/{stamp or self.generations()[-1]}/manifest.json").read_text())

    def whole(self, stamp=None):
        """Every file that a generation lists is there with its hash."""
        for vtape, content in self.manifest(stamp)["vtapes"].items():
            for name, facts in content["files"].items():
                data = self.box.path(f"{MIRROR}/vtapes/daily/{vtape}/{name}").read_bytes()
                self.assertEqual((len(data), hashlib.sha256(data).hexdigest()), (facts["bytes"], facts["sha256"]), name)

    def test_01_no_mount(self):
        self.box.sh("umount /mnt/gdata; chmod 777 /mnt/gdata")
        self.addCleanup(self.box.sh, "mount -t tmpfs -o mode=700,uid=$(id -u gmirror) tmpfs /mnt/gdata")
        self.refused("/mnt/gdata must be on a tmpfs mounted at /mnt/gdata but is on a tmpfs mounted at /mnt:")
        self.assertEqual(os.listdir(self.box.path("/mnt/gdata")), [])

    def test_02_another_file_system(self):
        self.settings(fstype="fuse.sshfs")
        self.refused("must be on a fuse.sshfs mounted at /mnt/gdata but is on a tmpfs")

    def test_03_a_mount_over_the_mirrors_folder(self):
        self.box.sh(f"install -d -o gmirror {MIRROR}; mount -t tmpfs -o mode=777 tmpfs {MIRROR}")
        self.addCleanup(self.box.sh, f"umount {MIRROR}")
        self.refused(f"{MIRROR} must be on a tmpfs mounted at /mnt/gdata but is on a tmpfs mounted at {MIRROR}")

    def test_04_a_path_outside_the_mount(self):
        self.settings(path="/mnt/other")
        self.refused("mirror.path /mnt/other is not below mirror.mount /mnt/gdata")
        self.assertFalse(self.box.path("/mnt/other").exists())

    def test_05_an_unknown_user(self):
        self.settings(user="nobody-knows")
        self.refused("mirror.user: this host knows no user 'nobody-knows'")

    def test_06_not_writable(self):
        self.box.sh("mount -o remount,ro /mnt/gdata")
        self.addCleanup(self.box.sh, "mount -o remount,rw /mnt/gdata")
        self.refused("cannot be used: Read-only file system")

    def test_07_somebody_elses_folder(self):
        self.box.sh(f"install -o gmirror -D /dev/null {MIRROR}/thesis.tex")
        self.addCleanup(self.box.sh, f"rm {MIRROR}/thesis.tex")
        self.refused("there is no MIRROR.json but thesis.tex")

    def test_08_another_stack(self):
        self.box.sh(f"echo '{{\"format\": 1, \"stack\": \"other.prod\"}}' > {MIRROR}/MIRROR.json; chown gmirror {MIRROR}/MIRROR.json")
        self.addCleanup(self.box.sh, f"rm {MIRROR}/MIRROR.json")
        self.refused("it belongs to the stack 'other.prod', this server to 'amanda-backup.test'")

    def test_09_no_space(self):
        self.box.sh("mount -o remount,size=8m /mnt/gdata")
        self.addCleanup(self.box.sh, "mount -o remount,size=1g /mnt/gdata")
        told = self.mirror(status=1)
        self.assertRegex(told, "3[0-9] MB are to be copied but only [78] MB are free")
        self.assertEqual(sorted(self.tree()), ["MIRROR.json"])

    def test_10_killed_at_many_moments_and_finished_by_the_next(self):
        """Killed with its agent, as a power cut would, each time a little later, until one call gets to its end."""
        seen, delay = [], 0.05
        while True:
            runner = subprocess.Popen(
                ["nsenter", f"--mount=/proc/{self.box.holder.pid}/ns/mnt", "--", f"{library_path()}/backupctl", "mirror"],
                start_new_session=True, stderr=subprocess.PIPE)
            try:
                told = runner.communicate(timeout=delay)[1]
                break
            except subprocess.TimeoutExpired:
                os.killpg(runner.pid, 9)
                runner.communicate()
            seen.append(len(self.tree()))
            self.no_parts()
            for stamp in self.generations():
                self.whole(stamp)
            delay += 0.03
        self.assertEqual((runner.returncode, told), (0, b""))
        # Some calls were killed before, some while they copied.
        self.assertGreater(len(set(seen)), 2, seen)
        self.whole()
        self.assertEqual([path for path in self.tree() if ".new-" in path], [])
        self.assertEqual(len(self.generations()), 1)

    def no_parts(self):
        """Whatever has its final name is whole."""
        for slot in self.box.path(f"{DATA}/vtapes/daily").glob("slot*"):
            label = next(slot.glob("00000.*")).name[6:]
            for folder in self.box.path(f"{MIRROR}/vtapes/daily").glob(f"{label}@*"):
                for path in folder.iterdir():
                    if not path.name.startswith(".new-"):
                        self.assertEqual(path.read_bytes(), (slot / path.name).read_bytes(), path.name)

    def test_11_layout(self):
        places = {path.split("/")[0] for path in self.tree()}
        self.assertEqual(places, {"MIRROR.json", "generations", "recover", "recover.sh", "vtapes"})
        stamp = self.generations()[0]
        self.assertEqual(sorted(name for name in self.tree() if name.startswith("generations/")), [
            f"generations/daily/{stamp}/{name}" for name in ("catalogue.tar.gz.amcrypt", "manifest.json", "manifest.json.sig")])
        owners = {os.lstat(path).st_uid for path in self.box.path(MIRROR).rglob("*")}
        self.assertEqual(owners, {int(self.box.sh("id -u gmirror").stdout)})

    def test_12_plain_ssh_keygen_verifies_it(self):
        self.box.sh(f"""
            cd {MIRROR}/generations/daily/*/
            echo "amanda-backup namespaces=\\"amanda-backup\\" $(cut -d' ' -f1,2 /etc/amanda-backup/ssh/sign.pub)" > /srv/signers
            ssh-keygen -Y verify -f /srv/signers -I amanda-backup -n amanda-backup -s manifest.json.sig < manifest.json
        """)

    def test_13_the_mirror_tells_no_file_name_and_no_key(self):
        passphrase = self.box.path("/etc/amanda-backup/keys/2026a/am_passphrase").read_bytes().strip()
        index = self.box.sh(f"zcat {DATA}/catalogue/daily/index/localhost/*/*.gz").stdout
        self.assertIn(SECRET_NAME, index)
        hashes = [line["plainSha256"].encode() for line in self.box.ledger() if line["event"] == "dump"]
        self.assertEqual(len(hashes), 1)
        for path in self.box.path(MIRROR).rglob("*"):
            content = path.read_bytes() if path.is_file() else b""
            for secret in (SECRET_NAME.encode(), passphrase, *hashes):
                self.assertNotIn(secret, content)
                self.assertNotIn(secret, os.fsencode(path))

    def test_14_the_mirrors_user_reads_neither_keys_nor_vtapes(self):
        for path in ("/etc/amanda-backup/keys/2026a/am_key.gpg", "/etc/amanda-backup/ssh/sign",
                     f"{DATA}/vtapes/daily/slot1/00000.daily-001", f"{DATA}/ledger/daily.jsonl"):
            done = self.box.run("cat", path, user="gmirror", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), path)
            self.assertIn("Permission denied", done.stderr)

    def test_15_again_copies_nothing(self):
        before = self.tree()
        self.mirror()
        self.assertEqual(self.tree(), before)

    def test_16_a_cut_off_copy_is_brought_again(self):
        path = next(path for path in self.box.path(f"{MIRROR}/vtapes/daily").rglob("00001.*"))
        os.truncate(path, 5000)
        self.mirror()
        self.whole()

    def test_20_what_vanishes_on_the_server_stays(self):
        before = self.manifest()
        first, second = [vtape for vtape, content in before["vtapes"].items() if len(content["files"]) > 1][:2]
        slots = {vtape: before["vtapes"][vtape]["slot"] for vtape in (first, second)}
        self.box.sh(f"""
            cd {DATA}/vtapes/daily; mkdir /srv/away; cp -a slot{slots[first]} slot{slots[second]} /srv/away
            rm -r slot{slots[first]}/*; rm slot{slots[second]}/00001.*
        """)
        self.fake_run("20300101000000")
        told = self.mirror(status=1)
        self.assertIn(f"slot{slots[first]} of daily no longer holds {first}: the mirror keeps it", told)
        self.assertIn(f"slot{slots[second]} of daily lost 1 files of {second}", told)
        after = self.manifest("20300101000000")
        for vtape in (first, second):
            self.assertEqual(after["vtapes"][vtape]["files"], before["vtapes"][vtape]["files"])
        self.assertEqual(after["dumps"], before["dumps"])
        self.whole()

    def test_21_a_vtape_that_was_relabelled_stays(self):
        before = self.manifest()
        self.box.sh(f"cd {DATA}/vtapes/daily; rm -r slot1 slot2; cp -a /srv/away/* .")
        self.box.run("amlabel", "-f", "daily", "daily-001", "slot", "1", user="backup")
        self.fake_run("20300102000000")
        self.assertIn("slot1 of daily no longer holds daily-001@2", self.mirror(status=1))
        after = self.manifest()
        vanished = [vtape for vtape in before["vtapes"] if vtape.startswith("daily-001@2")]
        self.assertEqual([after["vtapes"][vtape]["files"] for vtape in vanished],
                         [before["vtapes"][vtape]["files"] for vtape in vanished])
        self.whole()

    def test_22_a_changed_vtape_file_never_reaches_the_mirror(self):
        path = next(self.box.path(f"{DATA}/vtapes/daily/slot2").glob("00001.*"))
        with open(path, "ab") as file:
            file.write(b"more")
        self.fake_run("20300103000000")
        self.assertIn("changed after it was mirrored: the mirror keeps what it has", self.mirror(status=1))
        self.whole()

    def test_23_a_link_among_the_vtape_files_is_not_followed(self):
        """The dump user owns these folders; root must not read for it what it may not read itself."""
        self.box.sh(f"ln -s /etc/shadow {DATA}/vtapes/daily/slot4/00001.localhost.link.0")
        self.addCleanup(self.box.sh, f"rm {DATA}/vtapes/daily/slot4/00001.localhost.link.0")
        self.fake_run("20300104000000")
        self.assertIn("a link is no vtape file", self.mirror(status=1))
        # One bad file does not keep the night from the mirror.
        self.assertEqual(self.generations()[-1], "20300104000000")
        shadow = self.box.path("/etc/shadow").read_bytes()
        for path in self.box.path(MIRROR).rglob("*"):
            self.assertFalse(path.is_file() and path.read_bytes() == shadow, path)

    def test_30_a_slot_that_is_written_again_is_a_new_folder_and_the_old_one_expires(self):
        self.box.sh(f"rm -r {DATA}/vtapes/daily/slot2; cp -a /srv/away/slot2 {DATA}/vtapes/daily/slot2")
        old = [path.name for path in self.box.path(f"{MIRROR}/vtapes/daily").glob("daily-002@2*")]
        self.rewrite(2, "20300201000000")
        self.rewrite(1, "20300201000000")
        self.fake_run("20300201000000")
        self.mirror()
        there = [path.name for path in self.box.path(f"{MIRROR}/vtapes/daily").glob("daily-002@*")]
        self.assertEqual(sorted(there), sorted([*old, "daily-002@20300201000000"]))
        # A month later the generations before the last are due, and so is what only they list.
        self.expire("20300302000000")
        self.assertIn("20300104000000", self.generations())
        self.expire("20300304000000")
        self.assertEqual(self.generations(), ["20300201000000"])
        there = [path.name for path in self.box.path(f"{MIRROR}/vtapes/daily").glob("daily-002@*")]
        self.assertEqual(there, ["daily-002@20300201000000"])
        self.whole()

    def test_31_the_newest_generation_never_expires(self):
        self.expire("20990101000000")
        self.assertEqual(self.generations(), ["20300201000000"])
        self.whole()

    def test_32_nothing_is_removed_while_a_generation_cannot_be_trusted(self):
        self.rewrite(3, "20300301000000")
        self.fake_run("20300301000000")
        self.mirror()
        path = self.box.path(f"{MIRROR}/generations/daily/20300301000000/manifest.json")
        text = path.read_text()
        path.write_text(text.replace('"server": "backup1"', '"server": "backup2"'))
        self.addCleanup(path.write_text, text)
        before = sorted(self.tree())
        self.assertIn("nothing was removed", self.expire("20990101000000"))
        self.assertEqual(sorted(self.tree()), before)
        told = self.mirror(status=1)
        self.assertIn("generation 20300301000000 of daily cannot be trusted", told)

    def test_33_a_clock_that_went_back_is_told(self):
        """The night would be mirrored under a stamp that is not the newest, and nobody would restore it."""
        path = self.box.path(f"{DATA}/ledger/daily.jsonl")
        text = path.read_text()
        self.addCleanup(path.write_text, text)
        runs = [{"event": "run", "run": stamp, "troubles": []} for stamp in ("20300301000000", "20300202000000")]
        path.write_text(text + "".join(json.dumps(record) + "\n" for record in runs))
        self.fake_run("20300202000000")
        self.addCleanup(self.box.sh, f"rm {DATA}/catalogue/daily/log/log.20300202000000.0")
        self.assertIn("the clock went back", self.mirror(status=1))
        self.assertNotIn("20300202000000", self.generations())

    def test_34_status_tells_of_a_run_that_is_not_mirrored(self):
        """As after a power cut between the proof and the mirror."""
        path = self.box.path(f"{DATA}/ledger/daily.jsonl")
        text = path.read_text()
        self.addCleanup(path.write_text, text)
        for mirrored, words in (("20300305000000", ""), ("20300202000000", "the mirror does not hold the run 20300305000000")):
            records = [{"event": "run", "run": "20300305000000", "troubles": []},
                       {"event": "mirror", "run": mirrored, "troubles": []}]
            path.write_text(text + "".join(json.dumps(record) + "\n" for record in records))
            state = json.loads(self.box.backupctl("status", "--json", check=False).stdout)
            self.assertEqual("; ".join(state["sets"]["daily"]["troubles"])[:len(words) or None], words)

    def test_34_status_tells_of_a_set_that_nobody_runs(self):
        """As when cron is dead: the last run was good, and it was long ago."""
        path = self.box.path(f"{DATA}/ledger/daily.jsonl")
        text = path.read_text()
        self.addCleanup(path.write_text, text)
        for days, words in ((7, ""), (9, "it was not run for 9 days, longer than its dumpcycle of 7: see cron")):
            stamp = time.strftime("%Y%m%d%H%M%S", time.localtime(time.time() - days * 86400 - 60))
            records = [{"event": event, "run": stamp, "troubles": []} for event in ("run", "mirror")]
            path.write_text(text + "".join(json.dumps(record) + "\n" for record in records))
            state = json.loads(self.box.backupctl("status", "--json", check=False).stdout)
            self.assertEqual("; ".join(state["sets"]["daily"]["troubles"]), words)

    def test_35_a_stamp_that_is_no_time_never_expires(self):
        self.box.sh(f"install -d -o gmirror {MIRROR}/vtapes/daily/daily-009@99999999999999")
        self.addCleanup(self.box.sh, f"rmdir {MIRROR}/vtapes/daily/daily-009@99999999999999")
        self.expire("20990101000000")
        self.assertTrue(self.box.path(f"{MIRROR}/vtapes/daily/daily-009@99999999999999").exists())

    def rewrite(self, slot, stamp):
        """What a run does to a slot: another stamp in the label and other dumps."""
        place = self.box.path(f"{DATA}/vtapes/daily/slot{slot}")
        for path in place.glob("0000[1-9].*"):
            path.unlink()
        label = f"AMANDA: TAPESTART DATE {stamp} TAPE daily-{slot:03d}\n\f\n".encode().ljust(32768, b"\0")
        (place / f"00000.daily-{slot:03d}").write_bytes(label)
        (place / "00001.localhost._srv_src_data.0").write_bytes(os.urandom(100_000))

    def expire(self, now):
        done = self.box.python(f"""
import time
from amanda_backup import expiry, kit, mirror_link
with mirror_link.connect(settings) as link:
    print(expiry.expire(link, "daily", 30, kit.signers(), time.mktime(time.strptime("{now}", "%Y%m%d%H%M%S"))))
""")
        return done.stdout


if __name__ == "__main__":
    unittest.main()
