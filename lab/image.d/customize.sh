#!/usr/bin/env bash
# mmdebstrap's hook: turn a bare Debian in $1 into the image of every lab host.
set -euo pipefail
root=$1
here=$(dirname "$(readlink -f "$0")")

# Download with the machine's own apt, so that its proxies and certificates do.
# shellcheck disable=SC2046  # a list of words is wanted
apt() { APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get "$@"; }
apt clean
# shellcheck disable=SC2046
apt install -y -qq --no-install-recommends --download-only \
  $(sed '/^#/d' "$here/packages-cached")
rm -rf "$root"/var/cache/apt/archives/partial/*

# A role switches on what it needs (roles/).
chroot "$root" systemctl disable -q slapd nslcd nftables 2>/dev/null
# What would work on the machine's kernel, or take apt's lock at odd moments.
chroot "$root" systemctl mask -q \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  fstrim.timer systemd-udevd.service systemd-udev-trigger.service \
  systemd-modules-load.service systemd-sysctl.service systemd-timesyncd.service \
  console-getty.service getty.target dev-hugepages.mount dev-mqueue.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  cloud-init-hotplugd.socket systemd-journald-audit.socket

install -m 0644 "$here/cloud.cfg" "$root/etc/cloud/cloud.cfg"
rm -f "$root"/etc/cloud/cloud.cfg.d/*
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/machine-id
: >"$root/etc/machine-id"
