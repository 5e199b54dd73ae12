"""What a new root disk does with the data that is there."""

import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import data, ledger, levels  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402

TREE = ("vtapes/daily/slot1/00000.daily-001", "catalogue/daily/curinfo/a/info", "holding/daily/x", "gnutar-lists/one")


class Adopt(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.base = self.root / "srv/amanda"
        self.settings = documents.server_settings()
        self.told = []
        for name in TREE:
            (self.base / name).parent.mkdir(parents=True)
            (self.base / name).write_text("x")
        (self.base / "ledger").mkdir()
        for name in ("crypt.jsonl", "key-2026a.sha256"):
            (self.base / "ledger" / name).write_text("")

    def adopt(self, check=False):
        data.adopt(Changes(root=self.root, tell=self.told.append, check=check), self.settings)

    def owners(self):
        """(uid, gid) of everything that the dump user has or reads."""
        trees = [self.base / part for part in ("vtapes/daily", "catalogue/daily", "holding/daily", "gnutar-lists")]
        paths = [path for tree in trees for path in [tree, *tree.rglob("*")]] + [self.base / "ledger/crypt.jsonl"]
        return {(path.lstat().st_uid, path.lstat().st_gid) for path in paths}

    def test_the_dump_user_of_another_distribution_gives_its_files_away(self):
        outside = self.root / "outside"
        outside.write_text("root's")
        (self.base / "vtapes/daily/slot1/link").symlink_to(outside)
        self.adopt(check=True)
        self.assertEqual(self.owners(), {(0, 0)})
        self.adopt()
        self.assertEqual(self.owners(), {(34, 34)})
        record = (self.base / "ledger/key-2026a.sha256").stat()
        self.assertEqual((record.st_uid, record.st_gid, outside.stat().st_uid), (0, 34, 0))
        self.told.clear()
        self.adopt()
        self.assertEqual(self.told, [])

    def test_a_kill_in_the_middle_is_finished_by_the_next_call(self):
        calls, real = [], os.chown

        def killed(path, *owner, **options):
            calls.append(path)
            if len(calls) == 3:
                raise KeyboardInterrupt
            real(path, *owner, **options)

        with mock.patch.object(os, "chown", killed), self.assertRaises(KeyboardInterrupt):
            self.adopt()
        self.adopt()
        self.assertEqual(self.owners(), {(34, 34)})

    def test_a_host_that_was_set_up_is_left_alone(self):
        (self.root / "etc/amanda-backup").mkdir(parents=True)
        (self.root / "etc/amanda-backup/settings.json").write_text("{}")
        ledger.append(self.base / "ledger/daily.jsonl", [{"event": "run"}])
        self.adopt()
        self.assertEqual((self.told, self.owners()), ([], {(0, 0)}))
        self.assertEqual(len(ledger.read(self.base / "ledger/daily.jsonl")), 1)

    def test_only_the_servers_own_bases_end(self):
        path = self.base / "ledger/daily.jsonl"
        dump = {"event": "dump", "run": "20260101000000", "stamp": "20260101000000", "level": 0, "proved": True}
        entries = [("backup1", "/etc"), ("web1", "/srv/www")]
        ledger.append(path, [{**dump, "host": host, "disk": disk} for host, disk in entries])
        self.assertEqual(levels.to_force(ledger.read(path), entries), {})
        self.settings["name"] = "backup1"
        self.adopt()
        self.assertEqual(levels.to_force(ledger.read(path), entries), {("backup1", "/etc"): "no proved dump can be its base"})
        after = {**dump, "run": "20260102000000", "stamp": "20260102000000"}
        ledger.append(path, [{**after, "host": host, "disk": disk} for host, disk in entries])
        self.assertEqual(levels.to_force(ledger.read(path), entries), {})


if __name__ == "__main__":
    unittest.main()
