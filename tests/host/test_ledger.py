"""The ledger's files and what its records say about levels."""

import json
import pathlib
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "host"))

from amanda_backup import crypt, ledger, levels  # noqa: E402


class Append(unittest.TestCase):
    def setUp(self):
        self.path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "ledger.jsonl"

    def test_records_come_back_in_order(self):
        ledger.append(self.path, [{"n": 1}, {"n": 2, "disk": "a\nb \udcff"}])
        ledger.append(self.path, [{"n": 3}])
        self.assertEqual(ledger.read(self.path), [{"n": 1}, {"n": 2, "disk": "a\nb \udcff"}, {"n": 3}])
        self.assertEqual(len(self.path.read_bytes().splitlines()), 3)

    def test_no_file_is_no_record(self):
        self.assertEqual(ledger.read(self.path), [])

    def test_a_torn_line_loses_only_itself(self):
        ledger.append(self.path, [{"n": 1}, {"n": 2}])
        data = self.path.read_bytes()
        for cut in range(len(data) - 7, len(data)):
            self.path.write_bytes(data[:cut])
            ledger.append(self.path, [{"n": 3}])
            found = [record["n"] for record in ledger.read(self.path)]
            # Only the newline was cut off: the record itself is whole.
            self.assertEqual(found, [1, 2, 3] if cut == len(data) - 1 else [1, 3], cut)

    def test_two_writers_at_once(self):
        def write(name):
            for number in range(100):
                ledger.append(self.path, [{"name": name, "number": number, "pad": "x" * 3000}])
        writers = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        found = [json.loads(line) for line in self.path.read_text().splitlines()]
        self.assertEqual(sorted((each["name"], each["number"]) for each in found),
                         [(name, number) for name in "abcd" for number in range(100)])


class KeyRecord(unittest.TestCase):
    def test_an_id_keeps_its_key(self):
        place = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        one, other = crypt.Key("2026a", b"one", "1" * 64), crypt.Key("2026a", b"other", "2" * 64)
        ledger.check_key(place, one)
        ledger.record_key(place, one, "root")
        ledger.record_key(place, one, "root")
        for call in (lambda: ledger.check_key(place, other), lambda: ledger.record_key(place, other, "root")):
            with self.assertRaisesRegex(crypt.CryptError, "is not the key that earlier dumps were made with"):
                call()
        self.assertEqual(ledger.key_record(place, "2026a").read_text(), "1" * 64 + "\n")


def dump(stamp, level, proved=True, **more):
    return {"event": "dump", "host": "web1", "disk": "/srv", "stamp": str(stamp), "level": level, "proved": proved, **more}


TAKEOVER = {"event": "takeover", "run": "2"}
LOST = {"event": "dump", "host": "web1", "disk": "/srv", "stamp": "9", "level": None, "proved": False}
NEVER_STARTED = {**LOST, "attempted": False}


class Force(unittest.TestCase):
    """Which history makes the next dump a full one."""

    CASES = [
        ("a new directory", [], True),
        ("a proved full dump", [dump(1, 0)], False),
        ("an unproved full dump", [dump(1, 0, False)], True),
        ("a chain of proved dumps", [dump(1, 0), dump(2, 1), dump(3, 2)], False),
        ("an unproved incremental: a later one may be based on it", [dump(1, 0), dump(2, 1, False)], True),
        ("an unproved incremental, then a proved full dump", [dump(1, 0), dump(2, 1, False), dump(3, 0)], False),
        ("an incremental without any full dump", [dump(2, 1)], True),
        ("a dump that was begun and is on no vtape", [dump(1, 0), LOST], True),
        ("a night on which the client was off", [dump(1, 0), NEVER_STARTED], False),
        ("a takeover", [dump(1, 0), TAKEOVER], True),
        ("a takeover, then a full dump", [dump(1, 0), TAKEOVER, dump(3, 0)], False),
        ("a dump that reached its vtape only after a later one was lost",
         [{**LOST, "stamp": "1", "run": "1"}, {**LOST, "run": "9"}, {**dump(1, 0), "run": "10"}], True),
        ("a dump that reached its vtape a night later", [{**LOST, "stamp": "1", "run": "1"}, {**dump(1, 0), "run": "2"}], False),
        ("another directory's dump", [{**dump(1, 0), "disk": "/home"}], True),
    ]

    def test_each_history(self):
        for words, records, expected in self.CASES:
            with self.subTest(words):
                self.assertEqual(list(levels.to_force(records, [("web1", "/srv")])), [("web1", "/srv")] if expected else [])

    def test_only_what_is_in_the_disklist(self):
        self.assertEqual(levels.to_force([dump(1, 0, False)], [("web1", "/home")]),
                         {("web1", "/home"): "no proved dump can be its base"})


def on(record, *vtapes):
    return {**record, "parts": [{"vtape": vtape} for vtape in vtapes]}


class BaseOnItsVtape(unittest.TestCase):
    """Amanda writes over a full dump within the dumpcycle when there are more runs than planned."""

    def test_a_base_that_was_written_over_is_none(self):
        chain = [on(dump(1, 0), "a@1", "b@1"), on(dump(2, 1), "c@2")]
        entry = ("web1", "/srv")
        for here, forced in (({"a@1", "b@1", "c@2"}, []), ({"a@1", "c@2"}, [entry]), ({"a@1", "b@1"}, [entry]), (None, [])):
            self.assertEqual(list(levels.to_force(chain, [entry], here)), forced, here)
        history = levels.histories(chain)[entry]
        self.assertIsNone(levels.trouble_below(history, 1, {"a@1", "b@1"}))
        self.assertIn("the dump of 1, whose vtapes were written over", levels.trouble_below(history, 1, {"a@1", "c@2"}))
        self.assertIn("the dump of 1, whose vtapes were written over", levels.trouble_below(history, 2, {"b@1", "c@2"}))
        self.assertIn("the dump of 2, whose vtapes were written over", levels.trouble_below(history, 2, {"a@1", "b@1"}))


class OtherSets(unittest.TestCase):
    """A client has one incremental state for a directory, whichever set dumped it."""

    def test_a_dump_by_another_set_ends_the_chain(self):
        own, other = dump("20260101", 0), {**dump("20260102", 0), "run": "20260102"}
        entry = ("web1", "/srv")
        for others, forced in (([], []), ([other], [entry]), ([{**other, "disk": "/home"}], []),
                               ([{**other, "stamp": "20251231"}], []), ([{**other, "level": None, "proved": False}], [entry]),
                               ([{**other, "attempted": False}], [])):
            self.assertEqual(list(levels.to_force(levels.interrupted([own], others), [entry])), forced, others)

    def test_the_levels_go_on_after_the_next_full_dump(self):
        records = levels.interrupted([dump("20260101", 0), dump("20260103", 0)], [dump("20260102", 0)])
        self.assertEqual(levels.to_force(records, [("web1", "/srv")]), {})
        history = levels.histories(records)["web1", "/srv"]
        self.assertIsNone(levels.trouble_below(history, 1))

    def test_a_level_1_over_another_sets_dump_is_not_proved(self):
        history = levels.histories(levels.interrupted([dump("20260101", 0)], [dump("20260102", 0)]))["web1", "/srv"]
        self.assertIn("another set dumped it", levels.trouble_below(history, 1))


class Base(unittest.TestCase):
    """What a dump is based on, and whether that is proved."""

    CASES = [
        ("a full dump has none", [dump(1, 0)], 0, None, None),
        ("level 1 on the full dump", [dump(1, 0), dump(2, 1)], 1, "1", None),
        ("level 2 on the newest level 1", [dump(1, 0), dump(2, 1), dump(3, 1)], 2, "3", None),
        ("level 1 on nothing", [], 1, None, "no dump of a lower level is known"),
        ("level 1 on an unproved full dump", [dump(1, 0), dump(2, 0, False)], 1, "2", "based on the dump of 2, which is not proved"),
        ("level 1 on a lost dump", [dump(1, 0), LOST], 1, "9", "based on the dump of 9, which is not proved"),
        ("level 1 over a takeover", [dump(1, 0), TAKEOVER], 1, None, "no dump of a lower level is known"),
    ]

    def test_each_history(self):
        for words, records, level, base, trouble in self.CASES:
            with self.subTest(words):
                history = levels.histories(records).get(("web1", "/srv"), [])
                found = levels.base_of(history, level)
                self.assertEqual(found["stamp"] if found else None, base)
                told = levels.trouble_below(history, level)
                self.assertIn(trouble, told) if trouble else self.assertIsNone(told)


if __name__ == "__main__":
    unittest.main()
