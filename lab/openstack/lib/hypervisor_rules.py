"""Text of the nftables table that enforces Neutron's security groups.

The facts, as Neutron's driver sends them:
    {"ports": {ID: {"addresses": [IPv4…], "mac": …, "groups": [ID…], "open": bool}},
     "groups": {ID: [{"direction", "ethertype", "protocol", "min", "max",
                      "prefix", "group"}…]},
     "floating": {ADDRESS: FIXED ADDRESS}}
`open` is port security switched off.
"""

import ipaddress
import re

# Lab hosts other than instances have such MAC addresses (lab/lib/lab.py).
LAB_MAC = "02:4c:00:00:00:00"
TEMPLATE = """\
table inet {table}
delete table inet {table}
table inet {table} {{
  chain spoofed {{
    type filter hook prerouting priority -300
    iifname "{bridge}" meta nfproto ipv6 drop
    {spoofed}
  }}
  chain forward {{
    type filter hook forward priority -10
    jump filter
  }}
  chain input {{
    type filter hook input priority -10
    iifname "{bridge}" jump filter
  }}
  chain output {{
    type filter hook output priority -10
    oifname "{bridge}" jump filter
  }}
  chain filter {{
    iifname "{bridge}" meta nfproto ipv6 drop
    oifname "{bridge}" meta nfproto ipv6 drop
    ct direction reply ct state established,related accept
    ct state related accept
    {egress}
    goto deliver
  }}
  chain deliver {{
    {ingress}
    accept
  }}
{metadata}{nat}{chains}}}
"""
# Podman would give every packet to another network this machine's own address,
# by which the metadata service could not tell who asks.
METADATA = """\
  chain metadata {{
    type nat hook postrouting priority 90
    oifname "{bridge}" ip daddr 169.254.169.254 snat ip to ip saddr map {{ {map} }}
  }}
"""
NAT = """\
  chain floating_out {{
    type nat hook output priority -100
    dnat ip to ip daddr map {{ {map} }}
  }}
  chain floating_in {{
    type nat hook prerouting priority -100
    dnat ip to ip daddr map {{ {map} }}
  }}
"""


def render(table: str, bridge: str, wanted: dict, instances: dict[str, str]) -> str:
    """`instances`: MAC addresses by address; one that no port has gets nothing through."""
    ports, groups = wanted["ports"], wanted["groups"]
    verdicts: dict[str, dict[str, str]] = {"egress": {}, "ingress": {}}
    pairs = {f"{mac} . {address}" for address, mac in instances.items()}
    members: dict[str, set[str]] = {}
    for address in instances:
        for direction in verdicts:
            verdicts[direction][address] = "drop"
    for identity, port in ports.items():
        pairs |= {f"{mac_address(port['mac'])} . {ipv4(a)}" for a in port["addresses"]}
        for address in port["addresses"]:
            for direction in verdicts:
                verdicts[direction][ipv4(address)] = f"jump {direction}_{chain(identity)}"
            for group in port["groups"]:
                members.setdefault(group, set()).add(ipv4(address))
    chains = [text for identity, port in sorted(ports.items())
              for text in port_chains(identity, port)]
    used = sorted({group for port in ports.values() for group in port["groups"]})
    chains += [text for group in used
               for text in group_chains(group, groups.get(group, []), members)]
    floating = {ipv4(a): ipv4(b) for a, b in wanted["floating"].items()}
    return TEMPLATE.format(
        table=table, bridge=bridge, spoofed=anti_spoofing(bridge, pairs),
        egress=verdict_map("saddr", verdicts["egress"]),
        ingress=verdict_map("daddr", verdicts["ingress"]), chains="".join(chains),
        metadata=METADATA.format(bridge=bridge, map=", ".join(
            f"{a} : {a}" for a in sorted(verdicts["egress"]))) if verdicts["egress"] else "",
        nat=NAT.format(map=", ".join(f"{a} : {b}" for a, b in sorted(floating.items())))
        if floating else "")


def anti_spoofing(bridge: str, pairs: set[str]) -> str:
    """An instance has its own MAC and address, or says nothing."""
    known = f"ether saddr . ip saddr != {{ {', '.join(sorted(pairs))} }} " if pairs else ""
    return (f'iifname "{bridge}" ether saddr & ff:ff:00:00:00:00 != {LAB_MAC} {known}drop')


def verdict_map(field: str, verdicts: dict[str, str]) -> str:
    if not verdicts:
        return ""
    return f"ip {field} vmap {{ {', '.join(f'{a} : {v}' for a, v in sorted(verdicts.items()))} }}"


def port_chains(identity: str, port: dict) -> list[str]:
    """Egress that is allowed goes on to the receiver's ingress; ingress decides."""
    texts = []
    for direction, allowed in (("egress", "goto deliver"), ("ingress", "accept")):
        if port["open"]:
            lines = [allowed]
        else:
            lines = [*(f"jump {direction}_{chain(group)}" for group in sorted(port["groups"])),
                     "drop"]
        texts.append(block(f"{direction}_{chain(identity)}", lines))
    return texts


def group_chains(group: str, rules: list[dict], members: dict[str, set[str]]) -> list[str]:
    lines: dict[str, list[str]] = {"egress": [], "ingress": []}
    for rule in rules:
        match = matches(rule, members)
        if match is not None:
            verdict = "accept" if rule["direction"] == "ingress" else "goto deliver"
            lines[rule["direction"]].append(f"{match} {verdict}".strip())
    return [block(f"{direction}_{chain(group)}", sorted(set(found)))
            for direction, found in lines.items()]


def matches(rule: dict, members: dict[str, set[str]]) -> str | None:
    """A rule's conditions; None when it can match no packet here."""
    if rule["ethertype"] != "IPv4":
        return None
    words = []
    field = "saddr" if rule["direction"] == "ingress" else "daddr"
    if rule.get("group"):
        if not members.get(rule["group"]):
            return None
        words.append(f"ip {field} {{ {', '.join(sorted(members[rule['group']]))} }}")
    elif rule.get("prefix"):
        words.append(f"ip {field} {ipaddress.ip_network(rule['prefix'], strict=False)}")
    return " ".join([*words, *protocol(rule)])


def protocol(rule: dict) -> list[str]:
    name, low, high = rule.get("protocol"), rule.get("min"), rule.get("max")
    if name in (None, "", "any", "0"):
        return []
    name = {"1": "icmp", "6": "tcp", "17": "udp", "132": "sctp"}.get(str(name), str(name))
    if not re.fullmatch("[a-z0-9-]+", name):
        raise ValueError(f"protocol: '{name}' is none")
    if name == "icmp":
        found = ["ip protocol icmp"] if low is None else [f"icmp type {int(low)}"]
        return found + ([] if high is None else [f"icmp code {int(high)}"])
    if low is None or name not in ("tcp", "udp", "sctp", "dccp", "udplite"):
        return [f"meta l4proto {name}"]
    return [f"{name} dport {int(low)}-{int(high if high is not None else low)}"]


def block(name: str, lines: list[str]) -> str:
    return f"  chain {name} {{\n" + "".join(f"    {line}\n" for line in lines) + "  }\n"


def chain(identity: str) -> str:
    """Ids are hexadecimal; nftables' names have no hyphen."""
    if not re.fullmatch("[0-9a-f-]{1,64}", identity):
        raise ValueError(f"'{identity}' is no id")
    return identity.replace("-", "")


def ipv4(address: str) -> str:
    return str(ipaddress.IPv4Address(address))


def mac_address(mac: str) -> str:
    if not re.fullmatch("[0-9a-f]{2}(:[0-9a-f]{2}){5}", mac):
        raise ValueError(f"mac: '{mac}' is no MAC address")
    return mac
