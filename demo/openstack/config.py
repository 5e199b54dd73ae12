"""The stacks that the OpenStack demo brings up: the backup server with its clients, and a shop of another project."""

import time

SERVER_NAME = "backup1"
TREES = {"web1": {"/srv/www": "www"}, "app1": {"/srv/home": "home"}}
SHOP = "shop1"
SHOP_TREES = {"/srv/shop": "www", "/srv/uploads": "home"}
NAMESPACE = "app-stack.demo"

# The last numbers of the machines' addresses.
NUMBERS = {"server": 11, "web1": 20, "app1": 21, "new1": 23}


class Site:
    """What the administrators of the cloud have decided: which image, which size, which address for which machine."""

    def __init__(self, cloud, admin_key):
        self.cloud = cloud
        self.admin_key = admin_key
        self.clients = ["app1", "web1"]
        self.clients_of = {name: sorted(trees) for name, trees in TREES.items()} | {"new1": ["/etc"]}
        self.others = {}
        self.enrolled = True
        self.admin_networks = [f"{cloud['gateway']}/32"]
        self.bastion = None
        self.volume_gb = 6
        self.flavors, self.images = {}, {}
        self.numbers = dict(NUMBERS)
        self.namespaces = {}
        # Half a day from now: every run here is one by hand. The machines' clock is UTC.
        self.schedule = f"30 {(time.gmtime().tm_hour + 12) % 24} * * *"

    def address(self, name):
        return self.cloud["gateway"].rpartition(".")[0] + f".{self.numbers[name]}"

    def common(self):
        return {
            "image": self.cloud["images"]["debian-12-a"], "flavor": "m1.lab", "network": self.cloud["networkName"],
            "adminKeys": [self.admin_key], "adminNetworks": self.admin_networks,
        }

    def machine(self, name, **more):
        own = {"address": self.address(name), **more}
        if name == "new1":
            own["floatingNetwork"] = self.cloud["externalNetwork"]
        if name in self.images:
            own["image"] = self.cloud["images"][self.images[name]]
        if name in self.flavors:
            own["flavor"] = self.flavors[name]
        return {"openstack": own}

    def configuration(self):
        """The configuration of the stack with the backup server."""
        return {
            "openstack": {**self.common(), **({"bastion": self.bastion} if self.bastion else {})},
            "server": {"name": SERVER_NAME, "lockWaitMinutes": 3, **self.machine("server", volumeGB=self.volume_gb)},
            "sets": {"daily": {
                "schedule": self.schedule, "dumpcycle": 7, "runspercycle": 7, "tapecycle": 32, "runtapes": 4,
                "vtapeMB": 128, "holdingMB": 512, "maxpromoteday": 0,
            }},
            "encryption": {"keyId": "2026a"},
            "clients": {
                **{name: {**self.machine(name), "directories": self.clients_of[name] if self.enrolled else []}
                   for name in self.clients},
                **self.others,
            },
            "namespaces": self.namespaces,
        }

    def shop_configuration(self, *, stack, enrolled):
        """The configuration of examples/app-stack. Its machine asks the metadata service, the others have config drives."""
        return {**self.common(), "configDrive": False, "backupStack": f"organization/amanda-backup/{stack}",
                "enrol": enrolled}
