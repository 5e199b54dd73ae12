"""A fingerprint tells two trees apart by everything that a restore must bring back."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

from demo.compare import compare
from drive import fingerprint, trees
from drive.lab import Failed

PROGRAM = fingerprint.__file__


def of(top, *excluded):
    return subprocess.run([sys.executable, PROGRAM, top, *excluded], capture_output=True, text=True, check=True).stdout


def fill_hole(path):
    size = path.stat().st_size
    found = path.stat()
    data = path.read_bytes()
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert path.stat().st_size == size


def change_content(path):
    found = path.stat()
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def split_link(path):
    copy = path.with_name("copy")
    shutil.copy2(path, copy)
    folder = path.parent.stat()
    os.replace(copy, path)
    os.utime(path.parent, ns=(folder.st_atime_ns, folder.st_mtime_ns))


DAMAGES = {
    "mode": ("rights/acl", lambda path: path.chmod(0o600)),
    "owner": ("links/one", lambda path: os.chown(path, 12, 34)),
    "mtime by a nanosecond": ("links/one", lambda path: os.utime(path, ns=(trees.OLD, trees.OLD + 1))),
    "folder's mtime": ("odd", lambda path: os.utime(path, ns=(1, 1))),
    "content": ("site00/pages/page0000.html", change_content),
    "link's target": ("links/soft", lambda path: (path.unlink(), path.symlink_to("two"))),
    "hard link": ("links/two", split_link),
    "ACL": ("rights/acl", lambda path: subprocess.run(["setfacl", "-x", "g:games", path], check=True)),
    "default ACL": ("rights/default-acl", lambda path: subprocess.run(["setfacl", "-k", path], check=True)),
    "extended attribute": ("rights/attributes", lambda path: os.setxattr(path, "user.comment", b"other")),
    "lost attribute": ("rights/attributes", lambda path: os.removexattr(path, "user.comment")),
    "hole": ("sparse", fill_hole),
    "lost file": ("links/fifo", lambda path: path.unlink()),
    "new file": ("new", lambda path: path.write_text("")),
}


class Fingerprint(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = pathlib.Path(folder.name, "tree")
        trees.main("fill", "www", self.top)
        for site in range(1, 50):
            shutil.rmtree(self.top / f"site{site:02}")
        with open(self.top / "sparse", "wb") as sparse:
            sparse.truncate(4 << 20)

    def test_every_damage_is_seen(self):
        before = of(self.top)
        whole = self.top.with_name("whole")
        subprocess.run(["cp", "-a", "--sparse=always", self.top, whole], check=True)
        compare("a copy", before, of(whole))
        for what, (path, damage) in DAMAGES.items():
            with self.subTest(what):
                copy = self.top.with_name("copy")
                subprocess.run(["cp", "-a", "--sparse=always", self.top, copy], check=True)
                damage(copy / path)
                with self.assertRaises(Failed):
                    compare(what, before, of(copy))
                shutil.rmtree(copy)

    def test_only_what_is_excluded_is_left_out(self):
        left = of(self.top, "odd")
        self.assertNotIn('"path": "odd', left)
        self.assertIn('"path": "links/one"', left)


if __name__ == "__main__":
    unittest.main()
