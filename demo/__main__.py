"""`python3 -m demo`: from nothing to a proven restore, with a table of what it took; `python3 -m demo down` cleans up."""

import os
import shutil
import subprocess
import sys

from demo import steps
from demo.table import Table
from drive.lab import ROOT


def up():
    down()
    table = Table()
    demo = steps.Demo(ROOT / ".demo")
    for title, work in demo.STEPS:
        if not table.step(title, getattr(demo, work)) and work not in demo.COMPARISONS:
            break
    table.print()
    return int(table.failed)


def down():
    subprocess.run([ROOT / "lab" / "down"], check=True)
    shutil.rmtree(ROOT / ".demo", ignore_errors=True)
    (ROOT / "Pulumi.demo.yaml").unlink(missing_ok=True)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(down() if sys.argv[1:] == ["down"] else up())
