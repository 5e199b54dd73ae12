"""The text that runs before anything of ours is there, run here as it is on a host but for its folder."""

import contextlib
import fcntl
import io
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from tests.host import documents

BOOTSTRAP = (documents.HOST / "bootstrap.py").read_text(encoding="utf-8")


class Bootstrap(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder = self.root / "lib"
        self.seen = self.root / "seen"
        self.document = {
            "role": "client",
            "settings": {"lockWaitMinutes": 0},
            "programs": {
                "bootstrap.py": BOOTSTRAP,
                "amanda_backup/one.py": "ONE = 1\n",
                "converge": f"#!/bin/sh\necho converge $1; cat > {self.seen}\nexit 3\n",
            },
        }

    def run_it(self, document=None, **options):
        """Exit status, standard output and error of the bootstrap in a process of its own."""
        code = (
            "import json, pathlib, sys; document = json.load(sys.stdin); space = {'__name__': 'bootstrap'};"
            "exec(document['programs']['bootstrap.py'], space); folder = pathlib.Path(sys.argv[1]);"
            "sys.exit(space['main'](document, folder / 'lib', folder / 'lock'))"
        )
        return subprocess.run(
            [sys.executable, "-I", "-c", code, self.root],
            input=json.dumps(document or self.document),
            text=True,
            capture_output=True,
            check=False,
            **options,
        )

    def tree(self):
        return {
            str(path.relative_to(self.folder)): (path.read_text(), path.stat().st_mode & 0o7777)
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def test_programs_are_installed_and_converge_gets_the_document(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        self.assertEqual(done.stdout, f"install 2 programs in {self.folder}\nconverge client\n")
        self.assertEqual(json.loads(self.seen.read_text()), self.document)
        wanted = {
            name: (text, 0o755 if name == "converge" else 0o644)
            for name, text in self.document["programs"].items()
            if name != "bootstrap.py"
        }
        self.assertEqual(self.tree(), wanted)
        inodes = [path.stat().st_ino for path in self.folder.rglob("*")]
        again = self.run_it()
        self.assertEqual(again.stdout, "converge client\n")
        self.assertEqual([path.stat().st_ino for path in self.folder.rglob("*")], inodes)

    def test_a_changed_mode_or_text_is_put_right_and_strays_go(self):
        self.run_it()
        before = self.tree()
        (self.folder / "converge").chmod(0o644)
        (self.folder / "amanda_backup/one.py").write_text("ONE = 2\n")
        (self.folder / ".converge.abcdefgh").write_text("half")
        self.run_it()
        self.assertEqual(self.tree(), before)

    def test_a_path_out_of_the_folder_is_refused(self):
        for name in ("../evil", f"{self.root}/evil", "a/../../evil"):
            self.document["programs"] = {"bootstrap.py": BOOTSTRAP, name: "x"}
            done = self.run_it()
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"{name!r} is outside the install folder", done.stderr)
        self.assertEqual([path.name for path in self.root.rglob("*")], [])

    def test_programs_are_not_changed_during_a_run(self):
        with open(self.root / "lock", "w", encoding="utf-8") as lock:
            lock.write("backupctl run (pid 7, since now)")
            lock.flush()
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = self.run_it()
        self.assertEqual(done.returncode, 1)
        self.assertIn("waited 0 min for backupctl run (pid 7, since now)", done.stderr)
        self.assertFalse(self.folder.exists())

    def test_killed_anywhere_it_leaves_whole_programs_and_ends_well_the_next_time(self):
        names = [f"amanda_backup/m{number}.py" for number in range(60)]
        self.document["programs"] |= {name: "x = 1\n" * 2000 for name in names}
        kills = 0
        for delay in range(24):
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", "import sys; exec(open(sys.argv[2]).read())", self.root, self.driver()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(0.02 + delay * 0.01)
            process.send_signal(signal.SIGKILL)
            kills += process.wait() == -signal.SIGKILL
            for path in self.folder.rglob("*.py"):
                if not path.name.startswith("."):
                    self.assertIn(path.read_text(), ("x = 1\n" * 2000, "ONE = 1\n"))
        self.assertGreater(kills, 4)
        self.assertEqual(self.run_it().returncode, 3)
        self.assertEqual(set(self.tree()), {*names, "converge", "amanda_backup/one.py"})

    def driver(self):
        path = self.root / "driver.py"
        (self.root / "document").write_text(json.dumps(self.document))
        path.write_text(
            "import json, pathlib, sys\nfolder = pathlib.Path(sys.argv[1])\n"
            "document = json.loads((folder / 'document').read_text())\nspace = {'__name__': 'bootstrap'}\n"
            "exec(document['programs']['bootstrap.py'], space)\n"
            "space['main'](document, folder / 'lib', folder / 'lock')\n"
        )
        return path

    def boot(self, seconds, cloud_init="/bin/true"):
        """Wait for the boot of a machine whose /run/cloud-init is self.root; returns what was printed."""
        space = self.space()
        told = io.StringIO()
        with contextlib.redirect_stdout(told), mock.patch("shutil.which", lambda name: cloud_init):
            space["wait_for_boot"](seconds, self.root)
        return told.getvalue()

    def test_the_boot_is_waited_for_and_what_for_is_told(self):
        self.assertEqual(self.boot(0, cloud_init=None), "")
        with self.assertRaisesRegex(SystemExit, r"cloud-init of this machine was not done after 0 s \(it did not begin\)"):
            self.boot(0)
        for text, told in (
            ("", "it did not begin"),
            ('{"v1": {"stage": "modules-config"}}', "it is at its stage modules-config"),
            ('{"v1": {"stage": null}}', "it is between two stages"),
        ):
            (self.root / "status.json").write_text(text)
            with self.assertRaisesRegex(SystemExit, told):
                self.boot(0)
        with subprocess.Popen(["sh", "-c", f"sleep 1.2; touch {self.root}/result.json"]):
            self.assertRegex(self.boot(20), r"\Awaited [12] s for cloud-init\n\Z")
        self.assertEqual(self.boot(0), "")
        (self.root / "result.json").unlink()
        (self.root / "disabled").touch()
        self.assertEqual(self.boot(0), "")

    def test_only_a_document_that_says_so_waits(self):
        space = self.space()
        waited = []
        space["wait_for_boot"] = waited.append
        space["converge"] = lambda document, folder, minutes: 0
        for boot in (None, 0, 300):
            space["main"]({**self.document, "boot": boot}, self.folder, self.root / "lock")
        space["main"](self.document, self.folder, self.root / "lock")
        self.assertEqual(waited, [300.0])

    def space(self):
        space = {"__name__": "bootstrap"}
        exec(BOOTSTRAP, space)  # pylint: disable=exec-used
        return space

    def test_converge_has_a_limit(self):
        space = self.space()
        self.folder.mkdir()
        (self.folder / "converge").write_text("#!/bin/sh\nsleep 60\n")
        (self.folder / "converge").chmod(0o755)
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            self.assertEqual(space["converge"]({"role": "client"}, self.folder, 1 / 60), 124)
        self.assertIn("run `pulumi up` again", errors.getvalue())


if __name__ == "__main__":
    unittest.main()
