"""Takeover: a new server with an empty data volume goes on where the mirror's newest generation ends.

Everything is fetched and checked in DATA/.takeover first; only then do folders move to their places, and a kill at any
line is finished by the next call. Afterwards no dump counts as a base: the next run makes full dumps.
"""

import contextlib
import json
import os
import pathlib
import shutil
import time

from amanda_backup import catalogue, crypt, generations, kit, ledger, manifest, mirror, mirror_link, system, vtapes

DONE = ".done-"


def staging(settings):
    return pathlib.Path(settings["dataPath"], ".takeover")


def labelled(settings, name):
    """Whether any slot of the set on this server has a label."""
    base = pathlib.Path(vtapes.folder(settings, name))
    return any(vtapes.look(place, 0).label for place in base.glob("slot*"))


def take_over_if_needed(settings, force=False):
    """Take over each set that has no labelled vtape here while the mirror holds generations of it.

    Called by converge before it labels anything, under the run's lock. Returns the sets that were taken over. A Refusal
    when the mirror cannot be read, is not the server's, or is not whole; `force` then takes what is whole.
    """
    sweep(settings)
    started = [name for name in settings["sets"] if (staging(settings) / name / "ready").exists()]
    needed = [name for name in settings["sets"] if name in started or not labelled(settings, name)]
    if not settings["mirror"] or not needed:
        return []
    try:
        return sorted(started + take_over(settings, needed, started, force))
    except OSError as error:
        raise system.Refusal(
            f"the takeover stopped at {error.filename}: {error.strerror}; run it again, it goes on") from None


def take_over(settings, needed, started, force):
    for name in started:
        commit(settings, name)
    with mirror_link.connect(settings) as link:
        held = mirror.look(link, settings)
        todo = [name for name in sorted(needed) if held.get(name) and not taken_over(settings, name, held[name][-1])]
        chosen = {name: choose(link, settings, name, held[name], force) for name in todo}
        # An older generation may hold enrolments that were withdrawn since, and so does any when this server has data.
        enrolments = not started and set(needed) == set(settings["sets"])
        for place, name in enumerate(newest_first(chosen)):
            fetch(link, settings, name, chosen[name], force, enrolments and place == 0)
    for name in todo:
        commit(settings, name)
    return todo


def newest_first(chosen):
    """The names of the sets, the one with the newest generation first; its enrolments are what a kill must not lose."""
    return sorted(chosen, key=lambda name: chosen[name]["run"], reverse=True)


def taken_over(settings, name, run):
    """Whether this server already took that generation over (by force it may have come without any vtape)."""
    records = ledger.read(ledger.folder(settings) / f"{name}.jsonl")
    return any(record.get("event") == "takeover" and record.get("run") == run for record in records)


def fetch(link, settings, name, found, force, enrolments):
    """Bring a generation to the staging folder, verified file by file; with or without the enrolments in it."""
    stage = staging(settings) / name
    system.ensure_directory(staging(settings), mode=0o700)
    system.ensure_directory(stage, mode=0o700)
    fetch_catalogue(link, settings, name, found, stage)
    if not enrolments:
        shutil.rmtree(old_data(stage) / "enrolment", ignore_errors=True)
    damaged = []
    for vtape in newest_of_each_label(found["vtapes"]):
        for file, facts in sorted(found["vtapes"][vtape]["files"].items()):
            if not fetch_file(link, f"vtapes/{name}/{vtape}/{file}", stage / "vtapes" / vtape / file, facts):
                damaged.append(f"{vtape}/{file}")
    if damaged and not force:
        raise system.Refusal(
            f"mirror {link.where}: {len(damaged)} files of generation {found['run']} are missing or damaged ({damaged[0]}):"
            " put them back, or take over what is whole by `backupctl takeover --force`")
    system.write_atomic(stage / "manifest.json", manifest.text(found), mode=0o600)
    system.write_atomic(stage / "ready", "\n", mode=0o600)


def choose(link, settings, name, stamps, force):
    """The newest generation. An older one is taken only by force: it would lose a night without a word."""
    refusals = []
    for stamp in reversed(stamps):
        try:
            return generations.read(link, name, stamp, kit.signers())
        except manifest.Untrusted as untrusted:
            refusals.append(f"generation {stamp} of {name}: {untrusted}")
            if not force:
                break
    raise system.Refusal(
        f"mirror {link.where}: {refusals[0]}; nothing was taken over (`backupctl takeover --force` takes the newest"
        " generation that can be trusted)")


def fetch_catalogue(link, settings, name, found, stage):
    facts = found["catalogue"]
    try:
        key = crypt.load_key(facts["keyId"], system.ETC / "keys")
        archive = stage / f"catalogue-{found['run']}.amcrypt"
        if not fetch_file(link, f"generations/{name}/{found['run']}/{manifest.CATALOGUE}", archive, facts):
            raise system.Refusal(f"mirror {link.where}: the catalogue of generation {found['run']} is missing or damaged")
        shutil.rmtree(stage / "root", ignore_errors=True)
        (stage / "root").mkdir(mode=0o700)
        with open(archive, "rb", buffering=0) as source:
            catalogue.unpack(source, key, stage / "root")
    except crypt.CryptError as error:
        raise system.Refusal(f"the catalogue of generation {found['run']} of {name} cannot be opened: {error}") from None


def fetch_file(link, path, target, facts):
    """Bring one file, whole and with its sha256, or nothing; one that a killed call left is not fetched again."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if target.exists() and target.stat().st_size == facts["bytes"]:
        return True
    temporary = target.parent / ".new"
    with open(temporary, "wb", buffering=0) as out:
        try:
            done = link.get(path, out)
        except mirror_link.Missing:
            return False
        os.fsync(out.fileno())
    if done["sha256"] != facts["sha256"]:
        temporary.unlink()
        return False
    os.rename(temporary, target)
    return True


def newest_of_each_label(found):
    """One vtape for each label: where the mirror kept an older copy too, the one that was written last."""
    newest = {}
    for vtape, content in sorted(found.items(), key=lambda item: (item[1]["written"] != vtapes.NEVER, item[1]["written"])):
        newest[content["label"]] = vtape
    return sorted(newest.values())


def commit(settings, name):
    """Move what was fetched to its places. Each step leaves a state from which the next call goes on."""
    stage, data = staging(settings) / name, pathlib.Path(settings["dataPath"])
    found = json.loads((stage / "manifest.json").read_text(encoding="utf-8"))
    source = old_data(stage)
    platform = settings["platform"]
    own = {"owner": platform["dumpUser"], "group": platform["dumpGroup"]}
    if (source / "catalogue" / name).exists():
        give(source / "catalogue" / name, own)
        catalogue.replace_folder(source / "catalogue" / name, data / "catalogue" / name)
    merge_ledger(source / "ledger", settings, name, found["run"])
    bring_enrolments(source / "enrolment", data / "enrolment")
    free = free_slots(found)
    for vtape in newest_of_each_label(found["vtapes"]):
        place = stage / "vtapes" / vtape
        if place.exists():
            give(place, own)
            place.chmod(0o750)
            catalogue.replace_folder(place, f"{vtapes.folder(settings, name)}/slot{free[vtape]}")
    os.rename(stage, stage.with_name(f"{DONE}{name}"))
    sweep(settings)


def old_data(stage):
    """Where the old server's DATA is in the unpacked catalogue."""
    old = json.loads((stage / "root/etc/amanda-backup/settings.json").read_text(encoding="utf-8"))
    return stage / "root" / old["dataPath"].lstrip("/")


def sweep(settings):
    """Remove the staging folders of takeovers that are finished."""
    for left in staging(settings).glob(f"{DONE}*"):
        shutil.rmtree(left)
    with contextlib.suppress(OSError):
        staging(settings).rmdir()


def give(folder, own):
    """Make the dump user the owner: its id may be another one on this server."""
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, *system.ids(**own), follow_symlinks=False)
        if path.is_file() and not path.is_symlink():
            path.chmod(0o600)


def free_slots(found):
    """vtape -> slot: its own, or the next that no other has."""
    taken, given = set(), {}
    order = newest_of_each_label(found["vtapes"])
    for vtape in sorted(order, key=lambda vtape: ("kept" in found["vtapes"][vtape], vtape)):
        slot = found["vtapes"][vtape]["slot"]
        while slot in taken:
            slot += 1
        taken.add(slot)
        given[vtape] = slot
    return given


def merge_ledger(source, settings, name, run):
    """The old server's ledger of this set, closed by the line that ends all bases; what amcrypt saw is added."""
    place = ledger.prepare(settings)
    old = ledger.read(source / f"{name}.jsonl") if source.exists() else []
    new = ledger.read(place / f"{name}.jsonl")
    if taken_over(settings, name, run):
        return
    for path in sorted(source.glob("key-*.sha256")):
        if not (place / path.name).exists():
            system.write_atomic(place / path.name, path.read_bytes(), mode=0o640, group=settings["platform"]["dumpGroup"])
    known = {record.get("cipherSha256") for record in ledger.read(place / "crypt.jsonl")}
    ledger.append(place / "crypt.jsonl", [
        record for record in ledger.read(source / "crypt.jsonl") if record.get("cipherSha256") not in known])
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    ledger.append(place / f"{name}.jsonl", [*(record for record in old if record not in new), {
        "event": "takeover", "run": run, "time": now,
        "reason": "GNU tar's state on the clients may be newer than what the mirror holds"}])


def bring_enrolments(source, target):
    """Enrolments that this server does not have yet; one that is here is newer and stays."""
    for path in sorted(source.rglob("*.json")) if source.exists() else []:
        place = target / path.relative_to(source)
        if not place.exists():
            system.ensure_directory(place.parent, mode=0o700)
            system.write_atomic(place, path.read_bytes(), mode=0o600)
