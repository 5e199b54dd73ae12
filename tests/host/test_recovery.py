"""What recover.sh chooses to restore, without restoring it."""

import argparse
import pathlib
import sys
import tempfile
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "host"))

from amanda_backup import recovery, restoring  # noqa: E402


def dump(stamp, level, base=None, disk="/srv"):
    return {"host": "web1", "disk": disk, "stamp": str(stamp), "level": level, "base": base and str(base)}


def generation(name, *dumps, entries=(("web1", "/srv"),)):
    return {"set": name, "dumps": list(dumps), "entries": [list(entry) for entry in entries]}


class Chains(unittest.TestCase):
    CASES = [
        ("a full dump", [dump(1, 0)], None, [1]),
        ("an incremental over it", [dump(1, 0), dump(2, 1, 1)], None, [1, 2]),
        ("the newest of two on the same base", [dump(1, 0), dump(2, 1, 1), dump(3, 1, 1)], None, [1, 3]),
        ("three levels", [dump(1, 0), dump(2, 1, 1), dump(3, 2, 2)], None, [1, 2, 3]),
        ("a newer full dump", [dump(1, 0), dump(2, 1, 1), dump(3, 0)], None, [3]),
        ("as it was before", [dump(1, 0), dump(2, 1, 1), dump(3, 0)], "2", [1, 2]),
        ("a lost base: the newest that is whole", [dump(1, 0), dump(3, 1, 2)], None, [1]),
        ("a base of no lower level", [dump(1, 1, 2), dump(2, 1, 1)], None, None),
        ("nothing that is old enough", [dump(5, 0)], "4", None),
        ("in the disklist and never dumped", [], None, None),
    ]

    def test_each(self):
        for words, dumps, limit, expected in self.CASES:
            with self.subTest(words):
                chain = recovery.chains(generation("daily", *dumps), limit)["web1", "/srv"]
                self.assertEqual(chain and [int(each["stamp"]) for each in chain], expected)

    def test_a_directory_of_two_sets_comes_from_the_newest_dump(self):
        daily, weekly = generation("daily", dump(1, 0), dump(4, 1, 1)), generation("weekly", dump(3, 0))
        for chosen in ([daily, weekly], [weekly, daily]):
            for limit, name in ((None, "daily"), ("3", "weekly"), ("2", "daily")):
                found, chain = recovery.newest(chosen, limit)["web1", "/srv"]
                self.assertEqual(found["set"], name, limit)
                self.assertLessEqual(chain[-1]["stamp"], limit or "9")
        self.assertEqual(recovery.newest([generation("daily"), weekly], None)["web1", "/srv"][0]["set"], "weekly")
        self.assertEqual(recovery.newest([generation("daily")], None)["web1", "/srv"][1], None)

    def test_a_directory_that_was_removed_and_whose_base_is_gone_is_none(self):
        removed = dump(3, 1, 1, disk="/old")
        self.assertEqual(list(recovery.chains(generation("daily", dump(1, 0), removed), None)), [("web1", "/srv")])
        self.assertEqual(list(recovery.chains(generation("daily", {**removed, "level": 0}), None)), [("web1", "/old"), ("web1", "/srv")])

    def test_a_newer_dump_without_its_base_is_told(self):
        found = generation("daily", dump(1, 0), dump(3, 1, 2))
        chain = recovery.chains(found, None)["web1", "/srv"]
        self.assertEqual(recovery.passed_over(found, ("web1", "/srv"), chain, None), ["3"])
        self.assertEqual(recovery.passed_over(found, ("web1", "/srv"), chain, "2"), [])


class Dates(unittest.TestCase):
    def test_what_a_date_includes(self):
        for text, limit in (
            ("2026-11-24", "20261124999999"), ("2026-11-24T18:30", "20261124183099"), ("20261124183059", "20261124183059"),
        ):
            self.assertEqual(recovery.stamp_limit(text), limit)

    def test_others_are_refused(self):
        for text in ("yesterday", "2026-11", "24.11.2026", ""):
            with self.assertRaises(argparse.ArgumentTypeError):
                recovery.stamp_limit(text)


class Places(unittest.TestCase):
    def test_no_name_leads_out_of_the_folder(self):
        for disk, place in (
            ("/srv/www", "/to/web1/srv/www"), ("data", "/to/web1/data"), ("/", "/to/web1"), ("//srv//x/", "/to/web1/srv/x"),
            ("/srv/../../etc", "/to/web1/srv/%2E%2E/%2E%2E/etc"), ("./x", "/to/web1/%2E/x"),
        ):
            self.assertEqual(str(restoring.target("/to", "web1", disk)), place)


class Words(unittest.TestCase):
    def test_a_tar_that_complains_about_every_file_does_not_stand_still(self):
        """As on a file system without ACLs; a pipe holds 64 KiB, and tar waited for its reader there for ever."""
        talkative = ["timeout", "10", "sh", "-c", "yes 'cannot set ACL' | head -c 300000 >&2; head -c 300000 > /dev/null; exit 2"]
        place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        data = {"compress": "N", "plainBytes": 1 << 20, "level": 0, "stamp": "1"}
        self.enterContext(mock.patch.object(restoring, "TAR", talkative))
        self.enterContext(mock.patch.object(
            restoring.crypt, "decrypt", lambda key, chunks, take: [take(b"x" * 4096) for _ in range(256)]))
        started = time.monotonic()
        with self.assertRaisesRegex(restoring.Failed, "cannot set ACL"):
            restoring.extract(None, place, {**data, "parts": []}, place)
        self.assertLess(time.monotonic() - started, 8)


class SamePlace(unittest.TestCase):
    def test_two_directories_that_would_be_restored_into_one_folder(self):
        """The second would remove the first."""
        entries = [("web1", "/srv"), ("web1", "srv"), ("web1", "/srv/www")]
        self.assertEqual(recovery.sharing("/to", entries), {("web1", "srv"): ("web1", "/srv")})


if __name__ == "__main__":
    unittest.main()
