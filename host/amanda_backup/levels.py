"""Levels: an incremental dump counts only when the ledger proves every dump below it.

GNU tar's state lives on the client and moves on with every dump that the client made, also with one that never reached
a vtape. So whenever the newest attempt of a directory is not proved, the next dump of it must be a full one.
"""

import collections

from amanda_backup import ledger


def of_set(settings, name):
    """The records of the set's ledger, with what other sets dumped meanwhile, also sets that are gone."""
    place = ledger.folder(settings)
    others = [path for path in sorted(place.glob("*.jsonl")) if path.name not in (f"{name}.jsonl", "crypt.jsonl")]
    return interrupted(ledger.read(place / f"{name}.jsonl"), [record for path in others for record in ledger.read(path)])


def interrupted(records, others):
    """The set's records with an attempt that proves nothing wherever another set dumped the same directory.

    GNU tar keeps one state for a directory on its client, whichever set dumps it: the next incremental dump of this set
    would leave out what only the other set's dump holds.
    """
    merged = list(records)
    for other in others:
        if other.get("event") != "dump" or not other.get("attempted", True):
            continue
        mine = [place for place, record in enumerate(merged)
                if record.get("event") == "dump" and state_of(record) == state_of(other)]
        if mine:
            at = next((place for place in mine if merged[place]["stamp"] > other["stamp"]), len(merged))
            record = merged[mine[0]]
            merged.insert(at, {
                "event": "dump", "host": record["host"], "disk": record["disk"], "stamp": other["stamp"],
                "level": None, "proved": False, "otherSet": True})
    return merged


def state_of(record):
    """What names GNU tar's state on the client: Amanda reads / : and \\ in a disk's name as _."""
    return record["host"], record["disk"].translate(str.maketrans("/:\\", "___"))


def histories(records):
    """The attempts of each (host, disk) that may be a base, oldest first.

    A takeover ends all that was before it, a new root disk of the server what was before it of the server's own.
    """
    found = collections.defaultdict(list)
    for record in records:
        if record.get("event") == "takeover":
            found.clear()
        elif record.get("event") == "newRoot":
            for entry in [entry for entry in found if entry[0] == record["host"]]:
                del found[entry]
        elif record.get("event") == "dump" and record.get("attempted", True):
            attempts = found[record["host"], record["disk"]]
            attempts.insert(place_of(record, attempts), record)
    return found


def place_of(record, attempts):
    """At the end; a dump that waited on the holding disk goes where it was made: the client moved on then."""
    if record.get("run", record["stamp"]) == record["stamp"]:
        return len(attempts)
    made = [place for place, other in enumerate(attempts) if other.get("run") == record["stamp"]]
    return made[-1] + 1 if made else len(attempts)


def chain_below(history, level):
    """The dumps that a dump of this level, made after `history`, needs: its base first, the full dump last.

    A lost attempt has no level: the client may well have moved on, so it counts as a base (that nobody has).
    """
    for record in reversed(history):
        if (record["level"] or 0) < level:
            level = record["level"] or 0
            yield record


def base_of(history, level):
    """The record of the dump that a dump of this level, made after `history`, is based on; None when there is none."""
    return next(chain_below(history, level), None)


def trouble_below(history, level, here=None):
    """Why a dump of this level has no proved base; None for level 0 and for a good one.

    here: the vtapes (LABEL@WRITESTAMP) that count as there; without it nobody looks.
    """
    if level == 0:
        return None
    base = base_of(history, level)
    if base is None:
        return f"it is of level {level} and no dump of a lower level is known"
    if base.get("otherSet"):
        return f"another set dumped it since, at {base['stamp']}, and what changed before that is in no dump of this set"
    if not base["proved"]:
        return f"it is based on the dump of {base['stamp']}, which is not proved"
    for record in chain_below(history, level):
        if here is not None and not here.issuperset(part["vtape"] for part in record.get("parts", [])):
            return f"it is based on the dump of {record['stamp']}, whose vtapes were written over or are about to be"
    return None


def to_force(records, entries, here=None):
    """The (host, disk) of `entries` whose next dump must be of level 0, each with the reason; `here` as above."""
    found, forced = histories(records), {}
    for entry in entries:
        history = found.get(entry, [])
        if not history:
            forced[entry] = "no proved dump can be its base"
        elif history[-1].get("otherSet"):
            forced[entry] = f"another set dumped it since, at {history[-1]['stamp']}"
        elif not history[-1]["proved"]:
            forced[entry] = f"its last dump, of {history[-1]['stamp']}, is not proved"
        elif all(record["level"] != 0 for record in history):
            forced[entry] = "no level 0 of it is proved"
        elif trouble := trouble_below(history, history[-1]["level"] + 1, here):
            forced[entry] = f"of its next level: {trouble}"
    return forced
