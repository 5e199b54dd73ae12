"""What the OpenStack demo does, in order. Each step is a method named in STEPS; what is not as it should be raises Failed."""

import json
import subprocess

from demo.compare import amrecover, compare, sha256_of
from demo.openstack.config import TREES, Site
from demo.openstack.others import NAME as OLD
from demo.openstack.others import Others
from demo.openstack.shop import Shop
from demo.openstack.stack import INSTANCE
from drive import cloud, lab
from drive.lab import ROOT, Failed
from drive.stack import Stack


class CloudDemo(Shop, Others):
    """The demo's state between its steps. `home` holds the stacks' state."""

    STEPS = [
        ("toolchain", "toolchain"),
        ("the cloud: Keystone to Nova", "start_cloud"),
        ("preview in an empty project", "preview_empty"),
        ("pulumi up: a server, two clients", "first_up"),
        ("second pulumi up, no change", "second_up"),
        ("fill the clients", "fill"),
        ("pulumi up: their directories", "enrol"),
        ("run, level 0", "full_run"),
        ("amrecover: a file", "recover_file"),
        ("security groups, metadata service", "forbidden"),
        ("another team makes a machine", "other_team"),
        ("it is looked up, and a client", "other_client"),
        ("all through a bastion", "bastion"),
        ("another stack makes its key", "shop_begins"),
        ("another stack enrols", "shop_enrols"),
        ("what it may not enrol", "shop_is_refused"),
        ("run with its directories", "run_with_shop"),
        ("its machine disappears by hand", "shop_machine_disappears"),
        ("its destroy takes its entries alone", "shop_leaves"),
        ("clients: rebuilt, moved, added", "change_clients"),
        ("restore onto their new disks", "restore_clients"),
        ("pulumi up with the data there", "settle"),
        ("run with the changed clients", "run"),
        ("client resized, one removed, server rebuilt", "rebuild_server"),
        ("run, incremental", "run_incremental"),
        ("server replaced", "replace_server"),
        ("its data volume grown", "grow_volume"),
        ("run, incremental again", "run_incremental"),
        ("destroy keeps the data volume", "destroy"),
        ("pulumi up adopts it", "adopt"),
        ("restore from before the destroy", "restore_clients"),
        ("pulumi up with the data back", "settle"),
        ("run after the adoption", "run"),
    ]
    # A comparison that fails does not keep the others from being made.
    COMPARISONS = ("recover_file", "forbidden", "shop_is_refused")

    def __init__(self, home, stack="demo-openstack"):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.name = stack
        self.sources = {}

    def toolchain(self):
        subprocess.run([ROOT / "toolchain" / "setup"], check=True)

    def start_cloud(self):
        subprocess.run([ROOT / "lab" / "openstack" / "up"], check=True, env=cloud.ENV)
        self.facts = cloud.status()
        self.site = Site(self.facts, cloud.admin_public_key())
        self.stack = Stack(self.name, self.home, env=cloud.credentials(self.facts, "backup"))
        self.stack.init(cloud.admin_key())

    def preview_empty(self):
        """Everything is unknown yet."""
        self.stack.configure(self.site.configuration())
        print(self.stack.preview().stdout[-1500:])

    def first_up(self):
        self.site.enrolled = False
        self.up()

    def second_up(self):
        self.stack.expect_no_changes()

    def fill(self):
        for host, trees in TREES.items():
            for directory, kind in trees.items():
                lab.run_program(self.host(host), "trees.py", "fill", kind, directory)
                self.sources[host, directory] = self.fingerprint(host, directory)

    def enrol(self):
        self.site.enrolled = True
        self.up()

    def full_run(self):
        return self.run({key: 0 for key in self.entries()})

    def recover_file(self):
        path = "site07/pages/page0007.html"
        found = amrecover(self.host("server"), "web1", "/srv/www", path)
        if found != sha256_of(self.sources["web1", "/srv/www"], path):
            raise Failed(f"amrecover brought another {path} than there was")

    def forbidden(self):
        """What the security groups and the VMs themselves must refuse, beside the same thing where it is allowed."""
        web, app, server = (self.site.address(name) for name in ("web1", "app1", "server"))
        knock = "timeout 3 bash -c 'exec 3<>/dev/tcp/{}/22 && head -c 4 <&3'"
        asked = "curl -sf -m 3 http://169.254.169.254/openstack/latest/meta_data.json"
        wrong = [what for what, host, command, allowed in (
            ("the server reaches web1", "server", knock.format(web), True),
            ("web1 reaches app1", "web1", knock.format(app), False),
            ("web1 reaches the server", "web1", knock.format(server), False),
            ("root asks the metadata service", "app1", asked, True),
            ("another user asks the metadata service", "app1", f"runuser -u nobody -- {asked}", False),
        ) if (lab.ssh(self.host(host), command, check=False).returncode == 0) != allowed]
        if wrong:
            raise Failed(f"not as it should be: {', '.join(wrong)}")

    def change_clients(self):
        """One `up`: an image is changed, an address, and a client is new."""
        before = self.instance_image("web1")
        self.site.images["web1"] = "debian-12-b"
        self.site.numbers["app1"] = 22
        self.site.clients = ["app1", "new1", "web1"]
        self.up_lacking("app1")
        if self.instance_image("web1") == before:
            raise Failed("web1 still runs from the old image")
        for host, trees in TREES.items():
            if lab.ssh(self.host(host), f"ls -d {' '.join(trees)}", check=False).returncode == 0:
                raise Failed(f"{host} was to have a new root disk")

    def restore_clients(self):
        """What the new root disks lack comes back from the backup, whole."""
        for (host, directory), source in self.sources.items():
            moved = cloud.restore(self.host("server"), host, directory, self.host(host))
            print(f"   {host} {directory}: {moved / 1e6:.1f} MB")
            compare(f"{host} {directory}", source, self.fingerprint(host, directory))

    def settle(self):
        self.up()
        self.stack.expect_no_changes()

    def rebuild_server(self):
        self.site.flavors["web1"] = "m1.lab2"
        self.site.images["server"] = "debian-12-b"
        self.site.clients = ["app1", "web1"]
        self.up()
        if "new1" in str(self.entries()):
            raise Failed("new1 is still in the disklist")
        self.stack.expect_no_changes()

    def run_incremental(self):
        return self.run({(host, directory): 1 for host, trees in TREES.items() for directory in trees})

    def replace_server(self):
        before = self.instance("server")
        self.up("--target-replace", self.part(INSTANCE, "server")["urn"], "--target-dependents")
        self.up()
        if self.instance("server") == before:
            raise Failed("the server was not replaced")
        self.stack.expect_no_changes()

    def grow_volume(self):
        self.site.volume_gb += 2
        self.up()
        size = int(lab.ssh(self.host("server"), "df --output=size -B1G /srv/amanda | tail -1").stdout)
        if size < self.site.volume_gb - 1:
            raise Failed(f"the file system has {size} GB on a volume of {self.site.volume_gb}")

    def destroy(self):
        volume = self.volume()
        self.stack.pulumi("destroy", "--stack", self.name, "--yes", "--skip-preview", "--exclude-protected")
        left = json.loads(cloud.openstack("volume", "list", "--all-projects", "-f", "json"))
        if [(entry["ID"], entry["Status"]) for entry in left] != [(volume, "available")]:
            raise Failed(f"the data volume {volume} was to be the only one left, and free: {left}")
        servers = json.loads(cloud.openstack("server", "list", "--all-projects", "-f", "json"))
        if [entry["Name"] for entry in servers] != [OLD]:
            raise Failed(f"the destroy was to leave the other team's machine alone, and left {servers}")

    def adopt(self):
        before = self.volume()
        self.up_lacking(*TREES)
        if self.volume() != before:
            raise Failed("the server has another data volume than before")
