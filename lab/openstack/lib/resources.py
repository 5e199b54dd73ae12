"""What an operator gives the projects: images, flavours and the network. Made when absent."""

import ipaddress

from api import Api
from lab import LabError

# vCPUs and MB of memory. The lab's hosts share the machine: nothing is set aside.
FLAVORS = {"m1.lab": (1, 512), "m1.lab2": (2, 1024)}
# Both boot the lab's host image; an instance finds which one in /etc/lab-image.
IMAGES = ["debian-12-a", "debian-12-b"]
NETWORK = "lab"
# Neutron gives these by itself; others of the subnet may be asked for.
POOL = (100, 199)


def ensure(api: Api, owner: Api, subnet: ipaddress.IPv4Network) -> dict:
    """The facts about them. `owner` is the user whose project owns the network.

    It may take addresses of its choice there; other projects share it.
    """
    owner.login()
    flavors(api)
    network = networks(api, owner.project)
    return {
        "cidr": str(subnet),
        "flavors": sorted(FLAVORS),
        "gateway": str(subnet[1]),
        "images": images(api),
        "networkId": network,
        "networkName": NETWORK,
        "subnetId": subnets(api, owner.project, network, subnet),
    }


def flavors(api: Api) -> None:
    existing = {flavor["name"] for flavor in api.get("compute", "/flavors")["flavors"]}
    for name in FLAVORS.keys() - existing:
        vcpus, ram = FLAVORS[name]
        api.call("POST", "compute", "/flavors", {"flavor": {"disk": 1, "name": name, "ram": ram, "vcpus": vcpus}})


def images(api: Api) -> dict[str, str]:
    """Their data is a few bytes: what boots is the lab's own image."""
    existing = {image["name"]: image for image in api.get("image", "/v2/images")["images"]}
    for name in IMAGES:
        image = existing.get(name)
        if image is None:
            image = existing[name] = api.call("POST", "image", "/v2/images", {
                "container_format": "bare", "disk_format": "raw", "name": name, "visibility": "public"})
        if image["status"] == "queued":
            api.call("PUT", "image", f"/v2/images/{image['id']}/file", f"{name}\n".encode())
    return {name: existing[name]["id"] for name in IMAGES}


def networks(api: Api, project: str) -> str:
    existing = api.get("network", f"/v2.0/networks?name={NETWORK}")["networks"]
    if existing:
        return existing[0]["id"]
    return api.call("POST", "network", "/v2.0/networks", {"network": {
        "name": NETWORK, "project_id": project, "provider:network_type": "flat",
        "provider:physical_network": "lab", "shared": True}})["network"]["id"]


def subnets(api: Api, project: str, network: str, subnet: ipaddress.IPv4Network) -> str:
    existing = api.get("network", f"/v2.0/subnets?network_id={network}")["subnets"]
    if existing:
        if existing[0]["cidr"] != str(subnet):
            raise LabError(f"the cloud's subnet is {existing[0]['cidr']}, but the lab's is {subnet}: "
                           "lab/openstack/down; lab/openstack/up")
        return existing[0]["id"]
    return api.call("POST", "network", "/v2.0/subnets", {"subnet": {
        "allocation_pools": [{"start": str(subnet[POOL[0]]), "end": str(subnet[POOL[1]])}],
        "cidr": str(subnet), "enable_dhcp": False, "gateway_ip": str(subnet[1]), "ip_version": 4,
        "name": NETWORK, "network_id": network, "project_id": project}})["subnet"]["id"]
