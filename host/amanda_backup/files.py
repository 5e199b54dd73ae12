"""The rendered files of a document: each kind has its place, owner and mode; one that is listed no more is removed."""

import json
import re

from amanda_backup import system


def attributes(path, platform):
    """Owner, group and mode of a listed file; a Refusal for a path where no document has anything to write."""
    if re.fullmatch(r"/etc/amanda/[A-Za-z0-9][A-Za-z0-9._-]*/amanda\.conf", path):
        return {"group": platform["dumpGroup"], "mode": 0o640}
    if path == "/etc/cron.d/amanda-backup":
        return {"mode": 0o644}
    raise system.Refusal(
        f"files: {path!r} is no file that a document may give; use the same version of amanda-backup on both sides"
    )


def manifest(role):
    return system.ETC / f"files-{role}.json"


def ours(changes, role):
    """The files that earlier documents brought."""
    return json.loads(system.read_text(changes.at(manifest(role))) or "[]")


def foreign(changes, role, files):
    """Refuse to write over a file that no document of ours brought, such as an older Amanda's configuration."""
    for path in sorted(set(files) - set(ours(changes, role))):
        if changes.at(path).exists():
            raise system.Refusal(
                f"{path} is there already and was not written by amanda-backup: give the set another name, or move the "
                "file away (an older Amanda's vtapes and catalogue are not taken over)"
            )


def ensure(changes, role, files, platform):
    """Write the listed files and remove ours that an earlier document listed and this one does not.

    The manifest names a file before it is written and until it is removed, so a kill leaves none behind unknown.
    """
    for path in files:
        attributes(path, platform)
    earlier = ours(changes, role)
    union = sorted({*earlier, *files})
    if union != earlier:
        changes.file(manifest(role), json.dumps(union, indent=2) + "\n")
    for path in sorted(files):
        changes.file(path, files[path], **attributes(path, platform))
    for path in sorted(set(earlier) - set(files)):
        changes.remove(path)
    changes.file(manifest(role), json.dumps(sorted(files), indent=2) + "\n")
