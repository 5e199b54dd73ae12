#!/usr/bin/env python3
"""Print what a restore must bring back of a tree: one JSON line an entry, sorted by path.

Runs alone on any host as root: `fingerprint.py DIR [EXCLUDED…]`, the excluded being paths below DIR.
Covers type, mode, owner, mtime to the nanosecond, content, link target, hard links, holes, ACLs (they are
`system.posix_acl_*` attributes) and every other extended attribute.
"""

import hashlib
import json
import os
import stat
import sys


def entries(top):
    """Every path below `top` as bytes, `top` itself first."""
    yield top
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            yield os.path.join(folder, name)


def content_hash(path):
    digest = hashlib.sha256()
    with open(path, "rb") as content:
        while chunk := content.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def describe(path, relative, first_of):
    """One entry's facts; `first_of` maps an inode to the first path that was seen of it."""
    found = os.lstat(path)
    entry = {
        "path": relative.decode("utf-8", "backslashreplace"),
        "type": stat.S_IFMT(found.st_mode),
        "mode": oct(stat.S_IMODE(found.st_mode)),
        "owner": [found.st_uid, found.st_gid],
        "mtime": found.st_mtime_ns,
        "attributes": {
            name: os.getxattr(path, name, follow_symlinks=False).hex()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
        },
    }
    if stat.S_ISLNK(found.st_mode):
        entry["target"] = os.readlink(path).decode("utf-8", "backslashreplace")
    if stat.S_ISREG(found.st_mode):
        entry["size"] = found.st_size
        entry["sha256"] = content_hash(path)
        entry["sparse"] = found.st_size > (1 << 20) and found.st_blocks * 512 < found.st_size // 2
    if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
        entry["linked"] = first_of.setdefault((found.st_dev, found.st_ino), entry["path"])
    return entry


def main(top, *excluded):
    top = os.fsencode(top)
    left_out = {os.fsencode(path) for path in excluded}
    first_of = {}
    for path in entries(top):
        relative = os.path.relpath(path, top)
        if relative not in left_out and not any(relative.startswith(path + b"/") for path in left_out):
            print(json.dumps(describe(path, relative, first_of), sort_keys=True))


if __name__ == "__main__":
    main(*sys.argv[1:])
