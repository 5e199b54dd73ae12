"""Documents as the program sends them, with keys made anew in each test run and nothing secret in this repository."""

import base64
import functools
import json
import os
import pathlib
import re
import subprocess
import tempfile

REPO = pathlib.Path(__file__).resolve().parents[2]
HOST = REPO / "host"
KEY_ID = "2026a"
STACK = "amanda-backup.prod"
# As C's constant on the ssh command line: read the document, run the text of bootstrap.py in it.
BOOTSTRAP = 'import json,sys; document=json.load(sys.stdin); exec(document["programs"]["bootstrap.py"])'


def platform(family="debian"):
    return json.loads((HOST / "platforms.json").read_text(encoding="utf-8"))[family]


@functools.cache
def programs(role):
    """The texts of the programs that a role needs."""
    names = json.loads((HOST / "programs.json").read_text(encoding="utf-8"))[role]
    return {name: (HOST / name).read_text(encoding="utf-8") for name in names}


def amanda_conf(name, *, data="/srv/amanda", tapecycle=3, vtape_mb=50, part_mb=10, holding_mb=100):
    """The reviewed example of the template, for another set."""
    text = (REPO / "tests/templates/examples/amanda.conf").read_text(encoding="utf-8")
    text = text.replace("daily", name).replace("/srv/amanda", data)
    for pattern, value in (
        (r"(?m)^tapecycle \d+", f"tapecycle {tapecycle}"),
        (r"length \d+", f"length {vtape_mb}"),
        (r"part_size \d+", f"part_size {part_mb}"),
        (r"use \d+", f"use {holding_mb}"),
        (r"chunksize \d+", f"chunksize {holding_mb}"),
    ):
        text = re.sub(pattern, value, text)
    return text


def document(role, settings, files=None):
    return {
        "format": 1,
        "role": role,
        "identity": {"generation": 1, "instance": "i-1", "image": "debian-12"},
        "programs": programs(role),
        "settings": settings,
        "files": files or {},
    }


def server_settings(name="server", address="192.0.2.10", *, sets=None, namespaces=None, **more):
    chosen = sets or {"daily": {"tapecycle": 3, "vtapeMB": 50, "runtapes": 2, "holdingMB": 100}}
    return {
        "stack": STACK,
        "platform": platform(),
        "name": name,
        "address": address,
        "dataPath": "/srv/amanda",
        "sets": chosen,
        "encryption": {"keyId": KEY_ID},
        "mirror": None,
        "namespaces": namespaces or {STACK: {"publicKey": public_key("enrol"), "hosts": ["*"]}},
        "ownDirectories": [],
        "lockWaitMinutes": 1,
        "notify": {"mail": "root"},
        **more,
    }


def server(settings=None, **more):
    settings = settings or server_settings(**more)
    files = {
        f"/etc/amanda/{name}/amanda.conf": amanda_conf(
            name,
            data=settings["dataPath"],
            tapecycle=facts["tapecycle"],
            vtape_mb=facts["vtapeMB"],
            holding_mb=facts["holdingMB"],
        )
        for name, facts in settings["sets"].items()
    }
    files["/etc/cron.d/amanda-backup"] = "MAILTO=root\n0 3 1 1 * root true\n"
    return document("server", settings, files)


def client(name="client1", *, server_address="192.0.2.10", hooks=None):
    return document(
        "client",
        {
            "platform": platform(),
            "name": name,
            "serverAddress": server_address,
            "dumpPublicKey": public_key("dump"),
            "hooks": hooks or {},
        },
    )


def secrets(**changed):
    return document(
        "secrets",
        {
            "platform": platform(),
            "keyId": KEY_ID,
            "passphrase": "correct horse battery staple",
            "keyText": key_text(),
            "identities": {"dump": private_key("dump"), "sign": private_key("sign")},
            **changed,
        },
    )


@functools.cache
def key_text():
    text = base64.b64encode(os.urandom(2925)).decode()
    return "".join(f"{text[start:start + 60]}\n" for start in range(0, len(text), 60))


@functools.cache
def private_key(name):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
        return path.read_text(encoding="utf-8")


@functools.cache
def public_key(name):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "key")
        path.touch(0o600)
        path.write_text(private_key(name), encoding="utf-8")
        done = subprocess.run(["ssh-keygen", "-y", "-f", path], check=True, capture_output=True, text=True)
        return " ".join(done.stdout.split()[:2])


def directory(name, path=None, **more):
    return {
        "name": name,
        "path": path or name,
        "sets": ["daily"],
        "dumptype": "encrypt-gnutar-ssh",
        "exclude": [],
        "include": [],
        "before": [],
        "after": [],
        **more,
    }


def enrolment(client="web1", *, fragment=None, directories=None, namespace=STACK, address="192.0.2.20", host_key=None):
    """A document with the text that the preview would have shown."""
    import sys

    sys.path.insert(0, str(HOST))
    from amanda_backup import disklist

    fragment = fragment or client
    directories = [directory("/srv/www")] if directories is None else directories
    sets = {name for one in directories for name in one["sets"]}
    made = {
        "format": 1,
        "identity": {"generation": 1},
        "fragment": fragment,
        "client": client,
        "directories": directories,
        "disklist": {name: disklist.fragment(namespace, fragment, client, directories, name) for name in sorted(sets)},
    }
    if "+" not in fragment:
        made |= {"address": address, "hostKey": host_key or public_key("host")}
    return made
