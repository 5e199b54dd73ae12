"""The rules for the metadata service, loaded into a network namespace where something answers at its addresses."""

import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import metadata, packages, services, system, volume  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402

# One server for both families; the name of the network namespace is the process that holds it.
SERVER = """
import socket, threading
sockets = [socket.create_server(("", 80)), socket.create_server(("::", 80), family=socket.AF_INET6)]
print("ready", flush=True)
def serve(one):
    while True:
        one.accept()[0].close()
for one in sockets:
    threading.Thread(target=serve, args=(one,)).start()
"""
NETWORK = """
ip link set lo up
ip address add 169.254.169.254/32 dev lo
ip address add fe80::a9fe:a9fe/64 dev lo nodad
ip address add fd00:ec2::254/128 dev lo nodad
ip address add 192.0.2.1/32 dev lo
exec python3 -c "$0"
"""
TRY = "import socket, sys; socket.create_connection((sys.argv[1], 80), 5)"
METADATA = ("169.254.169.254", "fe80::a9fe:a9fe%lo", "fd00:ec2::254")


class Rules(unittest.TestCase):
    def setUp(self):
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-euc", NETWORK, SERVER], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.holder.stdout.close)
        self.addCleanup(self.holder.wait)
        self.addCleanup(self.holder.kill)
        self.assertEqual(self.holder.stdout.readline(), "ready\n")

    def inside(self, *argv):
        return subprocess.run(["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *argv], capture_output=True, text=True, check=False)

    def reaches(self, user, address):
        done = self.inside("setpriv", "--reuid", user, "--clear-groups", "python3", "-c", TRY, address)
        self.assertTrue(done.returncode == 0 or "Error" in done.stderr, done.stderr)
        return done.returncode == 0

    def load(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(metadata.RULES_TEXT)
            file.flush()
            done = self.inside("nft", "-f", file.name)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_only_root_gets_through_and_only_there(self):
        self.assertEqual([self.reaches("nobody", address) for address in METADATA], [True] * 3)
        self.load()
        for address in METADATA:
            self.assertEqual((self.reaches("nobody", address), self.reaches("root", address)), (False, True), address)
        for address in ("192.0.2.1", "127.0.0.1", "::1"):
            self.assertTrue(self.reaches("nobody", address), address)

    def test_loading_again_replaces_it(self):
        self.load()
        first = self.inside("nft", "list", "ruleset").stdout
        self.load()
        self.assertEqual(self.inside("nft", "list", "ruleset").stdout, first)
        self.assertEqual(first.count("skuid"), 2)

    def test_other_tables_stay(self):
        self.inside("nft", "add", "table", "inet", "theirs")
        self.load()
        self.assertIn("table inet theirs", self.inside("nft", "list", "ruleset").stdout)


class Converge(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.root / "etc/systemd/system").mkdir(parents=True)
        self.ran = []
        self.told = []
        self.loaded = 1
        self.enterContext(mock.patch.object(packages, "ensure", lambda changes, platform, wanted: self.ran.append(wanted)))
        self.enterContext(mock.patch.object(system, "run", self.run_it))
        self.enterContext(mock.patch.object(services, "running", lambda changes, name: self.ran.append(name)))

    def run_it(self, argv, check=True):
        self.ran.append(argv[0])
        return mock.Mock(returncode=self.loaded if argv[:2] == ["nft", "list"] else 0)

    def ensure(self, **more):
        metadata.ensure(Changes(root=self.root, tell=self.told.append), {**documents.client(), **more})

    def test_it_is_closed_where_the_document_says_so_and_again_when_the_rules_are_gone(self):
        for more in ({}, {"closeMetadata": False}):
            self.ensure(**more)
        self.assertEqual((self.ran, self.told), ([], []))
        self.ensure(closeMetadata=True)
        self.assertEqual(self.ran[0], ["nftables"])
        self.assertEqual(self.told[-1], "close the metadata service to all but root")
        self.assertEqual((self.root / "etc/amanda-backup/metadata.nft").read_text(), metadata.RULES_TEXT)
        self.assertIn("nft", (self.root / "etc/systemd/system/nftables.service.d/amanda-backup.conf").read_text())
        self.told.clear()
        self.loaded = 0
        self.ensure(closeMetadata=True)
        self.assertEqual(self.told, [])
        self.loaded = 1
        self.ensure(closeMetadata=True)
        self.assertEqual(self.told, ["close the metadata service to all but root"])

    def test_systemd_takes_the_units(self):
        data = volume.UNIT_TEXT.format(cron="cron", program="/bin/true")
        for name, text in ((metadata.UNIT, metadata.UNIT_TEXT), (volume.UNIT, data)):
            path = self.root / name
            path.write_text(text)
            done = subprocess.run(["systemd-analyze", "verify", path], capture_output=True, text=True, check=False)
            self.assertEqual([line for line in done.stderr.splitlines() if name in line], [])


if __name__ == "__main__":
    unittest.main()
