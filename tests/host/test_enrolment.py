"""Enrolment: what a document may say, what a namespace may do, and what the server keeps when it refuses."""

import copy
import json
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import amcheck, declaration, enrolment, system  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402
from amanda_backup.registry import Registry  # noqa: E402

OTHER = "shop.prod"


def raw(document):
    return json.dumps(document).encode()


class Declarations(unittest.TestCase):
    """Rules that need no other document."""

    def told(self, change, document=None):
        document = copy.deepcopy(document or documents.enrolment())
        change(document)
        with self.assertRaises(system.Refusal) as refusal:
            declaration.parse(raw(document))
        self.assertNotRegex(str(refusal.exception), "[\x00-\x1f]")
        return str(refusal.exception)

    def directory(self, key, value):
        return self.told(lambda document: document["directories"][0].__setitem__(key, value))

    def test_a_good_one_is_taken(self):
        document = documents.enrolment()
        self.assertEqual(declaration.parse(raw(document)), document)
        alone = documents.enrolment(fragment="web1+/srv/db", directories=[documents.directory("/srv/db")])
        self.assertEqual(declaration.parse(raw(alone)), alone)

    def test_bytes_that_are_no_document(self):
        for data, told in (
            (b"", "no JSON"),
            (b"\xff\xfe", "no JSON"),
            (b"[]", "must be a JSON object"),
            (b"{}", "fragment"),
            (b"{" + b" " * declaration.MAX_BYTES, "longer than"),
        ):
            with self.subTest(data[:8]), self.assertRaisesRegex(system.Refusal, told):
                declaration.parse(data)

    def test_unknown_and_missing_keys(self):
        self.assertIn("exactly the keys", self.told(lambda document: document.update(raw="x")))
        self.assertIn("exactly the keys", self.told(lambda document: document.pop("hostKey")))
        self.assertIn("no keys but", self.directory("auth", "local"))
        alone = documents.enrolment(fragment="web1+db")
        self.assertIn("exactly the keys", self.told(lambda document: document.update(address="192.0.2.1"), alone))

    def test_names_of_hosts_and_fragments(self):
        for client in ("", "-web", "web_1", "web 1", 'web"', "web1\nweb2", "*", "../web", "w" * 65, 7, None):
            with self.subTest(client):
                self.told(lambda document, name=client: document.update(client=name, fragment=name))
        self.assertIn("'web1', or 'web1', '+' and a name", self.told(lambda document: document.update(fragment="web2")))

    def test_addresses_and_host_keys(self):
        for address in (
            "",
            "192.0.2.1 evil",
            "192.0.2.1\nProxyCommand reboot",
            "-oProxyCommand=x",
            "fe80::1%x ProxyCommand reboot",
            "192.0.2.300",
            3,
        ):
            with self.subTest(address):
                self.told(lambda document, value=address: document.update(address=value))
        for key in (
            "",
            "ssh-ed25519 AAAA",
            "ssh-ed25519 " + "A" * 68,
            "ssh-dss " + "A" * 68,
            "x\nssh-ed25519 AAAA",
            documents.public_key("host").replace("ssh-ed25519", "ssh-rsa"),
        ):
            with self.subTest(key):
                self.assertIn("hostKey of web1", self.told(lambda document, value=key: document.update(hostKey=value)))

    def test_texts_of_a_directory(self):
        for key, value, told in (
            ("path", "srv/www", "absolute"),
            ("path", "/srv/../etc", "free of '..'"),
            ("path", "/a\nb", "control"),
            ("path", "/a\x85b", "control"),
            ("path", "/" + "a" * 1024, "at most 1024"),
            ("path", None, "a text"),
            ("name", "", "a text that is not empty"),
            ("name", "n" * 161, "shorter `name`"),
            ("name", "\ud800", "control"),
            ("sets", [], "at least one set"),
            ("sets", ["a b"], "a plain name"),
            ("sets", ["daily", "daily"], "repetitions"),
            ("sets", "daily", "a list"),
            ("dumptype", "x\ny", "control"),
            ("exclude", ["a\nb"], "control"),
            ("exclude", "x", "a list"),
            ("exclude", ["x"] * 201, "at most 200"),
            ("include", ["x"], "a path from the directory"),
            ("before", ["../../bin/sh"], "a plain name"),
            ("after", ["a"] * 2, "repetitions"),
            ("before", [["x"]], "a plain name"),
        ):
            with self.subTest(key=key, value=str(value)[:20].encode("unicode_escape")):
                self.assertIn(told, self.directory(key, value))

    def test_too_many_directories(self):
        many = [documents.directory(f"/{number}") for number in range(501)]
        self.assertIn("at most 500", self.told(lambda document: document.update(directories=many)))


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

    def test_other_words_than_the_two(self):
        for verb in ("", "id", "enrol; id", "enrol amanda", "ENROL"):
            with self.subTest(verb):
                self.assertIn("nothing else", self.refused(documents.enrolment(), verb=verb))


def fail(error):
    raise error


if __name__ == "__main__":
    unittest.main()
