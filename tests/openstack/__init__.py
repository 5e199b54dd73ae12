"""The real engine on the services of a real OpenStack, in a cloud of the tests' own."""

import os
import pathlib

# drive reads this when it is imported: a cloud that somebody works with is left alone.
os.environ.setdefault("CLOUD_STATE", str(pathlib.Path(__file__).resolve().parents[2] / ".lab-openstack-test"))
