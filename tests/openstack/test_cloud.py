"""The cloud's control plane by its own commands: up, repairs, projects, a server's life, down.

In a lab of its own, which is gone at the end.
"""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STATE = ROOT / ".lab-openstack-test"
ID = "amanda-lab-" + hashlib.sha256(str(STATE).encode()).hexdigest()[:8]
USER_DATA = """#cloud-config
ssh_deletekeys: true
ssh_genkeytypes: [ed25519]
write_files: [{path: /etc/greeting, content: hello}]
"""


def attempt(command, *words, stdin=None):
    return subprocess.run([str(ROOT / "lab" / command), *words], env={**os.environ, "LAB_STATE": str(STATE)},
                          capture_output=True, text=True, errors="replace", check=False, input=stdin)


def lab(command, *words):
    done = attempt(command, *words)
    if done.returncode:
        raise AssertionError(f"{command} {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def inside(*words):
    return lab("podman", "exec", f"{ID}-cloud", *words)


def nova(*words, user="backup"):
    return lab("openstack/openstack", "--os-cloud", user, *words)


def refusal(*words, user="backup"):
    """What the API says to a request that it must refuse."""
    done = attempt("openstack/openstack", "--os-cloud", user, *words)
    if not done.returncode:
        raise AssertionError(f"{user} may {' '.join(words)}")
    return done.stderr


def seconds(work):
    start = time.monotonic()
    work()
    return time.monotonic() - start


def traces():
    """Everything on this machine that belongs to this lab, one line each."""
    def shown(*argv, mark):
        text = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        return [line for line in text.splitlines() if mark in line]
    network = json.loads((STATE / "subnets.json").read_text())["lab"].removesuffix("0/24")
    state = str(STATE) + "/"
    return [
        *shown("podman", "network", "ls", "--format", "{{.Name}}", mark=ID),
        *shown("ps", "-e", "-o", "args=", mark=ID),
        *shown("ip", "-4", "-o", "address", mark=network), *shown("iptables-save", mark=network),
        *shown("nft", "list", "ruleset", mark=network), *shown("losetup", "--all", mark=state),
        *shown("cat", "/proc/self/mountinfo", mark=state),
        *shown("cat", "/var/lib/containers/storage/overlay-containers/containers.json", mark=ID),
    ]


class CloudTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(lambda: lab("openstack/down"))
        lab("openstack/down")
        lab("openstack/image")
        cls.started = seconds(lambda: lab("openstack/up"))
        cls.facts = json.loads(lab("openstack/status", "--json"))

    def test_starts_within_two_minutes_from_the_image(self):
        self.assertLess(self.started, 120)

    def test_a_second_up_touches_nothing(self):
        before = lab("podman", "inspect", "--format={{.State.Pid}}", f"{ID}-cloud")
        self.assertLess(seconds(lambda: lab("openstack/up")), 20)
        self.assertEqual(lab("podman", "inspect", "--format={{.State.Pid}}", f"{ID}-cloud"), before)
        self.assertEqual(json.loads(lab("openstack/status", "--json")), self.facts)

    def test_tells_a_stack_what_it_must_know(self):
        images = json.loads(nova("image", "list", "-f", "json"))
        self.assertEqual(self.facts["images"], {image["Name"]: image["ID"] for image in images})
        flavors = nova("flavor", "list", "-f", "value", "-c", "Name")
        self.assertEqual(self.facts["flavors"], sorted(flavors.split()))
        subnet = json.loads(nova("subnet", "show", self.facts["subnetId"], "-f", "json"))
        self.assertEqual((subnet["cidr"], subnet["gateway_ip"], subnet["network_id"]),
                         (self.facts["cidr"], self.facts["gateway"], self.facts["networkId"]))

    def test_a_project_may_no_more_than_its_part(self):
        self.assertIn("403", refusal("compute", "service", "list"))
        self.assertIn("403", refusal("user", "list"))
        address = ["--network", "lab", "--fixed-ip"]
        chosen = self.facts["gateway"].removesuffix(".1") + ".77"
        self.assertIn("403", refusal("port", "create", *address, f"ip-address={chosen}", "port", user="shop"))
        port = nova("port", "create", *address, f"ip-address={chosen}", "port", "-f", "value", "-c", "id")
        self.addCleanup(nova, "port", "delete", port)
        self.assertIn("No Port found", refusal("port", "show", port, user="shop"))

    def test_a_wrong_password_is_refused(self):
        domain = {"name": "Default"}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": {
            "domain": domain, "name": "backup", "password": "wrong"}}}}}
        request = urllib.request.Request(self.facts["authUrl"] + "/auth/tokens", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

    def test_only_the_apis_are_reached_from_outside(self):
        listening = inside("ss", "-Hltn").splitlines()
        outside = {line.split()[3].rsplit(":", 1)[1] for line in listening
                   if not line.split()[3].startswith(("127.0.0.1:", "169.254.169.254:", "[::1]:"))}
        self.assertEqual(outside, {"5000", "8774", "8776", "8778", "9292", "9696"})

    def test_up_says_what_is_missing(self):
        # It is started again, but first reports five seconds later.
        inside("systemctl", "stop", "nova-conductor")
        self.addCleanup(lab, "openstack/up")
        done = attempt("openstack/up", "--timeout", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("nova: no report of nova-conductor", done.stderr)

    def test_up_repairs_what_a_crash_stopped(self):
        nova("volume", "create", "--size", "1", "kept")
        self.addCleanup(nova, "volume", "delete", "kept")
        # What a crash interrupts is lost in a real cloud too.
        self.until("available", "volume", "kept")
        lab("podman", "kill", "--signal=KILL", f"{ID}-cloud")
        os.kill(int((STATE / "hypervisor/pid").read_text()), 9)
        self.assertIn("lab/openstack/up", attempt("openstack/status").stderr)
        lab("openstack/up")
        self.assertEqual(nova("volume", "show", "kept", "-f", "value", "-c", "status"), "available")

    def test_lab_down_leaves_a_cloud_to_its_own_command(self):
        self.assertIn("lab/openstack/down", attempt("down").stderr)

    def test_the_life_of_a_server(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "user-data").write_text(USER_DATA)
            lab("podman", "cp", f"{folder}/user-data", f"{ID}-cloud:/root/user-data")
        lab("podman", "cp", f"{STATE}/admin.pub", f"{ID}-cloud:/root/admin.pub")
        nova("keypair", "create", "--public-key", "/root/admin.pub", "admin")
        group = nova("security", "group", "create", "ssh", "-f", "value", "-c", "id")
        nova("security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22", group)
        nova("server", "create", "--image", "debian-12-a", "--flavor", "m1.lab", "--network", "lab",
             "--key-name", "admin", "--security-group", group, "--user-data", "/root/user-data", "--wait", "web")
        server = json.loads(nova("server", "show", "web", "-f", "json"))
        self.address = server["addresses"]["lab"][0]
        self.assertEqual(self.ssh("hostname; cat /etc/greeting").split(), ["web", "hello"])
        self.assertIn(self.facts["images"]["debian-12-a"], self.ssh("cat /etc/lab-image"))
        floating = nova("floating", "ip", "create", self.facts["externalNetwork"],
                        "-f", "value", "-c", "floating_ip_address")
        nova("server", "add", "floating", "ip", "web", floating)
        self.assertEqual(self.ssh("hostname", address=floating), "web\n")
        nova("floating", "ip", "delete", floating)
        self.assertIn("systemd", nova("console", "log", "show", "web"))
        self.ssh("sudo touch /root/kept")
        for words in (["reboot", "--wait"], ["reboot", "--hard", "--wait"]):
            nova("server", *words, "web")
            self.ssh("sudo test -e /root/kept")
        nova("server", "stop", "web")
        self.until("SHUTOFF")
        nova("server", "start", "web")
        self.until("ACTIVE")
        self.ssh("sudo test -e /root/kept")
        nova("server", "resize", "--flavor", "m1.lab2", "--wait", "web")
        nova("server", "resize", "confirm", "web")
        self.until("ACTIVE")
        nova("server", "rebuild", "--image", "debian-12-b", "--wait", "web")
        self.assertIn(self.facts["images"]["debian-12-b"], self.ssh("cat /etc/lab-image"))
        self.ssh("sudo test ! -e /root/kept")
        nova("server", "delete", "--wait", "web")
        self.assertEqual(nova("server", "list", "-f", "value"), "")

    def test_zz_down_leaves_nothing(self):
        nova("server", "create", "--image", "debian-12-a", "--flavor", "m1.lab", "--network", "lab", "--wait", "left")
        nova("volume", "create", "--size", "1", "left")
        self.until("available", "volume", "left")
        nova("server", "add", "volume", "left", "left")
        self.until("in-use", "volume", "left")
        daemon = pathlib.Path("/proc", (STATE / "hypervisor/pid").read_text(), "exe")
        self.assertTrue(daemon.exists())
        self.assertNotEqual(traces(), [])
        lab("openstack/down")
        self.assertEqual(traces(), [])
        self.assertFalse(daemon.exists(), "the hypervisor still runs")
        self.assertIn("is not up", attempt("openstack/status").stderr)

    def ssh(self, script, address=""):
        """Its host key is another one after a rebuild: this network has nobody in between."""
        argv = ["ssh", "-F", "none", "-i", str(STATE / "admin"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
                "-o", "ConnectTimeout=3", f"debian@{address or self.address}", script]
        until = time.monotonic() + 60
        while True:
            done = subprocess.run(argv, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
            if done.returncode == 0 or time.monotonic() > until:
                self.assertEqual(done.returncode, 0, f"{script}: {done.stderr}")
                return done.stdout
            time.sleep(1)

    def until(self, status, kind="server", name="web"):
        limit = time.monotonic() + 60
        while (now := nova(kind, "show", name, "-f", "value", "-c", "status")) != status:
            self.assertLess(time.monotonic(), limit, f"{name} is {now}, not {status}")
            time.sleep(1)


if __name__ == "__main__":
    unittest.main()
