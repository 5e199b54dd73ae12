"""The cloud-init seed of a host: its name, its keys and its role's script."""

import base64
import json

from lab import INVENTORY, LAB, Host, Lab, write

LDAP_BASE = "dc=lab,dc=example"


def write_seed(lab: Lab, host: Host) -> None:
    """User-data is JSON, which is YAML. The directory is mounted into the host."""
    user = INVENTORY["mirrorUser"]
    storage, ldap = lab.host("storage"), lab.host("ldap")
    settings = {
        "LDAP_ADDRESS": ldap.address,
        "LDAP_BASE": LDAP_BASE,
        "MIRROR_UID": user["uid"],
        "MIRROR_USER": user["name"],
        "STORAGE_ADDRESS": storage.address,
    }
    files = [
        file("/opt/lab/role", (LAB / "roles" / f"{host.role}.sh").read_text(), "0755"),
        file("/opt/lab/settings.env", "".join(f"{k}={v}\n" for k, v in settings.items()), "0644"),
    ]
    if host.role == "server":
        files += [
            file("/opt/lab/storage_key", lab.storage_key.read_text(), "0600"),
            file("/opt/lab/storage_known_hosts", f"{storage.address} {storage.public_key()}\n"),
        ]
    if host.role == "storage":
        key = lab.storage_key.with_suffix(".pub").read_text()
        forced = 'command="internal-sftp -d /srv/gdata",restrict '
        files.append(file("/opt/lab/authorized_keys", forced + key))
    data = {
        "hostname": host.name,
        "runcmd": [["/opt/lab/role", "setup"]],
        "ssh_authorized_keys": [lab.admin.with_suffix(".pub").read_text().strip()],
        "ssh_deletekeys": True,
        "ssh_genkeytypes": [],
        "ssh_keys": {
            "ed25519_private": host.host_key.read_text(),
            "ed25519_public": host.host_key.with_suffix(".pub").read_text().strip(),
        },
        "write_files": files,
    }
    seed = host.directory / "seed"
    write(seed / "user-data", "#cloud-config\n" + json.dumps(data, indent=1, sort_keys=True) + "\n")
    write(seed / "meta-data", json.dumps({"instance-id": f"{lab.id}-{host.name}"}) + "\n")


def file(path: str, content: str, permissions: str = "0644") -> dict[str, str]:
    """Base64, so that YAML's reader changes nothing in it."""
    return {"content": base64.b64encode(content.encode()).decode(), "encoding": "b64",
            "path": path, "permissions": permissions}
