#!/usr/bin/env bash
# The recovery host: nothing but what a Debian has, and the carried-over disk.
set -euo pipefail

setup() { :; }

check() {
  findmnt -n /mnt/mirror >/dev/null || { echo "/mnt/mirror is not mounted"; exit 1; }
}

"$1"
