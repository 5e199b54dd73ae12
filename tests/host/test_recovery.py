"""What recover.sh chooses to restore, without restoring it."""

import argparse
import pathlib
import sys
import unittest

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


if __name__ == "__main__":
    unittest.main()
