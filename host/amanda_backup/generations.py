"""The mirror's generations: one signed state of a set for each run that was mirrored."""

from amanda_backup import manifest, system


def stamps(link, name):
    """The stamps of the set's generations, oldest first, signed or not."""
    return [stamp for stamp in link.ask("names", path=f"generations/{name}") or [] if manifest.RUN.fullmatch(stamp)]


def read(link, name, stamp, allowed):
    """The verified manifest of one generation; manifest.Untrusted when it is not what the server signed."""
    try:
        data, signature = (link.read(f"generations/{name}/{stamp}/{file}") for file in manifest.FILES)
    except system.Refusal as refusal:
        raise manifest.Untrusted(str(refusal)) from None
    found = manifest.verify(data, signature, allowed)
    if (found["set"], found["run"]) != (name, stamp):
        raise manifest.Untrusted(f"it is the manifest of {found['set']} {found['run']}")
    return found


def newest_trusted(link, name, known, allowed):
    """The newest generation that the server signed (None for none), and a line for each newer one that it did not."""
    troubles = []
    for stamp in reversed(known):
        try:
            return read(link, name, stamp, allowed), troubles
        except manifest.Untrusted as untrusted:
            troubles.append(f"mirror {link.where}: generation {stamp} of {name} cannot be trusted: {untrusted}")
    return None, troubles
