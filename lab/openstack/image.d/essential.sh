#!/usr/bin/env bash
# mmdebstrap's hook before the packages: no service starts while it is installed,
# and Python is compiled once at the end, on every core, not package by package.
set -euo pipefail
root=$1
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 0755 "$root/usr/sbin/policy-rc.d"
chroot "$root" dpkg-divert --quiet --local --rename --add /usr/bin/py3compile
ln -s /bin/true "$root/usr/bin/py3compile"
