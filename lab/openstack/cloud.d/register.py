#!/usr/bin/env python3
"""Register the service user, the services and their endpoints in Keystone, at the image's build.

The internal endpoints are those of this container; the public ones get its
address when it starts.
"""

import subprocess
import time

from keystoneauth1 import session
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity import v3

from configure import KEYSTONE, credentials, passwords

SERVICES = {
    "image": ("glance", 9292, ""),
    "compute": ("nova", 8774, "/v2.1"),
    "network": ("neutron", 9696, ""),
    "placement": ("placement", 8778, ""),
    "volumev3": ("cinder", 8776, "/v3/%(project_id)s"),
}


class Keystone:
    def __init__(self, password: str) -> None:
        self.session = session.Session(auth=v3.Password(**credentials("admin", "admin", password)))

    def wait(self) -> None:
        for _ in range(120):
            try:
                self.session.get_token()
                return
            except ClientException:
                time.sleep(0.5)
        self.session.get_token()

    def create(self, kind: str, **fields) -> str:
        answer = self.session.post(f"{KEYSTONE}/{kind}s", json={kind: fields})
        return answer.json()[kind]["id"]

    def role(self, name: str) -> str:
        roles = self.session.get(f"{KEYSTONE}/roles?name={name}").json()["roles"]
        return roles[0]["id"] if roles else self.create("role", name=name)

    def grant(self, project: str, user: str, role: str) -> None:
        self.session.put(f"{KEYSTONE}/projects/{project}/users/{user}/roles/{self.role(role)}")


def bootstrap(password: str) -> None:
    subprocess.run(["keystone-manage", "bootstrap", *(
        word for kind in ("admin", "internal", "public")
        for word in (f"--bootstrap-{kind}-url", KEYSTONE)), "--bootstrap-region-id", "RegionOne"],
        check=True, env={"OS_BOOTSTRAP_PASSWORD": password, "PATH": "/usr/sbin:/usr/bin"})


def register(keystone: Keystone, known: dict[str, str]) -> None:
    project = keystone.create("project", name="service", domain_id="default")
    user = keystone.create("user", name="service", domain_id="default", password=known["service"])
    for role in ("admin", "service"):
        keystone.grant(project, user, role)
    for name in ("backup", "shop"):
        project = keystone.create("project", name=name, domain_id="default")
        user = keystone.create("user", name=name, domain_id="default", password=known[name])
        keystone.grant(project, user, "member")
    for kind, (name, port, path) in SERVICES.items():
        service = keystone.create("service", name=name, type=kind)
        for interface in ("internal", "public"):
            keystone.create("endpoint", service_id=service, interface=interface, region_id="RegionOne",
                            url=f"http://127.0.0.1:{port}{path}")


def main() -> None:
    known = passwords()
    bootstrap(known["admin"])
    with subprocess.Popen(["/usr/bin/uwsgi-core", "--plugin", "python3", "--http-socket", "127.0.0.1:5000",
                           "--wsgi-file", "/usr/bin/keystone-wsgi-public", "--need-app", "--die-on-term",
                           "--buffer-size", "65535", "--add-header", "Connection:close",
                           "--uid", "keystone", "--gid", "keystone"]) as server:
        try:
            keystone = Keystone(known["admin"])
            keystone.wait()
            register(keystone, known)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
