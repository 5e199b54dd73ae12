"""Dumps as they lie on vtapes: what their headers say, independent of Amanda's catalogue.

Each vtape file starts with a header of 32 KiB; a dump is the concatenation of the bodies of its parts.
"""

import contextlib
import dataclasses
import errno
import os
import pathlib
import re
import stat

from amanda_backup import crypt, vtapes

HEADER_BYTES = 32768
WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}


@dataclasses.dataclass(frozen=True)
class Header:
    """One part's header. Sizes are bytes; None where Amanda did not know them when it wrote the header."""

    stamp: str
    host: str
    disk: str
    part: int
    level: int
    compress: str
    program: str
    encrypt: str
    original: int | None
    plain: int | None


@dataclasses.dataclass(frozen=True)
class Part:
    """A vtape file: `vtape` is LABEL@WRITESTAMP."""

    vtape: str
    slot: int
    path: pathlib.Path
    header: Header


@dataclasses.dataclass(frozen=True)
class Dump:
    """A dump with its parts in order."""

    header: Header
    parts: tuple

    @property
    def key_id(self):
        """The id in the name of the program that encrypted it, None when that is not our amcrypt."""
        name = pathlib.PurePosixPath(self.header.encrypt).name
        return name.removeprefix("amcrypt-") if name.startswith("amcrypt-") else None


def words(line):
    """Split a line as Amanda quotes it."""
    return [unquote(quoted) if bare == "" else bare for quoted, bare in WORD.findall(line)]


def unquote(text):
    def one(match):
        code = match[1]
        return chr(int(code, 8)) if code.isdigit() else ESCAPES.get(code, code)
    return re.sub(r"\\([0-7]{3}|.)", one, text)


def parse_header(block):
    """The header in a vtape file's first block, None when it is no dump's."""
    text = block.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    first = words(lines[0])
    if first[:2] not in (["AMANDA:", "SPLIT_FILE"], ["AMANDA:", "FILE"]) or len(first) < 5:
        return None
    named = dict(zip(first[5:], first[6:]))
    facts = dict(line.split("=", 1) for line in lines[1:] if re.match(r"[A-Z-]+=", line))
    native = size_in(facts.get("NATIVE-CRC"))
    kilobytes = facts.get("ORIGSIZE", "0")
    if native is None and kilobytes.isdigit() and int(kilobytes):
        native = int(kilobytes) * 1024
    try:
        return Header(
            stamp=first[2], host=first[3], disk=first[4], part=int(named.get("part", "1/1").split("/")[0]),
            level=int(named["lev"]), compress=named.get("comp", ""), program=facts.get("APPLICATION", named["program"]),
            encrypt=named.get("server_encrypt", named.get("client_encrypt", "")), original=native,
            plain=size_in(facts.get("CLIENT-CRC")),
        )
    except (KeyError, ValueError):
        return None


def size_in(crc):
    """The size in `CRC:SIZE`, None for the zero that means unknown."""
    match = re.fullmatch(r"[0-9a-f]+:([0-9]+)", crc or "")
    return int(match[1]) or None if match else None


def slots(settings, name):
    """Every slot of the set that has a label, by number."""
    base = pathlib.Path(vtapes.folder(settings, name))
    found = {}
    for place in base.glob("slot*"):
        if re.fullmatch(r"slot[1-9][0-9]*", place.name) and not place.is_symlink():
            slot = vtapes.look(place, int(place.name[4:]))
            if slot.label:
                found[slot.number] = slot
    return dict(sorted(found.items()))


def vtape_name(slot):
    """LABEL@WRITESTAMP: what a slot holds, until it is written again."""
    return f"{slot.label}@{slot.written}"


def vtapes_here(settings, name):
    """The vtapes of the set that this server holds, each as LABEL@WRITESTAMP."""
    return {vtape_name(slot) for slot in slots(settings, name).values()}


def left_by_next_run(settings, name):
    """The vtapes of the set that the next run does not write over: all but the `runtapes` that were written first."""
    order = sorted(slots(settings, name).values(), key=lambda slot: (slot.written != vtapes.NEVER, slot.written))
    return {vtape_name(slot) for slot in order[settings["sets"][name]["runtapes"]:]}


def files(place):
    """The vtape files of a slot in the order in which they were written."""
    return sorted((path for path in pathlib.Path(place).iterdir() if re.match(r"[0-9]{5}\.", path.name)),
                  key=lambda path: path.name[:5])


def read_header(path):
    """The header of a vtape file; None when it is no dump's or cannot be read: then the dump is simply not there."""
    try:
        with opened(path) as file:
            return parse_header(file.read(HEADER_BYTES))
    except OSError:
        return None


@contextlib.contextmanager
def opened(path):
    """A vtape file, open for reading. Root reads in folders of the dump user: a link there is not followed."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = "a link is no vtape file" if error.errno == errno.ELOOP else error.strerror
        raise OSError(error.errno, reason, str(path)) from None
    with open(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        yield file


def on_vtapes(settings, name, written, labels=()):
    """All dumps on the vtapes that were written at the stamp `written`, ordered by stamp, host, disk, level.

    labels: the labels in the order in which the run wrote them. A dump that Amanda began again, from its start or from
    a part that the end of a vtape cut off, counts as it was written last.
    """
    order = {label: place for place, label in enumerate(labels)}
    chosen = [slot for slot in slots(settings, name).values() if slot.written == written]
    attempts = {}
    for slot in sorted(chosen, key=lambda slot: (order.get(slot.label, len(order)), slot.number)):
        for path in files(pathlib.Path(vtapes.folder(settings, name), f"slot{slot.number}")):
            header = read_header(path)
            if header:
                parts = attempts.setdefault((header.stamp, header.host, header.disk, header.level), [])
                del parts[max(0, header.part - 1):]
                parts.append(Part(vtape_name(slot), slot.number, path, header))
    return [Dump(parts[0].header, tuple(parts)) for _, parts in sorted(attempts.items())]


def body(dump, seen=None):
    """The ciphertext of a dump, chunk by chunk; `seen(part, counted)` gets sha256 and size of each whole vtape file."""
    for part in dump.parts:
        counted = crypt.Counted()
        with opened(part.path) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            counted.update(file.read(HEADER_BYTES))
            while chunk := file.read(crypt.CHUNK_BYTES):
                counted.update(chunk)
                yield chunk
        if seen:
            seen(part, counted)
