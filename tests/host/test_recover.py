"""recover.sh with nothing but the kit and the mirror: the restored trees equal the dumped ones, night by night."""

import json
import os
import shutil
import unittest

from tests.host.server_sandbox import SandboxCase, library_path

MIRROR = "/mnt/gdata/amanda"
HOSTILE = 'od d/näme $(touch x) "q" \\b *'
# The third lies within the second, which does not leave it out.
ROOMS = {"/srv/src/www": "www", "/srv/src/home": "home", "/srv/src/home/u3002": "home/u3002", HOSTILE: "odd"}
NOT_PROMOTED = (r"^    index yes", "    index yes\n    maxpromoteday 0")


class RecoverTest(SandboxCase):
    """Two nights with a day of changes and a new key between them; then the server's own files are hidden from recover.sh."""

    options = {"slots": 5, "vtape_mb": 20, "part_mb": 5, "runtapes": 3}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        box = cls.box
        box.write_conf("daily", NOT_PROMOTED)
        box.program("trees.py", "fill", "www", "/srv/src/www")
        box.sh("""
            mkdir -p /srv/src/home; cd /srv/src/home
            for uid in 3001 3002 3003; do
              mkdir -m 700 u$uid
              for n in 1 2 3 4; do head -c 200000 /dev/urandom > u$uid/paper$n; chmod 600 u$uid/paper$n; done
              chown -R $uid:$uid u$uid
            done
            mkdir -m 1777 shared; mkdir -m 2750 team; chgrp games team; cp /bin/true shared/; chmod 6755 shared/true
            setcap cap_net_raw+ep shared/true 2>/dev/null || setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 shared/true
            mkdir -p /srv/src/odd/dir /srv/src/odd/renamed-later
            cd /srv/src/odd
            truncate -s 3M sparse; printf end >> sparse
            echo one > dir/removed-later; echo two > renamed-later/two; head -c 15M /dev/urandom > large
        """)
        box.disklist("daily", *((disk, f"/srv/src/{room}") for disk, room in ROOMS.items()))
        cls.nights = []
        cls.night()
        box.program("trees.py", "change", "www", "/srv/src/www")
        box.sh("rm /srv/src/home/u3001/paper1; chown 3002 /srv/src/home/u3003/paper2; cd /srv/src/odd; rm dir/removed-later; rmdir dir; echo file > dir; mv renamed-later renamed; echo x >> sparse")
        # The key changes between a level 0 and its level 1.
        box.use_key("2027a")
        box.write_conf("daily", NOT_PROMOTED)
        cls.night()
        box.backupctl("kit", "--out", "/srv/kit.tar")
        box.sh("mkdir /srv/kit; tar xf /srv/kit.tar -C /srv/kit")

    @classmethod
    def night(cls):
        cls.box.backupctl("run", "daily")
        run = cls.box.ledger()[-1]["run"]
        levels = {line["disk"]: line["level"] for line in cls.box.ledger() if line["event"] == "dump" and line["run"] == run}
        prints = {disk: cls.box.program("fingerprint.py", f"/srv/src/{room}").splitlines() for disk, room in ROOMS.items()}
        cls.nights.append((run, levels, prints))

    def recover(self, *argv, status=0, kit="/srv/kit", mirror=MIRROR):
        """recover.sh with the server's keys, programs and Amanda out of its sight."""
        done = self.box.run(
            "unshare", "--mount", "sh", "-c",
            'for place in /etc/amanda /etc/amanda-backup /usr/local /usr/lib/amanda /var/lib/amanda /srv/amanda; do'
            ' mount -t tmpfs -o size=1m tmpfs "$place"; done; exec "$@"', "sh",
            f"{kit}/recover.sh", "--kit", kit, "--mirror", mirror, *argv, check=False,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def same(self, night, to, disks=ROOMS):
        _, _, prints = self.nights[night]
        for disk in disks:
            found = self.box.program("fingerprint.py", f"{to}/localhost/{disk.lstrip('/')}").splitlines()
            self.assertGreater(len(found), 4)
            self.assertEqual([json.loads(line) for line in found], [json.loads(line) for line in prints[disk]], disk)

    def copy_of_mirror(self, name):
        """A mirror to spoil; hard links, so only names may be changed."""
        self.box.sh(f"rm -rf /mnt/gdata/{name}; cp -al {MIRROR} /mnt/gdata/{name}")
        return f"/mnt/gdata/{name}", self.box.path(f"/mnt/gdata/{name}")

    def test_the_second_night_was_incremental(self):
        self.assertEqual([set(levels.values()) for _, levels, _ in self.nights], [{0}, {1}])

    def test_everything_as_it_was_last(self):
        done = self.recover("--to", "/srv/last")
        self.same(1, "/srv/last")
        self.assertEqual(done.stdout.count("0+1"), len(ROOMS))
        self.assertTrue(self.box.path(f"/srv/last/.catalogue/daily-{self.nights[1][0]}/etc/amanda/daily/amanda.conf").exists())
        again = self.recover("--to", "/srv/last")
        self.assertEqual(again.stdout.count("restored before"), len(ROOMS))

    def test_as_it_was_before_the_changes(self):
        self.recover("--to", "/srv/first", "--date", self.nights[0][0])
        self.same(0, "/srv/first")

    def test_another_date_into_the_same_folder(self):
        self.recover("--to", "/srv/mixed", "--only", f"localhost:{HOSTILE}")
        done = self.recover("--to", "/srv/mixed", "--only", f"localhost:{HOSTILE}", "--date", self.nights[0][0], status=1)
        self.assertIn("holds an earlier restore of another date: choose another --to", done.stdout)
        self.same(1, "/srv/mixed", [HOSTILE])

    def test_a_kit_without_the_older_key(self):
        self.box.sh("cp -r /srv/kit /srv/newer; rm -r /srv/newer/keys/2026a")
        done = self.recover("--to", "/srv/newer-only", kit="/srv/newer", status=1)
        self.assertEqual(done.stdout.count("FAILED: key 2026a cannot be read"), len(ROOMS))
        self.assertFalse(self.box.path("/srv/newer-only/localhost").exists())

    def test_one_directory_and_the_list(self):
        listed = self.recover("--list").stdout
        for disk in ROOMS:
            self.assertRegex(listed, r"daily +localhost +" + disk.replace("\\", "\\\\").replace("$", "\\$").replace(
                "(", "\\(").replace(")", "\\)").replace("*", "\\*") + r" +\d{4}-\d\d-\d\d \d\d:\d\d +0\+1 ")
        self.recover("--to", "/srv/only", "--only", f"localhost:{HOSTILE}")
        self.same(1, "/srv/only", [HOSTILE])
        self.assertFalse(self.box.path("/srv/only/localhost/srv").exists())
        done = self.recover("--to", "/srv/only", "--only", "localhost:/nowhere", status=1)
        self.assertIn("localhost:/nowhere is not in the mirror", done.stderr)

    def test_killed_and_called_again(self):
        self.box.sh(f"""
            (sleep 1.2; kill -9 $$) & exec /srv/kit/recover.sh --kit /srv/kit --mirror {MIRROR} --to /srv/again
        """, check=False)
        self.assertTrue(self.box.path("/srv/again").exists())
        self.recover("--to", "/srv/again")
        self.same(1, "/srv/again")

    def test_files_that_are_there_are_never_overwritten(self):
        self.box.sh("mkdir -p /srv/full/localhost/srv/src/home; echo mine > /srv/full/localhost/srv/src/home/thesis")
        done = self.recover("--to", "/srv/full", status=1)
        self.assertIn("/srv/full/localhost/srv/src/home already holds files", done.stdout)
        self.assertEqual(self.box.path("/srv/full/localhost/srv/src/home/thesis").read_text(), "mine\n")
        self.same(1, "/srv/full", ["/srv/src/www", HOSTILE])

    def test_a_link_that_leads_out_is_not_followed(self):
        self.box.sh("mkdir -p /srv/link/localhost /srv/elsewhere; ln -s /srv/elsewhere /srv/link/localhost/srv")
        done = self.recover("--to", "/srv/link", status=1)
        self.assertIn("/srv/link/localhost/srv is a link", done.stdout)
        self.assertEqual(list(self.box.path("/srv/elsewhere").iterdir()), [])

    def spoiled_part(self, name):
        mirror, path = self.copy_of_mirror(name)
        part = next(path.glob("vtapes/daily/*/*.localhost._srv_src_home.0"))
        data = bytearray(part.read_bytes())
        data[40_000] ^= 1
        part.unlink()
        part.write_bytes(data)
        return mirror

    def test_a_changed_vtape_file(self):
        mirror = self.spoiled_part("spoiled")
        done = self.recover("--to", "/srv/spoiled", mirror=mirror, status=1)
        self.assertRegex(done.stdout, r"/srv/src/home .*FAILED: .* is not the file that the server signed")
        # Nothing but the folder that the directory within it needs.
        self.assertEqual(os.listdir(self.box.path("/srv/spoiled/localhost/srv/src/home")), ["u3002"])
        self.same(1, "/srv/spoiled", ["/srv/src/www", "/srv/src/home/u3002", HOSTILE])

    def test_a_changed_vtape_file_by_force(self):
        mirror = self.spoiled_part("forced")
        done = self.recover("--to", "/srv/forced", "--force", mirror=mirror, status=1)
        self.assertRegex(done.stdout, r"/srv/src/home .*(FORCED|FAILED): ")
        self.assertTrue(self.box.path("/srv/forced/localhost/srv/src/home").exists())
        self.same(1, "/srv/forced", ["/srv/src/www", "/srv/src/home/u3002", HOSTILE])

    def test_a_changed_manifest(self):
        mirror, path = self.copy_of_mirror("forged")
        manifest = path / f"generations/daily/{self.nights[1][0]}/manifest.json"
        text = manifest.read_text()
        manifest.unlink()
        manifest.write_text(text.replace('"level": 1', '"level": 0'))
        done = self.recover("--to", "/srv/forged", mirror=mirror, status=1)
        self.assertIn("its signature is not the server's", done.stderr)
        self.assertFalse(self.box.path("/srv/forged/localhost").exists())

    def test_an_older_manifest_under_a_newer_name(self):
        mirror, path = self.copy_of_mirror("replayed")
        shutil.copytree(path / f"generations/daily/{self.nights[0][0]}", path / "generations/daily/20300101000000")
        done = self.recover("--to", "/srv/replayed", mirror=mirror, status=1)
        self.assertIn(f"it is the manifest of daily {self.nights[0][0]}", done.stderr)

    def test_a_missing_vtape_file(self):
        mirror, path = self.copy_of_mirror("missing")
        next(path.glob("vtapes/daily/*/*.localhost._srv_src_home.1")).unlink()
        done = self.recover("--to", "/srv/missing", mirror=mirror, status=1)
        self.assertRegex(done.stdout, r"/srv/src/home .*FAILED: .*No such file or directory")
        self.same(1, "/srv/missing", ["/srv/src/www", HOSTILE])

    def test_a_kit_of_another_key(self):
        self.box.sh("cp -r /srv/kit /srv/other")
        self.box.make_key("other")
        self.box.sh("cp /etc/amanda-backup/keys/other/* /srv/other/keys/2027a/; rm -r /etc/amanda-backup/keys/other")
        done = self.recover("--to", "/srv/wrong", kit="/srv/other", status=1)
        self.assertIn("does not unpack with key 2027a", done.stderr)
        self.assertFalse(self.box.path("/srv/wrong/localhost").exists())

    def test_missing_tools_are_named_with_their_packages(self):
        self.box.sh("mkdir /srv/few; for tool in bash readlink dirname grep; do ln -s $(command -v $tool) /srv/few/; done")
        done = self.box.sh("PATH=/srv/few /srv/few/bash /srv/kit/recover.sh --list", check=False)
        self.assertEqual(done.returncode, 1)
        for words in ("python3", "gpg (Debian: gnupg; RHEL: gnupg2)", "aespipe", "gzip", "tar", "ssh-keygen (Debian: openssh-client"):
            self.assertIn(f"recover.sh: missing: {words}", done.stderr)

    def test_the_mirrors_copy_is_the_kits(self):
        self.box.sh(f"cmp /srv/kit/recover.sh {MIRROR}/recover.sh; diff -r -x __pycache__ /srv/kit/recover {MIRROR}/recover")

    def test_amrecover_through_the_wrapper(self):
        self.box.sh("mkdir /srv/amrecover")
        name = "page0004.html"
        done = self.box.sh(
            f"cd /srv/amrecover; printf 'sethost localhost\\nsetdisk /srv/src/www\\ncd site04/pages\\nadd {name}\\nextract\\ny\\ny\\nquit\\n' |"
            " amrecover daily -s localhost -t localhost -o auth=local", check=False)
        restored = self.box.path(f"/srv/amrecover/site04/pages/{name}")
        self.assertTrue(restored.exists(), done.stdout + done.stderr)
        self.assertEqual(restored.read_bytes(), self.box.path(f"/srv/src/www/site04/pages/{name}").read_bytes())


class KitTest(SandboxCase):
    """The kit's file."""

    def test_only_its_owner_may_read_it_and_it_overwrites_nothing(self):
        self.box.backupctl("kit", "--out", "/srv/kit.tar")
        state = self.box.path("/srv/kit.tar").stat()
        self.assertEqual((state.st_mode & 0o7777, state.st_uid), (0o600, 0))
        names = self.box.run("tar", "tf", "/srv/kit.tar").stdout.split()
        for name in ("README", "recover.sh", "keys/2026a/am_passphrase", "keys/2026a/am_key.gpg", "allowed_signers", "settings.json"):
            self.assertIn(name, names)
        self.assertNotIn("ssh/sign", " ".join(names))
        before = self.box.path("/srv/kit.tar").read_bytes()
        done = self.box.backupctl("kit", "--out", "/srv/kit.tar", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "amanda-backup: /srv/kit.tar is already there and is not overwritten: name another file\n"))
        self.assertEqual(self.box.path("/srv/kit.tar").read_bytes(), before)

    def test_every_key_is_in_it(self):
        self.box.make_key("2027a")
        self.box.backupctl("kit", "--out", "/srv/two.tar")
        names = self.box.run("tar", "tf", "/srv/two.tar").stdout
        self.assertIn("keys/2026a/am_key.gpg", names)
        self.assertIn("keys/2027a/am_key.gpg", names)

    def test_the_installed_recover_sh_finds_its_modules(self):
        done = self.box.run(f"{library_path()}/recover.sh", "--kit", "/srv", "--mirror", "/srv", "--list", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "recover.sh: /srv is no mirror: it has no folder generations\n"))


if __name__ == "__main__":
    unittest.main()
