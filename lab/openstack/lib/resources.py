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
# Floating addresses come from here; the hypervisor leads this machine from them to the instances.
EXTERNAL = "public"
EXTERNAL_POOL = ipaddress.ip_network("172.24.0.0/16")


def ensure(api: Api, owner: Api, subnet: ipaddress.IPv4Network) -> dict:
    """The facts about them. `owner` is the user whose project owns the network.

    It may take addresses of its choice there; other projects share it.
    """
    owner.login()
    flavors(api)
    network = network_of(api, NETWORK, {
        "project_id": owner.project, "provider:network_type": "flat", "provider:physical_network": "lab",
        "shared": True})
    inside = subnet_of(api, network, subnet, {
        "allocation_pools": [{"start": str(subnet[POOL[0]]), "end": str(subnet[POOL[1]])}],
        "project_id": owner.project})
    external = network_of(api, EXTERNAL, {"provider:network_type": "local", "router:external": True})
    subnet_of(api, external, external_subnet(subnet), {})
    router(api, owner.project, external, inside)
    return {
        "cidr": str(subnet),
        "externalNetwork": EXTERNAL,
        "flavors": sorted(FLAVORS),
        "gateway": str(subnet[1]),
        "images": images(api),
        "networkId": network,
        "networkName": NETWORK,
        "subnetId": inside,
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


def network_of(api: Api, name: str, fields: dict) -> str:
    existing = api.get("network", f"/v2.0/networks?name={name}")["networks"]
    if existing:
        return existing[0]["id"]
    return api.call("POST", "network", "/v2.0/networks", {"network": {"name": name, **fields}})["network"]["id"]


def subnet_of(api: Api, network: str, subnet: ipaddress.IPv4Network, fields: dict) -> str:
    """The network's only one. LabError when it is another, of a lab that was."""
    existing = api.get("network", f"/v2.0/subnets?network_id={network}")["subnets"]
    if not existing:
        return api.call("POST", "network", "/v2.0/subnets", {"subnet": {
            "cidr": str(subnet), "enable_dhcp": False, "gateway_ip": str(subnet[1]), "ip_version": 4,
            "network_id": network, **fields}})["subnet"]["id"]
    if existing[0]["cidr"] != str(subnet):
        raise LabError(f"the cloud's subnet is {existing[0]['cidr']}, but the lab's is {subnet}: "
                       "lab/openstack/down; lab/openstack/up")
    return existing[0]["id"]


def external_subnet(subnet: ipaddress.IPv4Network) -> ipaddress.IPv4Network:
    """Another one for each lab, so that two may have the floating addresses that they want."""
    third = subnet.network_address.packed[2]
    return list(EXTERNAL_POOL.subnets(new_prefix=24))[third]


def router(api: Api, project: str, external: str, subnet: str) -> None:
    """It forwards nothing, but Neutron gives floating addresses only to what is behind one."""
    existing = api.get("network", f"/v2.0/routers?name={EXTERNAL}")["routers"]
    found = existing[0] if existing else api.call("POST", "network", "/v2.0/routers", {"router": {
        "external_gateway_info": {"network_id": external}, "name": EXTERNAL, "project_id": project}})["router"]
    ports = api.get("network", f"/v2.0/ports?device_id={found['id']}&device_owner=network:router_interface")["ports"]
    if not ports:
        api.call("PUT", "network", f"/v2.0/routers/{found['id']}/add_router_interface", {"subnet_id": subnet})
