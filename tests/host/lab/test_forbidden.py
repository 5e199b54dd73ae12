"""What each account and key must not be able to do, tried on a real server and a real client."""

import unittest

from tests.host import documents
from tests.host.lab import hosts, world
from tests.host.lab.hosts import CLIENT, SERVER
from tests.host.lab.world import AS_DUMP_USER, OTHER, as_dump_user, tries


def setUpModule():
    world.ensure()


class Forbidden(unittest.TestCase):
    def test_the_enrol_account_gives_no_shell_and_no_channel(self):
        key = hosts.key_file("enrol")
        for command, options in (
            ("id", ()),
            ("", ("-tt",)),
            ("sh -c id", ("-tt",)),
            ("enrol; id", ()),
            ("enrol $(id)", ()),
            ("scp -f /etc/passwd", ()),
        ):
            with self.subTest(command=command, options=options):
                done = hosts.ssh(SERVER, command, user="enrol", key=key, options=options, stdin="id\n")
                self.assertNotIn("uid=", done.stdout + done.stderr)
                self.assertNotIn("root:x:", done.stdout)
                self.assertNotEqual(done.returncode, 0)
        # The key does log in: what refuses the tries above is the forced command.
        self.assertRegex(
            hosts.ssh(SERVER, "id", user="enrol", key=key).stderr, r"\Aamanda-backup: this account takes one document"
        )
        sftp = hosts.ssh(SERVER, "sftp", user="enrol", key=key, options=("-s",))
        self.assertNotEqual(sftp.returncode, 0)
        forward = hosts.ssh(
            SERVER, "", user="enrol", key=key, options=("-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22")
        )
        self.assertNotIn("SSH-2.0", forward.stdout)

    def test_the_enrol_account_may_run_one_command_for_its_namespaces_only(self):
        program = "sudo -n /usr/local/lib/amanda-backup"
        self.assertEqual(
            tries(
                SERVER,
                "enrol",
                [
                    "sudo -n id",
                    f"{program}/enrol",
                    f"{program}/enrol x.y",
                    f"{program}/enrol {OTHER} more",
                    f"{program}/converge --check",
                    "cat /etc/amanda-backup/keys/2026a/am_passphrase",
                    "ls /srv/amanda/enrolment",
                    "cat /etc/amanda/daily/disklist",
                    "sh -c 'echo x >> ~/.ssh/authorized_keys'",
                ],
            ),
            [],
        )
        as_enrol = "setpriv --reuid enrol --regid enrol --init-groups --"
        listed = hosts.root(SERVER, f"{as_enrol} sudo -n -l | grep NOPASSWD | sort").split("\n")[:-1]
        self.assertEqual(
            [line.split("NOPASSWD: ")[1] for line in listed],
            [f"/usr/local/lib/amanda-backup/enrol {name}" for name in (documents.STACK, OTHER)],
        )

    def test_the_dump_key_gives_amandad_and_nothing_else_and_from_the_server_only(self):
        elsewhere = hosts.ssh(CLIENT, "id", user="backup", key=hosts.key_file("dump"))
        self.assertEqual((elsewhere.returncode, elsewhere.stdout), (255, ""))
        self.assertIn("Permission denied", elsewhere.stderr)
        login = (
            f"{AS_DUMP_USER} ssh -o BatchMode=yes -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no "
            "-o LogLevel=ERROR "
            f"-i /etc/amanda-backup/ssh/dump"
        )
        target = f"backup@{hosts.address(CLIENT)}"
        commands = (
            f"{target} id",
            f"-tt {target}",
            f"{target} cat /srv/www/private",
            f"-s {target} sftp",
            f"-W 127.0.0.1:22 {target}",
        )
        told = hosts.root(
            SERVER, "".join(f"timeout 4 {login} {command} </dev/null 2>&1 || true\n" for command in commands)
        )
        for sign in ("uid=", "private\n", "SSH-2.0"):
            self.assertNotIn(sign, told)
        # The same login does start amandad, so the tries above were not refused for another reason.
        self.assertIn("amandad", hosts.root(CLIENT, "ls /var/log/amanda/amandad/"))

    def test_the_dump_user_may_run_hooks_only_and_as_their_user_only(self):
        hook = "/usr/local/lib/amanda-backup/hooks/dump-db"
        self.assertEqual(
            as_dump_user(
                CLIENT,
                "sudo -n id",
                f"sudo -n {hook}",
                f"sudo -n -u nobody {hook}",
                f"sudo -n -u postgres {hook} argument",
                "sudo -n -u postgres sh",
                f"sh -c 'echo x >> {hook}'",
                "sh -c 'echo x >> /var/backups/.ssh/authorized_keys'",
                "rm -f /var/backups/.ssh/authorized_keys",
                "cat /srv/www/private",
            ),
            [],
        )
        self.assertEqual(hosts.root(CLIENT, f"{AS_DUMP_USER} sudo -n -u postgres {hook}"), "postgres\n")

    def test_another_user_reads_no_key_no_catalogue_and_no_enrolment(self):
        hosts.root(SERVER, "id gmirror >/dev/null 2>&1 || useradd --system gmirror")
        files = [
            "/etc/amanda-backup/keys/2026a/am_passphrase",
            "/etc/amanda-backup/keys/2026a/am_key.gpg",
            "/etc/amanda-backup/ssh/dump",
            "/etc/amanda-backup/ssh/sign",
            "/srv/amanda/catalogue/daily/tapelist",
            "/etc/amanda/daily/amanda.conf",
            "/var/backups/.ssh/config",
            "/etc/sudoers.d/amanda-backup-enrol",
        ]
        folders = [
            "/srv/amanda/enrolment",
            "/srv/amanda/catalogue/daily",
            "/srv/amanda/holding/daily",
            "/srv/amanda/vtapes/daily",
        ]
        commands = [*(f"cat {path}" for path in files), *(f"ls {path}" for path in folders)]
        self.assertEqual(tries(SERVER, "root", commands), commands)
        self.assertEqual(tries(SERVER, "gmirror", commands), [])

    def test_no_secret_is_in_argv_logs_or_files_for_all(self):
        settings = documents.secrets()["settings"]
        secrets = [
            settings["passphrase"],
            settings["keyText"].splitlines()[0],
            settings["identities"]["sign"].splitlines()[2],
        ]
        for secret in secrets:
            hosts.root(SERVER, f"cat > /root/needle <<'END'\n{secret}\nEND\n")
            found = hosts.root(
                SERVER,
                "grep -rlFf /root/needle /etc /var /srv /usr/local /run /tmp /root 2>/dev/null | grep -v needle || :",
            )
            self.assertTrue(
                set(found.split()) <= {"/etc/amanda-backup/keys/2026a/am_passphrase", "/etc/amanda-backup/ssh/sign"},
                found,
            )


if __name__ == "__main__":
    unittest.main()
