"""How converge changes a host: each thing is compared first; what differs is changed, or only told (`--check`)."""

import os
import pathlib

from amanda_backup import system


class Changes:
    """The host below `root`, and the list of what had to be changed there.

    check: tell what differs and change nothing.
    root: another folder than `/`, for tests; users and groups are always the machine's.
    tell: receives one line for each change, before it is made.
    """

    def __init__(self, *, check=False, root="/", tell=print):
        self.check = check
        self.root = pathlib.Path(root)
        self.tell = tell
        self.lines = []

    def at(self, path):
        """Where an absolute path of the host is."""
        return self.root / str(path).lstrip("/")

    def wanted(self, line):
        """Note that `line` is needed; return whether to do it now."""
        self.lines.append(line)
        self.tell(line)
        return not self.check

    def file(self, path, text, *, mode=0o644, owner="root", group=None):
        """Give the file this content, owner and mode; return whether something differed."""
        place = self.at(path)
        if not self.check:
            self.sweep(place)
        if system.has_content(place, text) and system.has_attributes(place, mode, owner, group):
            return False
        if self.wanted(f"write {path}"):
            system.write_atomic(place, text, mode=mode, owner=owner, group=group)
        return True

    def directory(self, path, *, mode=0o755, owner="root", group=None):
        """Give the directory this owner and mode; what is in it stays. Return whether something differed."""
        place = self.at(path)
        if place.is_dir() and system.has_attributes(place, mode, owner, group):
            return False
        if self.wanted(f"make directory {path} ({owner}, {mode:o})"):
            system.ensure_directory(place, mode=mode, owner=owner, group=group)
        return True

    def link(self, path, target):
        """Make `path` a symbolic link to `target`, whatever link was there."""
        place = self.at(path)
        if place.is_symlink() and os.readlink(place) == target:
            return False
        if place.exists() and not place.is_symlink():
            raise system.Refusal(f"{path} is a file and not a link to {target}: move it away and run `pulumi up` again")
        if self.wanted(f"link {path} to {target}"):
            temporary = place.with_name(f".{place.name}.link")
            temporary.unlink(missing_ok=True)
            temporary.symlink_to(target)
            os.replace(temporary, place)
        return True

    def remove(self, path):
        """Remove a file or link of ours; never a directory."""
        place = self.at(path)
        if not place.is_symlink() and not place.exists():
            return False
        if self.wanted(f"remove {path}"):
            place.unlink()
            system.sync_directory(place.parent)
        return True

    def sweep(self, place):
        """Remove what a killed write_atomic left beside this file; the caller holds the run's lock."""
        for stray in place.parent.glob(f".{place.name}.????????"):
            stray.unlink()
