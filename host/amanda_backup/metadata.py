"""Only root may ask the metadata service: it hands out the user data, and the ssh host key is in it."""

from amanda_backup import packages, services, system

RULES = system.ETC / "metadata.nft"
UNIT = "amanda-backup-metadata.service"
TABLE = "inet amanda_backup_metadata"
# Declared before it is deleted, so that one transaction replaces it whether it was there or not.
RULES_TEXT = f"""\
# amanda-backup: written by converge
table {TABLE}
delete table {TABLE}
table {TABLE} {{
    chain output {{
        type filter hook output priority filter; policy accept;
        ip daddr 169.254.169.254 meta skuid != 0 counter reject
        ip6 daddr {{ fd00:ec2::254, fe80::a9fe:a9fe }} meta skuid != 0 counter reject
    }}
    chain forward {{
        type filter hook forward priority filter; policy accept;
        ip daddr 169.254.169.254 counter reject
        ip6 daddr {{ fd00:ec2::254, fe80::a9fe:a9fe }} counter reject
    }}
}}
"""
UNIT_TEXT = f"""\
# amanda-backup: written by converge
[Unit]
Description=Only root may ask the metadata service
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service firewalld.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=nft -f {RULES}

[Install]
WantedBy=sysinit.target
"""
# nftables.service empties every table whenever it starts, reloads or stops; a unit that is active is not started again.
DROP_IN = "nftables.service.d/amanda-backup.conf"
DROP_IN_TEXT = f"""\
# amanda-backup: written by converge
[Service]
ExecStartPost=-nft -f {RULES}
ExecReload=-nft -f {RULES}
ExecStopPost=-nft -f {RULES}
"""


def ensure(changes, document):
    """Close the service to all but root, now and from each boot on, where the document says so."""
    if not document.get("closeMetadata"):
        return
    platform = document["settings"]["platform"]
    if packages.ensure(changes, platform, platform["metadataPackages"]):
        return
    changes.directory(system.ETC)
    written = changes.file(RULES, RULES_TEXT)
    changes.directory(f"/etc/systemd/system/{DROP_IN.partition('/')[0]}")
    services.unit_file(changes, DROP_IN, DROP_IN_TEXT)
    services.unit(changes, UNIT, UNIT_TEXT)
    loaded = system.run(["nft", "list", "table", *TABLE.split()], check=False).returncode == 0
    if (written or not loaded) and changes.wanted("close the metadata service to all but root"):
        system.run(["nft", "-f", str(changes.at(RULES))])
