# shellcheck shell=bash
# The second way: Pulumi's own builds from its download site. One refusal is
# enough for a run: a machine that cannot reach the site must not wait for it
# at every part.

site=${PULUMI_SITE:-https://get.pulumi.com}
site_refused=

official_key() {
  [[ -z $site_refused ]] || { echo "$site_refused" >&2; return 1; }
  echo "official $site"
}

official_make() {
  local archive=$made/downloads/$1-$2.tar.gz
  fetch "$(official_url "$1" "$2")" "$archive" || return
  if [[ $1 == engine ]]; then
    rm -rf "$made/engine-official"
    mkdir -p "$made/engine-official" || return
    tar -xzf "$archive" -C "$made/engine-official" --strip-components=1 || return
    use_engine engine-official
  else
    install_plugin "$1" "$2" "$archive"
  fi
}

official_url() {
  local system machine
  system=$(uname -s | tr '[:upper:]' '[:lower:]')
  case $(uname -m) in
    x86_64 | amd64) machine=amd64 ;;
    *) machine=arm64 ;;
  esac
  if [[ $1 == engine ]]; then
    echo "$site/releases/sdk/pulumi-v$2-$system-${machine/amd64/x64}.tar.gz"
  else
    echo "$site/releases/plugins/pulumi-resource-$1-v$2-$system-$machine.tar.gz"
  fi
}

# fetch URL FILE: keeps a whole archive only. Five seconds to connect, and it
# gives up on a download that stands still.
fetch() {
  [[ ! -f $2 ]] || return 0
  mkdir -p "${2%/*}"
  local status=0
  curl --fail --location --silent --show-error --connect-timeout 5 --speed-limit 1000 --speed-time 15 \
    --output "$2.part" "$1" 2>"$made/curl" || status=$?
  if ((status == 0)) && tar -tzf "$2.part" >/dev/null 2>&1; then
    mv "$2.part" "$2"
  else
    site_refused="$site: $(sed 's/^curl: ([0-9]*) //;q' "$made/curl")"
    ((status != 0)) || site_refused="$site: $1 is no archive"
    echo "$site_refused" >&2
    status=1
  fi
  rm -f "$2.part" "$made/curl"
  return "$status"
}

# install_plugin NAME VERSION ARCHIVE
install_plugin() {
  "$made/bin/pulumi" plugin install resource "$1" "$2" --file "$3" --reinstall >"$made/logs/install-$1.log" 2>&1 ||
    { cat "$made/logs/install-$1.log" >&2; return 1; }
}
