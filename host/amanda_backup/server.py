"""Role `server`: from a bare host to a set of labelled vtapes that amcheck accepts."""

import json
import tempfile

from amanda_backup import (
    accounts,
    amcheck,
    data,
    files,
    hooks,
    ledger,
    metadata,
    mirror,
    packages,
    preconditions,
    services,
    system,
    takeover,
    volume,
    vtapes,
)
from amanda_backup.registry import Registry, set_foreign_ssh_aside


def converge(changes, document):
    settings = document["settings"]
    preconditions.names_are_safe(settings)
    preconditions.platform_fits(changes, settings["platform"])
    hooks.validate(settings.get("hooks", {}), settings["name"])
    for path in document["files"]:
        files.attributes(path, settings["platform"])
    if changes.check:
        volume.ensure(changes, settings, data.is_given_up(changes, document))
        apply(changes, document)
        return
    with system.run_lock("setting up the server", wait_minutes=settings["lockWaitMinutes"]):
        files.foreign(changes, "server", document["files"])
        preconditions.keys_are_there(changes, settings)
        mount_data(changes, document)
        data.is_there(changes, document)
        preconditions.space_for_vtapes(changes, settings)
        if settings["mirror"]:
            mirror.check_target(settings)
        apply(changes, document)
        gate(changes, settings)


def mount_data(changes, document):
    """The data volume first: it may hold all that the rest is about."""
    settings = document["settings"]
    if settings.get("dataVolume"):
        packages.ensure(changes, settings["platform"], settings["platform"]["volumePackages"])
        volume.ensure(changes, settings, data.is_given_up(changes, document))


def apply(changes, document):
    settings = document["settings"]
    platform = settings["platform"]
    if packages.ensure(changes, platform, platform["serverPackages"]):
        return
    metadata.ensure(changes, document)
    configurations_parse(changes, document, Registry(changes, settings))
    changes.directory(system.ETC)
    data.adopt(changes, settings)
    changes.file(system.ETC / "settings.json", json.dumps(settings, indent=2, sort_keys=True) + "\n")
    links(changes, settings)
    directories(changes, settings)
    files.ensure(changes, "server", document["files"], platform)
    accounts.ssh_directory(changes, platform["dumpHome"], platform["dumpGroup"])
    set_foreign_ssh_aside(changes, platform)
    hooks.ensure(changes, platform, settings.get("hooks", {}))
    accounts.enrol_account(changes, settings["namespaces"])
    services.own_name(changes, settings["name"])
    Registry(changes, settings).write()
    if not changes.check:
        ledger.prepare(settings)
        if any(vtapes.none_labelled(changes, settings, name) for name in settings["sets"]):
            takeover.take_over_if_needed(settings)
            # The enrolments may have come back with the catalogue.
            Registry(changes, settings).write()
    for name in sorted(settings["sets"]):
        vtapes.ensure(changes, settings, name)
    if settings.get("dataVolume"):
        text = volume.UNIT_TEXT.format(cron=platform["cronService"], program=system.INSTALL_DIR / "mount-data")
        services.unit(changes, volume.UNIT, text)
    services.running(changes, platform["cronService"])


def gate(changes, settings):
    """amcheck accepts the server for each set, and its own directories; other clients are none of its business."""
    registry = Registry(changes, settings)
    own = settings.get("ownDirectories", [])
    for name, text in registry.disklists(registry.documents).items():
        amcheck.check_server(settings, name)
        chosen = [directory for directory in own if name in directory["sets"]]
        if chosen:
            amcheck.check_client(registry, name, text, {"client": settings["name"], "address": "localhost"}, chosen)


def configurations_parse(changes, document, registry):
    """Amanda's parser takes each amanda.conf with its disklist, before the first of them replaces an older one."""
    user = document["settings"]["platform"]["dumpUser"]
    for name, disklist in registry.disklists(registry.documents).items():
        path = f"/etc/amanda/{name}/amanda.conf"
        text = document["files"].get(path)
        if text is None:
            raise system.Refusal(
                f"files: {path} is missing for the set {name!r}; use the same version of amanda-backup on both sides"
            )
        if system.has_content(changes.at(path), text):
            continue
        with tempfile.TemporaryDirectory(prefix="amanda-backup.") as folder:
            system.ensure_directory(folder, mode=0o700, owner=user)
            system.write_atomic(f"{folder}/amanda.conf", text, mode=0o600, owner=user)
            system.write_atomic(f"{folder}/disklist", disklist, mode=0o600, owner=user)
            done = system.run(["amadmin", ".", "disklist"], user=user, cwd=folder, check=False)
        if done.returncode != 0:
            told = amcheck.words(done.stderr or done.stdout).replace(f"{folder}/", "")
            raise system.Refusal(
                f"Amanda does not take {path} ({told}): correct the set in the configuration; nothing was changed"
            )


def links(changes, settings):
    changes.link("/usr/local/sbin/backupctl", f"{system.INSTALL_DIR}/backupctl")
    there = {path.name for path in changes.at(system.ETC / "keys").glob("*") if path.is_dir()}
    for key_id in sorted(there | {settings["encryption"]["keyId"]}):
        changes.link(system.INSTALL_DIR / f"amcrypt-{key_id}", "amcrypt")


def directories(changes, settings):
    platform = settings["platform"]
    data = settings["dataPath"]
    dump = {"owner": platform["dumpUser"], "group": platform["dumpGroup"]}
    for name in ("", "/vtapes", "/holding", "/catalogue"):
        changes.directory(f"{data}{name}")
    changes.directory(f"{data}/enrolment", mode=0o700)
    changes.directory(f"{data}/gnutar-lists", mode=0o700, **dump)
    changes.directory("/etc/amanda", mode=0o750, group=platform["dumpGroup"])
    for name in sorted(settings["sets"]):
        changes.directory(f"/etc/amanda/{name}", mode=0o750, group=platform["dumpGroup"])
        changes.directory(f"{data}/vtapes/{name}", mode=0o750, **dump)
        changes.directory(f"{data}/holding/{name}", mode=0o700, **dump)
        for part in ("", "/curinfo", "/index", "/log"):
            changes.directory(f"{data}/catalogue/{name}{part}", mode=0o700, **dump)
        tapes = f"{data}/catalogue/{name}/tapelist"
        if not changes.at(tapes).exists():
            changes.file(tapes, "", mode=0o600, **dump)
