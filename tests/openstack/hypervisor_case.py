"""A lab of the tests' own with the hypervisor alone, and what its tests ask of instances."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest
import unittest.mock
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STATE = ROOT / ".lab-hypervisor-test"
sys.path[:0] = [str(ROOT / "lab/openstack/lib"), str(ROOT / "lab/lib")]

import hypervisor  # noqa: E402
import image  # noqa: E402
from hosts import Hosts  # noqa: E402
from lab import Lab, make_key  # noqa: E402

A, B = str(uuid.UUID(int=10)), str(uuid.UUID(int=11))
GROUP, OTHERS = str(uuid.UUID(int=20)), str(uuid.UUID(int=21))


def rule(direction="ingress", **match):
    return {"direction": direction, "ethertype": "IPv4", "group": None, "max": None, "min": None,
            "prefix": None, "protocol": None, **match}


OUT = rule("egress")
SSH = rule(protocol="tcp", min=22, max=22)


class HypervisorCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with unittest.mock.patch.dict(os.environ, LAB_STATE=str(STATE)):
            cls.lab = Lab()
        cls.hosts = Hosts(cls.lab)
        cls.hypervisor = hypervisor.Hypervisor(cls.lab)
        STATE.mkdir(mode=0o700, exist_ok=True)
        cls.addClassCleanup(shutil.rmtree, STATE)
        cls.addClassCleanup(cls.hosts.down)
        cls.addClassCleanup(cls.hypervisor.remove)
        # What a killed run of these tests left.
        cls.hypervisor.remove()
        cls.hosts.down()
        image.ensure(cls.lab)
        cls.hosts.ensure_networks()
        cls.key = STATE / "key"
        make_key(cls.key)

    def setUp(self):
        self.hypervisor.start()
        self.address = {uuid: str(self.lab.subnets()["lab"][100 + number])
                        for number, uuid in enumerate((A, B))}

    def tearDown(self):
        self.hypervisor.remove()

    def ask(self, method, path, body=None, status=200):
        code, answer = self.hypervisor.request(method, path, body)
        self.assertEqual(code, status, answer)
        return answer

    def spec(self, instance, **changed):
        number = self.address[instance].rsplit(".")[-1]
        user_data = {"ssh_authorized_keys": [self.key.with_suffix(".pub").read_text().strip()]}
        files = {
            "openstack/latest/meta_data.json": json.dumps(
                {"uuid": instance, "hostname": f"vm{number}", "name": f"vm{number}"}),
            "openstack/latest/user_data": "#cloud-config\n" + json.dumps(user_data),
        }
        return {
            "address": self.address[instance], "flavor": "m1.lab", "hostname": f"vm{number}",
            "configDrive": {path: base64.b64encode(text.encode()).decode()
                            for path, text in files.items()},
            "image": {"id": GROUP, "name": "debian-12-a"}, "name": f"vm{number}",
            "mac": f"fa:16:3e:00:00:{int(number):02x}", **changed,
        }

    def boot(self, *instances):
        for instance in instances:
            self.ask("PUT", f"/instances/{instance}", self.spec(instance))
            self.ask("POST", f"/instances/{instance}/start")

    def firewall(self, rules, instances=(A, B), **changed):
        self.ask("PUT", "/firewall", {
            "floating": {}, "groups": {GROUP: rules, OTHERS: []},
            "ports": {i: {"addresses": [self.address[i]], "groups": [GROUP], "mac":
                          self.spec(i)["mac"], "open": False} for i in instances}, **changed})

    def ssh(self, instance, script, check=True):
        done = subprocess.run(
            ["ssh", "-i", self.key, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
             "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=2",
             "-o", "IdentitiesOnly=yes", f"debian@{self.address[instance]}", script],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if check:
            self.assertEqual(done.returncode, 0, f"{script}: {done.stdout}{done.stderr}")
        return done.stdout.strip() if check else done.returncode

    def wait_ssh(self, *instances):
        for instance in instances:
            until = time.monotonic() + 60
            while self.ssh(instance, "test -s /run/cloud-init/result.json", check=False):
                self.assertLess(time.monotonic(), until, self.console(instance))
                time.sleep(0.3)

    def state(self, instance):
        return self.ask("GET", "/instances").get(instance, {}).get("state")

    def console(self, instance):
        return self.ask("GET", f"/instances/{instance}/console")["text"]

    def loops(self):
        done = subprocess.run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"],
                              capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if str(STATE) in line]

    def tables(self):
        done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if self.lab.id in line]
