"""Vtapes: make the slots and label those that have no label. Nothing here ever writes over a label or a dump.

A slot is a folder; its label is the file `00000.LABEL` in it, whose first block says when it was last written.
"""

import dataclasses
import re

from amanda_backup import system

HEADER = re.compile(rb"AMANDA: TAPESTART DATE (\S+) TAPE (\S+)\n")
NEVER = "X"


@dataclasses.dataclass(frozen=True)
class Slot:
    """What is in a slot: the label and when it was written (NEVER for a fresh one), and whether dumps are there."""

    number: int
    label: str | None
    written: str | None
    dumps: bool
    debris: bool


def folder(settings, name):
    return f"{settings['dataPath']}/vtapes/{name}"


def look(place, number):
    """The state of the slot whose folder is `place`."""
    names = sorted(path.name for path in place.iterdir()) if place.is_dir() else []
    labels = [name for name in names if name.startswith("00000.")]
    dumps = any(re.match(r"[0-9]{5}\.", name) for name in names if name not in labels)
    for name in labels:
        with open(place / name, "rb") as file:
            found = HEADER.match(file.read(32768))
        if found:
            return Slot(number, found[2].decode(), found[1].decode(), dumps, False)
    return Slot(number, None, None, dumps, bool(labels))


def look_all(changes, settings, name):
    """Every slot of the set that is there or wanted, by number; extra ones of a larger tapecycle stay as they are."""
    base = changes.at(folder(settings, name))
    there = {int(path.name[4:]) for path in base.glob("slot*") if re.fullmatch(r"slot[1-9][0-9]*", path.name)}
    wanted = range(1, settings["sets"][name]["tapecycle"] + 1)
    return {number: look(base / f"slot{number}", number) for number in sorted({*there, *wanted})}


def none_labelled(changes, settings, name):
    return not any(slot.label for slot in look_all(changes, settings, name).values())


def tapelist(changes, settings, name):
    """When each label of the catalogue's tapelist was last written ('0' for never)."""
    text = system.read_text(changes.at(f"{settings['dataPath']}/catalogue/{name}/tapelist")) or ""
    rows = [line.split() for line in text.splitlines()]
    return {row[1]: row[0] for row in rows if len(row) >= 2}


def plan(slots, known, name, count):
    """The (slot, label, force) to label, in order of slots; a Refusal where labelling could lose something.

    slots: every slot by number. known: the tapelist. count: the tapecycle; slots above it are not labelled.
    force only repairs a labelling that was killed: amlabel wants it for a label that is in the slot but not in the
    tapelist, or the other way round, and it is used for slots that never held a dump only.
    """
    seen, work = {}, []
    for number, slot in sorted(slots.items()):
        if slot.label in seen:
            raise system.Refusal(
                f"slot{number} and slot{seen[slot.label]} of the set {name!r} both hold the vtape {slot.label}: move "
                "the wrong copy out of the folder of vtapes"
            )
        if slot.label:
            seen[slot.label] = number
    for number, slot in sorted(slots.items()):
        label = slot.label or f"{name}-{number:03d}"
        if slot.label is None and slot.dumps:
            raise system.Refusal(
                f"slot{number} of the set {name!r} holds dumps but no label, so it is not labelled: copy the "
                "vtape's files back from the mirror's vtapes/, or move the folder's files to a safe place"
            )
        if slot.label is None and number <= count:
            if known.get(label, "0") != "0":
                raise system.Refusal(
                    f"the tapelist of the set {name!r} says that {label} was written at {known[label]}, but slot{number} "
                    f"is empty: copy its files back from the mirror's vtapes/, or give its dumps up by `amrmtape {name} {label}`"
                )
            if label in seen:
                raise system.Refusal(
                    f"slot{number} of the set {name!r} should be labelled {label}, which is in slot{seen[label]}: move "
                    f"that folder's files to slot{number}"
                )
            work.append((number, label, label in known or slot.debris))
        elif slot.label is not None and label not in known:
            if slot.written != NEVER or slot.dumps:
                raise system.Refusal(
                    f"slot{number} of the set {name!r} holds {label}, written at {slot.written}, but the tapelist does "
                    "not know it: restore the catalogue from the mirror before the server is set up again"
                )
            work.append((number, label, True))
    return work


def ensure(changes, settings, name):
    """Make and label the slots of a set; more of them when tapecycle grew."""
    platform = settings["platform"]
    count = settings["sets"][name]["tapecycle"]
    slots = look_all(changes, settings, name)
    work = plan(slots, tapelist(changes, settings, name), name, count)
    for number in range(1, count + 1):
        place = f"{folder(settings, name)}/slot{number}"
        changes.directory(place, mode=0o750, owner=platform["dumpUser"], group=platform["dumpGroup"])
    for number, label, force in work:
        if changes.wanted(f"label slot{number} of {name} as {label}"):
            argv = ["amlabel", *(["-f"] if force else []), name, label, "slot", str(number)]
            system.run(argv, user=platform["dumpUser"])
