"""Hooks: scripts before and after a dump, each run by `amanda-hook` as one stated user and by nothing else."""

import json
import pwd

from amanda_backup import accounts, preconditions, system

FOLDER = system.INSTALL_DIR / "hooks"
USERS = system.INSTALL_DIR / "hooks.json"
PLUGIN = system.INSTALL_DIR / "amanda-hook"


def validate(hooks, host):
    """Refuse before any change: names that are no file names, users that are not there, scripts that cannot start."""
    for name, hook in sorted(hooks.items()):
        if not preconditions.NAME.fullmatch(name):
            raise system.Refusal(f"hooks: the name {name!r} must be letters, digits, '.', '_', '-' (at most 63)")
        try:
            pwd.getpwnam(hook["user"])
        except KeyError:
            raise system.Refusal(
                f"hook {name!r} runs as {hook['user']!r}, but {host} has no such user: make the user first, "
                "or name another in the hook's `user`"
            ) from None
        if not hook["script"].startswith("#!"):
            raise system.Refusal(f"hook {name!r}: its script must start with a line like '#!/bin/sh'")


def ensure(changes, platform, hooks):
    """Install the plugin, the scripts and the sudo rules for exactly these; remove scripts that are listed no more."""
    changes.directory(FOLDER)
    changes.file(
        USERS, json.dumps({name: hook["user"] for name, hook in hooks.items()}, indent=2, sort_keys=True) + "\n"
    )
    for name, hook in sorted(hooks.items()):
        changes.file(FOLDER / name, hook["script"], mode=0o755)
    for stray in sorted(changes.at(FOLDER).glob("*")):
        if stray.name not in hooks:
            changes.remove(FOLDER / stray.name)
    changes.file(
        f"{platform['applicationDir']}/amanda-hook", changes.at(PLUGIN).read_text(encoding="utf-8"), mode=0o755
    )
    accounts.sudoers(
        changes,
        "amanda-backup-hooks",
        [
            # The empty string means: with no argument at all.
            f'{platform["dumpUser"]} ALL=({hook["user"]}) NOPASSWD: {FOLDER}/{name} ""'
            for name, hook in sorted(hooks.items())
        ],
    )
