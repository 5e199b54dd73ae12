"""Vtapes: what is labelled, what is refused, and real amlabel in a sandbox that grows, is killed and loses nothing."""

import random
import sys
import unittest

from tests.host import documents
from tests.host.server_sandbox import DATA, SandboxCase

sys.path.insert(0, str(documents.HOST))

from amanda_backup import system, vtapes  # noqa: E402
from amanda_backup.vtapes import Slot  # noqa: E402

ENSURE = """
import json, sys
sys.path.insert(0, "/usr/local/lib/amanda-backup")
from amanda_backup import system, vtapes
from amanda_backup.changes import Changes
system.main(lambda: vtapes.ensure(Changes(check="--check" in sys.argv), system.load_settings(), "daily"))
"""


def empty(number, **more):
    return Slot(number, None, None, more.get("dumps", False), more.get("debris", False))


def labelled(number, label=None, written="X", dumps=False):
    return Slot(number, label or f"daily-{number:03d}", written, dumps, False)


def slots(*all_slots):
    return {slot.number: slot for slot in all_slots}


class Plan(unittest.TestCase):
    def test_what_is_labelled(self):
        for about, there, known, count, work in (
            ("a fresh server", slots(empty(1), empty(2)), {}, 2, [(1, "daily-001", False), (2, "daily-002", False)]),
            ("all done", slots(labelled(1), labelled(2)), {"daily-001": "0", "daily-002": "0"}, 2, []),
            (
                "growth",
                slots(labelled(1, written="20260101", dumps=True), empty(2)),
                {"daily-001": "20260101"},
                2,
                [(2, "daily-002", False)],
            ),
            (
                "shrunk",
                slots(labelled(1), labelled(2, written="2026", dumps=True), empty(3)),
                {"daily-001": "0", "daily-002": "2026"},
                1,
                [],
            ),
            ("killed before the tapelist", slots(labelled(1)), {}, 1, [(1, "daily-001", True)]),
            ("killed in the label", slots(empty(1, debris=True)), {}, 1, [(1, "daily-001", True)]),
            ("killed with the tapelist written", slots(empty(1)), {"daily-001": "0"}, 1, [(1, "daily-001", True)]),
            ("a label of its own", slots(labelled(1, "old-7", written="2026")), {"old-7": "2026"}, 1, []),
        ):
            with self.subTest(about):
                self.assertEqual(vtapes.plan(there, known, "daily", count), work)

    def test_what_could_lose_something_is_refused(self):
        for about, there, known, told in (
            (
                "dumps without a label",
                slots(empty(1, dumps=True)),
                {},
                "slot1 of the set 'daily' holds dumps but no label",
            ),
            (
                "a lost slot",
                slots(empty(1)),
                {"daily-001": "20260101"},
                "daily-001 was written at 20260101, but slot1 is empty",
            ),
            (
                "a lost tapelist",
                slots(labelled(1, written="20260101", dumps=True)),
                {},
                "the tapelist does not know it",
            ),
            ("two of one label", slots(labelled(1), labelled(2, "daily-001")), {"daily-001": "0"}, "slot2 and slot1"),
            ("a moved label", slots(empty(1), labelled(2, "daily-001")), {"daily-001": "0"}, "which is in slot2"),
        ):
            with self.subTest(about), self.assertRaisesRegex(system.Refusal, told):
                vtapes.plan(there, known, "daily", 2)

    def test_labels_of_four_digits(self):
        self.assertEqual(vtapes.plan(slots(empty(1000)), {}, "daily", 1000), [(1000, "daily-1000", False)])


class RealLabels(SandboxCase):
    """amlabel itself, on slots that hold the traces of dumps."""

    def grow(self, tapecycle):
        self.box.settings["sets"]["daily"]["tapecycle"] = tapecycle
        self.box.write_settings()
        self.box.write_conf("daily")

    def ensure(self, *argv, check=True, **options):
        return self.box.run("python3", "-I", "-c", ENSURE, *argv, check=check, **options)

    def contents(self):
        place = self.box.path(f"{DATA}/vtapes/daily")
        return {
            str(path.relative_to(place)): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns)
            for path in sorted(place.glob("slot*/*"))
        }

    def labels(self):
        tapes = self.box.path(f"{DATA}/catalogue/daily/tapelist").read_text().split("\n")
        slots_with = sorted(
            name.split("/0")[0] + " " + name.split("00000.")[1] for name in self.contents() if "/00000." in name
        )
        return slots_with, sorted(line.split()[1] for line in tapes if line)

    def test_growth_relabels_nothing_and_a_kill_is_repaired(self):
        before = len(self.labels()[1])
        trace = self.box.path(f"{DATA}/vtapes/daily/slot1/00001.web1._srv.0")
        trace.write_bytes(b"the bytes of a dump")
        old = self.contents()
        self.grow(before + 8)
        chance = random.Random(4)
        killed = [
            self.box.run(
                "timeout",
                "--signal=KILL",
                f"{chance.uniform(0.1, 0.6):.2f}",
                "python3",
                "-I",
                "-c",
                ENSURE,
                check=False,
            )
            for _ in range(12)
        ]
        self.assertGreater(sum(run.returncode != 0 for run in killed), 3)
        self.ensure()
        count = before + 8
        self.assertEqual(
            self.labels(),
            (
                sorted(f"slot{number} daily-{number:03d}" for number in range(1, count + 1)),
                [f"daily-{number:03d}" for number in range(1, count + 1)],
            ),
        )
        self.assertEqual({name: facts for name, facts in self.contents().items() if name in old}, old)
        self.assertEqual(self.ensure().stdout, "")

        self.grow(2)
        shrunk = self.contents()
        self.assertEqual(self.ensure().stdout, "")
        self.assertEqual(self.contents(), shrunk)

        self.box.path(f"{DATA}/vtapes/daily/slot1/00000.daily-001").unlink()
        lost = self.ensure(check=False)
        self.assertEqual((lost.returncode, lost.stdout), (1, ""))
        self.assertIn("slot1 of the set 'daily' holds dumps but no label", lost.stderr)
        self.assertTrue(trace.exists())

    def test_check_tells_and_changes_nothing(self):
        self.grow(40)
        before = self.contents()
        told = self.ensure("--check", check=False)
        self.assertIn("label slot40 of daily as daily-040\n", told.stdout)
        self.assertEqual(self.contents(), before)


if __name__ == "__main__":
    unittest.main()
