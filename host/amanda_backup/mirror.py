"""The mirror: after each run a signed generation of everything that a new server needs, on storage of another user.

Never overwrites, never passes a destruction on: what vanished on this server stays in the mirror and in the next
generation. Killed anywhere, the next call finishes the work.
"""

import json
import time

from amanda_backup import (
    catalogue, copies, crypt, entries, expiry, generations, kit, ledger, manifest, mirror_agent, mirror_link, runlog,
    system,
)


def check_target(settings):
    """Refuse unless the mirror's folder is on the expected mount, writable for its user and this stack's.

    Returns the stamps of its generations by set. Changes nothing but a probe file that is gone again.
    """
    with mirror_link.connect(settings) as link:
        return look(link, settings)


def look(link, settings):
    """The stamps of the generations by set, oldest first; a Refusal when the folder is not this stack's mirror."""
    if "MIRROR.json" not in link.top:
        strange = [name for name in link.top if not name.startswith(mirror_agent.TEMPORARY)]
        if strange:
            raise system.Refusal(
                f"mirror {link.where}: there is no MIRROR.json but {', '.join(strange[:3])}: mirror.path must be an empty"
                " folder or this stack's mirror")
        return {}
    try:
        stack = json.loads(link.read("MIRROR.json"))["stack"]
    except (ValueError, KeyError, TypeError):
        raise system.Refusal(f"mirror {link.where}: MIRROR.json is damaged: put back {identity(settings)!r}") from None
    if stack != settings["stack"]:
        raise system.Refusal(
            f"mirror {link.where}: it belongs to the stack {stack!r}, this server to {settings['stack']!r}: give each"
            " stack a mirror.path of its own")
    return {name: generations.stamps(link, name) for name in link.ask("names", path="generations") or []}


def identity(settings):
    return json.dumps({"format": 1, "stack": settings["stack"]}, sort_keys=True) + "\n"


def put_text(link, path, data, replace=False):
    data = data.encode() if isinstance(data, str) else data
    counted = crypt.Counted()
    counted.update(data)
    with crypt.memory_file(data) as source:
        link.put(path, source, counted.sha256, replace)


def mirror(settings, name):
    """Bring the mirror up to the newest run of the set; returns the troubles, one line each, and notes them down."""
    try:
        troubles = bring_up(settings, name)
    except (system.Refusal, crypt.CryptError, manifest.Untrusted, OSError) as trouble:
        troubles = [f"not mirrored: {trouble}"]
    ledger.append(ledger.folder(settings) / f"{name}.jsonl", [{
        "event": "mirror", "run": (runlog.stamps(settings, name) or [None])[-1], "troubles": troubles,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S%z")}])
    return troubles


def bring_up(settings, name):
    stamps = runlog.stamps(settings, name)
    if not stamps:
        raise system.Refusal(f"{name} was never dumped, there is nothing to mirror: `backupctl run {name}` does both")
    records = ledger.read(ledger.folder(settings) / f"{name}.jsonl")
    check_clock(settings, name, stamps[-1], records)
    allowed = kit.signers()
    with mirror_link.connect(settings) as link:
        known = look(link, settings).get(name, [])
        if known and known[-1] > stamps[-1]:
            raise system.Refusal(
                f"mirror {link.where}: it holds the run {known[-1]} of {name}, newer than this server's last run"
                f" {stamps[-1]}: `backupctl run {name}` makes a newer one")
        if "MIRROR.json" not in link.top:
            put_text(link, "MIRROR.json", identity(settings))
        previous, troubles = generations.newest_trusted(link, name, known, allowed)
        wanted, more = copies.wanted(settings, name, previous, records)
        troubles += more + copies.bring(link, settings, name, wanted, previous)
        if stamps[-1] not in known:
            write_generation(link, settings, name, stamps[-1], wanted, records)
        update_recovery(link)
        troubles += expiry.expire(link, name, settings["mirror"]["keepDays"], allowed)
    return troubles


def check_clock(settings, name, newest, records):
    """Refuse when the last run is not the one with the newest stamp: its generation would never be taken for the newest."""
    runs = [record["run"] for record in records if record.get("event") == "run"]
    if newest in runs and runs[-1] != newest:
        raise system.Refusal(
            f"the clock went back: the last run of {name} is {runs[-1]}, but there is one of {newest}: set the clock right;"
            f" if {newest} is in the future, move its log out of {runlog.folder(settings, name)} and"
            f" generations/{name}/{newest} out of the mirror")


def write_generation(link, settings, name, stamp, wanted, records):
    """Catalogue, manifest and signature in a folder that gets its name when all three are whole."""
    folder = f"generations/{name}/{mirror_agent.TEMPORARY}{stamp}"
    with catalogue.packed(settings, name) as (archive, counted):
        archive.seek(0)
        link.put(f"{folder}/{manifest.CATALOGUE}", archive, counted.sha256, replace=True)
    made = {
        "format": 1, "stack": settings["stack"], "server": settings["name"], "set": name, "run": stamp,
        "made": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "catalogue": {
            "bytes": counted.bytes, "sha256": counted.sha256, "keyId": settings["encryption"]["keyId"]},
        "entries": entries.read(settings, name), "vtapes": wanted, "dumps": manifest.whole_dumps(records, wanted),
    }
    data = manifest.text(made).encode()
    signature = manifest.sign(data, kit.SIGN_KEY)
    manifest.verify(data, signature, kit.signers())
    for file, content in zip(manifest.FILES, (data, signature)):
        put_text(link, f"{folder}/{file}", content, replace=True)
    link.ask("rename", path=folder, to=f"generations/{name}/{stamp}")


def update_recovery(link):
    """recover.sh beside the dumps: a convenience that is compared with the kit's before it is trusted."""
    for path, data in kit.recovery_files().items():
        counted = crypt.Counted()
        counted.update(data)
        folder, _, file = path.rpartition("/")
        there = file in ((link.ask("names", path=folder) or []) if folder else link.top)
        if not there or link.get(path)["sha256"] != counted.sha256:
            put_text(link, path, data, replace=True)
