"""Which vtapes a generation holds, and bringing their files to the mirror.

A vtape in the mirror is the folder LABEL@WRITESTAMP: a slot that is written again is a new folder beside the old one.
"""

import pathlib

from amanda_backup import crypt, dumps, mirror_link, system, vtapes


def wanted(settings, name, previous, records):
    """(vtapes of the next generation, troubles): what is on this server now, and what should be but vanished.

    vtapes: LABEL@WRITESTAMP -> {label, written, slot, files: {name: {bytes, sha256}}}, with `kept` (a reason) where the
    mirror's copy is all that is left. previous: the last trusted manifest or None. records: the set's ledger.
    """
    found, troubles = {}, []
    before = previous["vtapes"] if previous else {}
    proved = {(part["vtape"], part["file"]): part for record in records for part in record.get("parts", [])}
    there = dumps.slots(settings, name)
    for slot in there.values():
        vtape = dumps.vtape_name(slot)
        known = dict(before.get(vtape, {}).get("files", {}))
        for path in dumps.files(slot_folder(settings, name, slot.number)):
            size = path.lstat().st_size
            if path.name in known:
                if known[path.name]["bytes"] != size:
                    troubles.append(f"{path} changed after it was mirrored: the mirror keeps what it has")
                continue
            part = proved.get((vtape, path.name))
            try:
                known[path.name] = {"bytes": part["bytes"], "sha256": part["sha256"]} if part else count(path)
            except OSError as error:
                troubles.append(f"{path} is not mirrored: {error.strerror}")
        gone = sorted(set(known) - {path.name for path in dumps.files(slot_folder(settings, name, slot.number))})
        if gone:
            troubles.append(
                f"slot{slot.number} of {name} lost {len(gone)} files of {vtape} ({gone[0]}): the mirror keeps them")
        found[vtape] = {"label": slot.label, "written": slot.written, "slot": slot.number, "files": known}
    newest = {slot.label: slot.written for slot in there.values() if slot.written != vtapes.NEVER}
    for vtape, content in before.items():
        if vtape in found or content["written"] == vtapes.NEVER or newest.get(content["label"], "") > content["written"]:
            continue
        reason = f"slot{content['slot']} of {name} no longer holds {vtape}"
        troubles.append(f"{reason}: the mirror keeps it")
        found[vtape] = {**content, "kept": reason}
    return dict(sorted(found.items())), troubles


def slot_folder(settings, name, number):
    return pathlib.Path(vtapes.folder(settings, name), f"slot{number}")


def count(path):
    counted = crypt.Counted()
    with dumps.opened(path) as file:
        while chunk := file.read(crypt.CHUNK_BYTES):
            counted.update(chunk)
    return {"bytes": counted.bytes, "sha256": counted.sha256}


def bring(link, settings, name, vtapes_wanted, previous):
    """Copy what the mirror lacks; returns troubles. A file that cannot be had is taken out of `vtapes_wanted`.

    A file in the mirror that a signed manifest lists is trusted by its size (its content is looked at when it is used);
    one that no manifest lists yet, left by a call that was killed, by its sha256.
    """
    missing, troubles = [], []
    for vtape, content in vtapes_wanted.items():
        sizes = link.ask("sizes", path=f"vtapes/{name}/{vtape}") or {}
        signed = (previous or {"vtapes": {}})["vtapes"].get(vtape, {}).get("files", {})
        for file, facts in content["files"].items():
            path = f"vtapes/{name}/{vtape}/{file}"
            there = sizes.get(file) == facts["bytes"]
            if not there or (file not in signed and link.get(path)["sha256"] != facts["sha256"]):
                missing.append((vtape, file, facts, file in sizes))
    need, free = sum(facts["bytes"] for _, _, facts, _ in missing), link.ask("space")["free"]
    if need > free:
        raise system.Refusal(
            f"mirror {link.where}: {need >> 20} MB are to be copied but only {free >> 20} MB are free: make room or lower"
            " keepDays; nothing was copied")
    for vtape, file, facts, replace in missing:
        content = vtapes_wanted[vtape]
        try:
            if "kept" in content:
                raise FileNotFoundError
            with dumps.opened(slot_folder(settings, name, content["slot"]) / file) as source:
                link.put(f"vtapes/{name}/{vtape}/{file}", source, facts["sha256"], replace)
        except FileNotFoundError:
            troubles.append(f"{vtape}/{file} is neither on this server nor whole in the mirror: what needs it is lost")
            del content["files"][file]
        except OSError as error:
            troubles.append(f"{error.filename} is not mirrored: {error.strerror}")
            del content["files"][file]
        except mirror_link.Mismatch as mismatch:
            troubles.append(str(mismatch))
            del content["files"][file]
    return troubles
