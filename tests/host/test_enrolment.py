"""Enrolment: what a namespace may do, and what the server keeps when it refuses."""

import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import amcheck, enrolment, system  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402
from amanda_backup.registry import Registry, set_foreign_ssh_aside  # noqa: E402

OTHER = "shop.prod"


def raw(document):
    return json.dumps(document).encode()


class Namespaces(unittest.TestCase):
    """A server's registry below a folder of the test's own; only Amanda's checks are taken as passed."""

    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(system, "LOCK", self.root / "lock"))
        self.parse = self.enterContext(mock.patch.object(amcheck, "parse_disklist"))
        self.client = self.enterContext(mock.patch.object(amcheck, "check_client"))
        namespaces = {
            documents.STACK: {"publicKey": documents.public_key("enrol"), "hosts": ["*"]},
            OTHER: {"publicKey": documents.public_key("other"), "hosts": ["shop1", "192.0.2.128/25"]},
        }
        sets = {name: {"tapecycle": 3, "vtapeMB": 50, "runtapes": 1, "holdingMB": 9} for name in ("daily", "weekly")}
        own = [documents.directory("/etc", dumptype="encrypt-gnutar-local")]
        self.settings = documents.server_settings(namespaces=namespaces, sets=sets, ownDirectories=own)
        self.enterContext(mock.patch.object(system, "load_settings", lambda: self.settings))
        for name in sets:
            folder = self.root / f"etc/amanda/{name}"
            folder.mkdir(parents=True)
            (folder / "amanda.conf").write_text(documents.amanda_conf(name))
        (self.root / "var/backups/.ssh").mkdir(parents=True)
        (self.root / "srv/amanda/catalogue").mkdir(parents=True)

    def send(self, document, namespace=documents.STACK, verb="enrol"):
        changes = Changes(root=self.root, tell=lambda line: None)
        enrolment.main([namespace], verb, raw(document), changes=changes)

    def refused(self, document, namespace=documents.STACK, verb="enrol"):
        before = self.state()
        with self.assertRaises(system.Refusal) as refusal:
            self.send(document, namespace, verb)
        self.assertEqual(self.state(), before)
        return str(refusal.exception)

    def state(self):
        return {
            str(path.relative_to(self.root)): path.read_text()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.name != "lock"
        }

    def text(self, path):
        return (self.root / path).read_text()

    def test_the_derived_files_follow_from_the_documents(self):
        self.send(documents.enrolment("web1", directories=[documents.directory("/srv/www", sets=["daily", "weekly"])]))
        self.send(documents.enrolment("shop1", address="192.0.2.200", namespace=OTHER), OTHER)
        self.assertEqual(
            self.text("etc/amanda/weekly/disklist"),
            '# amanda-backup.prod web1\nweb1 "/srv/www" "/srv/www" {\n' "    encrypt-gnutar-ssh\n}\n",
        )
        self.assertEqual(
            [line for line in self.text("etc/amanda/daily/disklist").splitlines() if line.startswith("#")],
            ["# amanda-backup.prod server", "# shop.prod shop1", "# amanda-backup.prod web1"],
        )
        self.assertIn("\nHost web1\n    HostName 192.0.2.20\n", self.text("var/backups/.ssh/config"))
        self.assertEqual(
            self.text("var/backups/.ssh/known_hosts").splitlines(),
            [f"{client} {documents.public_key('host')}" for client in ("shop1", "web1")],
        )
        kept = self.root / f"srv/amanda/enrolment/{OTHER}/shop1.json"
        self.assertEqual(kept.stat().st_mode & 0o7777, 0o600)

    def test_withdrawal_takes_everything_of_it_and_nothing_else(self):
        self.send(documents.enrolment("web2"))
        before = self.state()
        self.send(documents.enrolment("web1"))
        self.send(documents.enrolment("web1", fragment="web1+/srv/db", directories=[documents.directory("/srv/db")]))
        self.assertIn(
            "cannot be withdrawn before web1+/srv/db", self.refused(documents.enrolment("web1"), verb="withdraw")
        )
        alone = documents.enrolment("web1", fragment="web1+/srv/db", directories=[documents.directory("/srv/db")])
        self.client.side_effect = AssertionError("a withdrawal must not ask the client")
        self.send(alone, verb="withdraw")
        self.send(documents.enrolment("web1"), verb="withdraw")
        self.send(documents.enrolment("web1"), verb="withdraw")
        self.assertEqual(self.state(), before)

    def test_a_renamed_resource_does_not_withdraw_itself(self):
        old, new = ({**documents.enrolment("web1"), "identity": {"generation": 1, "resource": name}} for name in "ab")
        self.send(old)
        self.send(new)
        enrolled = self.state()
        self.send(old, verb="withdraw")
        self.assertEqual(self.state(), enrolled)
        self.send(new, verb="withdraw")
        self.assertNotEqual(self.state(), enrolled)

    def test_hosts_that_a_namespace_may_not_speak_for(self):
        for client, address, namespace, told in (
            ("web9", "192.0.2.9", OTHER, "may not speak for 'web9' at 192.0.2.9 (its hosts are shop1, 192.0.2.128/25)"),
            ("web9", "shop1", OTHER, "may not speak for"),
            ("server", "192.0.2.10", documents.STACK, "this server itself"),
            ("localhost", "192.0.2.200", OTHER, "this server itself"),
        ):
            with self.subTest(client):
                document = documents.enrolment(client, address=address, namespace=namespace)
                self.assertIn(told, self.refused(document, namespace))

    def test_namespaces_do_not_reach_each_other(self):
        self.send(documents.enrolment("shop1"))
        ours = documents.enrolment("shop1", namespace=OTHER)
        self.assertIn("enrolled by the namespace 'amanda-backup.prod'", self.refused(ours, OTHER))
        alone = documents.enrolment("shop1", fragment="shop1+db", namespace=OTHER)
        self.assertIn("enrolled by the namespace", self.refused(alone, OTHER))
        before = self.state()
        self.send(ours, OTHER, "withdraw")
        self.assertEqual(self.state(), before)
        self.assertIn("not in `namespaces`", self.refused(ours, "nobody.prod"))

    def test_a_stand_alone_directory_needs_its_client(self):
        alone = documents.enrolment("web1", fragment="web1+db")
        self.assertIn("the client 'web1' is not enrolled by 'amanda-backup.prod'", self.refused(alone))

    def test_unknown_sets_and_dumptypes_name_the_known_ones(self):
        one = documents.enrolment(directories=[documents.directory("/srv", sets=["hourly"])])
        self.assertIn("the set 'hourly', but the server has daily, weekly", self.refused(one))
        for dumptype in ("encrypt-gnutar-local", "encrypt-gnutar", "nocomp-root"):
            one = documents.enrolment(directories=[documents.directory("/srv", dumptype=dumptype)])
            self.assertIn(f"the dumptype {dumptype!r}, but the set 'daily' has encrypt-gnutar-ssh", self.refused(one))

    def test_duplicates_name_both(self):
        self.send(documents.enrolment("web1", directories=[documents.directory("/srv/www")]))
        for name in ("/srv/www", "/srv:www", "_srv_www"):
            with self.subTest(name):
                alone = documents.enrolment(
                    "web1", fragment="web1+x", directories=[documents.directory(name, "/srv/www")]
                )
                told = self.refused(alone)
                self.assertIn("'/srv/www' in amanda-backup.prod web1 and", told)
                self.assertIn(f"{name!r} in amanda-backup.prod web1+x", told)
        twice = [documents.directory("/a"), documents.directory("/a", "/b")]
        self.assertIn("declares a directory twice", self.refused(documents.enrolment("web2", directories=twice)))
        self.send(
            documents.enrolment(
                "web1", fragment="web1+x", directories=[documents.directory("/srv/www", sets=["weekly"])]
            )
        )

    def test_without_the_data_volume_no_disklist_is_rendered(self):
        """It would hold this one client and no other."""
        self.send(documents.enrolment("web1"))
        (self.root / "srv/amanda").rename(self.root / "srv/away")
        (self.root / "srv/amanda").mkdir()
        self.assertIn("mount the data volume", self.refused(documents.enrolment("web2")))
        self.assertIn("mount the data volume", self.refused(documents.enrolment("web1"), verb="withdraw"))

    def test_names_that_differ_in_case_are_one_host(self):
        """ssh's known_hosts and Amanda do not tell them apart."""
        self.send(documents.enrolment("web1"))
        ours = documents.enrolment("WEB1", address="192.0.2.200", namespace=OTHER)
        self.assertIn("enrolled by the namespace 'amanda-backup.prod'", self.refused(ours, OTHER))
        self.assertIn("is enrolled as 'web1'", self.refused(documents.enrolment("Web1")))
        self.assertIn("this server itself", self.refused(documents.enrolment("Server")))

    def test_one_name_is_one_directory_in_every_set(self):
        """recover.sh restores the newest of both under that name."""
        two = [documents.directory("data", "/srv/a"), documents.directory("data", "/srv/b", sets=["weekly"])]
        self.assertIn("'data' for '/srv/a' and for '/srv/b'", self.refused(documents.enrolment(directories=two)))

    def test_another_text_than_the_preview_showed(self):
        document = documents.enrolment()
        document["disklist"]["daily"] += "# more\n"
        self.assertIn("in the preview is not what this server renders", self.refused(document))

    def test_a_refusal_by_amanda_leaves_everything(self):
        self.send(documents.enrolment())
        for check in (self.parse, self.client):
            for trouble in (system.Refusal("no"), KeyboardInterrupt()):
                seen = []
                check.side_effect = lambda *_, error=trouble, found=seen: found.append(
                    self.text("var/backups/.ssh/config")
                ) or fail(error)
                before = self.state()
                with self.assertRaises(type(trouble)):
                    self.send(documents.enrolment(address="192.0.2.21"))
                self.assertIn("192.0.2.21", seen[0])
                self.assertEqual(self.state(), before)
                check.side_effect = None

    def test_a_kill_after_the_document_is_put_right_by_the_next(self):
        with mock.patch.object(Registry, "write", side_effect=KeyboardInterrupt), self.assertRaises(KeyboardInterrupt):
            self.send(documents.enrolment("web1"))
        self.send(documents.enrolment("web2"))
        self.assertIn('web1 "/srv/www"', self.text("etc/amanda/daily/disklist"))

    def test_a_foreign_ssh_configuration_is_kept(self):
        place = self.root / "var/backups/.ssh"
        (place / "config").write_text("Host old\n")
        (place / "known_hosts").write_text("old ssh-ed25519 AAAA\n")
        changes = Changes(root=self.root, tell=lambda line: None)
        for _ in range(2):
            set_foreign_ssh_aside(changes, documents.platform())
            Registry(changes, self.settings).write()
        self.assertEqual((place / "config.before-amanda-backup").read_text(), "Host old\n")
        self.assertEqual((place / "known_hosts.before-amanda-backup").read_text(), "old ssh-ed25519 AAAA\n")
        self.assertNotIn("old", (place / "config").read_text() + (place / "known_hosts").read_text())

    def test_other_words_than_the_two(self):
        for verb in ("", "id", "enrol; id", "enrol amanda", "ENROL"):
            with self.subTest(verb):
                self.assertIn("nothing else", self.refused(documents.enrolment(), verb=verb))


def fail(error):
    raise error


if __name__ == "__main__":
    unittest.main()
