"""What the document of an enrolment may say: every rule that needs no other document."""

import copy
import json
import sys
import unittest

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import declaration, system  # noqa: E402


def raw(document):
    return json.dumps(document).encode()


class Declarations(unittest.TestCase):
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

    def test_a_document_that_is_nested_too_deep(self):
        with self.assertRaisesRegex(system.Refusal, "no JSON"):
            declaration.parse(b"[" * 100_000)

    def test_identities_that_cannot_be_kept(self):
        good = {"generation": 1, "image": None, "instance": "i-1", "resource": "urn:x"}
        declaration.parse(raw({**documents.enrolment(), "identity": good}))
        for identity in ({"resource": "\ud800"}, {"resource": "a\nb"}, {"a\nb": 1}, {"image": {}}, [], None):
            with self.subTest(identity):
                self.assertIn("identity", self.told(lambda document, value=identity: document.update(identity=value)))

    def test_names_that_are_no_folder_of_their_own(self):
        for name in (".", ".."):
            self.assertIn("another `name`", self.directory("name", name))

    def test_a_fragment_whose_file_name_would_be_too_long(self):
        long = "web1+/" + "ü" * 90
        self.assertIn("shorter `name`", self.told(lambda document: document.update(fragment=long), documents.enrolment(fragment="web1+x")))

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
            "a" * 254,
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


if __name__ == "__main__":
    unittest.main()
