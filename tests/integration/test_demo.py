"""The demo's own steps on a lab of the tests' own."""

import shutil

from demo.steps import Demo
from drive import lab
from drive.lab import ROOT, STATE
from tests.story import story


class TheDemo(story(Demo)):
    """From nothing to a proven restore. A step that fails makes those after it fail too."""

    @classmethod
    def setUpClass(cls):
        lab.lab("down")
        cls.addClassCleanup((ROOT / "Pulumi.test-demo.yaml").unlink, missing_ok=True)
        cls.addClassCleanup(lab.lab, "down")
        home = STATE / "demo"
        shutil.rmtree(home, ignore_errors=True)
        cls.demo = Demo(home, stack="test-demo")
