"""The OpenStack lab's commands as functions, and its instances as hosts for drive.lab."""

import dataclasses
import json
import os
import pathlib
import re
import subprocess

from drive.lab import ROOT, Failed, call, quote

STATE = pathlib.Path(os.environ.get("CLOUD_STATE", ROOT / ".lab-openstack")).resolve()
ENV = {**os.environ, "LAB_STATE": str(STATE)}


def cloud(command, *arguments, **options):
    return call([ROOT / "lab" / "openstack" / command, *arguments], env=ENV, **options)


def openstack(*arguments, **options):
    """The `openstack` client as the cloud's administrator; what it prints."""
    return cloud("openstack", *arguments, **options).stdout


def status():
    """What a stack must know of the cloud: lab/openstack/README.md."""
    return json.loads(cloud("status", "--json").stdout)


def credentials(facts, project):
    """The environment by which the provider logs in as the only user of this project."""
    # Go takes a network here, and no proxy reaches this one.
    direct = [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), facts["cidr"]]
    return {
        "NO_PROXY": ",".join(filter(None, direct)),
        "OS_AUTH_URL": facts["authUrl"], "OS_REGION_NAME": facts["region"], "OS_IDENTITY_API_VERSION": "3",
        "OS_PROJECT_NAME": project, "OS_USERNAME": project, "OS_PASSWORD": facts["users"][project]["password"],
        "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
    }


def admin_key():
    return (STATE / "admin").read_text(encoding="utf-8")


def admin_public_key():
    return (STATE / "admin.pub").read_text(encoding="utf-8").strip()


@dataclasses.dataclass(frozen=True)
class Instance:
    """An instance as drive.lab's functions take a host."""

    address: str
    host_key: str
    user: str = "debian"
    key: pathlib.Path = STATE / "admin"

    def argv(self):
        """ssh to it, with the host's key pinned and only this key offered."""
        known = STATE / "instances" / self.address
        known.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        known.write_text(f"{self.address} {self.host_key}\n", encoding="utf-8")
        return ["ssh", "-F", "none", "-i", self.key, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none",
                "-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=yes",
                "-o", "GlobalKnownHostsFile=none", "-o", f"UserKnownHostsFile={known}", f"{self.user}@{self.address}"]


def restore(server, client, directory, target):
    """Bring the newest dumps of a directory from the server's vtapes onto a machine; return the bytes moved."""
    dumps = f"runuser -u backup -- amfetchdump -p daily {quote('^' + client + '$')} {quote('^' + directory + '$')}"
    unpack = f"mkdir -p {quote(directory)} && tee >(wc -c >&2) | tar -x --acls --xattrs --xattrs-include='*' -pf - -C {quote(directory)}"
    with subprocess.Popen([*map(str, server.argv()), f"sudo sh -c {quote(dumps)}"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as source:
        done = subprocess.run([*map(str, target.argv()), f"sudo bash -c {quote(unpack)}"], stdin=source.stdout,
                              capture_output=True, check=False)
        # Or the source would wait for ever for a target that is gone.
        source.stdout.close()
        told = source.stderr.read()
    if source.returncode or done.returncode:
        raise Failed(f"{client} {directory} did not come back:\n{told.decode()[-2000:]}{done.stderr.decode()[-2000:]}")
    return int(re.search(rb"^\d+$", done.stderr, re.MULTILINE)[0])
