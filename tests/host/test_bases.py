"""Bases that only look like ones, with real amdump: another set's dump, and a full dump that was written over."""

import unittest

from tests.host.server_sandbox import DATA, SandboxCase

DISK = "/srv/src/data"


class BasesTest(SandboxCase):
    """In the order of the names."""

    options = {"mirror": False, "slots": 4, "vtape_mb": 30, "runtapes": 1}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        box = cls.box
        box.settings["sets"]["weekly"] = dict(box.settings["sets"]["daily"])
        box.write_settings()
        box.make_set("weekly")
        box.sh(f"mkdir -p {DISK}; head -c 3M /dev/urandom > {DISK}/large")
        for name in ("daily", "weekly"):
            box.write_conf(name, (r"^    index yes", "    index yes\n    maxpromoteday 0"))
            box.disklist(name, (DISK, DISK))

    def night(self, name="daily"):
        self.box.backupctl("run", name)
        return [line for line in self.box.ledger(name) if line["event"] == "dump"][-1]

    def test_1_what_changed_before_another_sets_dump_is_not_lost(self):
        self.assertEqual(self.night()["level"], 0)
        self.box.sh(f"echo between > {DISK}/between; sleep 1.1")
        self.assertEqual(self.night("weekly")["level"], 0)
        self.box.sh(f"sleep 1.1; echo late > {DISK}/late")
        self.assertIn("full: another set dumped it since", self.box.backupctl("status").stdout)
        stamp = self.night()["stamp"]
        index = self.box.sh(f"zcat {DATA}/catalogue/daily/index/localhost/*/{stamp}_?-unsorted.gz").stdout
        self.assertIn("/between", index.split())

    def test_2_a_base_that_is_written_over_is_dumped_anew(self):
        """More runs within the dumpcycle than there are vtapes: Amanda itself goes on with level 1."""
        for _ in range(7):
            dump = self.night()
            self.assertTrue(dump["proved"])
            here = self.box.python("from amanda_backup import dumps; print(*dumps.vtapes_here(settings, 'daily'))").stdout.split()
            base = next(line for line in reversed(self.box.ledger()) if line["event"] == "dump" and line["level"] == 0)
            self.assertLessEqual({part["vtape"] for part in base["parts"]}, set(here))


if __name__ == "__main__":
    unittest.main()
