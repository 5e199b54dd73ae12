"""Wait until every API answers and every service behind them has reported since the start."""

import sys
import time
from datetime import datetime, timezone

from api import Api, ApiError
from cloud import Cloud
from lab import LabError

COMPUTE = ["nova-compute", "nova-conductor", "nova-scheduler"]
VOLUMES = ["cinder-scheduler", "cinder-volume"]
METADATA = "http://169.254.169.254/"
# Also what nobody waits for by name, such as the message queue.
ADDRESSES = """UPDATE keystone.endpoint SET url = REGEXP_REPLACE(url, '//[^:/]+:', '//{address}:')
WHERE interface = 'public'"""


def wait(cloud: Cloud, seconds: float) -> Api:
    """The administrator's API; LabError names each thing that is missing, and how it looks."""
    start = time.monotonic()
    api, waiting = None, []
    while time.monotonic() - start < seconds:
        try:
            if api is None:
                cloud.run("mariadb", "--execute", ADDRESSES.format(address=cloud.address()))
                api = Api(cloud.address(), "admin", cloud.passwords()["admin"])
            checks = Checks(cloud, api).all() if not waiting else [check for check, _ in waiting]
        except LabError as error:
            waiting_text = f"database: {error}"
            time.sleep(0.5)
            continue
        waiting = [(check, lack) for check in checks if (lack := attempt(check))]
        if not waiting:
            print(f"lab: the cloud is ready after {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
            return api
        time.sleep(1)
    lacks = [f"{check.__name__}: {lack}" for check, lack in waiting] or [waiting_text]
    raise LabError(f"the cloud is not ready after {seconds:.0f} s (lab/openstack/logs SERVICE tells more):\n"
                   + "\n".join(f"lab:   {lack}" for lack in lacks))


def attempt(check) -> str:
    try:
        return check()
    except (ApiError, LabError) as error:
        return str(error)


class Checks:
    """Each returns what is missing, or nothing."""

    def __init__(self, cloud: Cloud, api: Api) -> None:
        self.cloud = cloud
        self.api = api
        self.started = cloud.started()

    def all(self) -> list:
        return [self.keystone, self.glance, self.placement, self.nova, self.hypervisor, self.neutron,
                self.cinder, self.metadata]

    def keystone(self) -> str:
        self.api.login()
        return ""

    def glance(self) -> str:
        self.api.get("image", "/v2/images?limit=1")
        return ""

    def placement(self) -> str:
        found = self.api.get("placement", "/resource_providers")["resource_providers"]
        return "" if found else "no resource provider is registered: nova-compute makes it"

    def nova(self) -> str:
        return self.lacking(self.api.get("compute", "/os-services"), COMPUTE)

    def hypervisor(self) -> str:
        found = self.api.get("compute", "/os-hypervisors")["hypervisors"]
        return "" if found else "nova-scheduler has not discovered the compute host"

    def neutron(self) -> str:
        self.api.get("network", "/v2.0/networks?limit=1")
        return ""

    def cinder(self) -> str:
        return self.lacking(self.api.get("volumev3", "/os-services"), VOLUMES)

    def metadata(self) -> str:
        self.cloud.run("python3", "-c", f"import urllib.request; urllib.request.urlopen('{METADATA}', timeout=30)")
        return ""

    def lacking(self, answer: dict, wanted: list[str]) -> str:
        up = {service["binary"] for service in answer["services"]
              if service["state"] == "up" and self.fresh(service["updated_at"])}
        missing = [name for name in wanted if name not in up]
        return f"{', '.join(missing)}: not reported up since the start" if missing else ""

    def fresh(self, reported: str | None) -> bool:
        """Up may be a report from before a crash."""
        return bool(reported) and datetime.fromisoformat(reported).replace(tzinfo=timezone.utc) >= self.started
