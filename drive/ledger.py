"""What a backup server's ledger says of its runs."""

import json
import time

from drive import lab
from drive.lab import Failed

DATA = "/srv/amanda"


def runs(host, name="daily"):
    """The runs that the ledger has of the set, oldest first: {stamp, troubles, dumps, bytes}."""
    told = lab.ssh(host, f"cat {DATA}/ledger/{name}.jsonl 2>/dev/null", check=False).stdout
    records = [json.loads(line) for line in told.splitlines()]
    found = []
    for record in records:
        if record.get("event") == "run":
            dumps = [each for each in records if each.get("event") == "dump" and each["run"] == record["run"]]
            found.append({"stamp": record["run"], "troubles": record["troubles"], "dumps": dumps,
                          "bytes": sum(dump.get("cipherBytes") or 0 for dump in dumps)})
    return found


def wait_for_run(host, number, *, minutes=6.0):
    """The set's run with this number (1 is the first), once the ledger has it; Failed when it has troubles or is late."""
    deadline = time.monotonic() + minutes * 60
    while len(found := runs(host)) < number:
        if time.monotonic() > deadline:
            said = lab.ssh(host, "journalctl -u cron -n 20 --no-pager; tail -20 /var/mail/root", check=False).stdout
            raise Failed(f"the ledger of {host} has {len(found)} runs after {minutes:g} min, not {number}:\n{said}")
        time.sleep(2)
    run = found[number - 1]
    if run["troubles"]:
        raise Failed("\n".join(run["troubles"]))
    return run


def wait_until_idle(host, *, minutes=6.0):
    """Wait until no run, converge or enrolment holds the run's lock: a run's mirror comes after its ledger line."""
    lab.ssh(host, f"flock --wait {int(minutes * 60)} /run/lock/amanda-backup true")


def levels(run):
    """(host, disk) -> level of each dump of a run."""
    return {(dump["host"], dump["disk"]): dump["level"] for dump in run["dumps"]}
