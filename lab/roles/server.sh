#!/usr/bin/env bash
# A backup server: users from LDAP, and /mnt/gdata, which only the mirror's user
# may write. Like root-squashed NFS: mounted by that user without allow_other.
set -euo pipefail
# shellcheck source=/dev/null
. /opt/lab/settings.env
key=/opt/lab/storage_key

setup() {
  cat >/etc/nslcd.conf <<CONF
uid nslcd
gid nslcd
uri ldap://$LDAP_ADDRESS/
base $LDAP_BASE
bind_timelimit 3
timelimit 3
CONF
  chmod 0640 /etc/nslcd.conf
  chgrp nslcd /etc/nslcd.conf
  sed -i -E 's/^(passwd|group|shadow):.*/& ldap/' /etc/nsswitch.conf
  systemctl enable -q nslcd
  systemctl restart nslcd

  install -d -o "$MIRROR_UID" -g "$MIRROR_UID" -m 0700 "/home/$MIRROR_USER"
  chown "$MIRROR_UID:$MIRROR_UID" "$key"
  # Writable below the mount too: there a naive mirror would lose its copy.
  install -d -o "$MIRROR_UID" -g "$MIRROR_UID" -m 0755 /mnt/gdata
  cat >/etc/systemd/system/gdata.service <<UNIT
[Unit]
Description=/mnt/gdata from the storage host
Wants=network-online.target
After=network-online.target nslcd.service
StartLimitIntervalSec=0

[Service]
User=$MIRROR_USER
# As udev would have it.
ExecStartPre=+/bin/chmod 0666 /dev/fuse
ExecStart=/usr/bin/sshfs -f $MIRROR_USER@$STORAGE_ADDRESS:/srv/gdata /mnt/gdata \\
  -o reconnect,ServerAliveInterval=5,ServerAliveCountMax=2,ConnectTimeout=5 \\
  -o IdentityFile=$key,BatchMode=yes,StrictHostKeyChecking=yes \\
  -o UserKnownHostsFile=/opt/lab/storage_known_hosts
ExecStopPost=+-/bin/umount --lazy /mnt/gdata
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
UNIT
  systemctl daemon-reload
  systemctl enable --now --no-block gdata
}

check() {
  getent passwd "$MIRROR_USER" >/dev/null || { echo "no user $MIRROR_USER from LDAP"; exit 1; }
  [[ $(findmnt -n -o FSTYPE /mnt/gdata) == fuse.sshfs ]] ||
    { echo "/mnt/gdata is not mounted"; exit 1; }
}

"$1"
