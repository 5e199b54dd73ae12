"""What the demo does, in order. Each step is a method named in `steps`; a comparison that fails raises Failed."""

import difflib
import json
import re
import subprocess
import time

from demo.config import TREES, configuration
from drive import lab
from drive.lab import ROOT, Failed
from drive.stack import Stack

SET = "daily"
MIRROR = "/mnt/gdata/amanda"


class Demo:
    """The demo's state between its steps. `home` holds the stack's state and the offsite kit."""

    def __init__(self, home):
        home.mkdir(exist_ok=True)
        self.home = home
        self.stack = Stack("demo", home)
        self.kit = home / "kit.tar"
        self.hosts = {}
        self.sources = {}
        self.runs = []

    def steps(self):
        return [
            ("toolchain", self.toolchain),
            ("lab of five hosts", self.start_lab),
            ("fill the clients", self.fill),
            ("pulumi up", self.first_up),
            ("second pulumi up, no change", self.second_up),
            ("nightly run by cron, level 0", self.nightly_run),
            ("a day's changes", self.change),
            ("second run, incremental", self.incremental_run),
            ("amrecover: a file", self.recover_file),
            ("amrecover: a file as it was", self.recover_old_file),
            ("kit goes offsite", self.take_kit),
            ("server destroyed", self.destroy_server),
            ("bare host: recover everything", self.recover_bare),
            ("compare with the sources", self.compare_bare),
            ("pulumi up onto a new server", self.take_over),
            ("run on the new server, level 0", self.run_after_takeover),
            ("next run, incremental again", self.run_goes_on),
        ]

    # -- the steps

    def toolchain(self):
        subprocess.run([ROOT / "toolchain" / "setup"], check=True)

    def start_lab(self):
        lab.lab("down")
        subprocess.run([ROOT / "lab" / "up"], check=True)
        self.hosts = lab.status()

    def fill(self):
        for host, trees in TREES.items():
            for directory, kind in trees.items():
                lab.run_program(host, "trees.py", "fill", kind, directory)
        lab.ssh("client2", "systemd-run --quiet --unit=shop sh -c " + lab.quote(
            "while sqlite3 -cmd '.timeout 9000' /srv/app/live/shop.db "
            "\"insert into orders (item, paid) values ('live', 1)\"; do sleep 0.2; done"))
        return sum(int(lab.ssh(host, "du -sb --apparent-size --total " + " ".join(trees)).stdout.split()[-2])
                   for host, trees in TREES.items())

    def first_up(self):
        self.stack.init(lab.admin_key())
        self.stack.configure(configuration(self.hosts))
        print(self.stack.up().stdout[-1500:])

    def second_up(self):
        self.stack.expect_no_changes()

    def nightly_run(self):
        """cron itself starts the run: the schedule becomes a minute soon to come."""
        clock = lab.ssh("server", "date -d '+90 seconds' '+%M %H'").stdout.split()
        self.stack.configure(configuration(self.hosts, schedule=f"{int(clock[0])} {int(clock[1])} * * *"))
        print(self.stack.up("--diff").stdout[-1500:])
        run = self.wait_for_run(number=1)
        require_levels(run, lambda level: level == 0, "0")
        return run["bytes"]

    def change(self):
        for host, trees in TREES.items():
            for directory, kind in trees.items():
                lab.run_program(host, "trees.py", "change", kind, directory)

    def incremental_run(self):
        self.backup("server")
        run = self.wait_for_run(number=2)
        require_levels(run, lambda level: level > 0, "above 0")
        first, second = self.runs[0]["bytes"], run["bytes"]
        if second > first / 3:
            raise Failed(f"the incremental run moved {second} bytes of the first run's {first}")
        self.sources = self.fingerprints()
        return second

    def recover_file(self):
        path = "/srv/www/moved/pages/page0002.html"
        self.compare_recovered(path, "/srv/www", lab.ssh("client1", f"sha256sum {path}").stdout.split()[0], None)

    def recover_old_file(self):
        was = lab.run_program("client1", "trees.py", "digest", "media", "film0.bin").strip()
        stamp = self.runs[0]["stamp"]
        date = "-".join((stamp[:4], stamp[4:6], stamp[6:8], stamp[8:10], stamp[10:12], stamp[12:14]))
        self.compare_recovered("/srv/media/film0.bin", "/srv/media", was, date)

    def take_kit(self):
        lab.ssh("server", "backupctl kit --out /root/kit.tar")
        lab.lab("cp-from", "server", "/root/kit.tar", self.kit)

    def destroy_server(self):
        lab.lab("destroy", "server")

    def recover_bare(self):
        lab.lab("create", "bare")
        for address in [facts["address"] for name, facts in self.hosts.items() if name != "bare"]:
            if lab.ssh("bare", f"ping -c 1 -W 1 {address}", check=False).returncode == 0:
                raise Failed(f"the bare host reaches {address}: it proves nothing")
        lab.ssh("bare", "! command -v amrecover && ! ls /usr/lib/amanda 2>/dev/null")
        lab.ssh("bare", "apt-get install -qq -y --no-install-recommends gnupg aespipe acl >/dev/null")
        lab.lab("cp-to", "bare", self.kit, "/root/kit.tar")
        lab.ssh("bare", "mkdir /root/kit && tar -xf /root/kit.tar -C /root/kit")
        print(lab.ssh("bare", "/root/kit/recover.sh --kit /root/kit --mirror /mnt/mirror/amanda --to /restored").stdout)
        return int(lab.ssh("bare", "du -sb --apparent-size /restored").stdout.split()[0])

    def compare_bare(self):
        for (host, directory), source in self.sources.items():
            place = restored_place(host, directory)
            excluded = ["live"] if directory == "/srv/app" else []
            found = lab.run_program("bare", "fingerprint.py", place, *excluded)
            compare(f"{host}:{directory}", source, found)
        lab.ssh("bare", f"test \"$(sqlite3 {restored_place('client2', '/srv/app')}/dumps/shop.db "
                        "'pragma integrity_check')\" = ok")

    def take_over(self):
        lab.lab("create", "server2")
        self.hosts = lab.status()
        self.stack.configure(configuration(self.hosts, server="server2", generation=2))
        print(self.stack.up().stdout[-1500:])
        self.stack.expect_no_changes()

    def run_after_takeover(self):
        self.backup("server2")
        run = self.wait_for_run(number=3, host="server2")
        require_levels(run, lambda level: level == 0, "0 (the base was not proved)")
        return run["bytes"]

    def run_goes_on(self):
        self.backup("server2")
        run = self.wait_for_run(number=4, host="server2")
        require_levels(run, lambda level: level > 0, "above 0")
        return run["bytes"]
