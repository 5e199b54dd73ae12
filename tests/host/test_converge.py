"""Converge below a folder of the test's own: programs, files, the run's lock, preconditions, --check."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import accounts, client, data, files, packages, preconditions, roles, services, system  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402


class Folder(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(system, "LOCK", self.root / "lock"))
        self.changes = Changes(root=self.root, tell=lambda line: None)
        self.checks = Changes(root=self.root, tell=lambda line: None, check=True)


class Files(Folder):
    PLATFORM = documents.platform()

    def test_listed_files_come_and_go_and_nothing_else_is_touched(self):
        for folder in ("etc/amanda/daily", "etc/amanda/weekly", "etc/cron.d", "etc/amanda-backup"):
            (self.root / folder).mkdir(parents=True)
        foreign = self.root / "etc/amanda/weekly/disklist"
        foreign.write_text("kept")
        first = {
            "/etc/amanda/daily/amanda.conf": "a",
            "/etc/amanda/weekly/amanda.conf": "b",
            "/etc/cron.d/amanda-backup": "c",
        }
        files.ensure(self.changes, "server", first, self.PLATFORM)
        conf = self.root / "etc/amanda/daily/amanda.conf"
        self.assertEqual((conf.stat().st_mode & 0o7777, conf.stat().st_uid, conf.stat().st_gid), (0o640, 0, 34))
        second = {"/etc/amanda/daily/amanda.conf": "a2"}
        files.ensure(self.changes, "server", second, self.PLATFORM)
        left = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())
        self.assertEqual(
            left, ["etc/amanda-backup/files-server.json", "etc/amanda/daily/amanda.conf", "etc/amanda/weekly/disklist"]
        )
        self.assertEqual(conf.read_text(), "a2")
        done = len(self.changes.lines)
        files.ensure(self.changes, "server", second, self.PLATFORM)
        self.assertEqual(len(self.changes.lines), done)

    def test_a_kill_between_two_files_leaves_none_unknown(self):
        for folder in ("etc/amanda/daily", "etc/amanda/weekly", "etc/amanda-backup"):
            (self.root / folder).mkdir(parents=True)
        two = {"/etc/amanda/daily/amanda.conf": "a", "/etc/amanda/weekly/amanda.conf": "b"}
        for stop in range(1, 4):
            changes = Changes(root=self.root, tell=Stop(stop))
            with contextlib.suppress(KeyboardInterrupt):
                files.ensure(changes, "server", two, self.PLATFORM)
            files.ensure(self.changes, "server", {}, self.PLATFORM)
            self.assertEqual(list(self.root.glob("etc/amanda/*/*")), [], stop)

    def test_other_places_are_refused(self):
        for path in (
            "/etc/passwd",
            "/etc/amanda/../passwd",
            "/etc/amanda/x/y/amanda.conf",
            "/etc/cron.d/other",
            "etc/cron.d/amanda-backup",
        ):
            with self.subTest(path), self.assertRaisesRegex(system.Refusal, "no file that a document may give"):
                files.ensure(self.changes, "server", {path: "x"}, self.PLATFORM)
        self.assertEqual(list(self.root.iterdir()), [])


class Stop:
    """Interrupts at the N-th change, before it is made."""

    def __init__(self, number):
        self.left = number

    def __call__(self, line):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


class Check(Folder):
    def test_check_changes_nothing_and_names_what_differs(self):
        (self.root / "there").write_text("other")
        (self.root / "ours").symlink_to("elsewhere")
        self.checks.file("/there", "text")
        self.checks.file("/missing", "text")
        self.checks.directory("/folder")
        self.checks.link("/ours", "target")
        self.checks.remove("/there")
        self.assertEqual(
            self.checks.lines,
            [
                "write /there",
                "write /missing",
                "make directory /folder (root, 755)",
                "link /ours to target",
                "remove /there",
            ],
        )
        self.assertEqual(sorted(path.name for path in self.root.iterdir()), ["ours", "there"])
        self.assertEqual((self.root / "there").read_text(), "other")

    def test_without_a_document_it_says_so(self):
        with self.assertRaisesRegex(system.Refusal, "no document was applied"):
            roles.main(["--check"], io.StringIO(), root=self.root)

    def test_owner_and_mode_count(self):
        self.changes.file("/one", "text", mode=0o640, group="backup")
        for spoil in (lambda path: path.chmod(0o644), lambda path: os.chown(path, 34, 34)):
            spoil(self.root / "one")
            self.assertTrue(self.checks.file("/one", "text", mode=0o640, group="backup"))
            self.assertTrue(self.changes.file("/one", "text", mode=0o640, group="backup"))
            self.assertFalse(self.checks.file("/one", "text", mode=0o640, group="backup"))


class Links(Folder):
    def test_no_folder_is_given_away_through_a_link_of_the_dump_user(self):
        """The dump user owns the folder around it, and root gives folders in there to the dump user."""
        target, around = self.root / "target", self.root / "around"
        target.mkdir(mode=0o700)
        around.mkdir()
        (around / "slot1").symlink_to(target)
        os.chown(around, 34, 34)
        with self.assertRaisesRegex(system.Refusal, "slot1 must be a folder"):
            self.changes.directory("/around/slot1", mode=0o770, owner="backup")
        self.assertEqual((target.stat().st_uid, target.stat().st_mode & 0o777), (0, 0o700))
        # The administrator's own link to a larger volume is followed.
        (self.root / "data").symlink_to(target)
        self.changes.directory("/data", mode=0o750)
        self.assertEqual(target.stat().st_mode & 0o777, 0o750)


class Documents(Folder):
    def test_documents_that_are_none(self):
        for text, told in (
            ("", "no JSON"),
            ("[]", "not one for the role"),
            ('{"role": "client"}', "not one for the role"),
            ('{"role": "server", "format": 2}', "has format 2, these programs take 1"),
        ):
            with self.subTest(text), self.assertRaisesRegex(system.Refusal, told):
                roles.main(["server"], io.StringIO(text), root=self.root)
        for argv in ([], ["other"], ["server", "x"], ["--check", "server", "x"]):
            with self.subTest(argv), self.assertRaisesRegex(system.Refusal, "usage"):
                roles.main(argv, io.StringIO("{}"), root=self.root)


class Preconditions(Folder):
    def test_a_data_volume_that_is_not_mounted_is_told(self):
        settings = documents.server_settings()
        with self.assertRaisesRegex(system.Refusal, "dataPath: /srv/amanda holds no catalogue: mount the data volume"):
            data.is_mounted(self.changes, settings)
        (self.root / "srv/amanda/catalogue").mkdir(parents=True)
        data.is_mounted(self.changes, settings)

    def test_a_set_may_not_have_the_name_of_the_crypt_ledger(self):
        sets = {"crypt": {"tapecycle": 3, "vtapeMB": 50, "runtapes": 2, "holdingMB": 100}}
        with self.assertRaisesRegex(system.Refusal, "the name 'crypt' is taken"):
            preconditions.names_are_safe(documents.server_settings(sets=sets))

    def test_space_for_the_vtapes(self):
        settings = documents.server_settings(
            sets={"daily": {"tapecycle": 4, "vtapeMB": 10**9, "runtapes": 1, "holdingMB": 7}}
        )
        with self.assertRaisesRegex(
            system.Refusal,
            r"4 × 1000000000 MB \+ 7 MB \(daily\) = 4000000007 MB, of which 0 MB are written, and "
            r"/srv/amanda has only \d+ MB free: give it a larger volume",
        ):
            preconditions.space_for_vtapes(self.changes, settings)
        self.assertEqual([path.name for path in self.root.iterdir()], [])

    def test_data_that_vanished_is_not_made_anew(self):
        document = documents.server()
        data.is_there(self.changes, document)
        kept = self.changes.at(system.kept_document("server"))
        kept.parent.mkdir(parents=True)
        kept.write_text(json.dumps(document))
        with self.assertRaisesRegex(system.Refusal, "^dataPath: /srv/amanda held .* mount the data volume .* generation"):
            data.is_there(self.changes, document)
        resized = {**document["identity"], "instance": "i-2", "flavor": "large", "volumeGB": 200}
        with self.assertRaisesRegex(system.Refusal, "and is empty now"):
            data.is_there(self.changes, {**document, "identity": resized})
        data.is_there(self.changes, {**document, "identity": {**document["identity"], "generation": 2}})
        self.changes.at("/srv/amanda/catalogue").mkdir(parents=True)
        data.is_there(self.changes, document)

    def test_what_is_written_already_counts(self):
        place = self.root / "srv"
        place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)
        self.addCleanup(subprocess.run, ["umount", place], check=True)
        slot = place / "amanda/vtapes/daily/slot1"
        slot.mkdir(parents=True)

        def room_for(megabytes):
            sets = {"daily": {"tapecycle": 2, "vtapeMB": megabytes // 2, "runtapes": 1, "holdingMB": megabytes % 2}}
            preconditions.space_for_vtapes(self.changes, documents.server_settings(sets=sets))

        room_for(64)
        with self.assertRaises(system.Refusal):
            room_for(65)
        (slot / "00001.x").write_bytes(b"x" * (30 << 20))
        room_for(64)
        (place / "other").write_bytes(b"x" * (10 << 20))
        room_for(54)
        with self.assertRaises(system.Refusal):
            room_for(55)

    def test_keys_and_names(self):
        with self.assertRaisesRegex(system.Refusal, "am_passphrase is missing: the keys go to the server before"):
            preconditions.keys_are_there(self.changes, documents.server_settings())
        for more, told in (
            ({"sets": {"../x": {}}}, "sets: the name '../x'"),
            ({"namespaces": {"a b": {}}}, "namespaces: the name 'a b'"),
            ({"dataPath": "/"}, "dataPath: '/'"),
            ({"encryption": {"keyId": "a/b"}}, "encryption.keyId: 'a/b'"),
        ):
            with self.subTest(told), self.assertRaisesRegex(system.Refusal, told):
                preconditions.names_are_safe(documents.server_settings() | more)


class Clients(unittest.TestCase):
    def test_the_servers_key_may_do_one_thing_from_one_place(self):
        line = client.authorized_line(documents.client(server_address="192.0.2.10")["settings"])
        self.assertEqual(
            line,
            'command="/usr/lib/amanda/amandad -auth=ssh amdump",restrict,from="192.0.2.10/32" '
            f'{documents.public_key("dump")} amanda-backup',
        )
        self.assertNotIn("from=", client.authorized_line(documents.client(server_address=None)["settings"]))
        for address in ("backup1", '*", "', "192.0.2.1,*"):
            with self.subTest(address), self.assertRaisesRegex(system.Refusal, "serverAddress"):
                client.authorized_line(documents.client(server_address=address)["settings"])

    def test_a_key_that_brings_options_is_refused(self):
        for key in ("", 'command="sh" ssh-ed25519 AAAA', documents.public_key("dump") + "\nssh-ed25519 AAAA"):
            with self.subTest(key), self.assertRaisesRegex(system.Refusal, "public key of web1"):
                accounts.public_key(key, "web1")

    def test_foreign_keys_stay(self):
        with tempfile.TemporaryDirectory() as folder:
            changes = Changes(root=folder, tell=lambda line: None)
            place = pathlib.Path(folder, "home/.ssh/authorized_keys")
            place.parent.mkdir(parents=True)
            place.write_text("# a comment\nssh-ed25519 AAAAold admin@desk\nssh-ed25519 AAAAours amanda-backup\n")
            for own in ("new amanda-backup", "newer amanda-backup", "newer amanda-backup"):
                accounts.authorized_keys(changes, "/home", "backup", [own], "amanda-backup")
            self.assertEqual(place.read_text(), "# a comment\nssh-ed25519 AAAAold admin@desk\nnewer amanda-backup\n")
            self.assertEqual(len(changes.lines), 2)


class Machine(Folder):
    def test_installed_packages_are_left_alone(self):
        platform = documents.platform() | {
            "installCommand": ["false"],
            "refreshCommand": ["false"],
            "repairCommand": [],
        }
        self.assertEqual(packages.missing(platform, ["tar", "no-such-package", "gzip"]), ["no-such-package"])
        self.assertEqual(packages.ensure(self.changes, platform, ["tar", "gzip"]), [])
        self.assertEqual(self.changes.lines, [])
        with self.assertRaisesRegex(system.Refusal, "the packages no-such-package cannot be installed"):
            packages.ensure(self.changes, platform, ["tar", "no-such-package"])

    def test_a_package_counts_when_it_is_installed_whole(self):
        told = "ii whole\nhi held\nrc removed\niU unpacked\niF half-configured\nun never\n"
        platform = documents.platform() | {"queryCommand": ["printf", told]}
        wanted = ["whole", "held", "removed", "unpacked", "half-configured", "never", "unheard-of"]
        self.assertEqual(
            packages.missing(platform, wanted), ["half-configured", "never", "removed", "unheard-of", "unpacked"]
        )

    def test_an_own_name_that_leads_elsewhere_is_written_to_hosts_once(self):
        (self.root / "etc").mkdir()
        hosts = self.root / "etc/hosts"
        hosts.write_text("127.0.0.1 localhost\n192.0.2.1 backup.invalid")
        for _ in range(2):
            services.own_name(self.changes, "backup.invalid")
        self.assertEqual(
            hosts.read_text(),
            "# BEGIN amanda-backup\n127.0.1.1\tbackup.invalid\n# END amanda-backup\n"
            "127.0.0.1 localhost\n192.0.2.1 backup.invalid\n",
        )
        services.own_name(self.changes, "localhost")
        self.assertNotIn("1 localhost\n# END", hosts.read_text())

    def test_the_lock_names_its_holder_and_outlives_a_killed_one(self):
        code = (
            f"import pathlib, sys\nsys.path.insert(0, {str(documents.HOST)!r})\nfrom amanda_backup import system\n"
            f"system.LOCK = pathlib.Path({str(self.root / 'lock')!r})\n"
            "with system.run_lock('a run'):\n    print('held', flush=True)\n    system.run(['sleep', '2'])\n"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
            self.assertEqual(holder.stdout.readline(), "held\n")
            time.sleep(0.3)
            holder.kill()
        with self.assertRaisesRegex(system.Refusal, r"enrol waited 0 min for a run \(pid \d+, since"):
            with system.run_lock("enrol"):
                pass
        with system.run_lock("enrol", wait_minutes=1):
            self.assertIn("enrol (pid", (self.root / "lock").read_text())


if __name__ == "__main__":
    unittest.main()
