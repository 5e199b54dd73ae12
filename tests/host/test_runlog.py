"""Which of Amanda's logs are those of runs."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "host"))

from amanda_backup import runlog  # noqa: E402


class Stamps(unittest.TestCase):
    def stamps(self, **logs):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        settings = {"dataPath": folder.name}
        place = runlog.folder(settings, "daily")
        place.mkdir(parents=True)
        for name, text in logs.items():
            pathlib.Path(place, name.replace("_", ".")).write_text(text, encoding="utf-8")
        return runlog.stamps(settings, "daily")

    def test_a_restore_is_no_run(self):
        self.assertEqual(self.stamps(
            log_20261124000000_0="INFO amdump amdump pid 11\nINFO planner planner pid 12\n",
            log_20261124010000_0="INFO amidxtaped checkdump pid 2222\n",
            log_20261124020000_0="INFO amfetchdump amfetchdump pid 2222\n",
            log_20261124030000_0="INFO amflush amflush pid 3\n",
        ), ["20261124000000", "20261124030000"])

    def test_a_run_that_was_killed_at_once_is_one(self):
        self.assertEqual(self.stamps(log_20261124000000_0=""), ["20261124000000"])


if __name__ == "__main__":
    unittest.main()
