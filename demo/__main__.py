"""`python3 -m demo`: from nothing to a proven restore, with a table of what it took; `python3 -m demo down` cleans up."""

import os
import shutil
import subprocess
import sys

from demo.steps import Demo
from demo.table import show
from drive.lab import ROOT


def up():
    down()
    return show(Demo(ROOT / ".demo"))


def down():
    subprocess.run([ROOT / "lab" / "down"], check=True)
    shutil.rmtree(ROOT / ".demo", ignore_errors=True)
    (ROOT / "Pulumi.demo.yaml").unlink(missing_ok=True)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(down() if sys.argv[1:] == ["down"] else up())
