"""What is known of each directory: its newest proved dump, and what is wrong."""

import json
import time

from amanda_backup import dumps, entries, expiry, ledger, levels, runlog, system


def gather(settings):
    """The state of all sets, ready for JSON."""
    return {"stack": settings["stack"], "server": settings["name"],
            "sets": {name: of_set(settings, name) for name in sorted(settings["sets"])}}


def of_set(settings, name):
    records = ledger.read(ledger.folder(settings) / f"{name}.jsonl")
    runs = [record for record in records if record.get("event") == "run"]
    mirrored = [record for record in records if record.get("event") == "mirror"]
    known = {record["run"] for record in runs}
    listed = entries.read(settings, name)
    forced = levels.to_force(levels.of_set(settings, name), listed, dumps.left_by_next_run(settings, name))
    last = runs[-1] if runs else None
    troubles = (last["troubles"] if last else ["it was never dumped"]) + (mirrored[-1]["troubles"] if mirrored else [])
    cycle = dumpcycle(settings, name)
    # A day more: the run that is due may be at work.
    if last and (age := expiry.age_days(last["run"], time.time())) > cycle + 1:
        troubles.append(f"it was not run for {age:.0f} days, longer than its dumpcycle of {cycle}: see cron")
    # A takeover came from the mirror, and its run's own `mirror` line was written after the catalogue was packed.
    tried = {record["run"] for record in records if record.get("event") in ("mirror", "takeover")}
    if settings["mirror"] and last and last["run"] not in tried:
        troubles.append(f"the mirror does not hold the run {last['run']}: `backupctl mirror {name}` brings it there")
    return {
        "lastRun": last and last["run"],
        "troubles": troubles,
        "unprovedRuns": [stamp for stamp in runlog.stamps(settings, name) if stamp not in known],
        "lastMirrored": next((record["run"] for record in reversed(mirrored) if not record["troubles"]), None),
        "directories": [
            {"host": host, "disk": disk, "next": "full: " + forced[host, disk] if (host, disk) in forced else "as planned",
             **newest(records, host, disk)} for host, disk in listed],
    }


def dumpcycle(settings, name):
    """The days within which Amanda wants a full dump of each directory."""
    return int(system.run(["amgetconf", name, "dumpcycle"], user=settings["platform"]["dumpUser"]).stdout.split()[0])


def newest(records, host, disk):
    """The newest proved dump of a directory."""
    for record in reversed(records):
        if record.get("event") == "dump" and (record["host"], record["disk"]) == (host, disk) and record["proved"]:
            return {"proved": record["stamp"], "level": record["level"], "bytes": record["originalBytes"],
                    "vtapes": sorted({part["vtape"] for part in record["parts"]})}
    return {"proved": None, "level": None, "bytes": None, "vtapes": []}


def good(state):
    """Whether every set has a last run that left no trouble and every directory a proved dump."""
    return all(
        not each["troubles"] and not each["unprovedRuns"] and all(row["proved"] for row in each["directories"])
        for each in state["sets"].values())


def report(state, as_json):
    if as_json:
        print(json.dumps(state, indent=2, sort_keys=True))
        return
    for name, each in state["sets"].items():
        print(f"{name}: last run {moment(each['lastRun'])}, mirrored {moment(each['lastMirrored'])}")
        rows = [("host", "directory", "proved", "level", "MB", "next dump")]
        for row in each["directories"]:
            size = "-" if row["bytes"] is None else f"{row['bytes'] / 1e6:.1f}"
            level = str(row["level"]) if row["proved"] else "-"
            rows.append((row["host"], row["disk"], moment(row["proved"]), level, size, row["next"]))
        table(rows)
        for line in [*each["troubles"], *(f"run {stamp} is not proved yet" for stamp in each["unprovedRuns"])]:
            print(f"  ! {line}")


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print("  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]))


def moment(stamp):
    return "never" if stamp is None else time.strftime("%Y-%m-%d %H:%M", time.strptime(stamp, "%Y%m%d%H%M%S"))


def listing(settings):
    """Every proved dump that is still on a vtape here, newest last."""
    rows = [("set", "host", "directory", "dumped", "level", "MB", "vtapes")]
    for name in sorted(settings["sets"]):
        records = ledger.read(ledger.folder(settings) / f"{name}.jsonl")
        here = dumps.vtapes_here(settings, name)
        for record in records:
            if record.get("event") == "dump" and record["proved"]:
                on = sorted({part["vtape"] for part in record["parts"]})
                if set(on) <= here:
                    rows.append((name, record["host"], record["disk"], moment(record["stamp"]), str(record["level"]),
                                 f"{record['originalBytes'] / 1e6:.1f}", " ".join(on)))
    table(rows)
