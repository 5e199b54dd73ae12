"""The demo's stack: a server, two clients, five directories, vtapes small enough that one dump needs two."""

TREES = {
    "client1": {"/srv/www": "www", "/srv/media": "media"},
    "client2": {"/srv/app": "app", "/srv/home": "home"},
}

# Amanda knows the server by this name, whatever machine it is.
SERVER_NAME = "backup1"
OWN = ["/etc/amanda", "/etc/amanda-backup"]

# What the stack's configuration leaves out, from each directory on.
EXCLUDED = {"/etc/amanda-backup": ["keys", "ssh"], "/srv/app": ["live"]}

DUMP_DATABASE = """#!/bin/sh
set -eu
exec sqlite3 /srv/app/live/shop.db ".backup /srv/app/dumps/shop.db"
"""


def configuration(hosts, *, server="server", generation=1, schedule="30 2 * * *"):
    """The stack's configuration for these lab hosts; the backup server is the host `server`."""
    def machine(name):
        return {key: hosts[name][key] for key in ("address", "user", "hostKey")}

    return {
        "server": {**machine(server), "name": SERVER_NAME, "generation": generation, "dataPath": "/srv/amanda"},
        "sets": {"daily": {
            "schedule": schedule, "dumpcycle": 7, "runspercycle": 7, "tapecycle": 40, "runtapes": 5,
            "vtapeMB": 64, "partMB": 16, "holdingMB": 1024,
            # The demo asserts which dumps are incremental, so none is brought forward to even out the nights.
            "maxpromoteday": 0,
        }},
        "mirror": {
            "user": "gmirror", "path": "/mnt/gdata/amanda", "mount": "/mnt/gdata", "fstype": "fuse.sshfs", "keepDays": 30,
        },
        "encryption": {"keyId": "2026a"},
        "clients": {
            "client1": {**machine("client1"), "directories": sorted(TREES["client1"])},
            "client2": {
                **machine("client2"),
                "hooks": {"dump-shop": {"user": "root", "script": DUMP_DATABASE}},
                "directories": [{"name": "/srv/app", "before": ["dump-shop"], "exclude": ["./live"]}],
            },
        },
        "directories": [{"client": "client2", "name": "/srv/home"}],
    }
