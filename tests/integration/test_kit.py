"""The recovery kit from the server and the one from the state are the same kit."""

import pathlib
import subprocess
import tarfile
import tempfile

from drive import lab
from drive.lab import ROOT
from tests.integration.world import OnTheLab


def files(path):
    with tarfile.open(path) as tar:
        return {entry.name: (tar.extractfile(entry).read(), entry.mode) for entry in tar}


def key_text(passphrase, wrapped):
    with tempfile.TemporaryDirectory() as home:
        secret = pathlib.Path(home, "passphrase")
        secret.write_bytes(passphrase)
        return subprocess.run(
            ["gpg", "--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase-file", secret, "-d"],
            input=wrapped, capture_output=True, check=True).stdout


class Kit(OnTheLab):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.state = self.stack.pulumi("stack", "export", "--stack", self.stack.name, "--show-secrets").stdout

    def make(self, out, state):
        return subprocess.run([ROOT / "host" / "kit-from-state", "--out", out], input=state, text=True,
                              capture_output=True, check=False)

    def test_server_and_state_give_the_same_kit(self):
        lab.ssh("server", "rm -f /root/kit.tar && backupctl kit --out /root/kit.tar")
        lab.lab("cp-from", "server", "/root/kit.tar", self.folder / "server.tar")
        done = self.make(self.folder / "state.tar", self.state)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual((self.folder / "state.tar").stat().st_mode & 0o777, 0o600)
        server, state = files(self.folder / "server.tar"), files(self.folder / "state.tar")
        wrapped = "keys/2026a/am_key.gpg"
        passphrase = server["keys/2026a/am_passphrase"][0]
        self.assertEqual(key_text(passphrase, server.pop(wrapped)[0]), key_text(passphrase, state.pop(wrapped)[0]))
        self.assertEqual(server, state)

    def test_a_kit_is_never_overwritten(self):
        out = self.folder / "kit.tar"
        out.write_bytes(b"an older kit")
        done = self.make(out, self.state)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^amanda-backup: .*kit\.tar is already there.*\n$")
        self.assertEqual(out.read_bytes(), b"an older kit")

    def test_a_state_without_its_secrets_is_refused(self):
        done = self.make(self.folder / "kit.tar", self.stack.state())
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^amanda-backup: .*--show-secrets\n$")
        self.assertFalse((self.folder / "kit.tar").exists())
