"""What can be known before anything is changed: each is one sentence that names key, value and cure."""

import os
import pathlib
import re

from amanda_backup import system

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
PUBLIC_KEY = re.compile(r"(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/]{40,}={0,3}(?: [ -~]*)?")


def platform_fits(changes, platform):
    """The host's os-release names a system of this row of platforms.json."""
    text = system.read_text(changes.at("/etc/os-release")) or ""
    facts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    plain = {key: value.strip("\"'") for key, value in facts.items()}
    found = [plain.get("ID", "unknown"), *plain.get("ID_LIKE", "").split()]
    if not set(found) & set(platform["osReleaseIds"]):
        raise system.Refusal(
            f"this host runs {found[0]!r}, but its platform is {platform['family']!r} "
            f"(for {', '.join(platform['osReleaseIds'])}): set the platform of this host in the configuration"
        )


def megabytes_below(path):
    """Whole MB that the files below `path` take."""
    total = 0
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except FileNotFoundError:
                continue  # a dump is allowed to end while we count
    return total // 2**20


def nearest_existing(path):
    path = pathlib.Path(path)
    while not path.exists():
        path = path.parent
    return path


def space_for_vtapes(changes, settings):
    """The data volume can hold every vtape and holding disk at its full size, beside what is on it already."""
    data = settings["dataPath"]
    sets = settings["sets"].items()
    needed = sum(facts["tapecycle"] * facts["vtapeMB"] + facts["holdingMB"] for _, facts in sets)
    used = sum(
        megabytes_below(changes.at(f"{data}/{kind}/{name}")) for name, _ in sets for kind in ("vtapes", "holding")
    )
    space = os.statvfs(nearest_existing(changes.at(data)))
    free = space.f_bavail * space.f_frsize // 2**20
    if needed - used > free:
        terms = " + ".join(
            f"{facts['tapecycle']} × {facts['vtapeMB']} MB + {facts['holdingMB']} MB ({name})" for name, facts in sets
        )
        raise system.Refusal(
            f"there is no space for the vtapes: tapecycle × vtapeMB + holdingMB is {terms} = {needed} MB, of which "
            f"{used} MB are written, and {data} has only {free} MB free: give it a larger volume, or lower tapecycle, "
            "vtapeMB or holdingMB"
        )


def keys_are_there(changes, settings):
    """The encryption key and the two ssh keys were installed by the secrets document."""
    folder = f"{system.ETC}/keys/{settings['encryption']['keyId']}"
    wanted = [f"{folder}/am_passphrase", f"{folder}/am_key.gpg", f"{system.ETC}/ssh/dump", f"{system.ETC}/ssh/sign"]
    for path in wanted:
        if not changes.at(path).is_file():
            raise system.Refusal(
                f"{path} is missing: the keys go to the server before it is set up (AmcryptKeys); raise the "
                "stack's `generation` and run `pulumi up`, or put the file back from the recovery kit"
            )


def names_are_safe(settings):
    """Set and namespace names become paths, sudo rules and labels: only plain characters."""
    for kind in ("sets", "namespaces"):
        for name in settings[kind]:
            if not NAME.fullmatch(name):
                raise system.Refusal(f"{kind}: the name {name!r} must be letters, digits, '.', '_', '-' (at most 63)")
    if "crypt" in settings["sets"]:
        raise system.Refusal("sets: the name 'crypt' is taken by a ledger of this program: choose another")
    if not os.path.isabs(settings["dataPath"]) or settings["dataPath"] == "/":
        raise system.Refusal(f"dataPath: {settings['dataPath']!r} must be an absolute path below /, like /srv/amanda")
    if not NAME.fullmatch(settings["encryption"]["keyId"]):
        raise system.Refusal(
            f"encryption.keyId: {settings['encryption']['keyId']!r} must be letters, digits, '.', '_', '-'"
        )
