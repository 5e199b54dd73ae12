"""Role secrets: real gpg, a real key folder below a folder of the test's own, and no key is ever overwritten."""

import copy
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import keys, system  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402


class Keys(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(system, "LOCK", self.root / "lock"))
        (self.root / "etc").mkdir()
        (self.root / "etc/os-release").write_text('ID=debian\nVERSION_ID="12"\n')
        self.folder = self.root / f"etc/amanda-backup/keys/{documents.KEY_ID}"
        self.told = []

    def converge(self, document=None):
        changes = Changes(root=self.root, tell=self.told.append)
        keys.converge(changes, document or documents.secrets())
        return changes.lines

    def state(self):
        return {
            str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mode, path.stat().st_uid)
            for path in sorted((self.root / "etc/amanda-backup").rglob("*"))
            if path.is_file()
        }

    def refused(self, document):
        before = self.state()
        with self.assertRaises(system.Refusal) as refusal:
            self.converge(document)
        self.assertEqual(self.state(), before)
        return str(refusal.exception)

    def test_a_fresh_server_gets_the_keys_in_the_stock_form(self):
        self.converge()
        opened = subprocess.run(
            [
                "gpg",
                "--homedir",
                self.root,
                "--batch",
                "--quiet",
                "--pinentry-mode",
                "loopback",
                "--passphrase-file",
                self.folder / "am_passphrase",
                "--decrypt",
                self.folder / "am_key.gpg",
            ],
            capture_output=True,
            check=True,
        )
        subprocess.run(["gpgconf", "--homedir", self.root, "--kill", "all"], check=True)
        self.assertEqual(opened.stdout.decode(), documents.key_text())
        self.assertEqual(len(opened.stdout.splitlines()), 65)
        for name in ("am_passphrase", "am_key.gpg"):
            found = (self.folder / name).stat()
            self.assertEqual((found.st_mode & 0o7777, found.st_uid), (0o400, 34), name)
        self.assertEqual(self.folder.stat().st_mode & 0o7777, 0o700)
        sign = self.root / "etc/amanda-backup/ssh/sign"
        self.assertEqual((sign.stat().st_mode & 0o7777, sign.stat().st_uid), (0o400, 0))
        self.assertEqual(
            (self.root / "etc/amanda-backup/ssh/dump.pub").read_text(), documents.public_key("dump") + "\n"
        )

    def test_a_second_run_changes_nothing(self):
        self.converge()
        before = self.state()
        self.assertEqual(self.converge(), [])
        self.assertEqual(self.state(), before)

    def test_another_key_is_refused_and_stays(self):
        self.converge()
        other = documents.secrets(keyText=documents.key_text().swapcase())
        told = self.refused(other)
        self.assertIn(f"keys/{documents.KEY_ID}/am_key.gpg holds another key {documents.KEY_ID}", told)
        self.assertNotIn(documents.key_text()[:20], told)

    def test_another_passphrase_is_refused_and_stays(self):
        self.converge()
        told = self.refused(documents.secrets(passphrase="seven green zebras"))
        self.assertIn("am_passphrase holds another passphrase for key 2026a", told)
        self.assertNotIn("zebras", told)

    def test_another_ssh_key_is_refused_before_anything_is_written(self):
        self.converge()
        other = documents.secrets()
        other["settings"] = copy.deepcopy(other["settings"]) | {"keyId": "2027a"}
        other["settings"]["identities"]["sign"] = documents.private_key("other")
        self.assertIn("ssh/sign holds another ssh key 'sign'", self.refused(other))

    def test_a_killed_run_is_completed(self):
        self.converge()
        before = self.state()
        stray = self.folder / ".am_key.gpg.abcdefgh"
        for missing in (["am_key.gpg"], ["am_passphrase"], ["am_key.gpg", "am_passphrase"]):
            for name in missing:
                (self.folder / name).unlink()
            stray.write_text("half")
            self.converge()
            self.assertEqual(set(self.state()), set(before), missing)
            wrapped = (self.folder / "am_key.gpg").read_bytes()
            self.assertEqual(
                keys.unwrap("k", wrapped, documents.secrets()["settings"]["passphrase"]), documents.key_text()
            )

    def test_open_modes_are_closed_again(self):
        self.converge()
        (self.folder / "am_passphrase").chmod(0o644)
        os.chown(self.folder / "am_key.gpg", 0, 0)
        self.assertEqual(len(self.converge()), 2)
        self.assertEqual(self.converge(), [])

    def test_no_secret_is_told(self):
        self.converge()
        self.assertFalse([line for line in self.told if "horse" in line or documents.key_text()[:16] in line])

    def test_material_that_is_none_is_refused(self):
        for changed, told in (
            ({"passphrase": ""}, "passphrase of key 2026a"),
            ({"passphrase": "two\nlines"}, "passphrase of key 2026a"),
            ({"keyText": "short\n"}, "65 lines"),
            ({"keyId": "../x"}, "encryption.keyId: '../x'"),
            ({"identities": {"dump": "none", "sign": "none"}}, "ssh identity 'dump'"),
        ):
            with self.subTest(changed):
                self.assertIn(told, self.refused(documents.secrets(**changed)))
        self.assertEqual(list((self.root / "etc").iterdir()), [self.root / "etc/os-release"])

    def test_a_link_put_in_the_keys_place_is_not_read_for_the_dump_user(self):
        """The folder is the dump user's, who may not read what root can."""
        self.converge()
        secret, place, compare = self.root / "shadow", self.folder / "am_key.gpg", keys.compare_all
        secret.write_text("root only")
        good = place.read_bytes()

        def then_swap(*arguments):
            found = compare(*arguments)
            place.unlink()
            place.symlink_to(secret)
            return found

        with mock.patch.object(keys, "compare_all", then_swap):
            self.converge()
        self.assertEqual((place.is_symlink(), place.read_bytes()), (False, good))

    def test_another_system_is_refused(self):
        (self.root / "etc/os-release").write_text("ID=alpine\n")
        self.assertIn("this host runs 'alpine', but its platform is 'debian'", self.refused(documents.secrets()))


if __name__ == "__main__":
    unittest.main()
