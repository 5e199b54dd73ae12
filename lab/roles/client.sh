#!/usr/bin/env bash
# A client is a plain host.
set -euo pipefail

setup() { :; }

check() { :; }

"$1"
