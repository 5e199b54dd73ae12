"""Wait until every API answers and every service behind them has reported since its start."""

import json
import sys
import time
from datetime import datetime, timezone

from api import Api, ApiError
from cloud import HERE, Cloud
from lab import LabError

UNITS = ["mariadb", "rabbitmq-server", *json.loads((HERE / "cloud.d" / "services.json").read_text())]
COMPUTE = ["nova-compute", "nova-conductor", "nova-scheduler"]
VOLUMES = ["cinder-scheduler", "cinder-volume"]
METADATA = "http://169.254.169.254/"
# The catalogue's public addresses, which differ from lab to lab.
ADDRESSES = """UPDATE keystone.endpoint SET url = REGEXP_REPLACE(url, '//[^:/]+:', '//{address}:')
WHERE interface = 'public'"""


def wait(cloud: Cloud, seconds: float) -> Api:
    """The administrator's API; LabError names each thing that is missing, and how it looks."""
    start = time.monotonic()
    checks = Checks(cloud)
    waiting = checks.all()
    while True:
        lacks = {check: lack for check in waiting if (lack := attempt(check))}
        waiting = list(lacks)
        spent = time.monotonic() - start
        if not waiting:
            print(f"lab: the cloud is ready after {spent:.0f} s", file=sys.stderr, flush=True)
            return checks.api
        if spent > seconds:
            raise LabError(f"the cloud is not ready after {seconds:.0f} s; lab/openstack/logs SERVICE tells more\n"
                           + "\n".join(f"lab: {check.__name__}: {lack}" for check, lack in lacks.items()))
        time.sleep(1)


def attempt(check) -> str:
    try:
        return check()
    except (ApiError, LabError) as error:
        return str(error)


class Checks:
    """Each returns what is missing, or nothing."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.api: Api | None = None

    def all(self) -> list:
        return [self.keystone, self.glance, self.placement, self.nova, self.hypervisor, self.neutron,
                self.cinder, self.metadata]

    def keystone(self) -> str:
        if self.api is None:
            # What a crash or somebody stopped starts again; what runs goes on.
            self.cloud.run("systemctl", "start", "--no-block", *UNITS)
            self.cloud.run("mariadb", "--execute", ADDRESSES.format(address=self.cloud.address()))
            self.api = Api(self.cloud.address(), "admin", self.cloud.passwords()["admin"])
        self.api.login()
        return ""

    def get(self, service: str, path: str) -> dict:
        if self.api is None or not self.api.token:
            raise ApiError("Keystone gives no token")
        return self.api.get(service, path)

    def glance(self) -> str:
        self.get("image", "/v2/images?limit=1")
        return ""

    def placement(self) -> str:
        found = self.get("placement", "/resource_providers")["resource_providers"]
        return "" if found else "no resource provider is registered: nova-compute makes it"

    def nova(self) -> str:
        return self.lacking(self.get("compute", "/os-services"), COMPUTE)

    def hypervisor(self) -> str:
        found = self.get("compute", "/os-hypervisors")["hypervisors"]
        return "" if found else "nova-scheduler has not discovered the compute host"

    def neutron(self) -> str:
        self.get("network", "/v2.0/networks?limit=1")
        return ""

    def cinder(self) -> str:
        return self.lacking(self.get("volumev3", "/os-services"), VOLUMES)

    def metadata(self) -> str:
        self.cloud.run("python3", "-c", f"import urllib.request; urllib.request.urlopen('{METADATA}', timeout=30)")
        return ""

    def lacking(self, answer: dict, wanted: list[str]) -> str:
        """Those that have not said that they are up since their unit began; what is older may be dead."""
        reported = {service["binary"]: service["updated_at"] or "" for service in answer["services"]
                    if service["state"] == "up"}
        missing = [name for name, since in self.active(wanted).items()
                   if not since or not reported.get(name) or seconds(reported[name]) < since]
        return f"no report of {', '.join(missing)}" if missing else ""

    def active(self, units: list[str]) -> dict[str, int]:
        """Since when, in seconds of the epoch; 0 for a unit that is not."""
        shown = self.cloud.run("systemctl", "show", "--timestamp=unix",
                               "--property=ActiveState,ActiveEnterTimestamp", *units).stdout
        states = [dict(line.split("=", 1) for line in text.splitlines()) for text in shown.strip().split("\n\n")]
        return {unit: int(state["ActiveEnterTimestamp"].lstrip("@") or 0) if state["ActiveState"] == "active" else 0
                for unit, state in zip(units, states)}


def seconds(reported: str) -> int:
    return int(datetime.fromisoformat(reported).replace(tzinfo=timezone.utc).timestamp())
