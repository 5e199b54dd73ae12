"""No secret where it does not belong; each test looks for the real secret's bytes."""

import pathlib
import subprocess

from drive import lab
from tests.integration.world import OnTheLab


def secrets_of_the_server():
    """Strings that must appear nowhere: passphrase, a line of the key's text, the middle of the private keys."""
    script = (
        "cd /etc/amanda-backup && cat keys/2026a/am_passphrase && "
        "gpg --homedir /root --batch --quiet --no-tty --pinentry-mode loopback "
        "--passphrase-file keys/2026a/am_passphrase -d keys/2026a/am_key.gpg 2>/dev/null | sed -n 7p; "
        "sed -n 3p ssh/dump; sed -n 3p ssh/sign"
    )
    return lab.ssh("server", script).stdout.split()


class Secrets(OnTheLab):
    def test_the_servers_secrets_are_found_for_the_other_tests(self):
        self.assertEqual(len(secrets_of_the_server()), 4)
        self.assertTrue(all(len(secret) >= 40 for secret in secrets_of_the_server()))

    def test_state_outputs_and_logs_hold_none(self):
        backend = self.stack.home / "state"
        texts = {str(path): path.read_text(errors="replace") for path in pathlib.Path(backend).rglob("*") if path.is_file()}
        texts["outputs"] = self.stack.pulumi("stack", "output", "--stack", self.stack.name, "--show-secrets", "--json").stdout
        texts["first up"] = self.world.first_up.stdout + self.world.first_up.stderr
        texts["preview"] = self.stack.preview("--diff").stdout
        for secret in secrets_of_the_server():
            for place, text in texts.items():
                self.assertNotIn(secret, text, place)

    def test_no_process_shows_one_while_the_server_is_set_up_and_dumps(self):
        lab.ssh("server", "systemd-run --quiet --unit=watch sh -c 'while :; do cat /proc/[0-9]*/cmdline "
                          "/proc/[0-9]*/environ; done 2>/dev/null | tr \"\\0\" \"\\n\" >/run/watched'")

        def again(config):
            config["server"]["generation"] = 2
        try:
            self.accepted(self.up(again))
            lab.ssh("server", "backupctl run daily")
        finally:
            lab.ssh("server", "systemctl stop watch")
        watched = lab.ssh("server", "grep -a -c . /run/watched").stdout
        self.assertGreater(int(watched), 1000)
        for secret in secrets_of_the_server():
            self.assertEqual(lab.ssh("server", "cat >/run/wanted; grep -a -F -c -f /run/wanted /run/watched", stdin=secret,
                                     check=False).stdout.strip(), "0")
        lab.ssh("server", "rm /run/watched /run/wanted")
        self.accepted(self.up())

    def test_the_mirror_names_no_file_and_holds_no_secret(self):
        lab.ssh("client1", "echo top-secret-content >/srv/a/very-private-name")
        lab.ssh("server", "backupctl run daily")
        for wanted in ("very-private-name", "top-secret-content", *secrets_of_the_server()):
            found = subprocess.run(
                ["grep", "-r", "-a", "-l", "-F", "-f", "-", str(lab.STATE / "storage")],
                input=wanted, text=True, capture_output=True, check=False)
            self.assertEqual(found.stdout, "", wanted[:12])
