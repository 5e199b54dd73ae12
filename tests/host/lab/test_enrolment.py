"""A real server and a real client: enrolment, dumps with hooks, and everything that must not be possible."""

import copy
import json
import unittest

from tests.host import documents
from tests.host.lab import hosts
from tests.host.lab.hosts import CLIENT, SERVER

OTHER = "shop.prod"
ODD = 'od d/n\u00e4me "q" \\ $(x)'
AS_DUMP_USER = "setpriv --reuid backup --regid backup --init-groups -- "
HOOKS = {
    "dump-db": {"user": "postgres", "script": "#!/bin/sh\nset -e\nid -un\necho \"dump of $(date +%s)\" > /srv/db/dump\n"},
    "fails": {"user": "postgres", "script": "#!/bin/sh\necho working\necho no database there >&2\nexit 3\n"},
}
TREE = """
useradd --system postgres
mkdir -p /srv/db /srv/www '/srv/od d'; chown postgres /srv/db
echo page > /srv/www/page; echo private > /srv/www/private; chown nobody /srv/www/private; chmod 600 /srv/www/private
"""


def setUpModule():
    """One server and one client, set up as the program does it, for all tests here."""
    hosts.make(SERVER, CLIENT)
    unittest.addModuleCleanup(hosts.remove, SERVER, CLIENT)
    hosts.root(CLIENT, TREE)
    for host, document in ((SERVER, documents.secrets()), (SERVER, server_document()), (CLIENT, client_document())):
        done = hosts.send(host, document)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)


def server_document():
    namespaces = {
        documents.STACK: {"publicKey": documents.public_key("enrol"), "hosts": ["*"]},
        OTHER: {"publicKey": documents.public_key("other"), "hosts": [f"{hosts.address(CLIENT)}/32", "shop1"]},
    }
    sets = {name: {"tapecycle": 4, "vtapeMB": 50, "runtapes": 1, "holdingMB": 100} for name in ("daily", "weekly")}
    own = [documents.directory("/etc/amanda-backup", dumptype="encrypt-gnutar-local")]
    return documents.server(name="backup1", address=hosts.address(SERVER), namespaces=namespaces, sets=sets, ownDirectories=own)


def client_document():
    return documents.client(CLIENT, server_address=hosts.address(SERVER), hooks=HOOKS)


def as_dump_user(host, *commands):
    """Of these commands, run by the dump user, those that ended well."""
    return tries(host, "backup", commands)


def tries(host, user, commands):
    become = f"setpriv --reuid {user} --regid {user} --init-groups --"
    script = "".join(f"timeout 20 {become} {command} >/dev/null 2>&1 </dev/null && echo {number}\n" for number, command in enumerate(commands))
    return [commands[int(number)] for number in hosts.root(host, f"{script}true").split()]


class Enrolment(unittest.TestCase):
    maxDiff = 3000

    def document(self, *directories, **more):
        chosen = {"address": hosts.address(CLIENT), "host_key": hosts.host_key(CLIENT), **more}
        return documents.enrolment(CLIENT, directories=list(directories), **chosen)

    def enrol(self, document, **more):
        done = hosts.enrol(document, **more)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "ok")

    def refused(self, document, *told, **more):
        before = hosts.state(SERVER)
        done = hosts.enrol(document, **more)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"\Aamanda-backup: [^\n]+\n\Z")
        for words in told:
            self.assertIn(words, done.stderr)
        self.assertEqual(hosts.state(SERVER), before)

    def test_1_refused_before_the_first_commit(self):
        self.refused(self.document(documents.directory("/srv/none")), "'/srv/none'", "No such file or directory")
        self.refused(self.document(documents.directory("/srv/www"), documents.directory(ODD, "/srv/no d")), "'/srv/no d'")
        self.refused(self.document(documents.directory("/srv/www", before=["nohook"])), "hook 'nohook' is not installed here")
        self.assertEqual(hosts.root(SERVER, "grep -c client79 /etc/amanda/daily/disklist || true"), "0\n")

    def test_2_accepted_in_two_sets_and_only_what_differs_is_written(self):
        directories = [documents.directory("/srv/www", sets=["daily", "weekly"]), documents.directory("/srv/db", before=["dump-db"])]
        self.enrol(self.document(*directories))
        before = hosts.state(SERVER, inodes=True)
        self.enrol(self.document(*directories))
        self.assertEqual(hosts.state(SERVER, inodes=True), before)
        self.assertIn("/srv/www", hosts.root(SERVER, "cat /etc/amanda/weekly/disklist"))
        self.enrol(documents.enrolment(CLIENT, fragment=f"{CLIENT}+alone", directories=[documents.directory("alone", "/srv/www")]))
        # Removing a set's last directory leaves the other set alone.
        self.enrol(self.document(documents.directory("/srv/www"), directories[1]))
        self.assertNotIn("/srv/www", hosts.root(SERVER, "cat /etc/amanda/weekly/disklist"))

    def test_3_refused_on_a_server_in_use(self):
        good = [documents.directory("/srv/www"), documents.directory("/srv/db", before=["dump-db"])]
        self.refused(self.document(*good, documents.directory("/srv/none")), "'/srv/none'")
        self.refused(self.document(*good, host_key=documents.public_key("wrong")), "cannot be checked", "Host key verification failed")
        unused = hosts.address(CLIENT).rsplit(".", 1)[0] + ".250"
        self.refused(self.document(*good, address=unused), f"at {unused} cannot be checked", "correct its address")
        self.refused(self.document(documents.directory("/srv", sets=["hourly"])), "the server has daily, weekly")
        self.refused(self.document(documents.directory("alone", "/srv/www")), "declares a directory twice")
        other = self.document(*good, namespace=OTHER)
        self.refused(other, f"enrolled by the namespace '{documents.STACK}'", name="other")
        stranger = documents.enrolment("web9", address="192.0.2.9", namespace=OTHER)
        self.refused(stranger, "may not speak for 'web9' at 192.0.2.9", name="other")

    def test_4_a_dump_runs_hooks_reads_private_files_and_fails_with_its_before_hook(self):
        self.enrol(self.document(
            documents.directory("/srv/www"), documents.directory("/srv/db", before=["dump-db"]),
            documents.directory("broken", "/srv/www", before=["fails", "dump-db"]),
            documents.directory("late", "/srv/www", after=["fails"]), documents.directory(ODD, "/srv/od d"),
        ))
        run = hosts.root(SERVER, f"{AS_DUMP_USER} amdump daily || echo status $?; {AS_DUMP_USER} amreport daily || true")
        self.assertIn("status 6", run)  # 4: a dump failed, 2: one was strange
        self.assertRegex(run, r"client79 broken lev 0 +FAILED \[Script 'amanda-hook' command 'PRE-DLE-BACKUP': hook 'fails' as "
                              r"'postgres' failed with status 3: no database there\]")
        self.assertRegex(run, r"client79 late lev 0 +STRANGE")
        self.assertIn("hook 'fails' as 'postgres' failed with status 3: no database there", run)
        vtapes = hosts.root(SERVER, "cd /srv/amanda/vtapes/daily; find . -name '*client79*' -printf '%f\\n' | cut -d. -f2- | sort")
        self.assertEqual(vtapes.splitlines(), [
            "client79._srv_db.0", "client79._srv_www.0", "client79.alone.0", "client79.late.0",
            'client79.od d_n\u00e4me "q" _ $(x).0',
        ])
        listed = hosts.root(SERVER, "zcat /srv/amanda/catalogue/daily/index/client79/_srv_www/*.gz")
        self.assertLessEqual({"/page", "/private"}, set(listed.split()))
        own = hosts.root(SERVER, "zcat /srv/amanda/catalogue/daily/index/backup1/_etc_amanda-backup/*.gz")
        self.assertIn("/keys/2026a/am_key.gpg", own)
        restored = hosts.root(SERVER, f"""
            yes '' | {AS_DUMP_USER} amfetchdump -p daily ^client79$ ^/srv/db$ 2>/dev/null | tar -xOf - ./dump
            yes '' | {AS_DUMP_USER} amfetchdump -p daily ^client79$ ^/srv/www$ 2>/dev/null | tar -tvf -
        """)
        self.assertIn("dump of ", restored)
        self.assertRegex(restored, r"-rw------- nobody/\S+ +8 .* ./private")

    def test_5_a_client_that_is_off_is_named_and_blocks_nothing_else(self):
        hosts.lab("power-off", CLIENT)
        try:
            self.refused(self.document(documents.directory("/srv/www")), f"client '{CLIENT}' at {hosts.address(CLIENT)} cannot be checked")
            done = hosts.send(SERVER, server_document())
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            alone = documents.enrolment(CLIENT, fragment=f"{CLIENT}+alone", directories=[documents.directory("alone", "/srv/www")])
            self.refused(self.document(documents.directory("/srv/www")), f"before {CLIENT}+alone", verb="withdraw")
            self.enrol(alone, verb="withdraw")
            self.enrol(self.document(documents.directory("/srv/www")), verb="withdraw")
        finally:
            hosts.lab("power-on", CLIENT)
        self.assertEqual(hosts.root(SERVER, "cat /etc/amanda/daily/disklist").count("\n#"), 0)
        self.assertNotIn(CLIENT, hosts.root(SERVER, "cat /var/backups/.ssh/config /var/backups/.ssh/known_hosts"))
        self.assertIn("client79._srv_www.0", hosts.root(SERVER, "ls /srv/amanda/vtapes/daily/slot1"))

    def test_6_killed_at_random_an_enrolment_leaves_a_disklist_that_amanda_takes(self):
        one, two = (self.document(documents.directory("/srv/www"), *more) for more in ((), (documents.directory("/srv/db"),)))
        command = "env SSH_ORIGINAL_COMMAND=enrol /usr/local/lib/amanda-backup/enrol " + documents.STACK
        for number in range(10):
            document = copy.deepcopy((one, two)[number % 2])
            hosts.root(SERVER, f"""
                cat > /root/document <<'END'
{json.dumps(document)}
END
                {command} < /root/document >/dev/null & sleep {0.05 + number * 0.25}; kill -KILL $! 2>/dev/null || true; wait || true
                {AS_DUMP_USER} amadmin daily disklist >/dev/null
            """)
        self.enrol(two)
        whole = hosts.state(SERVER)
        self.enrol(two)
        self.assertEqual(hosts.state(SERVER), whole)
        self.assertIn("/srv/db", hosts.root(SERVER, "cat /etc/amanda/daily/disklist"))


class Forbidden(unittest.TestCase):
    """What each account and key may not do, tried for real."""

    def test_the_enrol_account_gives_no_shell_and_no_channel(self):
        key = hosts.key_file("enrol")
        for command, options in (
            ("id", ()), ("", ("-tt",)), ("sh -c id", ("-tt",)), ("enrol; id", ()), ("enrol $(id)", ()), ("scp -f /etc/passwd", ()),
        ):
            with self.subTest(command=command, options=options):
                done = hosts.ssh(SERVER, command, user="enrol", key=key, options=options, stdin="id\n")
                self.assertNotIn("uid=", done.stdout + done.stderr)
                self.assertNotIn("root:x:", done.stdout)
                self.assertNotEqual(done.returncode, 0)
        # The key does log in: what refuses the tries above is the forced command.
        self.assertRegex(hosts.ssh(SERVER, "id", user="enrol", key=key).stderr, r"\Aamanda-backup: this account takes one document")
        sftp = hosts.ssh(SERVER, "sftp", user="enrol", key=key, options=("-s",))
        self.assertNotEqual(sftp.returncode, 0)
        forward = hosts.ssh(SERVER, "", user="enrol", key=key, options=("-o", "ExitOnForwardFailure=yes", "-W", "127.0.0.1:22"))
        self.assertNotIn("SSH-2.0", forward.stdout)

    def test_the_enrol_account_may_run_one_command_for_its_namespaces_only(self):
        program = "sudo -n /usr/local/lib/amanda-backup"
        self.assertEqual(tries(SERVER, "enrol", [
            "sudo -n id", f"{program}/enrol", f"{program}/enrol x.y", f"{program}/enrol {OTHER} more", f"{program}/converge --check",
            "cat /etc/amanda-backup/keys/2026a/am_passphrase", "ls /srv/amanda/enrolment", "cat /etc/amanda/daily/disklist",
            "sh -c 'echo x >> ~/.ssh/authorized_keys'",
        ]), [])
        as_enrol = "setpriv --reuid enrol --regid enrol --init-groups --"
        listed = hosts.root(SERVER, f"{as_enrol} sudo -n -l | grep NOPASSWD | sort").split("\n")[:-1]
        self.assertEqual([line.split("NOPASSWD: ")[1] for line in listed],
                         [f"/usr/local/lib/amanda-backup/enrol {name}" for name in (documents.STACK, OTHER)])

    def test_the_dump_key_gives_amandad_and_nothing_else_and_from_the_server_only(self):
        elsewhere = hosts.ssh(CLIENT, "id", user="backup", key=hosts.key_file("dump"))
        self.assertEqual((elsewhere.returncode, elsewhere.stdout), (255, ""))
        self.assertIn("Permission denied", elsewhere.stderr)
        login = (f"{AS_DUMP_USER} ssh -o BatchMode=yes -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR "
                 f"-i /etc/amanda-backup/ssh/dump")
        target = f"backup@{hosts.address(CLIENT)}"
        commands = (f"{target} id", f"-tt {target}", f"{target} cat /srv/www/private", f"-s {target} sftp", f"-W 127.0.0.1:22 {target}")
        told = hosts.root(SERVER, "".join(f"timeout 4 {login} {command} </dev/null 2>&1 || true\n" for command in commands))
        for sign in ("uid=", "private\n", "SSH-2.0"):
            self.assertNotIn(sign, told)
        # The same login does start amandad, so the tries above were not refused for another reason.
        self.assertIn("amandad", hosts.root(CLIENT, "ls /var/log/amanda/amandad/"))

    def test_the_dump_user_may_run_hooks_only_and_as_their_user_only(self):
        hook = "/usr/local/lib/amanda-backup/hooks/dump-db"
        self.assertEqual(as_dump_user(
            CLIENT, "sudo -n id", f"sudo -n {hook}", f"sudo -n -u nobody {hook}", f"sudo -n -u postgres {hook} argument",
            "sudo -n -u postgres sh", f"sh -c 'echo x >> {hook}'", "sh -c 'echo x >> /var/backups/.ssh/authorized_keys'",
            "rm -f /var/backups/.ssh/authorized_keys", "cat /srv/www/private",
        ), [])
        self.assertEqual(hosts.root(CLIENT, f"{AS_DUMP_USER} sudo -n -u postgres {hook}"), "postgres\n")

    def test_another_user_reads_no_key_no_catalogue_and_no_enrolment(self):
        hosts.root(SERVER, "id gmirror >/dev/null 2>&1 || useradd --system gmirror")
        files = [
            "/etc/amanda-backup/keys/2026a/am_passphrase", "/etc/amanda-backup/keys/2026a/am_key.gpg", "/etc/amanda-backup/ssh/dump",
            "/etc/amanda-backup/ssh/sign", "/srv/amanda/catalogue/daily/tapelist", "/etc/amanda/daily/amanda.conf",
            "/var/backups/.ssh/config", "/etc/sudoers.d/amanda-backup-enrol",
        ]
        folders = ["/srv/amanda/enrolment", "/srv/amanda/catalogue/daily", "/srv/amanda/holding/daily", "/srv/amanda/vtapes/daily"]
        commands = [*(f"cat {path}" for path in files), *(f"ls {path}" for path in folders)]
        self.assertEqual(tries(SERVER, "root", commands), commands)
        self.assertEqual(tries(SERVER, "gmirror", commands), [])

    def test_no_secret_is_in_argv_logs_or_files_for_all(self):
        settings = documents.secrets()["settings"]
        secrets = [settings["passphrase"], settings["keyText"].splitlines()[0], settings["identities"]["sign"].splitlines()[2]]
        for secret in secrets:
            hosts.root(SERVER, f"cat > /root/needle <<'END'\n{secret}\nEND\n")
            found = hosts.root(SERVER, "grep -rlFf /root/needle /etc /var /srv /usr/local /run /tmp /root 2>/dev/null | grep -v needle || true")
            self.assertTrue(set(found.split()) <= {"/etc/amanda-backup/keys/2026a/am_passphrase", "/etc/amanda-backup/ssh/sign"}, found)


if __name__ == "__main__":
    unittest.main()
