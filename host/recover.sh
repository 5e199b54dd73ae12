#!/usr/bin/env bash
# Restore from the mirror and the recovery kit alone: no Amanda, nothing of this project installed, no network.
#   recover.sh --kit DIR --mirror DIR --list
#   recover.sh --kit DIR --mirror DIR --to DIR [--only HOST:DISK] [--date YYYY-MM-DD]
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")

# A program, and the package of Debian and of the RHEL family that brings it.
missing=()
while read -r program debian redhat; do
  command -v "$program" >/dev/null || missing+=("$program (Debian: $debian; RHEL: $redhat)")
done <<'END'
python3 python3 python3
gpg gnupg gnupg2
aespipe aespipe aespipe
gzip gzip gzip
tar tar tar
ssh-keygen openssh-client openssh
END
if ((${#missing[@]})); then
  printf 'recover.sh: missing: %s\n' "${missing[@]}" >&2
  exit 1
fi
if ! tar --version | grep -q 'GNU tar'; then
  echo 'recover.sh: tar must be GNU tar: its incremental archives are what is restored' >&2
  exit 1
fi

for library in "$here/recover" "$here"; do
  if [[ -f $library/amanda_backup/recovery.py ]]; then
    exec python3 -I -B -c 'import sys
sys.path.insert(0, sys.argv.pop(1))
from amanda_backup import recovery
sys.exit(recovery.main(sys.argv[1:]))' "$library" "$@"
  fi
done
echo "recover.sh: $here/recover is missing: unpack the whole recovery kit" >&2
exit 1
