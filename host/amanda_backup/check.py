"""What a monitoring system asks: is there anything that a person has to look at? In the manner of a Nagios plugin."""

import collections
import concurrent.futures
import dataclasses
import fcntl
import json
import pathlib
import time

from amanda_backup import data, expiry, ledger, mirror, status, system, vtapes
from amanda_backup.changes import Changes
from amanda_backup.registry import Registry

NAMES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
OK, WARNING, CRITICAL, UNKNOWN = range(4)
# Weekends must not wake anybody: from Friday's run to Monday's it is 2.1 of the mean of five runs a week.
LATE = 2.5
AT_ONCE = 16


@dataclasses.dataclass(frozen=True)
class Problem:
    """level: as NAMES. about: what kind of thing, for programs. text: one sentence for a person."""

    level: int
    about: str
    text: str


def gather(settings, warn=None, critical=None):
    """(problems, summary of what is well). warn, critical: hours since the last good run, instead of the set's own."""
    try:
        data.is_mounted(Changes(check=True), settings)
    except system.Refusal as refusal:
        return [Problem(CRITICAL, "volume", str(refusal))], ""
    busy = is_busy()
    registry = Registry(Changes(check=True), settings)
    states = {name: status.of_set(settings, name) for name in sorted(settings["sets"])}
    problems = removed_namespaces(settings, registry) + unreachable(settings, registry)
    for name, state in states.items():
        problems += late(settings, name, warn, critical) + unproved(settings, name, state, busy)
    problems += behind(settings, states, busy)
    rows = {(row["host"], row["disk"]) for state in states.values() for row in state["directories"]}
    last = max((state["lastRun"] for state in states.values() if state["lastRun"]), default=None)
    return problems, (f"{len(rows)} directories of {len({host for host, _ in rows})} hosts in {len(states)} sets, "
                      f"last run {status.moment(last)}")


def is_busy():
    """Whether something holds the run's lock: then a run may be half-way, and that is no trouble."""
    try:
        with open(system.LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def removed_namespaces(settings, registry):
    """Enrolments that nobody can withdraw by `pulumi destroy` any more, since their key is not accepted."""
    return [
        Problem(WARNING, "namespace", f"{fragment} is enrolled by the namespace {namespace}, which is not in `namespaces` "
                f"any more: `backupctl withdraw {namespace} {fragment}` takes its directories out of the disklists")
        for namespace, fragment in sorted(registry.documents) if namespace not in settings["namespaces"]]


def unreachable(settings, registry):
    """Clients with directories that the dump user cannot log in to as a dump would."""
    names = collections.defaultdict(dict)
    for (namespace, fragment), document in sorted(registry.documents.items()):
        for directory in document["directories"]:
            names[document["client"]][directory["name"]] = (directory["sets"][0], directory["dumptype"])
    logins = {use: login(settings, *use) for used in names.values() for use in used.values()}
    where = {document["client"]: document["address"] for document in registry.documents.values() if "address" in document}

    def one(client):
        told = reach(settings, client, logins[next(iter(names[client].values()))])
        return told and Problem(
            WARNING, "client", f"client {client} ({where.get(client, 'no address')}) cannot be reached for "
            f"{', '.join(sorted(names[client]))}: {told}; start it, or remove it from its stack")

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        return [problem for problem in pool.map(one, sorted(names)) if problem]


def login(settings, name, dumptype):
    """The dump user's name on clients with this dumptype; the server's own where Amanda does not know it any more."""
    user = settings["platform"]["dumpUser"]
    told = system.run(["amgetconf", name, f"dumptype:{dumptype}:client-username"], user=user, check=False)
    return told.stdout.strip().strip('"') if told.returncode == 0 else user


def reach(settings, client, user):
    """Log in as a dump does and hang up; why that failed, None when it worked."""
    done = system.run(
        ["timeout", "60", "ssh", "-n", "-x", "-o", "BatchMode=yes", "-o", "PreferredAuthentications=publickey",
         "-o", "IdentitiesOnly=yes", "-i", str(system.ETC / "ssh" / "dump"), "-l", user, client, "true"],
        user=settings["platform"]["dumpUser"], check=False)
    if done.returncode == 124:
        return "it took the connection and said nothing for 60 s"
    if done.returncode != 255:
        return None
    words = [line.strip() for line in done.stderr.splitlines() if line.strip() and "@@@" not in line]
    changed = next((line for line in words if "IDENTIFICATION HAS CHANGED" in line), None)
    return "another machine answers: its host key is not the enrolled one" if changed else (words or ["ssh said nothing"])[-1]


def late(settings, name, warn, critical):
    """The age of the last run that left no trouble."""
    runs = [record for record in ledger.read(ledger.folder(settings) / f"{name}.jsonl") if record.get("event") == "run"]
    good = [record["run"] for record in runs if not record["troubles"]]
    hours = 24 * expiry.age_days(good[-1], time.time()) if good else (time.time() - set_up(settings, name)) / 3600
    cycle, runs_in_it = status.dumpcycle(settings, name), runs_per_cycle(settings, name)
    what = f"its last run without trouble was {status.moment(good[-1])}" if good else "no run ended without trouble yet"
    if hours > (24 * (cycle + 1) if critical is None else critical):
        return [Problem(CRITICAL, "age", f"{name}: {what}, {hours / 24:.1f} days ago: see `backupctl status` and cron")]
    if hours > (24 * LATE * cycle / max(runs_in_it, 1) if warn is None else warn):
        return [Problem(WARNING, "age", f"{name}: {what}, {hours:.0f} hours ago: see `backupctl status` and cron")]
    return []


def runs_per_cycle(settings, name):
    told = system.run(["amgetconf", name, "runspercycle"], user=settings["platform"]["dumpUser"]).stdout
    return int(told.split()[0])


def set_up(settings, name):
    """When the first vtape of the set was labelled (seconds since the epoch); now when there is none."""
    labels = pathlib.Path(vtapes.folder(settings, name)).glob("slot*/00000.*")
    return min((path.stat().st_mtime for path in labels), default=time.time())


def unproved(settings, name, state, busy):
    """What the last run left undone, and directories without any dump that can be restored."""
    problems = [Problem(WARNING, "run", f"{name}: {line}") for line in state["troubles"] if not ours(line)]
    if not busy:
        problems += [Problem(WARNING, "run", f"{name}: run {stamp} is not proved yet: `backupctl run {name}` does it")
                     for stamp in state["unprovedRuns"]]
    tried = {(record["host"], record["disk"]) for record in ledger.read(ledger.folder(settings) / f"{name}.jsonl")
             if record.get("event") == "dump"}
    for row in state["directories"]:
        if row["proved"] is None:
            never = (row["host"], row["disk"]) not in tried
            problems.append(Problem(
                WARNING if never else CRITICAL, "directory", f"{name}: {row['host']} {row['disk']} has no proved dump"
                + (": it waits for its first run" if never else "")))
    return problems


def ours(line):
    """What `late` and `behind` find out more exactly."""
    return line == "it was never dumped" or line.startswith(("it was not run for", "the mirror does not hold"))


def behind(settings, states, busy):
    """The mirror can be written and holds the last run of each set."""
    if not settings["mirror"]:
        return []
    try:
        held = mirror.check_target(settings)
    except system.Refusal as refusal:
        return [Problem(CRITICAL, "mirror", str(refusal))]
    return [
        Problem(WARNING, "mirror", f"{name}: the mirror does not hold the run {state['lastRun']}: `backupctl mirror {name}` "
                "brings it there")
        for name, state in states.items() if state["lastRun"] and state["lastRun"] not in held.get(name, []) and not busy]


def report(problems, well, as_json):
    """Print one line for the pager and one for each problem; returns the exit status."""
    ordered = sorted(problems, key=lambda problem: (-problem.level, problem.about, problem.text))
    worst = max((problem.level for problem in ordered), default=OK)
    more = f" (and {len(ordered) - 1} more)" if len(ordered) > 1 else ""
    summary = f"AMANDA {NAMES[worst]} - {ordered[0].text + more if ordered else well}"
    if as_json:
        print(json.dumps({
            "status": NAMES[worst], "exit": worst, "summary": summary,
            "problems": [{"level": NAMES[each.level], "about": each.about, "text": each.text} for each in ordered],
        }, indent=2, sort_keys=True))
    else:
        # What follows a bar is a plugin's numbers.
        print("\n".join(line.replace("|", "/") for line in
                        [summary, *(f"{NAMES[each.level]}: {each.text}" for each in ordered)]))
    return worst
