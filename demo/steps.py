"""What the demo does, in order. Each step is a method named in STEPS; a comparison that fails raises Failed."""

import subprocess

from demo.compare import amrecover, compare, restored_place, sha256_of
from demo.config import EXCLUDED, OWN, TREES, configuration
from drive import lab, ledger
from drive.lab import ROOT, Failed
from drive.stack import Stack


class Demo:
    """The demo's state between its steps. `home` holds the stack's state and the offsite kit."""

    STEPS = [
        ("toolchain", "toolchain"),
        ("lab of five hosts", "start_lab"),
        ("fill the clients", "fill"),
        ("pulumi up", "first_up"),
        ("second pulumi up, no change", "second_up"),
        ("nightly run by cron, level 0", "nightly_run"),
        ("a day's changes", "change"),
        ("second run, incremental", "incremental_run"),
        ("amrecover: a file", "recover_file"),
        ("amrecover: a file as it was", "recover_old_file"),
        ("kit goes offsite", "take_kit"),
        ("server destroyed", "destroy_server"),
        ("bare host: recover everything", "recover_bare"),
        ("compare with the sources", "compare_bare"),
        ("pulumi up onto a new server", "take_over"),
        ("run on the new server, level 0", "run_after_takeover"),
        ("next run, incremental again", "run_goes_on"),
    ]
    # A comparison that fails does not keep the others from being made.
    COMPARISONS = ("recover_file", "recover_old_file", "compare_bare")

    def __init__(self, home, stack="demo"):
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.stack = Stack(stack, home)
        self.kit = home / "kit.tar"
        self.hosts = {}
        self.first_sources = {}
        self.sources = {}
        self.runs = []

    def toolchain(self):
        subprocess.run([ROOT / "toolchain" / "setup"], check=True)

    def start_lab(self):
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
        self.first_sources = self.fingerprints()
        moved = self.expect_run("server", 1, incremental=False)
        media = next(dump for dump in self.runs[0]["dumps"] if dump["disk"] == "/srv/media")
        if len({part["vtape"] for part in media["parts"]}) < 2:
            raise Failed("the dump of /srv/media was to be larger than a vtape, but it is on one")
        return moved

    def change(self):
        for host, trees in TREES.items():
            for directory, kind in trees.items():
                lab.run_program(host, "trees.py", "change", kind, directory)

    def incremental_run(self):
        lab.ssh("server", "backupctl run daily")
        second = self.expect_run("server", 2, incremental=True)
        first = self.runs[0]["bytes"]
        if second > first / 3:
            raise Failed(f"the incremental run moved {second} bytes of the first run's {first}")
        self.sources = self.fingerprints()
        return second

    def recover_file(self):
        path = "moved/pages/page0002.html"
        self.compare_recovered("client1", "/srv/www", path, self.sources)

    def recover_old_file(self):
        stamp = self.runs[0]["stamp"]
        date = "-".join((stamp[:4], stamp[4:6], stamp[6:8], stamp[8:10], stamp[10:12], stamp[12:14]))
        self.compare_recovered("client1", "/srv/media", "film0.bin", self.first_sources, date)

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
            found = self.fingerprint("bare", restored_place(host, directory), directory)
            compare(f"{host} {directory}", source, found)
        shop = f"{restored_place('client2', '/srv/app')}/dumps/shop.db"
        if lab.ssh("bare", f"sqlite3 {shop} 'pragma integrity_check'").stdout != "ok\n":
            raise Failed(f"{shop} is not a whole database")

    def take_over(self):
        lab.lab("create", "server2")
        self.hosts = lab.status()
        self.stack.configure(configuration(self.hosts, server="server2", generation=2))
        print(self.stack.up().stdout[-1500:])
        self.stack.expect_no_changes()

    def run_after_takeover(self):
        """Nobody can prove what the clients' incremental state is based on, so each dump is a full one."""
        lab.ssh("server2", "backupctl run daily")
        return self.expect_run("server2", 3, incremental=False)

    def run_goes_on(self):
        lab.ssh("server2", "backupctl run daily")
        return self.expect_run("server2", 4, incremental=True)

    def fingerprint(self, host, place, directory):
        return lab.run_program(host, "fingerprint.py", place, *EXCLUDED.get(directory, []))

    def fingerprints(self):
        """(host, directory) -> fingerprint of each directory that is backed up, the server's own with it."""
        places = [(host, directory) for host, trees in TREES.items() for directory in trees]
        places += [("server", directory) for directory in OWN]
        return {(host, directory): self.fingerprint(host, directory, directory) for host, directory in places}

    def compare_recovered(self, client, directory, path, sources, date=None):
        found = amrecover("server", client, directory, path, date)
        if found != sha256_of(sources[client, directory], path):
            raise Failed(f"amrecover brought another {path} than there was")

    def expect_run(self, host, number, *, incremental):
        """The run is in the ledger, every dump is proved and of the level expected; returns its bytes."""
        run = ledger.wait_for_run(host, number)
        ledger.wait_until_idle(host)
        self.runs.append(run)
        wrong = {key: level for key, level in ledger.levels(run).items() if (level > 0) != incremental}
        if wrong:
            raise Failed(f"expected {'incremental' if incremental else 'full'} dumps, got {wrong}")
        for dump in run["dumps"]:
            print(f"   {dump['host']} {dump['disk']}: level {dump['level']}, {dump['cipherBytes'] / 1e6:.1f} MB")
        return run["bytes"]
