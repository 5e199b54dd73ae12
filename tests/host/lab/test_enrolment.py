"""A real server and a real client: enrolments accepted, refused, withdrawn and killed, and a dump of what they declare."""

import copy
import json
import unittest

from drive import lab as drive
from tests.host import documents
from tests.host.lab import hosts, world
from tests.host.lab.hosts import CLIENT, SERVER
from tests.host.lab.world import AS_DUMP_USER, ODD, OTHER, server_document


def setUpModule():
    world.ensure()


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
        self.refused(
            self.document(documents.directory("/srv/www"), documents.directory(ODD, "/srv/no d")), "'/srv/no d'"
        )
        self.refused(
            self.document(documents.directory("/srv/www", before=["nohook"])), "hook 'nohook' is not installed here"
        )
        self.assertEqual(hosts.root(SERVER, "grep -c client79 /etc/amanda/daily/disklist || true"), "0\n")

    def test_2_accepted_in_two_sets_and_only_what_differs_is_written(self):
        directories = [
            documents.directory("/srv/www", sets=["daily", "weekly"]),
            documents.directory("/srv/db", before=["dump-db"]),
        ]
        self.enrol(self.document(*directories))
        before = hosts.state(SERVER, inodes=True)
        self.enrol(self.document(*directories))
        self.assertEqual(hosts.state(SERVER, inodes=True), before)
        self.assertIn("/srv/www", hosts.root(SERVER, "cat /etc/amanda/weekly/disklist"))
        self.enrol(
            documents.enrolment(
                CLIENT, fragment=f"{CLIENT}+alone", directories=[documents.directory("alone", "/srv/www")]
            )
        )
        # Removing a set's last directory leaves the other set alone.
        self.enrol(self.document(documents.directory("/srv/www"), directories[1]))
        self.assertNotIn("/srv/www", hosts.root(SERVER, "cat /etc/amanda/weekly/disklist"))

    def test_3_refused_on_a_server_in_use(self):
        good = [documents.directory("/srv/www"), documents.directory("/srv/db", before=["dump-db"])]
        self.refused(self.document(*good, documents.directory("/srv/none")), "'/srv/none'")
        self.refused(
            self.document(*good, host_key=documents.public_key("wrong")),
            "cannot be checked",
            "Host key verification failed",
        )
        unused = hosts.address(CLIENT).rsplit(".", 1)[0] + ".250"
        self.refused(self.document(*good, address=unused), f"at {unused} cannot be checked", "correct its address")
        self.refused(self.document(documents.directory("/srv", sets=["hourly"])), "the server has daily, weekly")
        self.refused(self.document(documents.directory("alone", "/srv/www")), "declares a directory twice")
        other = self.document(*good, namespace=OTHER)
        self.refused(other, f"enrolled by the namespace '{documents.STACK}'", name="other")
        stranger = documents.enrolment("web9", address="192.0.2.9", namespace=OTHER)
        self.refused(stranger, "may not speak for 'web9' at 192.0.2.9", name="other")

    def test_4_a_dump_runs_hooks_reads_private_files_and_fails_with_its_before_hook(self):
        self.enrol(
            self.document(
                documents.directory("/srv/www"),
                documents.directory("/srv/db", before=["dump-db"]),
                documents.directory("broken", "/srv/www", before=["fails", "dump-db"]),
                documents.directory("late", "/srv/www", after=["fails"]),
                documents.directory(ODD, "/srv/od d"),
            )
        )
        run = hosts.root(
            SERVER, f"{AS_DUMP_USER} amdump daily || echo status $?; {AS_DUMP_USER} amreport daily || true"
        )
        self.assertIn("status 6", run)  # 4: a dump failed, 2: one was strange
        self.assertRegex(
            run,
            r"client79 broken lev 0 +FAILED \[Script 'amanda-hook' command 'PRE-DLE-BACKUP': hook 'fails' as "
            r"'postgres' failed with status 3: no database there\]",
        )
        self.assertRegex(run, r"client79 late lev 0 +STRANGE")
        self.assertIn("hook 'fails' as 'postgres' failed with status 3: no database there", run)
        vtapes = hosts.root(
            SERVER, "cd /srv/amanda/vtapes/daily; find . -name '*client79*' -printf '%f\\n' | cut -d. -f2- | sort"
        )
        self.assertEqual(
            vtapes.splitlines(),
            [
                "client79._srv_db.0",
                "client79._srv_www.0",
                "client79.alone.0",
                "client79.late.0",
                'client79.od d_n\u00e4me "q" _ $(x).0',
            ],
        )
        listed = hosts.root(SERVER, "zcat /srv/amanda/catalogue/daily/index/client79/_srv_www/*.gz")
        self.assertLessEqual({"/page", "/private"}, set(listed.split()))
        own = hosts.root(SERVER, "zcat /srv/amanda/catalogue/daily/index/backup1/_etc_amanda-backup/*.gz")
        self.assertIn("/keys/2026a/am_key.gpg", own)
        restored = hosts.root(
            SERVER,
            f"""
            yes '' | {AS_DUMP_USER} amfetchdump -p daily ^client79$ ^/srv/db$ 2>/dev/null | tar -xOf - ./dump
            yes '' | {AS_DUMP_USER} amfetchdump -p daily ^client79$ ^/srv/www$ 2>/dev/null | tar -tvf -
        """,
        )
        self.assertIn("dump of ", restored)
        self.assertRegex(restored, r"-rw------- nobody/\S+ +8 .* ./private")

    def test_5_a_client_that_is_off_is_named_and_blocks_nothing_else(self):
        drive.lab("power-off", CLIENT)
        try:
            self.refused(
                self.document(documents.directory("/srv/www")),
                f"client '{CLIENT}' at {hosts.address(CLIENT)} cannot be checked",
            )
            done = hosts.send(SERVER, server_document())
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            alone = documents.enrolment(
                CLIENT, fragment=f"{CLIENT}+alone", directories=[documents.directory("alone", "/srv/www")]
            )
            self.refused(self.document(documents.directory("/srv/www")), f"before {CLIENT}+alone", verb="withdraw")
            self.enrol(alone, verb="withdraw")
            self.enrol(self.document(documents.directory("/srv/www")), verb="withdraw")
        finally:
            drive.lab("power-on", CLIENT)
        self.assertEqual(hosts.root(SERVER, "cat /etc/amanda/daily/disklist").count("\n#"), 0)
        self.assertNotIn(CLIENT, hosts.root(SERVER, "cat /var/backups/.ssh/config /var/backups/.ssh/known_hosts"))
        self.assertIn("client79._srv_www.0", hosts.root(SERVER, "ls /srv/amanda/vtapes/daily/slot1"))

    def test_6_killed_at_random_an_enrolment_leaves_a_disklist_that_amanda_takes(self):
        one, two = (
            self.document(documents.directory("/srv/www"), *more) for more in ((), (documents.directory("/srv/db"),))
        )
        command = "env SSH_ORIGINAL_COMMAND=enrol /usr/local/lib/amanda-backup/enrol " + documents.STACK
        for number in range(10):
            document = copy.deepcopy((one, two)[number % 2])
            hosts.root(
                SERVER,
                f"""
                cat > /root/document <<'END'
{json.dumps(document)}
END
                {command} < /root/document >/dev/null & sleep {0.05 + number * 0.25}
                kill -KILL $! 2>/dev/null || true; wait || true
                {AS_DUMP_USER} amadmin daily disklist >/dev/null
            """,
            )
        self.enrol(two)
        whole = hosts.state(SERVER)
        self.enrol(two)
        self.assertEqual(hosts.state(SERVER), whole)
        self.assertIn("/srv/db", hosts.root(SERVER, "cat /etc/amanda/daily/disklist"))


if __name__ == "__main__":
    unittest.main()
