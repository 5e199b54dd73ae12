"""The demo's steps with a machine that another team made by hand: looked up as a client, then used as a bastion."""

import hashlib
import json
import time

from demo.openstack.stack import CloudStack
from drive import cloud, lab
from drive.cloud import STATE, openstack
from drive.lab import ROOT, Failed, call

NAME = "old1"


class Others(CloudStack):
    def other_team(self):
        """The team's machine: the administrators' key is on it, and its security group lets in them and the server."""
        key = self.home / NAME
        if not key.exists():
            call(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        self.other_key = " ".join(key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2])
        data = {"ssh_authorized_keys": [cloud.admin_public_key()], "ssh_deletekeys": True, "ssh_genkeytypes": [],
                "ssh_keys": {"ed25519_private": key.read_text(encoding="utf-8"), "ed25519_public": self.other_key}}
        (self.home / "user-data").write_text("#cloud-config\n" + json.dumps(data), encoding="utf-8")
        container = f"amanda-lab-{hashlib.sha256(str(STATE).encode()).hexdigest()[:8]}-cloud"
        call([ROOT / "lab" / "podman", "cp", self.home / "user-data", f"{container}:/tmp/user-data"], env=cloud.ENV)
        backup = ("--os-cloud", "backup")
        openstack(*backup, "security", "group", "create", NAME)
        for source in (self.facts["gateway"], self.site.address("server")):
            openstack(*backup, "security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "22",
                      "--remote-ip", f"{source}/32", NAME)
        made = json.loads(openstack(
            *backup, "server", "create", "--wait", "-f", "json", "--image", "debian-12-a", "--flavor", "m1.lab",
            "--network", self.facts["networkName"], "--security-group", NAME, "--user-data", "/tmp/user-data", NAME))
        self.other_address = made["addresses"][self.facts["networkName"]][0]
        self.other_id = made["id"]
        self.wait_until_booted()

    def wait_until_booted(self):
        """A client that somebody else made is taken for one that is up: `pulumi up` dials it a few times only."""
        until = time.monotonic() + 180
        machine = cloud.Instance(self.other_address, self.other_key)
        while (asked := lab.ssh(machine, "test -s /run/cloud-init/result.json", check=False)).returncode:
            if time.monotonic() > until:
                raise Failed(f"{NAME} has not booted: {asked.stderr}")
            time.sleep(1)

    def other_client(self):
        """Looked up by its name or by its id it is the same client, and none of the stack's resources."""
        before = self.entries()
        client = {"user": "debian", "hostKey": self.other_key, "directories": ["/etc"]}
        self.site.others = {NAME: {**client, "instance": {"name": NAME}}}
        self.up()
        if self.entries() != before | {(NAME, "/etc")}:
            raise Failed(f"the disklist has {sorted(self.entries())}")
        self.site.others = {NAME: {**client, "instance": {"id": self.other_id}}}
        self.stack.configure(self.site.configuration())
        self.stack.expect_no_changes()
        return self.run({(NAME, "/etc"): 0})

    def bastion(self):
        """Nobody but the bastion may come to the machines, and `up` still does its work; then all is as it was."""
        here = self.site.admin_networks
        self.site.admin_networks = [f"{self.other_address}/32"]
        self.site.bastion = {"address": self.other_address, "user": "debian", "hostKey": self.other_key}
        self.up()
        try:
            if lab.ssh(self.host("web1"), "true", check=False).returncode == 0:
                raise Failed("web1 still lets in this machine: nothing is proved of the bastion")
            self.site.clients_of["web1"] = [*self.site.clients_of["web1"], "/etc"]
            self.up()
        finally:
            self.site.admin_networks, self.site.bastion = here, None
            self.up()
        if ("web1", "/etc") not in self.entries():
            raise Failed("what was changed by way of the bastion is not in the disklist")
