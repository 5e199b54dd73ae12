#!/usr/bin/env bash
# slapd with the mirror's user; the settings come from settings.env.
set -euo pipefail
# shellcheck source=/dev/null
. /opt/lab/settings.env

setup() {
  systemctl stop slapd
  slapadd -b "$LDAP_BASE" <<LDIF
dn: cn=$MIRROR_USER,$LDAP_BASE
objectClass: posixGroup
cn: $MIRROR_USER
gidNumber: $MIRROR_UID

dn: uid=$MIRROR_USER,$LDAP_BASE
objectClass: account
objectClass: posixAccount
cn: $MIRROR_USER
uid: $MIRROR_USER
uidNumber: $MIRROR_UID
gidNumber: $MIRROR_UID
homeDirectory: /home/$MIRROR_USER
loginShell: /bin/bash
LDIF
  chown -R openldap:openldap /var/lib/ldap
  # An init script: "enable --now" does not start it.
  systemctl enable -q slapd
  systemctl start slapd
}

check() {
  ldapsearch -x -LLL -H ldap://localhost -b "$LDAP_BASE" "uid=$MIRROR_USER" uidNumber |
    grep -q "^uidNumber: $MIRROR_UID$" || { echo "slapd does not know $MIRROR_USER"; exit 1; }
}

"$1"
