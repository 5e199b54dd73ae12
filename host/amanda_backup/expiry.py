"""Expiry: the only place that removes anything from the mirror.

Never removed: the newest generation; a generation whose successor is not older than keepDays (so the state of every
day within keepDays can be had); a vtape that any remaining generation lists; anything at all while one remaining
generation cannot be read and verified.
"""

import time

from amanda_backup import generations, manifest, mirror_agent, vtapes


def expire(link, name, keep_days, allowed, now=None):
    """Remove what is due; returns troubles."""
    now = time.time() if now is None else now
    stamps = generations.stamps(link, name)
    due = expired(stamps, keep_days, now)
    listed = set()
    for stamp in stamps:
        if stamp not in due:
            try:
                listed |= set(generations.read(link, name, stamp, allowed)["vtapes"])
            except manifest.Untrusted as untrusted:
                return [
                    f"nothing was removed from the mirror {link.where}, because generation {stamp} of {name}: {untrusted}"]
    for stamp in due:
        link.ask("remove", path=f"generations/{name}/{stamp}")
    there = link.ask("names", path=f"vtapes/{name}") or []
    for vtape in superseded(there, listed, keep_days, now):
        link.ask("remove", path=f"vtapes/{name}/{vtape}")
    for folder in (f"vtapes/{name}", f"generations/{name}"):
        for left in link.ask("names", path=folder) or []:
            if left.startswith((mirror_agent.TEMPORARY, mirror_agent.REMOVED)):
                link.ask("remove", path=f"{folder}/{left}")
    return []


def age_days(stamp, now):
    """How old a stamp (local time, as Amanda writes it) is; one that is no time is not old."""
    try:
        return (now - time.mktime(time.strptime(stamp, "%Y%m%d%H%M%S"))) / 86400
    except (ValueError, OverflowError):
        return 0


def expired(stamps, keep_days, now):
    """The generations that go: those whose successor is already older than keep_days."""
    ordered = sorted(stamps)
    return [stamp for stamp, after in zip(ordered, ordered[1:]) if age_days(after, now) > keep_days]


def superseded(names, listed, keep_days, now):
    """The vtape folders that no generation lists and that were written more than keep_days ago, or never."""
    found = []
    for name in names:
        label, _, written = name.rpartition("@")
        if label and name not in listed and not name.startswith("."):
            if written == vtapes.NEVER or (manifest.RUN.fullmatch(written) and age_days(written, now) > keep_days):
                found.append(name)
    return found
