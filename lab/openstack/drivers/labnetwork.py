"""Neutron's mechanism driver: binds every port, and hands the lab's hypervisor what to let through.

Any change of a port, a security group, a rule or a floating address sends all
of them anew: the hypervisor replaces its rules in one step.
"""

from neutron.db.models import port_forwarding
from neutron_lib import constants, context
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins import constants as plugins
from neutron_lib.plugins import directory
from neutron_lib.plugins.ml2 import api
from oslo_concurrency import lockutils
from sqlalchemy import orm

import labhypervisor

CHANGES = [(resource, event) for resource in (
    resources.FLOATING_IP, resources.SECURITY_GROUP, resources.SECURITY_GROUP_RULE)
    for event in (events.AFTER_CREATE, events.AFTER_UPDATE, events.AFTER_DELETE)]


class LabMechanismDriver(api.MechanismDriver):
    def initialize(self):
        for resource, event in CHANGES:
            registry.subscribe(self.changed, resource, event)
        registry.subscribe(self.changed, resources.PROCESS, events.AFTER_SPAWN)

    @property
    def connectivity(self):
        return portbindings.CONNECTIVITY_L2

    def bind_port(self, port):
        for segment in port.segments_to_bind:
            if segment[api.NETWORK_TYPE] in (constants.TYPE_FLAT, constants.TYPE_LOCAL):
                port.set_binding(segment[api.ID], portbindings.VIF_TYPE_BRIDGE,
                                 {portbindings.CAP_PORT_FILTER: True},
                                 status=constants.PORT_STATUS_ACTIVE)
                return

    # A failure here fails the request, so that no port is said to be shut or open and is not.

    def create_port_postcommit(self, port):
        send()

    def update_port_postcommit(self, port):
        send()

    def delete_port_postcommit(self, port):
        send()

    def changed(self, resource, event, trigger, payload=None):
        send()
        if resource == resources.FLOATING_IP and event != events.AFTER_DELETE:
            tell_status(payload.latest_state)


def tell_status(floating):
    """What the L3 agent would report."""
    status = (constants.FLOATINGIP_STATUS_ACTIVE if floating["port_id"]
              else constants.FLOATINGIP_STATUS_DOWN)
    directory.get_plugin(plugins.L3).update_floatingip_status(
        context.get_admin_context(), floating["id"], status)


@lockutils.synchronized("lab-firewall")
def send():
    labhypervisor.request("PUT", "/firewall", facts())


def facts():
    # Listing ports needs what this model adds to theirs, and nothing else here loads it.
    orm.class_mapper(port_forwarding.PortForwarding)
    admin, core = context.get_admin_context(), directory.get_plugin()
    ports = [port for port in core.get_ports(admin)
             if not port["device_owner"].startswith(constants.DEVICE_OWNER_NETWORK_PREFIX)]
    router = directory.get_plugin(plugins.L3)
    floating = router.get_floatingips(admin) if router else []
    return {
        "floating": {address["floating_ip_address"]: address["fixed_ip_address"]
                     for address in floating if address["fixed_ip_address"]},
        "groups": {group["id"]: [rule_facts(rule) for rule in group["security_group_rules"]]
                   for group in core.get_security_groups(admin)},
        "ports": {port["id"]: port_facts(port) for port in ports},
    }


def port_facts(port):
    return {
        "addresses": [ip["ip_address"] for ip in port["fixed_ips"] if ":" not in ip["ip_address"]],
        "groups": port["security_groups"], "mac": port["mac_address"],
        "open": not port.get("port_security_enabled", True),
    }


def rule_facts(rule):
    return {
        "direction": rule["direction"], "ethertype": rule["ethertype"],
        # Address groups have no members at the hypervisor, so such a rule lets nothing through.
        "group": rule["remote_group_id"] or rule.get("remote_address_group_id"),
        "max": rule["port_range_max"], "min": rule["port_range_min"],
        "prefix": rule["remote_ip_prefix"], "protocol": rule["protocol"],
    }
