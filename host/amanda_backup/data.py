"""What must be on the data volume is there: nothing of ours writes into the bare folder below its mount."""

import json
import os
import time

from amanda_backup import ledger, system, volume


def last_document(changes):
    """The document that was last applied on this root disk, None when none was."""
    text = system.read_text(changes.at(system.kept_document("server")))
    return json.loads(text) if text is not None else None


def is_given_up(changes, document):
    """Whether what this root disk knows of its data no longer counts: it knows nothing, or `generation` was counted up.

    A resized machine or a larger volume changes the rest of the identity, and keeps its data.
    """
    last = last_document(changes)
    return last is None or last["identity"].get("generation") != document["identity"].get("generation")


def is_there(changes, document):
    """A machine that was set up before still has its data: an unmounted volume is not a new server's empty one."""
    data = document["settings"]["dataPath"]
    same = not is_given_up(changes, document) and last_document(changes)["settings"]["dataPath"] == data
    if same and not changes.at(f"{data}/catalogue").is_dir():
        raise system.Refusal(
            f"dataPath: {data} held this server's vtapes and catalogue and is empty now: mount the data volume and run "
            "`pulumi up` again; if it is really lost, count the server's generation up, and the mirror is taken over"
        )


def is_mounted(changes, settings):
    """A server that was set up has its catalogue; without its data volume it must neither dump nor render disklists."""
    volume.check(changes, settings)
    data = settings["dataPath"]
    if not changes.at(f"{data}/catalogue").is_dir():
        raise system.Refusal(f"dataPath: {data} holds no catalogue: mount the data volume; nothing was changed")


def adopt(changes, settings):
    """Go on with data that comes from before this root disk; nothing to do on any other."""
    if changes.at(system.ETC / "settings.json").exists():
        return
    give_to_dump_user(changes, settings)
    note_new_root(changes, settings)


def give_to_dump_user(changes, settings):
    """What the old machine's dump user wrote belongs to this one's, whose number is another in another distribution."""
    platform, base = settings["platform"], changes.at(settings["dataPath"])
    owner = system.ids(platform["dumpUser"], platform["dumpGroup"])
    places = [base / kind / name for kind in ("vtapes", "holding", "catalogue") for name in sorted(settings["sets"])]
    for place in [*places, base / "gnutar-lists", base / "ledger" / "crypt.jsonl", *base.glob("ledger/key-*.sha256")]:
        # Keys' records are root's, and the dump user reads them by its group.
        wanted = (0, owner[1]) if place.suffix == ".sha256" else owner
        if not place.exists() or (place.stat().st_uid, place.stat().st_gid) == wanted:
            continue
        if changes.wanted(f"give {settings['dataPath']}/{place.relative_to(base)} to {platform['dumpUser']}"):
            # The place itself comes last: a kill before that leaves it to the next call.
            for folder, folders, names in os.walk(place, topdown=False):
                for name in [*folders, *names]:
                    os.chown(os.path.join(folder, name), *wanted, follow_symlinks=False)
            os.chown(place, *wanted, follow_symlinks=False)


def note_new_root(changes, settings):
    """End the bases of the server's own directories.

    GNU tar's state of them is on the data volume and knows files by their dates: what a new root disk brought back to
    an older state would be missing from an incremental dump.
    """
    for name in sorted(settings["sets"]):
        path = changes.at(ledger.folder(settings) / f"{name}.jsonl")
        if path.exists() and changes.wanted(f"go on with the dumps of {name} on the data volume"):
            ledger.append(path, [{
                "event": "newRoot", "host": settings["name"], "time": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                "reason": "the server has a new root disk"}])
