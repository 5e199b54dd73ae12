"""`python3 -m demo.openstack`: VMs, volumes and another stack on a real OpenStack; `python3 -m demo.openstack down` cleans up."""

import os
import shutil
import sys

from demo.openstack.steps import CloudDemo
from demo.table import show
from drive import cloud
from drive.lab import ROOT

HOME = ROOT / ".demo-openstack"


def up():
    down()
    return show(CloudDemo(HOME))


def down():
    cloud.cloud("down")
    shutil.rmtree(HOME, ignore_errors=True)
    (ROOT / "Pulumi.demo-openstack.yaml").unlink(missing_ok=True)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(down() if sys.argv[1:] == ["down"] else up())
