"""Rendering of disklists: the golden cases shared with the program, and what Amanda's own parser reads out of it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import disklist  # noqa: E402

CASES = json.loads((documents.REPO / "tests/templates/disklist-cases.json").read_text(encoding="utf-8"))
CONF = """\
define application amgtar-ssh {
    plugin "amgtar"
}
define dumptype encrypt-gnutar-ssh {
    auth "ssh"
    program "APPLICATION"
    application "amgtar-ssh"
}
"""


def parsed(text):
    """What amadmin says about each entry: (host, disk, device, exclude, include)."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "amanda.conf").write_text(CONF, encoding="utf-8")
        pathlib.Path(folder, "disklist").write_text(text, encoding="utf-8")
        subprocess.run(["chown", "-R", "backup:backup", folder], check=True)
        done = subprocess.run(
            ["setpriv", "--reuid=backup", "--regid=backup", "--init-groups", "amadmin", ".", "disklist"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise AssertionError(done.stderr)
    return [
        (
            block[1],
            block[2],
            *(
                re.search(pattern, block[3], re.M)[1]
                for pattern in (r"^ +device (.*)$", r"^ +EXCLUDE +FILE ?(.*)$", r"^ +INCLUDE +FILE ?(.*)$")
            ),
        )
        for block in re.finditer(r"host (\S+):\n.*?disk (.*?):\n(.*?)(?=^line |\Z)", done.stdout, re.M | re.S)
    ]


class Golden(unittest.TestCase):
    def test_each_case_is_rendered_to_the_byte(self):
        self.assertGreater(len(CASES), 4)
        for case in CASES:
            document = case["document"]
            with self.subTest(case["case"]):
                sets = {name for directory in document["directories"] for name in directory["sets"]}
                self.assertEqual(
                    {
                        name: disklist.fragment(
                            case["namespace"], document["fragment"], document["client"], document["directories"], name
                        )
                        for name in sets
                    },
                    case["disklist"],
                )


class Amanda(unittest.TestCase):
    def test_amanda_reads_back_what_was_meant(self):
        names = ["plain", "sp ace", "ba\\ck", 'qu"ote', "$(reboot) `x` #no", "näme→", 'both\\"', "{", "trailing\\"]
        directories = [
            documents.directory(
                name, f"/srv/{name}", exclude=[f"./{name}", "./*.o"], include=[f"./{name}"], before=["b"], after=["a"]
            )
            for name in names
        ]
        text = disklist.whole([("ns", "web1", "web1", directories)], "daily")
        found = parsed(text)
        self.assertEqual(
            [(host, disk, device) for host, disk, device, _, _ in found],
            [("web1", name, f"/srv/{name}") for name in sorted(names)],
        )
        for _, disk, _, exclude, include in found:
            self.assertEqual(exclude, " ".join(map(disklist.quoted, sorted([f"./{disk}", "./*.o"]))))
            self.assertEqual(include, disklist.quoted(f"./{disk}"))

    def test_fragments_stand_in_order_with_one_blank_line_between(self):
        one = [documents.directory("/b"), documents.directory("/a")]
        text = disklist.whole(
            [("n", "web2", "web2", one), ("m", "web1+x", "web1", one[:1]), ("n", "web1", "web1", one[1:])], "daily"
        )
        self.assertEqual(
            [line.removesuffix(" {") for line in text.splitlines() if line[:1] not in (" ", "}")],
            [
                "# n web1",
                'web1 "/a" "/a"',
                "",
                "# m web1+x",
                'web1 "/b" "/b"',
                "",
                "# n web2",
                'web2 "/a" "/a"',
                'web2 "/b" "/b"',
            ],
        )
        self.assertEqual(disklist.whole([("n", "web2", "web2", one)], "weekly"), "")


if __name__ == "__main__":
    unittest.main()
