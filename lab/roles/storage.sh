#!/usr/bin/env bash
# The file system of the mirror: one directory, one account, sftp and nothing else.
set -euo pipefail
# shellcheck source=/dev/null
. /opt/lab/settings.env

setup() {
  groupadd -g "$MIRROR_UID" "$MIRROR_USER"
  useradd -u "$MIRROR_UID" -g "$MIRROR_UID" -m "$MIRROR_USER"
  chown "$MIRROR_UID:$MIRROR_UID" /srv/gdata
  chmod 0750 /srv/gdata
  install -d -o "$MIRROR_USER" -g "$MIRROR_USER" -m 0700 "/home/$MIRROR_USER/.ssh"
  install -o "$MIRROR_USER" -g "$MIRROR_USER" -m 0600 \
    /opt/lab/authorized_keys "/home/$MIRROR_USER/.ssh/authorized_keys"
}

check() {
  [[ $(stat -c %u /srv/gdata) == "$MIRROR_UID" ]] ||
    { echo "/srv/gdata is not $MIRROR_USER's"; exit 1; }
}

"$1"
