#!/usr/bin/env python3
"""Put the files of conf/ in place, with passwords made for this image alone.

In them, @database NAME@, @messages@ and @credentials@ stand for what every
service needs in the same words.
"""

import json
import os
import re
import secrets
import shutil
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSWORDS = HERE / "passwords.json"
USERS = ["admin", "backup", "database", "service", "shop"]
KEYSTONE = "http://127.0.0.1:5000/v3"


def passwords() -> dict[str, str]:
    if not PASSWORDS.exists():
        PASSWORDS.touch(mode=0o600)
        PASSWORDS.write_text(json.dumps({user: secrets.token_hex(16) for user in USERS}))
    return json.loads(PASSWORDS.read_text())


def credentials(user: str, project: str, password: str) -> dict[str, str]:
    return {"auth_url": KEYSTONE, "password": password, "project_domain_name": "Default",
            "project_name": project, "user_domain_name": "Default", "username": user}


def clouds(known: dict[str, str]) -> str:
    """clouds.yaml of the container, written as JSON, which is YAML."""
    return json.dumps({"clouds": {user: {
        "auth": credentials(user, user, known[user]), "identity_api_version": 3,
        "interface": "internal", "region_name": "RegionOne",
    } for user in ("admin", "backup", "shop")}}, indent=1)


def render(text: str, known: dict[str, str]) -> str:
    common = credentials("service", "service", known["service"])
    lines = {"auth_type": "password", "region_name": "RegionOne", **common}
    text = text.replace("@credentials@", "\n".join(f"{k} = {v}" for k, v in sorted(lines.items())))
    text = text.replace("@messages@", "rabbit://guest:guest@127.0.0.1:5672/")
    return re.sub("@database (.*)@", rf"mysql+pymysql://lab:{known['database']}@127.0.0.1/\1", text)


def put(path: str, text: str, group: str) -> None:
    target = Path(path)
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(0o644 if group == "root" else 0o640)
    shutil.chown(target, "root", group)


def main() -> None:
    os.umask(0o022)
    known = passwords()
    for name, (path, group) in json.loads((HERE / "files.json").read_text()).items():
        put(path, render((HERE / "conf" / name).read_text(), known), group)
    put("/root/.config/openstack/clouds.yaml", clouds(known), "nogroup")


if __name__ == "__main__":
    main()
