#!/usr/bin/env python3
"""Fill a host with trees that are hard to keep, and change them as a day's work would.

Runs alone on a host as root: `trees.py fill NAME DIR` or `trees.py change NAME DIR`. The same name gives the same
bytes, so two runs of a test see the same trees.
"""

import os
import pathlib
import random
import sqlite3
import subprocess
import sys

MB = 1 << 20
OLD = 1_000_000_000_123_456_789
LATER = OLD + 10**12

HOSTILE = [
    b"-rf", b"a\nline", b"trailing ", b" leading", b"quo\"te's", b"back\\slash", b"$(touch x)", b"`id`", b"*?[a-z]",
    b"semi;colon|pipe&", b"tab\there", b"#hash", b"%s%n", "näïve-日本語-🗄".encode(), b"latin1-\xe9\xff", b"x" * 250,
    b"~", b"...", b"\x01\x7f",
]


def write(path, data, mtime_ns=OLD):
    with open(path, "wb") as out:
        out.write(data)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def fill_www(top, rng):
    """5,000 small files in 50 folders, each hostile name, links of both kinds, ACLs and attributes."""
    for number in range(5000):
        folder = top / f"site{number % 50:02}" / "pages"
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / f"page{number:04}.html", b"<p>" + rng.randbytes(rng.randrange(200, 6000)).hex().encode())
    odd = os.fsencode(top / "odd")
    os.mkdir(odd)
    for name in HOSTILE:
        write(os.path.join(odd, name), b"content of " + name)
        os.mkdir(os.path.join(odd, b"d-" + name[:200]))
        write(os.path.join(odd, b"d-" + name[:200], name), name)
    links = top / "links"
    links.mkdir()
    write(links / "one", b"one content, three names")
    os.link(links / "one", links / "two")
    os.link(links / "one", top / "site00" / "three")
    os.symlink("one", links / "soft")
    os.symlink("/nowhere/at all", links / "dangling")
    os.mkfifo(links / "fifo")
    rights = top / "rights"
    rights.mkdir()
    write(rights / "acl", b"readable by daemon too")
    subprocess.run(["setfacl", "-m", "u:daemon:r,g:games:rw", rights / "acl"], check=True)
    (rights / "default-acl").mkdir()
    subprocess.run(["setfacl", "-d", "-m", "u:daemon:rwx", rights / "default-acl"], check=True)
    write(rights / "attributes", b"see user.*")
    os.setxattr(rights / "attributes", "user.comment", "größer\0binary".encode())
    os.setxattr(rights, "user.folder", b"yes")


def change_www(top, rng):
    for number in range(0, 5000, 100):
        write(top / f"site{number % 50:02}" / "pages" / f"page{number:04}.html", rng.randbytes(3000), LATER)
    (top / "site01" / "pages" / "page0001.html").unlink()
    (top / "site02").rename(top / "moved")
    write(top / "new page.html", b"made on the second day")
    os.setxattr(top / "rights" / "attributes", "user.comment", b"changed")


def fill_media(top, rng):
    """One folder whose dump is larger than a vtape of the demo: 100 MB that no compression makes smaller."""
    for number in range(10):
        write(top / f"film{number}.bin", rng.randbytes(10 * MB))
    with open(top / "sparse.img", "wb") as out:
        out.seek(64 * MB)
        out.write(b"after the hole")
        out.truncate(96 * MB)
    os.utime(top / "sparse.img", ns=(OLD, OLD))


def change_media(top, rng):
    write(top / "film0.bin", rng.randbytes(2 * MB), LATER)


def fill_home(top, rng):
    """Homes of several users, files that only their owners may read, set-id and sticky bits, an empty folder."""
    for uid in range(3001, 3006):
        home = top / f"user{uid}"
        (home / ".ssh").mkdir(parents=True)
        for number in range(60):
            path = home / f"paper{number}.dat"
            write(path, rng.randbytes(rng.randrange(1000, 700_000)))
            os.chmod(path, 0o600)
            os.chown(path, uid, uid)
        write(home / ".ssh" / "id", rng.randbytes(400))
        os.chmod(home / ".ssh", 0o700)
        for path in (home, home / ".ssh", home / ".ssh" / "id"):
            os.chown(path, uid, uid)
        os.chmod(home, 0o700)
    (top / "empty").mkdir()
    (top / "shared").mkdir()
    os.chmod(top / "shared", 0o1777)
    write(top / "shared" / "tool", b"#!/bin/sh\n")
    os.chmod(top / "shared" / "tool", 0o6755)


def change_home(top, rng):
    path = top / "user3001" / "paper0.dat"
    write(path, rng.randbytes(5000), LATER)
    (top / "user3005" / "paper1.dat").unlink()


def fill_app(top, rng):
    """An application with a live SQLite database; its `before` hook puts a consistent copy in dumps/."""
    (top / "dumps").mkdir()
    (top / "live").mkdir()
    with sqlite3.connect(top / "live" / "shop.db") as shop:
        shop.execute("pragma journal_mode=wal")
        shop.execute("create table orders (id integer primary key, item text, paid integer)")
        shop.executemany(
            "insert into orders (item, paid) values (?, ?)",
            ((rng.randbytes(40).hex(), rng.randrange(10**6)) for _ in range(20_000)),
        )
    for number in range(40):
        write(top / f"upload{number}.bin", rng.randbytes(2 * MB))


def change_app(top, rng):
    with sqlite3.connect(top / "live" / "shop.db") as shop:
        shop.execute("insert into orders (item, paid) values ('second day', 2)")
    write(top / "upload0.bin", rng.randbytes(1 * MB), LATER)


KINDS = {"app": (fill_app, change_app), "home": (fill_home, change_home),
         "media": (fill_media, change_media), "www": (fill_www, change_www)}


def main(action, kind, directory):
    top = pathlib.Path(directory)
    fill, change = KINDS[kind]
    if action == "fill":
        top.mkdir(parents=True)
    (fill if action == "fill" else change)(top, random.Random(f"{kind} {action}"))


if __name__ == "__main__":
    main(*sys.argv[1:])
