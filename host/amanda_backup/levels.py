"""Levels: an incremental dump counts only when the ledger proves every dump below it.

GNU tar's state lives on the client and moves on with every dump that the client made, also with one that never reached
a vtape. So whenever the newest attempt of a directory is not proved, the next dump of it must be a full one.
"""

import collections


def histories(records):
    """The attempts of each (host, disk) that may be a base, oldest first; a takeover ends all that was before it."""
    found = collections.defaultdict(list)
    for record in records:
        if record.get("event") == "takeover":
            found.clear()
        elif record.get("event") == "dump" and record.get("attempted", True):
            found[record["host"], record["disk"]].append(record)
    return found


def base_of(history, level):
    """The record of the dump that a dump of this level, made after `history`, is based on; None when there is none.

    A lost attempt has no level: the client may well have moved on, so it counts as a base (that nobody has).
    """
    return next((record for record in reversed(history) if (record["level"] or 0) < level), None)


def trouble_below(history, level):
    """Why a dump of this level has no proved base; None for level 0 and for a good one."""
    if level == 0:
        return None
    base = base_of(history, level)
    if base is None:
        return f"it is of level {level} and no dump of a lower level is known"
    if not base["proved"]:
        return f"it is based on the dump of {base['stamp']}, which is not proved"
    return None


def to_force(records, entries):
    """The (host, disk) of `entries` whose next dump must be of level 0, each with the reason."""
    found, forced = histories(records), {}
    for entry in entries:
        history = found.get(entry, [])
        if not history:
            forced[entry] = "no dump of it is proved yet"
        elif not history[-1]["proved"]:
            forced[entry] = f"its last dump, of {history[-1]['stamp']}, is not proved"
        elif all(record["level"] != 0 for record in history):
            forced[entry] = "no level 0 of it is proved"
    return forced

