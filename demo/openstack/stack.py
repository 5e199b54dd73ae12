"""The stack with the backup server, seen from outside: its machines, its entries, its runs."""

import json

from drive import lab, ledger
from drive.cloud import Instance
from drive.lab import Failed

INSTANCE = "openstack:compute/instance:Instance"
VOLUME = "openstack:blockstorage/volume:Volume"
HOST_KEY = "tls:index/privateKey:PrivateKey"


class CloudStack:
    """What the demo's steps ask of a stack; they set `facts`, `site`, `stack` and `sources`."""

    def up(self, *arguments):
        self.stack.configure(self.site.configuration())
        print(self.stack.up(*arguments).stdout[-1500:])

    def up_lacking(self, *clients):
        """An `up` in which the disks of these clients are new and lack what is to be dumped: it says so of each."""
        self.stack.configure(self.site.configuration())
        done = self.stack.up(check=False)
        told = done.stdout + done.stderr
        unfit = [f"client '{name}' is not fit for the set 'daily': can not stat" for name in clients]
        if done.returncode == 0 or told.count("can not stat") != len(unfit) or any(each not in told for each in unfit):
            raise Failed(f"`pulumi up` was to end with a sentence on each of {', '.join(clients)}:\n{told[-3000:]}")

    def host(self, name):
        """A machine of the stack as drive.lab takes it, with the key that the stack has pinned."""
        key = self.part(HOST_KEY, name)["outputs"]["publicKeyOpenssh"]
        return Instance(self.site.address(name), key.strip())

    def instance(self, name):
        """The machine's id in Nova."""
        return self.part(INSTANCE, name)["id"]

    def instance_image(self, name):
        return self.part(INSTANCE, name)["outputs"]["imageId"]

    def volume(self):
        """The data volume's id in Cinder."""
        return self.part(VOLUME, "server")["id"]

    def part(self, kind, name):
        """The resource of this type that belongs to a machine."""
        return resource(self.stack, kind, f"{'backup' if name == 'server' else name}-host-")

    def fingerprint(self, host, directory):
        return lab.run_program(self.host(host), "fingerprint.py", directory)

    def entries(self):
        """(host, disk) of every entry of the disklist, as Amanda reads it."""
        told = lab.ssh(self.host("server"), "runuser -u backup -- amadmin daily disklist").stdout.split()
        hosts = [word for before, word in zip(told, told[1:]) if before == "host"]
        disks = [word for before, word in zip(told, told[1:]) if before == "disk"]
        return {(host.rstrip(":"), disk.strip('":')) for host, disk in zip(hosts, disks)}

    def run(self, levels=None):
        """One run by hand: no troubles, every entry dumped, at the levels that are given (1 is any increment)."""
        server = self.host("server")
        before = len(ledger.runs(server))
        lab.ssh(server, "backupctl run daily")
        run = ledger.wait_for_run(server, before + 1)
        found = ledger.levels(run)
        if missing := self.entries() - set(found):
            raise Failed(f"the run has no dump of {sorted(missing)}")
        wrong = {key: found.get(key) for key, level in (levels or {}).items() if min(found.get(key, -1), 1) != level}
        if wrong:
            raise Failed(f"the run dumped at levels {found}, not at {levels}")
        for dump in run["dumps"]:
            print(f"   {dump['host']} {dump['disk']}: level {dump['level']}, {dump['cipherBytes'] / 1e6:.1f} MB")
        return run["bytes"]


def resources(stack, text=None):
    return json.loads(text or stack.state())["deployment"].get("resources", [])


def resource(stack, kind, beginning, text=None):
    """The one resource of this type whose name begins like this."""
    found = [each for each in resources(stack, text)
             if each["type"] == kind and each["urn"].rpartition("::")[2].startswith(beginning) and not each.get("delete")]
    if len(found) != 1:
        raise Failed(f"the stack has {len(found)} resources of type {kind} named {beginning}…, not one")
    return found[0]
