# shellcheck shell=bash
# What the ways of toolchain/setup share: names, versions, stamps and words.

root=$(cd "$here/.." && pwd)
made=$root/.toolchain
user_home=${PULUMI_HOME:-${HOME:-}/.pulumi}
[[ $user_home != "$made/pulumi-home" ]] || user_home=${HOME:-}/.pulumi
# Our own folder on PATH (setup called by toolchain/run) is no find.
PATH=${PATH//"$made/bin:"/}

say() { printf 'toolchain: %s\n' "$*"; }

die() {
  printf 'toolchain: %s\n' "$*" >&2
  exit 1
}

# read_versions makes a variable of each line of toolchain/versions.
read_versions() {
  local line
  while IFS= read -r line; do
    [[ $line =~ ^([A-Z_]+)=([a-z0-9.\ -]+)$ ]] || continue
    printf -v "${BASH_REMATCH[1]}" %s "${BASH_REMATCH[2]}"
  done <"$here/versions"
}

# one_at_a_time waits for another run in the same folder.
one_at_a_time() {
  mkdir -p "$made"
  command -v flock >/dev/null || return 0
  exec 9>"$made/lock"
  flock --nonblock 9 && return
  say "another run is at work here; waiting for it"
  flock 9
}

# not_older HAVE WANT: compares two versions.
not_older() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

# present NAME VERSION: whether the part's program is there.
present() {
  if [[ $1 == engine ]]; then
    [[ -x $made/bin/pulumi && -x $made/bin/pulumi-language-nodejs ]]
  else
    [[ -x $(plugin_folder "$1" "$2")/pulumi-resource-$1 ]]
  fi
}

plugin_folder() { printf %s "$made/pulumi-home/plugins/resource-$1-v$2"; }

# settled NAME VERSION KEY: whether the part is there and was made from KEY.
settled() {
  [[ -f $made/parts/$1 && $(<"$made/parts/$1") == "$3" ]] && present "$1" "$2"
}

stamp() {
  present "$1" "$2" || die "$1 $2 was made but is not there: remove $made and run again"
  printf %s "$3" >"$made/parts/$1.new"
  mv -f "$made/parts/$1.new" "$made/parts/$1"
}

# report NAME VERSION KEY EARLIER: one line on what was taken, and why the ways
# before it were not.
report() {
  local taken why=
  case $3 in
    found*) taken="taken$4 from ${3#found }" ;;
    official*) taken="downloaded$4 from ${3#official }" ;;
    built*) taken="built$4 from Go modules" ;;
  esac
  ((${#notes[@]} == 0)) || { printf -v why '; %s' "${notes[@]}"; why=" (${why#; })"; }
  say "$1 $2: $taken$why"
}

# note WAY: keeps why a way was not taken.
note() {
  local words
  words=$(<"$made/note")
  notes+=("not $1: ${words:-no reason given}")
}

# use_engine FOLDER: makes .toolchain/FOLDER the engine in use. A kill in
# between leaves no bin, and the next run goes on from here.
use_engine() {
  [[ -L $made/bin ]] || rm -rf "${made:?}/bin"
  ln -sfn "$1" "$made/bin"
}

# fingerprint PATH…: a hash over sources, for knowing when to build again.
fingerprint() {
  (cd "$here" && find "$@" -type f ! -name '*_test.go' ! -path '*/generated/*' -print0 | LC_ALL=C sort -z | xargs -0 cat -- | cksum | tr ' ' -)
}
