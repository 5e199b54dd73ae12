"""One run of a set: dump, prove, mirror, under the run's lock."""

import os
import subprocess
import time

from amanda_backup import changes, crypt, dumps, entries, ledger, levels, mirror, proof, runlog, services, system, takeover

# The shell keeps the run's lock when backupctl is killed: the lock is free only when amdump has ended.
AMDUMP = ["sh", "-c", 'amdump "$1"; exit $?', "amdump"]


def run(settings, name):
    """Dump the set, prove what was dumped, mirror it. Returns the troubles, one line each; none means all is well."""
    place = ledger.prepare(settings)
    try:
        key = crypt.load_key(settings["encryption"]["keyId"], system.ETC / "keys")
        ledger.record_key(place, key, settings["platform"]["dumpGroup"])
    except crypt.CryptError as error:
        raise system.Refusal(f"{name} was not dumped: {error}") from None
    # cloud-init and containers make /etc/hosts anew at a boot.
    services.own_name(changes.Changes(tell=lambda line: None), settings["name"])
    troubles = note_if_behind(settings, name) + prove_forgotten(settings, name)
    # What another set dumped counts here too.
    for other in sorted(set(settings["sets"]) - {name}):
        troubles += [f"{other}: {line}" for line in prove_forgotten(settings, other)]
    force(settings, name)
    stamp, words = amdump(settings, name)
    troubles += prove_run(settings, name, stamp, entries.read(settings, name))
    if words and troubles:
        troubles.append(f"amdump said: {words}")
    if settings["mirror"]:
        troubles += mirror.mirror(settings, name)
    return troubles


def note_if_behind(settings, name):
    """A mirror that is ahead means that this data volume is an older copy: no dump on it may be a base any more."""
    if not settings["mirror"]:
        return []
    try:
        ahead = max(mirror.check_target(settings).get(name, []), default="")
    except system.Refusal:
        # Mirroring will say it, after the dump.
        return []
    if ahead <= max(runlog.stamps(settings, name), default="") or takeover.taken_over(settings, name, ahead):
        return []
    reason = f"the mirror holds the run {ahead}, which this server does not know: full dumps follow"
    ledger.append(ledger.folder(settings) / f"{name}.jsonl", [{
        "event": "takeover", "run": ahead, "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "reason": reason}])
    return [reason]


def force(settings, name):
    """Ask Amanda for a level 0 of every entry whose base the ledger does not prove or this run may write over."""
    here = dumps.left_by_next_run(settings, name)
    for host, disk in levels.to_force(levels.of_set(settings, name), entries.read(settings, name), here):
        system.run(["amadmin", name, "force", f"={host}", f"={disk}"], user=settings["platform"]["dumpUser"])


def amdump(settings, name):
    """Run amdump to its end; returns the run's stamp and what it printed."""
    before = set(runlog.stamps(settings, name))
    user = settings["platform"]["dumpUser"]
    done = subprocess.run(
        [*system.become(user), *AMDUMP, name], cwd="/", env=system.clean_environment(user), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", pass_fds=lock_handles(), check=False)
    words = " / ".join(line for line in done.stdout.splitlines() if line.strip() and "warning" not in line)
    new = sorted(set(runlog.stamps(settings, name)) - before)
    if not new:
        raise system.Refusal(
            f"amdump {name} ended with status {done.returncode} before it began: {words or 'no message'}; "
            f"see `amcheck {name}` as {user}")
    return new[-1], words


def lock_handles():
    """The handle of the run's lock in this process, for a child that has to keep it."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == str(system.LOCK):
                found.append(int(name))
        except FileNotFoundError:
            continue
    return tuple(found)


def prove_forgotten(settings, name):
    """Prove the runs that the ledger does not know: those that were cut off, or started by hand."""
    known = {record["run"] for record in ledger.read(ledger.folder(settings) / f"{name}.jsonl") if record["event"] == "run"}
    troubles = []
    for stamp in runlog.stamps(settings, name):
        if stamp not in known:
            troubles += [f"earlier run {stamp}: {line}" for line in prove_run(settings, name, stamp)]
    return troubles


def prove_run(settings, name, stamp, wanted=None):
    """Prove each dump that this run wrote to vtapes and add it to the ledger; returns what is not proved.

    wanted: the (host, disk) that must have a dump; without it what the run itself had planned.
    """
    path = ledger.folder(settings) / f"{name}.jsonl"
    log = runlog.read(settings, name, stamp)
    seen = {record["cipherSha256"]: record for record in ledger.read(path.parent / "crypt.jsonl")}
    found, here = levels.histories(levels.of_set(settings, name)), dumps.vtapes_here(settings, name)
    records = []
    for dump in dumps.on_vtapes(settings, name, stamp, log.labels):
        header = dump.header
        history = found.get((header.host, header.disk), [])
        record = proof.prove(dump, seen, log.originals.get((header.host, header.disk, header.stamp)))
        below = levels.trouble_below(history, header.level, here)
        if record["proved"] and below:
            record |= {"proved": False, "reason": below}
        base = levels.base_of(history, header.level)
        records.append({**record, "base": base["stamp"] if base else None})
    there = {(each["host"], each["disk"]) for each in records if each["stamp"] == stamp}
    for host, disk in sorted((log.planned if wanted is None else set(wanted)) - there):
        records.append({
            "stamp": stamp, "host": host, "disk": disk, "level": None,
            "attempted": not log.finished or (host, disk) in log.attempted,
            "proved": False, "reason": "no dump of it is on a vtape"})
    troubles = [f"Amanda: {line}" for line in log.general]
    for each in records:
        if not each["proved"]:
            said = "; ".join(dict.fromkeys(log.failures.get((each["host"], each["disk"]), [])))
            each["reason"] += f" (Amanda: {said})" if said else ""
            flushed = "" if each["stamp"] == stamp else f" (dumped {each['stamp']})"
            troubles.append(f"{each['host']} {each['disk']}{flushed}: not proved: {each['reason']}")
    # What was read back may have been memory still: nothing counts as done that a power cut could take.
    system.run(["sync", "--file-system", settings["dataPath"]])
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    ledger.append(path, [{"event": "dump", "run": stamp, "time": now, **each} for each in records]
                  + [{"event": "run", "run": stamp, "time": now, "troubles": troubles}])
    return troubles
