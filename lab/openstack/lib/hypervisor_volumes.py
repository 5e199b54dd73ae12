"""Volumes: sparse files, each on at most one loop device while its instance runs."""

import json
import os
import re
import threading
import time
from pathlib import Path

from lab import LabError
from machine import run

GB = 1 << 30
BUSY_SECONDS = 60


class Volumes:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.Lock()

    def path(self, volume: str) -> Path:
        path = self.directory / volume
        if not path.exists():
            raise LookupError(f"volume {volume} does not exist")
        return path

    def make(self, volume: str, size: int, source: str | None = None) -> None:
        """Make it, or grow it to `size` GB. `source`: the volume or snapshot to copy."""
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"size: {size!r} is not a number of GB")
        path, new = self.directory / volume, self.directory / f"{volume}.new"
        with self.lock:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if source and not path.exists():
                run(["cp", "--sparse=always", "--reflink=auto", str(self.path(source)), str(new)])
                new.rename(path)
            with open(path, "ab") as file:
                present = os.fstat(file.fileno()).st_size
                if present > size * GB:
                    raise LabError(f"volume {volume} has {present // GB} GB already: it only grows")
                file.truncate(size * GB)
            for loop in self.loops(path):
                run(["losetup", "--set-capacity", loop["name"]])

    def remove(self, volume: str) -> None:
        """Delete the data. The caller knows that no instance has it."""
        with self.lock:
            path = self.directory / volume
            if path.exists():
                self.release_path(path)
                path.unlink()

    def connect(self, volume: str) -> tuple[int, int]:
        """Major and minor number of the volume's one loop device."""
        with self.lock:
            path = self.path(volume)
            # Takes the device that the file has, if it has one.
            run(["losetup", "--find", "--nooverlap", str(path)])
            loops = self.loops(path)
            if len(loops) != 1:
                raise LabError(f"volume {volume} has {len(loops)} loop devices instead of one")
            major, minor = loops[0]["maj:min"].split(":")
            return int(major), int(minor)

    def device(self, volume: str) -> tuple[int, int] | None:
        """The numbers of its loop device, if it has one."""
        loops = self.loops(self.directory / volume)
        return tuple(int(number) for number in loops[0]["maj:min"].split(":")) if loops else None

    def release(self, volume: str) -> None:
        with self.lock:
            self.release_path(self.directory / volume)

    def release_path(self, path: Path) -> None:
        """A busy device would only be marked for release, so see that it is gone.

        The kernel writes back what a killed instance's file system holds before it lets go.
        """
        until = time.monotonic() + BUSY_SECONDS
        while loops := self.loops(path):
            if time.monotonic() > until:
                raise LabError(f"volume {path.name}: {loops[0]['name']} is still in use")
            for loop in loops:
                run(["losetup", "--detach", loop["name"]], check=False)
            time.sleep(0.05)

    def release_all(self, keep: tuple = ()) -> None:
        """Release all but these, even of files that were deleted."""
        with self.lock:
            for path in {Path(loop["back-file"]) for loop in self.loops()}:
                if path.name not in keep:
                    self.release_path(path)

    def loops(self, path: Path | None = None) -> list[dict]:
        """The loop devices on this file, or on all our files."""
        listed = run(["losetup", "--list", "--json", "--output", "NAME,MAJ:MIN,BACK-FILE"]).stdout
        found = json.loads(listed)["loopdevices"] if listed.strip() else []
        for loop in found:
            loop["back-file"] = re.sub(r" \(deleted\)$", "", loop["back-file"] or "")
            loop["maj:min"] = loop["maj:min"].strip()
        return [loop for loop in found if (
            loop["back-file"] == str(path) if path
            else Path(loop["back-file"]).parent == self.directory)]
