"""Real block devices for the tests: a sparse file behind a loop device, as the hypervisor's file behind a volume."""

import os
import pathlib
import subprocess
import tempfile
import uuid

MB = 1 << 20


class Disk:
    """A volume with an id as OpenStack gives it; `device` is its loop device while it is attached."""

    def __init__(self, megabytes):
        self.id = str(uuid.uuid4())
        self.folder = tempfile.TemporaryDirectory(prefix="amanda-backup-disk.")
        self.file = pathlib.Path(self.folder.name, "disk")
        self.device = None
        self.resize(megabytes)
        self.attach()

    def resize(self, megabytes):
        with open(self.file, "ab") as file:
            file.truncate(megabytes * MB)
        if self.device:
            run("losetup", "--set-capacity", self.device)

    def attach(self):
        self.device = run("losetup", "--find", "--show", self.file).strip()

    def detach(self):
        run("losetup", "--detach", self.device)
        self.device = None

    def close(self):
        if self.device:
            self.detach()
        self.folder.cleanup()

    def save(self):
        """Its content, for `restore`; nothing has it mounted."""
        return run("cp", "--sparse=always", self.file, self.file.with_name("saved"))

    def restore(self):
        """The content of `save` again, with every inode and date in it, as a machine made anew from its image."""
        run("dd", f"if={self.file.with_name('saved')}", f"of={self.file}", "bs=1M", "conv=notrunc,fsync")

    @property
    def serial(self):
        """What OpenStack gives a disk as its serial number."""
        return self.id[:20]

    @property
    def node(self):
        """The arguments of mknod that make this device elsewhere."""
        rdev = os.stat(self.device).st_rdev
        return f"b {os.major(rdev)} {os.minor(rdev)}"


def run(*argv):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True).stdout
