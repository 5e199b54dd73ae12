"""The OpenStack demo's own steps, on a cloud of the tests' own."""

import shutil

from demo.openstack.steps import CloudDemo
from drive import cloud
from drive.lab import ROOT
from tests.story import story


class OnTheCloud(story(CloudDemo)):
    """VMs, volumes, networks and another stack, by the real services' API."""

    @classmethod
    def setUpClass(cls):
        cloud.cloud("down")
        cls.addClassCleanup((ROOT / "Pulumi.test-openstack.yaml").unlink, missing_ok=True)
        cls.addClassCleanup(cloud.cloud, "down")
        home = cloud.STATE / "demo"
        cls.addClassCleanup(shutil.rmtree, home, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
        cls.demo = CloudDemo(home, stack="test-openstack")
