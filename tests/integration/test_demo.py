"""The demo's own steps, each one a test: what `make demo` shows is what is proved here."""

import shutil
import unittest

from demo.steps import Demo
from drive import lab
from drive.lab import ROOT, STATE


class TheDemo(unittest.TestCase):
    """From nothing to a proven restore. A step that fails makes those after it fail too."""

    @classmethod
    def setUpClass(cls):
        lab.lab("down")
        cls.addClassCleanup((ROOT / "Pulumi.test-demo.yaml").unlink, missing_ok=True)
        cls.addClassCleanup(lab.lab, "down")
        home = STATE / "demo"
        shutil.rmtree(home, ignore_errors=True)
        cls.demo = Demo(home, stack="test-demo")
        cls.broken = None


def step(number, title, work):
    def test(self):
        if self.broken:
            self.fail(f"not tried: the step '{self.broken}' failed")
        try:
            getattr(self.demo, work)()
        except BaseException:
            type(self).broken = title
            raise
    test.__doc__ = title
    return f"test_{number:02}_{work}", test


for _number, (_title, _work) in enumerate(Demo.STEPS, start=1):
    setattr(TheDemo, *step(_number, _title, _work))
