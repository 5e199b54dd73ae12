"""Role `secrets`: put the stack's keys on the server, and never another key over one that is there.

amcrypt's key is kept in the form of stock amcrypt: 65 lines of base64, wrapped by gpg with the passphrase beside it.
gpg salts every wrapping, so keys are compared by what they decrypt to.
"""

import re
import subprocess

from amanda_backup import crypt, packages, preconditions, system

KEY_LINES = 65
# Without a home and without an agent nothing is left behind; the count is what an agent would have chosen.
GPG = [
    "gpg",
    "--homedir",
    "/nonexistent",
    "--no-keyring",
    "--no-options",
    "--no-random-seed-file",
    "--no-autostart",
    "--quiet",
    "--batch",
    "--no-tty",
    "--pinentry-mode",
    "loopback",
    "--s2k-count",
    "65011712",
]


def converge(changes, document):
    settings = document["settings"]
    platform = settings["platform"]
    validate(settings)
    preconditions.platform_fits(changes, platform)
    with system.run_lock("setting up the keys", wait_minutes=settings.get("lockWaitMinutes", 30)):
        if packages.ensure(changes, platform, platform["secretsPackages"]):
            return
        wrapped = compare_all(changes, settings)
        changes.directory(system.ETC)
        changes.directory(system.ETC / "keys")
        install_amcrypt_key(changes, settings, wrapped)
        changes.directory(system.ETC / "ssh", mode=0o750, group=platform["dumpGroup"])
        install_identity(changes, "dump", settings["identities"]["dump"], owner=platform["dumpUser"])
        install_identity(changes, "sign", settings["identities"]["sign"], owner="root")


def validate(settings):
    """Refuse material that no program could use, without printing any of it."""
    if not preconditions.NAME.fullmatch(settings["keyId"]):
        raise system.Refusal(f"encryption.keyId: {settings['keyId']!r} must be letters, digits, '.', '_', '-'")
    if not settings["passphrase"] or re.search(r"[\x00-\x1f]", settings["passphrase"]):
        raise system.Refusal(f"the passphrase of key {settings['keyId']} must be one line that is not empty")
    lines = settings["keyText"].splitlines()
    if len(lines) != KEY_LINES or not all(re.fullmatch(r"[A-Za-z0-9+/=]{1,64}", line) for line in lines):
        raise system.Refusal(f"the key text of key {settings['keyId']} must be {KEY_LINES} lines of base64")
    for name in ("dump", "sign"):
        if "OPENSSH PRIVATE KEY" not in settings["identities"][name]:
            raise system.Refusal(f"the ssh identity {name!r} is not a private key in OpenSSH form")


def key_folder(key_id):
    return system.ETC / "keys" / key_id


def compare_all(changes, settings):
    """Refuse before the first change when any key on the server is another one; returns the am_key.gpg that is there."""
    key_id = settings["keyId"]
    passphrase = system.read_text(changes.at(key_folder(key_id) / "am_passphrase"))
    if passphrase is not None and passphrase.rstrip("\n") != settings["passphrase"]:
        raise other_key(key_folder(key_id) / "am_passphrase", f"another passphrase for key {key_id}")
    place = changes.at(key_folder(key_id) / "am_key.gpg")
    wrapped = place.read_bytes() if place.exists() else None
    if wrapped is not None and unwrap(key_id, wrapped, settings["passphrase"]) != canonical(settings["keyText"]):
        raise other_key(key_folder(key_id) / "am_key.gpg", f"another key {key_id}")
    for name in ("dump", "sign"):
        there = system.read_text(changes.at(system.ETC / "ssh" / name))
        if there is not None and canonical(there) != canonical(settings["identities"][name]):
            raise other_key(system.ETC / "ssh" / name, f"another ssh key {name!r}")
    return wrapped


def other_key(path, what):
    return system.Refusal(
        f"{path} holds {what} than the stack, and no key is ever overwritten: give a new key a new keyId, or move the "
        "old file to a safe place (dumps made with it need it) and run `pulumi up` again"
    )


def canonical(text):
    return text.strip().replace("\r\n", "\n") + "\n"


def install_amcrypt_key(changes, settings, wrapped):
    """wrapped: the am_key.gpg that was compared. It is not read again: its folder is the dump user's."""
    platform = settings["platform"]
    own = {"owner": platform["dumpUser"], "group": platform["dumpGroup"], "mode": 0o400}
    folder = key_folder(settings["keyId"])
    changes.directory(folder, mode=0o700, owner=platform["dumpUser"], group=platform["dumpGroup"])
    changes.file(folder / "am_passphrase", settings["passphrase"] + "\n", **own)
    place = changes.at(folder / "am_key.gpg")
    if wrapped is not None:
        changes.file(folder / "am_key.gpg", wrapped, **own)
    elif changes.wanted(f"write {folder / 'am_key.gpg'}"):
        wrapped = wrap(canonical(settings["keyText"]), settings["passphrase"])
        if unwrap(settings["keyId"], wrapped, settings["passphrase"]) != canonical(settings["keyText"]):
            raise system.Refusal(
                f"gpg cannot read back the key {settings['keyId']} that it wrapped: check gpg on this host"
            )
        changes.sweep(place)
        system.write_atomic(place, wrapped, **own)


def install_identity(changes, name, text, *, owner):
    """An ssh key and its public half, derived here so that the two always belong together."""
    path = system.ETC / "ssh" / name
    changes.file(path, canonical(text), mode=0o400, owner=owner)
    if not changes.at(path).is_file():
        return
    public = system.run(["ssh-keygen", "-y", "-P", "", "-f", str(changes.at(path))]).stdout
    changes.file(f"{path}.pub", " ".join(public.split()[:2]) + "\n", mode=0o644)


def wrap(key_text, passphrase):
    """The key text as `gpg --symmetric --armor`; passphrase and text travel by pipes, and no agent is started."""
    with crypt.memory_file(passphrase.encode() + b"\n") as secret:
        done = subprocess.run(
            [*GPG, "--passphrase-fd", str(secret.fileno()), "--symmetric", "--armor"],
            input=key_text.encode(),
            capture_output=True,
            pass_fds=(secret.fileno(),),
            check=False,
        )
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise system.Refusal(f"gpg cannot wrap the amcrypt key ({words[-1]}): check gpg on this host")
    return done.stdout


def unwrap(key_id, wrapped, passphrase):
    """The key text in a wrapped key, None when this passphrase does not open it."""
    try:
        return crypt.unlock(key_id, passphrase.encode() + b"\n", wrapped).decode("ascii", errors="replace")
    except crypt.CryptError:
        return None
