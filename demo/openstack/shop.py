"""The demo's steps with examples/app-stack: another project that protects directories of its own."""

import dataclasses
import json
import os
import shutil

from demo.openstack.config import NAMESPACE, SHOP, SHOP_TREES
from demo.openstack.stack import HOST_KEY, INSTANCE, CloudStack, resource, resources
from drive import cloud, lab
from drive.cloud import Instance
from drive.lab import ROOT, Failed, call
from drive.stack import Stack


class Shop(CloudStack):
    def shop_begins(self):
        """The project stands alone: it has this one as a package."""
        folder = self.home / "app-stack"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(ROOT / "examples" / "app-stack", folder, ignore=shutil.ignore_patterns("node_modules", "*.tgz"))
        package = call(["npm", "pack", "--silent", "--pack-destination", folder]).stdout.split()[-1]
        call(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", f"./{package}"], cwd=folder)
        self.shop = Stack("demo", self.home, folder=folder, env=cloud.credentials(self.facts, "shop"))
        self.shop.init(cloud.admin_key())
        self.shop_up(enrolled=False)
        told = self.shop.outputs()
        self.site.namespaces = {NAMESPACE: {"publicKey": told["enrolmentPublicKey"], "hosts": [SHOP, f"{told['address']}/32"]}}
        self.up()

    def shop_up(self, *, enrolled):
        self.shop.configure(self.site.shop_configuration(stack=self.name, enrolled=enrolled))
        return self.shop.up()

    def shop_host(self):
        key = resource(self.shop, HOST_KEY, f"{SHOP}-")["outputs"]["publicKeyOpenssh"]
        return Instance(self.shop.outputs()["address"], key.strip())

    def shop_enrols(self):
        for directory, kind in SHOP_TREES.items():
            lab.run_program(self.shop_host(), "trees.py", "fill", kind, directory)
        before = self.entries()
        print(self.shop_up(enrolled=True).stdout[-1500:])
        expected = before | {(SHOP, directory) for directory in SHOP_TREES}
        if self.entries() != expected:
            raise Failed(f"the disklist has {sorted(self.entries())}, not {sorted(expected)}")
        self.shop.expect_no_changes()

    def run_with_shop(self):
        return self.run({(SHOP, directory): 0 for directory in SHOP_TREES})

    def shop_is_refused(self):
        """The shop's own key speaks for no other client, and no other client's entry goes away by it."""
        stranger = {**self.shop_document(), "client": "web1", "fragment": "web1", "address": self.site.address("web1")}
        before = self.entries()
        refused = call([*self.enrolling(), "enrol"], stdin=json.dumps(stranger), check=False)
        print(f"   enrol: {refused.stderr.strip()}")
        if refused.returncode == 0 or "client 'web1' is enrolled by the namespace" not in refused.stderr:
            raise Failed(f"another namespace's client was to be refused: {refused.stdout}{refused.stderr}")
        # It is not this namespace's, so there is nothing to take out.
        print(f"   withdraw: {call([*self.enrolling(), 'withdraw'], stdin=json.dumps(stranger)).stdout.splitlines()[0]}")
        shell = call([*self.enrolling(), "cat /etc/amanda/daily/disklist"], check=False)
        if shell.returncode == 0 or "web1" in shell.stdout:
            raise Failed(f"the account `enrol` ran a command: {shell.stdout}")
        if self.entries() != before:
            raise Failed(f"the disklist has {sorted(self.entries())}, not {sorted(before)}")

    def shop_document(self):
        """What the shop handed to the server for its client."""
        documents = [each["inputs"]["stdin"] for each in resources(self.shop)
                     if each["type"] == "command:remote:Command" and each["inputs"]["create"] == "enrol"]
        return next(each for each in map(json.loads, documents) if "address" in each)

    def enrolling(self):
        """ssh by the shop's key to the account `enrol`."""
        secret = self.shop.pulumi("stack", "export", "--stack", self.shop.name, "--show-secrets").stdout
        key = resource(self.shop, HOST_KEY, "shop-enrolment", text=secret)["outputs"]["privateKeyOpenssh"]["plaintext"]
        path = self.home / "shop-enrolment"
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(json.loads(key))
        return dataclasses.replace(self.host("server"), user="enrol", key=path).argv()

    def shop_machine_disappears(self):
        cloud.openstack("server", "delete", "--wait", resource(self.shop, INSTANCE, SHOP)["id"])
        done = lab.ssh(self.host("server"), "backupctl check", check=False)
        print("   " + done.stdout.replace("\n", "\n   "))
        gone = [line for line in done.stdout.splitlines() if f"client {SHOP} " in line and "cannot be reached" in line]
        if done.returncode not in (1, 2) or not gone or any(directory not in gone[0] for directory in SHOP_TREES):
            raise Failed(f"`backupctl check` ended with {done.returncode} and does not name what is gone:\n{done.stdout}")

    def shop_leaves(self):
        others = {entry for entry in self.entries() if entry[0] != SHOP}
        self.shop.pulumi("destroy", "--stack", self.shop.name, "--yes", "--skip-preview")
        if self.entries() != others:
            raise Failed(f"the disklist has {sorted(self.entries())}, not {sorted(others)}")
        self.stack.expect_no_changes()
