"""OpenStack's APIs as this machine reaches them, by the public addresses of the catalogue."""

import http.client
import json
import urllib.error
import urllib.request


class ApiError(Exception):
    """Who refused what."""


class Api:
    """One user in one project of the same name. The token is taken at the first request."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self.auth_url = f"http://{address}:5000/v3"
        self.user = user
        self.password = password
        self.token = ""
        self.project = ""
        self.catalogue: dict[str, str] = {}

    def login(self) -> None:
        domain = {"name": "Default"}
        body = {"auth": {
            "identity": {"methods": ["password"], "password": {
                "user": {"domain": domain, "name": self.user, "password": self.password}}},
            "scope": {"project": {"domain": domain, "name": self.user}}}}
        headers, answer = send("POST", f"{self.auth_url}/auth/tokens", {}, json.dumps(body).encode())
        token = json.loads(answer)["token"]
        self.token, self.project = headers["X-Subject-Token"], token["project"]["id"]
        self.catalogue = {service["type"]: endpoint["url"] for service in token["catalog"]
                          for endpoint in service["endpoints"] if endpoint["interface"] == "public"}

    def call(self, method: str, service: str, path: str, body=None):
        """The answer's JSON. `body` is sent as JSON, bytes as they are."""
        if not self.token:
            self.login()
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        _, answer = send(method, self.catalogue[service] + path,
                         {"Content-Type": kind, "X-Auth-Token": self.token}, data)
        return json.loads(answer) if answer else None

    def get(self, service: str, path: str):
        return self.call("GET", service, path)


def send(method: str, url: str, headers: dict[str, str], body: bytes | None) -> tuple:
    headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, body, headers, method=method)
    # Without the environment's proxy: the cloud is on a network of this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace").strip()
        raise ApiError(f"{method} {url}: {error.code} {text[:300]}") from None
    except (OSError, http.client.HTTPException) as error:
        raise ApiError(f"{method} {url}: {error}") from None
