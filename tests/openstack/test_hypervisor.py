"""The hypervisor alone, without OpenStack: real instances, disks and packets.

In a lab of its own, which is gone at the end.
"""

import os
import pathlib
import signal
import subprocess
import time
import unittest
import unittest.mock
import uuid

from tests.openstack.hypervisor_case import A, B, GROUP, OUT, SSH, HypervisorCase, rule

DISK = str(uuid.UUID(int=30))
PORT = 7777


class HypervisorTest(HypervisorCase):
    def test_an_instance_boots_stops_and_goes(self):
        self.firewall([OUT, SSH])
        self.boot(A)
        self.wait_ssh(A)
        self.assertEqual(self.ssh(A, "hostname; cat /etc/lab-image").splitlines(), [
            "vm100", f"ID={GROUP}", "NAME=debian-12-a", "FLAVOR=m1.lab"])
        self.assertIn("169.254.169.254 via", self.ssh(A, "ip route"))
        # It is reached a moment after the result that wait_ssh looks for.
        until = time.monotonic() + 30
        while "cloud-init.target" not in self.console(A):
            self.assertLess(time.monotonic(), until, self.console(A))
            time.sleep(0.3)
        self.assertIn("DataSourceConfigDrive", self.ssh(A, "cat /run/cloud-init/result.json"))
        # A shutdown lets units stop; pulling the plug does not.
        unit = ("printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n"
                "ExecStop=/bin/sh -c \"echo stopped >>/var/stopped\"\\n' | "
                "sudo tee /run/systemd/system/last.service >/dev/null; sudo systemctl start last")
        self.ssh(A, unit)
        self.ask("POST", f"/instances/{A}/kill")
        self.assertEqual(self.state(A), "off")
        self.ask("POST", f"/instances/{A}/start")
        self.wait_ssh(A)
        self.assertNotEqual(self.ssh(A, "cat /var/stopped", check=False), 0)
        self.ssh(A, unit)
        self.ask("POST", f"/instances/{A}/stop?seconds=30")
        self.ask("PUT", f"/instances/{A}/flavor", {"flavor": "m1.lab2"})
        self.ask("POST", f"/instances/{A}/start")
        self.wait_ssh(A)
        self.assertEqual(self.ssh(A, "cat /var/stopped"), "stopped")
        self.assertIn("FLAVOR=m1.lab2", self.ssh(A, "cat /etc/lab-image"))
        self.ask("PUT", f"/instances/{A}", self.spec(A, flavor="m1.lab2"))
        self.ask("PUT", f"/instances/{A}", self.spec(A, image={"id": B, "name": "b"}), status=409)
        self.ask("DELETE", f"/instances/{A}")
        self.ask("DELETE", f"/instances/{A}")
        self.assertEqual(self.ask("GET", "/instances"), {})
        self.ask("POST", f"/instances/{A}/start", status=404)

    def test_wrong_requests_make_nothing(self):
        for wrong in ({"address": "10.0.0.1"}, {"mac": "x"}, {"hostname": "a b"}, {"name": ""},
                      {"configDrive": {"../x": ""}}, {"configDrive": {"x": "*"}}):
            with self.subTest(wrong):
                answer = self.ask("PUT", f"/instances/{A}", self.spec(A, **wrong), status=400)
                self.assertIn(next(iter(wrong)), answer["error"])
                self.assertEqual(self.ask("GET", "/instances"), {})
        self.ask("PUT", f"/volumes/{DISK}", {}, status=400)
        self.ask("PUT", f"/volumes/{DISK}", {"size": 0}, status=400)
        self.ask("PUT", f"/instances/{A}/volumes/{DISK}", {"device": "/dev/vdb"}, status=404)
        self.ask("GET", "/../", status=404)
        before = subprocess.check_output(["nft", "list", "table", "inet", self.lab.id])
        for wrong in (rule(protocol="tcp; drop"), rule(prefix="10.0.0.0/33"), rule(min="x", protocol="tcp")):
            self.ask("PUT", "/firewall", {
                "floating": {}, "groups": {GROUP: [wrong]},
                "ports": {A: {"addresses": [self.address[A]], "groups": [GROUP],
                              "mac": "fa:16:3e:00:00:01", "open": False}}}, status=400)
        self.assertEqual(
            before, subprocess.check_output(["nft", "list", "table", "inet", self.lab.id]))

    def test_the_firewall_stands_between_instances_and_the_machine(self):
        self.boot(A, B)
        self.firewall([OUT, SSH])
        self.wait_ssh(A, B)
        self.firewall([OUT, SSH], instances=())
        self.assertNotEqual(self.ssh(A, "true", check=False), 0, "no port, yet let in")
        self.firewall([OUT, SSH])
        self.ssh(B, f"sudo systemd-run --unit=listen python3 -m http.server {PORT}")
        reach = f"curl -sS --noproxy {self.address[B]} --max-time 3 -o /dev/null http://{self.address[B]}:{PORT}/"
        self.assertEqual(self.ssh(A, reach, check=False), 28)
        self.assertEqual(subprocess.run(reach.split(), capture_output=True).returncode, 28)
        self.assertNotEqual(self.ssh(A, f"ping -c1 -W1 {self.address[B]}", check=False), 0)
        # By the group's members: the other instance, not this machine.
        self.firewall([OUT, SSH, rule(protocol="tcp", min=PORT, max=PORT, group=GROUP),
                       rule(protocol="icmp", min=8, group=GROUP)])
        self.ssh(A, reach)
        self.ssh(A, f"ping -c1 -W1 {self.address[B]}")
        self.assertEqual(subprocess.run(reach.split(), capture_output=True).returncode, 28)
        # By this machine's address alone.
        gateway = f"{self.lab.subnets()['lab'][1]}/32"
        self.firewall([OUT, SSH, rule(protocol="tcp", min=PORT - 1, max=PORT, prefix=gateway)])
        self.assertEqual(self.ssh(A, reach, check=False), 28)
        self.assertEqual(subprocess.run(reach.split(), capture_output=True).returncode, 0)
        # Egress: to B alone, so not to this machine; and no way out at all.
        ways = [SSH, rule(protocol="tcp", min=PORT, max=PORT)]
        self.firewall([*ways, rule("egress", prefix=f"{self.address[B]}/32")])
        self.ssh(A, reach)
        self.assertNotEqual(self.ssh(A, f"ping -c1 -W1 {gateway[:-3]}", check=False), 0)
        self.firewall(ways)
        self.assertEqual(self.ssh(A, reach, check=False), 28)
        # Another address than its own, though the rules would let it pass.
        self.firewall([OUT, *ways])
        other = self.address[A].rsplit(".", 1)[0] + ".77"
        self.ssh(A, f"sudo ip addr add {other}/24 dev eth0")
        self.ssh(A, reach)
        self.assertEqual(self.ssh(A, f"{reach} --interface {other}", check=False), 28)

    def test_a_rule_that_goes_ends_its_connections(self):
        self.firewall([OUT, SSH])
        self.boot(A)
        self.wait_ssh(A)
        with subprocess.Popen(
                ["ssh", "-i", self.key, "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
                 "-o", "UserKnownHostsFile=/dev/null", "-o", "ServerAliveInterval=1", "-o",
                 "ServerAliveCountMax=2", f"debian@{self.address[A]}", "echo in; sleep 60"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as session:
            self.assertEqual(session.stdout.readline(), "in\n")
            self.firewall([OUT])
            self.assertEqual(session.wait(30), 255)

    def test_a_floating_address_leads_to_its_instance(self):
        floating = "172.24.4.10"
        self.boot(A)
        gateway = str(self.lab.subnets()["lab"][1])
        self.firewall([OUT, {**SSH, "prefix": f"{gateway}/32"}], floating={floating: self.address[A]})
        self.wait_ssh(A)
        with unittest.mock.patch.dict(self.address, {A: floating}):
            self.assertEqual(self.ssh(A, "hostname; echo $SSH_CLIENT").split()[:2], ["vm100", gateway])
            self.firewall([OUT, SSH])
            self.assertNotEqual(self.ssh(A, "true", check=False), 0)

    def test_a_volume_outlives_all_that_its_instance_goes_through(self):
        self.firewall([OUT, SSH])
        self.ask("PUT", f"/volumes/{DISK}", {"size": 1})
        self.boot(A)
        self.wait_ssh(A)
        attach = (f"/instances/{A}/volumes/{DISK}", {"device": "/dev/vdb"})
        self.ask("PUT", *attach)
        self.ask("PUT", *attach)
        by_id = f"/dev/disk/by-id/virtio-{DISK[:20]}"
        mount = f"sudo mkdir -p /data && sudo mount {by_id} /data"
        self.assertNotEqual(self.ssh(A, f"sudo blkid -p {by_id}", check=False), 0)
        self.ssh(A, f"test $(readlink -f {by_id}) = /dev/vdb && sudo mkfs.ext4 -q {by_id} && "
                    f"{mount} && echo kept | sudo tee /data/file")
        self.assertEqual(len(self.loops()), 1)
        for power in ("stop?seconds=30", "kill"):
            self.ssh(A, "sudo sync")
            self.ask("POST", f"/instances/{A}/{power}")
            self.assertEqual(self.loops(), [])
            self.ask("POST", f"/instances/{A}/start")
            self.wait_ssh(A)
            self.assertEqual(self.ssh(A, f"{mount} && cat /data/file"), "kept")
        # It grows under a mounted file system (which not every machine lets grow while it is mounted).
        self.ask("PUT", f"/volumes/{DISK}", {"size": 2})
        self.assertEqual(self.ssh(A, "sudo blockdev --getsize64 /dev/vdb"), str(2 << 30))
        self.ssh(A, "sudo umount /data && sudo e2fsck -fp /dev/vdb && sudo resize2fs /dev/vdb 2>&1")
        self.ssh(A, f"{mount} && echo more | sudo tee -a /data/file")
        self.assertGreater(int(self.ssh(A, "df --output=size /data | tail -n1")), 1 << 20)
        self.ask("PUT", f"/volumes/{DISK}", {"size": 1}, status=409)
        self.ask("DELETE", f"/volumes/{DISK}", status=409)
        # Pulled while it is used, even in a mount namespace of a service; put into the other.
        self.ssh(A, "sudo systemd-run --unit=user -p PrivateTmp=yes sh -c 'cd /data; exec sleep 600 9>>file'")
        self.ssh(A, "sudo systemd-run --unit=raw sh -c 'exec sleep 600 </dev/vdb'")
        self.ask("DELETE", attach[0])
        self.assertEqual(self.loops(), [])
        self.assertEqual(self.ssh(A, "systemctl is-active user raw; find /dev -name 'vd*' -o -name 'virtio*'; "
                                     "findmnt /data; true"), "failed\nfailed")
        self.boot(B)
        self.ask("PUT", f"/instances/{B}/volumes/{DISK}", attach[1])
        self.wait_ssh(B)
        self.assertEqual(self.ssh(B, f"{mount} && cat /data/file"), "kept\nmore")
        # A replaced instance, whose old one goes while the disk is mounted.
        self.ask("DELETE", f"/instances/{B}")
        self.assertEqual(self.loops(), [])
        self.ask("PUT", *attach)
        self.assertEqual(self.ssh(A, f"{mount} && cat /data/file"), "kept\nmore")
        copy = str(uuid.UUID(int=31))
        self.ask("DELETE", attach[0])
        self.ask("PUT", f"/volumes/{copy}", {"size": 3, "from": DISK})
        self.ask("DELETE", f"/volumes/{DISK}")
        self.ask("PUT", f"/instances/{A}/volumes/{copy}", {"device": "/dev/vdc"})
        self.assertEqual(self.ssh(A, "sudo mount /dev/vdc /data && cat /data/file"), "kept\nmore")

    def test_a_killed_daemon_starts_again_and_goes_on(self):
        self.firewall([OUT, SSH])
        self.ask("PUT", f"/volumes/{DISK}", {"size": 1})
        self.boot(A)
        self.ask("PUT", f"/instances/{A}/volumes/{DISK}", {"device": "/dev/vdb"})
        self.wait_ssh(A)
        table = subprocess.check_output(["nft", "list", "table", "inet", self.lab.id])
        # While it makes another one.
        self.ask("PUT", f"/instances/{B}", self.spec(B))
        pid = self.hypervisor.pid()
        with subprocess.Popen(["curl", "-s", "-X", "POST", "--unix-socket", self.hypervisor.socket,
                               f"http://h/instances/{B}/start"], stdout=subprocess.DEVNULL):
            time.sleep(0.3)
            os.kill(pid, signal.SIGKILL)
        self.assertFalse(self.hypervisor.answers())
        self.assertEqual(self.ssh(A, "test -b /dev/vdb && echo lives"), "lives")
        self.hypervisor.start()
        self.assertNotEqual(self.hypervisor.pid(), pid)
        self.assertEqual(self.state(A), "running")
        self.assertEqual(len(self.loops()), 1)
        self.assertEqual(
            table, subprocess.check_output(["nft", "list", "table", "inet", self.lab.id]))
        self.ask("POST", f"/instances/{B}/start")
        self.wait_ssh(B)

    def test_remove_leaves_nothing(self):
        self.firewall([OUT, SSH])
        self.ask("PUT", f"/volumes/{DISK}", {"size": 1})
        self.boot(A)
        self.ask("PUT", f"/instances/{A}/volumes/{DISK}", {"device": "/dev/vdb"})
        pid = self.hypervisor.pid()
        self.assertEqual((len(self.loops()), len(self.tables()), len(self.hosts.records())), (1, 1, 1))
        self.hypervisor.remove()
        self.assertEqual((self.loops(), self.tables(), self.hosts.records()), ([], [], []))
        self.assertFalse(pathlib.Path(f"/proc/{pid}/exe").exists())
        self.assertFalse(self.hypervisor.directory.exists())
        self.hypervisor.remove()


if __name__ == "__main__":
    unittest.main()
