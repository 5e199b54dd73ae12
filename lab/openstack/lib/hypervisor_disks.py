"""Disks inside a running instance: device nodes, and what uses them.

From outside, by /proc: an instance needs no agent, and may even be broken.
"""

import contextlib
import os
import re
import signal
import stat
import time
from pathlib import Path

from lab import LabError
from machine import run

# A killed process first ends what it waits for on the disk.
SECONDS = 30


def link(volume: str) -> str:
    """What udev calls a virtio disk, whose serial has room for 20 characters."""
    return f"virtio-{volume[:20]}"


def plug(pid: int, name: str, volume: str, numbers: tuple[int, int]) -> None:
    """Make /dev/NAME and its link, as an instance's init does for disks that are there at boot."""
    dev = Path(f"/proc/{pid}/root/dev")
    unlink(dev, name, volume)
    os.mknod(dev / name, stat.S_IFBLK | 0o660, os.makedev(*numbers))
    with contextlib.suppress(OSError):
        os.chown(dev / name, 0, 6)
    by_id = dev / "disk" / "by-id"
    by_id.mkdir(parents=True, exist_ok=True)
    (by_id / link(volume)).symlink_to(f"../../{name}")


def unlink(dev: Path, name: str, volume: str) -> None:
    (dev / "disk" / "by-id" / link(volume)).unlink(missing_ok=True)
    (dev / name).unlink(missing_ok=True)


def pull(pid: int, name: str, volume: str, numbers: tuple[int, int] | None) -> None:
    """Take the disk away whatever uses it: processes are killed, file systems unmounted."""
    unlink(Path(f"/proc/{pid}/root/dev"), name, volume)
    if numbers is None:
        return
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        busy = False
        for process in processes(pid):
            mounts = mounts_of(process, numbers)
            if process != pid and uses(process, numbers, mounts):
                busy = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            for target in reversed(mounts.values()):
                busy = True
                run(["nsenter", f"--mount=/proc/{process}/ns/mnt", "umount", target], check=False)
        if not busy:
            return
        time.sleep(0.05)
    raise LabError(f"volume {volume} is still in use in the instance")


def processes(pid: int) -> list[int]:
    """All of the container, by its PID namespace."""
    namespace = os.readlink(f"/proc/{pid}/ns/pid")
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{entry}/ns/pid") == namespace:
                    found.append(int(entry))
    return found


def mounts_of(process: int, numbers: tuple[int, int]) -> dict[int, str]:
    """Mount points of the device by the mount's id, as this process sees them."""
    device, found = "%d:%d" % numbers, {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/mountinfo").read_text().splitlines():
            number, _, seen, _, target, *_ = line.split()
            if seen == device:
                found[int(number)] = re.sub(
                    r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), target)
    return found


def uses(process: int, numbers: tuple[int, int], mounts: dict[int, str]) -> bool:
    """By what the kernel tells without asking the file system: it may hang."""
    directory = Path(f"/proc/{process}")
    with contextlib.suppress(OSError):
        if " %02x:%02x " % numbers in (directory / "maps").read_text(errors="replace"):
            return True
        for way in ("cwd", "root", "exe"):
            path = os.readlink(directory / way)
            if any(path == target or path.startswith(f"{target}/") for target in mounts.values()):
                return True
        for number in os.listdir(directory / "fd"):
            with contextlib.suppress(OSError):
                if opened(directory, number, numbers, mounts):
                    return True
    return False


def opened(directory: Path, number: str, numbers: tuple[int, int], mounts: dict[int, str]) -> bool:
    """Is this descriptor a file on the disk, or the disk itself?"""
    info = (directory / "fdinfo" / number).read_text()
    mount = re.search(r"^mnt_id:\s+(\d+)", info, re.MULTILINE)
    if mount and int(mount[1]) in mounts:
        return True
    if not os.readlink(directory / "fd" / number).startswith("/dev/"):
        return False
    node = os.stat(directory / "fd" / number)
    return stat.S_ISBLK(node.st_mode) and node.st_rdev == os.makedev(*numbers)
