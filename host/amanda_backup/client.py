"""Role `client`: the dump user takes dumps for one server by ssh, and can do nothing else there."""

import ipaddress
import json

from amanda_backup import accounts, hooks, metadata, packages, preconditions, system

MARKER = "amanda-backup"


def converge(changes, document):
    settings = document["settings"]
    platform = settings["platform"]
    preconditions.platform_fits(changes, platform)
    hooks.validate(settings["hooks"], settings["name"])
    line = authorized_line(settings)
    if changes.check:
        apply(changes, document, line)
        return
    with system.run_lock("setting up the client", wait_minutes=settings.get("lockWaitMinutes", 5)):
        apply(changes, document, line)


def authorized_line(settings):
    """The server's key: it may run amandad for dumps and nothing else, from the server's address when that is known."""
    options = [f'command="{settings["platform"]["amandad"]} -auth=ssh amdump"', "restrict"]
    address = settings["serverAddress"]
    if address is not None:
        try:
            options.append(f'from="{ipaddress.ip_network(address, strict=False)}"')
        except ValueError:
            raise system.Refusal(
                f"serverAddress: {address!r} must be the IP address or network of the server's ssh, or null"
            ) from None
    key = accounts.public_key(settings["dumpPublicKey"], "the backup server")
    return f"{','.join(options)} {key} {MARKER}"


def apply(changes, document, line):
    settings = document["settings"]
    platform = settings["platform"]
    dump = {"owner": platform["dumpUser"], "group": platform["dumpGroup"]}
    if packages.ensure(changes, platform, platform["clientPackages"]):
        return
    metadata.ensure(changes, document)
    accounts.login_shell(changes, platform["dumpUser"])
    accounts.ssh_directory(changes, platform["dumpHome"], platform["dumpGroup"])
    accounts.authorized_keys(changes, platform["dumpHome"], platform["dumpGroup"], [line], MARKER)
    changes.directory(platform["gnutarListDir"], mode=0o770, **dump)
    forget_older_state(changes, document)
    changes.directory(system.ETC)
    hooks.ensure(changes, platform, settings["hooks"])


def forget_older_state(changes, document):
    """Let the next dumps be complete, whatever their level, when this root disk comes from before its machine.

    An image that was made of a client, or a snapshot, brings GNU tar's state of that day back with the files. It knows files
    by their dates, so an incremental dump would leave out what became older than the server's last dump.
    """
    platform = document["settings"]["platform"]
    last = json.loads(system.read_text(changes.at(system.kept_document("client"))) or "{}").get("identity", {})
    new = document["identity"]
    if all(last.get(key) in (None, new.get(key)) for key in ("generation", "image", "instance")):
        return
    place = changes.at(platform["gnutarListDir"])
    if any(place.iterdir() if place.is_dir() else ()) and changes.wanted("forget GNU tar's state of an earlier machine"):
        # The folder is the dump user's: root would follow where that leads.
        system.run(["find", str(place), "-mindepth", "1", "-type", "f", "-delete"], user=platform["dumpUser"])
