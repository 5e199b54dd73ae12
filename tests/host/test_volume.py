"""The data volume on real loop devices: formatted only when blank, refused when anything is wrong, grown, repaired."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

from tests.host import disks, documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import blockdevice, data, system, volume  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402

DATA = "/srv/amanda"


class Volume(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.place = self.root / DATA.lstrip("/")
        (self.root / "dev/disk/by-id").mkdir(parents=True)
        self.enterContext(mock.patch.object(volume, "WAIT_SECONDS", 0))
        self.told = []
        self.changes = Changes(root=self.root, tell=self.told.append)
        self.disk = self.disk_of(48)
        self.settings = documents.server_settings(dataVolume={"id": self.disk.id})
        self.addCleanup(self.umount)

    def disk_of(self, megabytes, *, linked=True):
        disk = disks.Disk(megabytes)
        self.addCleanup(disk.close)
        if linked:
            self.link(disk)
        return disk

    def link(self, disk, name="virtio-{}"):
        place = self.root / "dev/disk/by-id" / name.format(disk.serial)
        place.unlink(missing_ok=True)
        place.symlink_to(disk.device)

    def umount(self):
        while os.path.ismount(self.place):
            disks.run("umount", self.place)

    def ensure(self, given_up=False, **settings):
        volume.ensure(self.changes, {**self.settings, **settings}, given_up)

    def boot(self):
        """As after a restart: nothing is mounted, then the unit runs."""
        self.umount()
        volume.at_boot(self.changes)

    def uuid(self):
        return disks.run("blkid", "-p", "-o", "value", "-s", "UUID", self.disk.device).strip()

    def refused(self, told, given_up=False, **settings):
        """Refused with these words, nothing mounted by it, and every byte of the disk as it was."""
        before = disks.run("sha256sum", self.disk.file), os.path.ismount(self.place)
        with self.assertRaisesRegex(system.Refusal, told):
            self.ensure(given_up, **settings)
        self.assertEqual((disks.run("sha256sum", self.disk.file), os.path.ismount(self.place)), before)

    def test_a_blank_volume_is_formatted_once_and_mounted(self):
        self.ensure()
        self.assertEqual(
            self.told,
            [
                f"make a file system on the empty data volume {self.disk.id}",
                f"mount the data volume {self.disk.id} at {DATA}",
                "write /srv/amanda/.amanda-backup.json",
                "make directory /etc/amanda-backup (root, 755)",
                "write /etc/amanda-backup/data-volume.json",
            ],
        )
        self.assertEqual(
            disks.run("findmnt", "-n", "-o", "SOURCE,FSTYPE", self.place).split(), [self.disk.device, "ext4"]
        )
        record = json.loads((self.root / "etc/amanda-backup/data-volume.json").read_text())
        self.assertEqual(record, {"id": self.disk.id, "uuid": self.uuid(), "path": DATA})
        (self.place / "kept").write_text("dump")
        done = len(self.told)
        self.ensure()
        self.assertEqual(len(self.told), done)
        self.boot()
        self.assertEqual((self.place / "kept").read_text(), "dump")

    def test_a_new_root_disk_goes_on_with_the_volume(self):
        self.ensure()
        (self.place / "kept").write_text("dump")
        before = self.uuid()
        self.umount()
        (self.root / "etc/amanda-backup/data-volume.json").unlink()
        self.ensure(given_up=True)
        self.assertEqual((self.uuid(), (self.place / "kept").read_text()), (before, "dump"))

    def test_a_check_changes_nothing(self):
        checks = Changes(root=self.root, tell=self.told.append, check=True)
        volume.ensure(checks, self.settings, True)
        self.assertEqual(len(self.told), 2)
        self.assertEqual(blockdevice.signatures(self.disk.device), [])
        self.assertFalse(self.place.exists())
        self.ensure()
        self.told.clear()
        volume.ensure(checks, self.settings, False)
        self.assertEqual(self.told, [])

    def test_anything_on_the_volume_is_left_alone(self):
        device = self.disk.device
        for what, make in (
            ("ext2", ["mkfs.ext2", "-q", device]),
            ("ext4", ["mkfs.ext4", "-q", device]),
            ("ext4 photos", ["mkfs.ext4", "-q", "-L", "photos", device]),
            ("dos", ["sh", "-c", f"printf '\\203\\0\\0\\0\\1\\0\\0\\0\\1\\0\\0' | dd of={device} bs=1 seek=450 conv=notrunc"
                             f" && printf '\\125\\252' | dd of={device} bs=1 seek=510 conv=notrunc"]),
            ("swap", ["mkswap", device]),
            ("crypto_LUKS", ["sh", "-c", f"printf 'LUKS\\272\\276\\0\\001' | dd of={device} conv=notrunc status=none"]),
            ("LVM2_member", ["sh", "-c", f"printf 'LABELONE\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\040\\0\\0\\0LVM2 001' |"
                             f"dd of={device} bs=512 seek=1 conv=notrunc status=none"]),
        ):
            with self.subTest(what):
                disks.run("wipefs", "--all", device)
                disks.run(*make)
                disks.run("sync", device)
                for given_up in (False, True):
                    self.refused(f"holds .*{what}.*, which amanda-backup did not make", given_up)
                self.assertFalse((self.root / "etc").exists())

    def test_another_volume_than_the_recorded_one_is_refused_until_the_server_is_new(self):
        self.ensure()
        self.umount()
        other = self.disk_of(48)
        self.refused(f"data is on the volume {self.disk.id}, the configuration names {other.id}", dataVolume={"id": other.id})
        self.assertEqual(blockdevice.signatures(other.device), [])
        self.ensure(given_up=True, dataVolume={"id": other.id})
        self.assertEqual(disks.run("findmnt", "-n", "-o", "SOURCE", self.place).strip(), other.device)

    def test_a_volume_that_lost_its_file_system_is_not_formatted_again(self):
        self.ensure()
        self.umount()
        disks.run("wipefs", "--all", self.disk.device)
        self.refused("held this server's data and carries no file system now")
        with self.assertRaisesRegex(system.Refusal, "carries no file system now"):
            volume.at_boot(self.changes)
        disks.run("mkfs.ext4", "-q", "-L", volume.LABEL, self.disk.device)
        self.refused(f"holds the file system {self.uuid()}, this server's data was on")
        with self.assertRaisesRegex(system.Refusal, "this server's data was on"):
            volume.at_boot(self.changes)
        self.assertFalse(os.path.ismount(self.place))

    def test_a_volume_that_cannot_be_read_does_not_count_as_empty(self):
        self.ensure()
        self.umount()
        # Behind a file that became shorter, a loop device answers with errors.
        size = self.disk.file.stat().st_size
        os.truncate(self.disk.file, 0)
        disks.run("blockdev", "--flushbufs", self.disk.device)
        with self.assertRaisesRegex(system.Refusal, "cannot be read .Input/output error.: see the kernel's log"):
            self.ensure(given_up=True)
        self.assertEqual(self.disk.file.stat().st_size, 0)
        os.truncate(self.disk.file, size)

    def test_a_volume_that_is_mounted_elsewhere_is_refused_with_its_place(self):
        self.ensure()
        self.umount()
        aside = self.root / "mnt"
        aside.mkdir()
        disks.run("mount", self.disk.device, aside)
        self.addCleanup(subprocess.run, ["umount", aside], stderr=subprocess.DEVNULL)
        self.refused(f"is mounted at {aside} and not at {DATA}: let nothing use it there")
        self.refused("is mounted at .* and not at /srv/other", dataPath="/srv/other")
        self.assertEqual(json.loads((self.root / "etc/amanda-backup/data-volume.json").read_text())["path"], DATA)
        disks.run("umount", aside)
        self.ensure()

    def test_a_check_that_was_killed_is_no_check(self):
        self.ensure()
        self.umount()
        real = system.run

        def kill(argv, **more):
            return real(["sh", "-c", "kill -KILL $$"] if argv[0] == "e2fsck" else argv, **more)

        with mock.patch.object(system, "run", kill), self.assertRaisesRegex(system.Refusal, "e2fsck could not repair"):
            volume.at_boot(self.changes)
        self.assertFalse(os.path.ismount(self.place))

    def test_the_volume_of_another_stack_is_neither_kept_mounted_nor_recorded(self):
        self.ensure()
        self.umount()
        record = self.root / "etc/amanda-backup/data-volume.json"
        record.unlink()
        with self.assertRaisesRegex(system.Refusal, "belongs to the stack 'amanda-backup.prod', this server to 'x.y'"):
            self.ensure(given_up=True, stack="x.y")
        self.assertFalse(os.path.ismount(self.place))
        self.assertFalse(record.exists())
        self.ensure(given_up=True)

    def test_files_below_the_mount_are_not_hidden(self):
        (self.place / "catalogue").mkdir(parents=True)
        self.refused("holds files on the root disk .catalogue.")

    def test_something_else_that_is_mounted_there_is_refused(self):
        self.place.mkdir(parents=True)
        disks.run("mount", "-t", "tmpfs", "tmpfs", self.place)
        self.refused("another file system .* is mounted at /srv/amanda")
        with self.assertRaisesRegex(system.Refusal, "another file system"):
            data.is_mounted(self.changes, self.settings)

    def test_a_volume_that_is_not_attached_is_told(self):
        for name in ("scsi-0QEMU_QEMU_HARDDISK_{}", "scsi-SQEMU_QEMU_HARDDISK_" + self.disk.id, "virtio-{}"):
            (self.root / "dev/disk/by-id" / f"virtio-{self.disk.serial}").unlink(missing_ok=True)
            with self.assertRaisesRegex(system.Refusal, f"the volume {self.disk.id} is not attached to this machine"):
                self.ensure()
            self.link(self.disk, name)
            self.assertEqual(volume.find(self.changes, self.disk.id), self.disk.device)
            (self.root / "dev/disk/by-id" / name.format(self.disk.serial)).unlink()
        self.link(self.disk)
        other = self.disk_of(20, linked=False)
        (self.root / f"dev/disk/by-id/scsi-0X_{self.disk.serial}").symlink_to(other.device)
        self.refused("both go by the volume")
        for wrong in ("vdb", self.disk.id.upper() + "x", "*"):
            self.refused("must be a volume's UUID", dataVolume={"id": wrong})

    def test_a_link_that_comes_late_is_waited_for(self):
        link = self.root / f"dev/disk/by-id/virtio-{self.disk.serial}"
        link.unlink()
        with subprocess.Popen(["sh", "-c", f"sleep 1; ln -s {self.disk.device} {link}"]):
            started = time.monotonic()
            self.assertEqual(volume.find(self.changes, self.disk.id, 20), self.disk.device)
            self.assertGreater(time.monotonic() - started, 0.9)

    def test_a_grown_device_is_used_whole(self):
        self.ensure()
        (self.place / "kept").write_text("dump")
        size = os.statvfs(self.place).f_blocks
        self.disk.resize(96)
        self.ensure()
        self.assertIn(f"grow the file system of the data volume {self.disk.id}", self.told)
        self.assertGreater(os.statvfs(self.place).f_blocks, size * 1.9)
        self.disk.resize(144)
        with open(self.place / "kept", encoding="utf-8"):
            self.ensure()
        # Online where the kernel allows it, else told: somebody is using it.
        if os.statvfs(self.place).f_blocks < size * 2.9:
            self.assertEqual(self.told[-1], "/srv/amanda cannot be grown while it is in use: it grows at the next boot")
        self.boot()
        self.assertGreater(os.statvfs(self.place).f_blocks, size * 2.9)
        self.assertEqual((self.place / "kept").read_text(), "dump")
        done = len(self.told)
        self.ensure()
        self.assertEqual(len(self.told), done)

    def test_it_is_checked_before_each_mount(self):
        self.ensure()
        (self.place / "kept").write_text("dump")
        self.umount()
        disks.run("debugfs", "-w", "-R", "set_super_value free_blocks_count 1", self.disk.device)
        disks.run("debugfs", "-w", "-R", "set_super_value state 2", self.disk.device)
        self.boot()
        self.assertGreater(os.statvfs(self.place).f_bfree, 1000)
        self.umount()
        # A block of inodes that is noise: e2fsck alone cannot know what was meant.
        disks.run("debugfs", "-w", "-R", "clri <2>", self.disk.device)
        disks.run("debugfs", "-w", "-R", "set_super_value state 2", self.disk.device)
        with self.assertRaisesRegex(system.Refusal, "e2fsck could not repair .*: make a snapshot"):
            volume.at_boot(self.changes)
        self.assertFalse(os.path.ismount(self.place))

    def test_everything_refuses_while_it_is_not_mounted_or_cannot_be_written(self):
        self.ensure()
        (self.place / "catalogue").mkdir()
        data.is_mounted(self.changes, self.settings)
        self.umount()
        (self.place / "catalogue").mkdir()
        with self.assertRaisesRegex(system.Refusal, "is not mounted at /srv/amanda: `systemctl restart"):
            data.is_mounted(self.changes, self.settings)
        (self.place / "catalogue").rmdir()
        self.boot()
        disks.run("mount", "-o", "remount,ro", self.place)
        with self.assertRaisesRegex(system.Refusal, "is mounted read-only"):
            data.is_mounted(self.changes, self.settings)
        (self.root / f"dev/disk/by-id/virtio-{self.disk.serial}").unlink()
        with self.assertRaisesRegex(system.Refusal, "is not attached"):
            data.is_mounted(self.changes, self.settings)

    def test_converge_and_the_unit_do_not_work_at_once(self):
        self.ensure()
        self.umount()
        code = (
            f"import sys; sys.path.insert(0, {str(documents.HOST)!r})\nfrom amanda_backup import system, volume\n"
            "from amanda_backup.changes import Changes\n"
            f"system.main(lambda: volume.at_boot(Changes(root={str(self.root)!r})))\n"
        )
        both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                for _ in range(6)]
        told = [process.communicate()[0] for process in both]
        self.assertEqual([process.returncode for process in both], [0] * 6, told)
        self.assertEqual(sum("mounted the data volume" in each for each in told), 1)

    def test_killed_anywhere_the_next_call_ends_well(self):
        code = (
            f"import sys; sys.path.insert(0, {str(documents.HOST)!r})\nfrom amanda_backup import volume\n"
            "from amanda_backup.changes import Changes\n"
            f"volume.ensure(Changes(root={str(self.root)!r}, tell=lambda line: None), {self.settings!r}, True)\n"
        )
        kills = 0
        for number in range(16):
            self.umount()
            disks.run("wipefs", "--all", self.disk.device)
            (self.root / "etc/amanda-backup/data-volume.json").unlink(missing_ok=True)
            process = subprocess.Popen(
                ["timeout", "--signal=KILL", f"{0.06 + number * 0.008:.3f}", sys.executable, "-c", code],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            kills += process.wait() == -signal.SIGKILL
            self.settle()
            self.ensure(given_up=True)
            (self.place / "kept").write_text("dump")
            self.boot()
            self.assertEqual((self.place / "kept").read_text(), "dump")
        self.assertGreater(kills, 4)

    def settle(self):
        """Wait until what the killed call had started is gone: a mount or a mkfs may be in the kernel still."""
        while subprocess.run(["pgrep", "-f", f"(mkfs.ext4|e2fsck|mount) .*{self.disk.device}$"], stdout=subprocess.PIPE).stdout:
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
