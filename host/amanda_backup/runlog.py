"""What Amanda's own log says about one run. It explains a failure; it is never taken as proof of a success."""

import collections
import dataclasses
import pathlib
import re

from amanda_backup import dumps

NAME = re.compile(r"log\.([0-9]{14})\.[0-9]+")
# These programs leave logs beside those of runs: a restore is no run that dumped nothing.
READERS = ("amcheckdump", "amfetchdump", "amidxtaped", "amrestore")


@dataclasses.dataclass
class RunLog:
    """stamp: the run's. finished: it came to its end, so that what it does not tell did not happen.

    planned, attempted: (host, disk). labels: vtapes in the order of writing.
    """

    stamp: str
    finished: bool = False
    planned: set = dataclasses.field(default_factory=set)
    attempted: set = dataclasses.field(default_factory=set)
    labels: list = dataclasses.field(default_factory=list)
    originals: dict = dataclasses.field(default_factory=dict)
    failures: dict = dataclasses.field(default_factory=lambda: collections.defaultdict(list))
    general: list = dataclasses.field(default_factory=list)


def folder(settings, name):
    return pathlib.Path(settings["dataPath"], "catalogue", name, "log")


def stamps(settings, name):
    """The stamps of all runs whose log is there, oldest first."""
    named = ((NAME.fullmatch(path.name), path) for path in folder(settings, name).iterdir())
    return sorted({match[1] for match, path in named if match and not of_a_reader(path)})


def of_a_reader(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as log:
        return log.readline().split()[1:2] in ([reader] for reader in READERS)


def read(settings, name, stamp):
    log = RunLog(stamp)
    for path in sorted(folder(settings, name).glob(f"log.{stamp}.*")):
        for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            take(log, line)
    return log


def take(log, line):
    """One line of the log."""
    told = dumps.words(line)
    reason = re.search(r"\[(.*)\]$", line)
    entry = tuple(told[2:4])
    match told[:2]:
        case ["DISK", "planner"]:
            log.planned.add(entry)
        case ["FINISH", "driver"]:
            log.finished = True
        case ["START", "taper"] if "label" in told[:-1]:
            log.labels.append(told[told.index("label") + 1])
        case [verdict, "dumper"] if verdict in ("SUCCESS", "STRANGE", "FAIL", "PARTIAL") and len(told) > 4:
            log.attempted.add(entry)
            size = re.search(r" [0-9a-f]{8}:([0-9]+) [0-9a-f]{8}:[0-9]+ \[", line)
            if verdict in ("SUCCESS", "STRANGE") and size:
                log.originals[(*entry, told[4])] = int(size[1])
            if verdict == "FAIL" and reason:
                log.failures[entry].append(reason[1])
        case ["FAIL", _] if len(told) > 4 and reason:
            log.failures[entry].append(reason[1])
        case ["ERROR", _] | ["FATAL", _]:
            log.general.append(" ".join(told[2:]))
