#!/usr/bin/env bash
# mmdebstrap's hook after the packages.
set -euo pipefail
root=$1

rm "$root/usr/bin/py3compile" "$root/usr/sbin/policy-rc.d"
chroot "$root" dpkg-divert --quiet --local --rename --remove /usr/bin/py3compile
chroot "$root" python3 -W ignore -m compileall -q -j 0 /usr/lib/python3 /usr/lib/python3.11

# What would work on the machine's kernel, or at odd moments.
chroot "$root" systemctl mask -q \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
  fstrim.timer systemd-udevd.service systemd-udev-trigger.service \
  systemd-modules-load.service systemd-sysctl.service systemd-timesyncd.service \
  console-getty.service getty.target dev-hugepages.mount dev-mqueue.mount \
  sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  systemd-journald-audit.socket systemd-logind.service
rm -f "$root/etc/machine-id"
: >"$root/etc/machine-id"
