# shellcheck shell=bash
# The third way: a build from Go modules, which come from the module proxy
# alone. Everything that Go compiles is kept in its caches, so that a build
# that was killed goes on where it was.

# The same flags as a plain `go test`, so that the tests compile nothing twice.
export CGO_ENABLED=0 GOWORK=off GOFLAGS="-mod=readonly -buildvcs=false"

built_key() {
  local sources=(plugins/go.mod plugins/go.sum "plugins/pulumi-resource-$1")
  case $1 in
    engine) sources=(engine language-nodejs) ;;
    command) sources+=(plugins/command) ;;
    *) sources+=(plugins/bridges plugins/generator plugins/shims) ;;
  esac
  echo "built $(fingerprint "${sources[@]}")"
}

built_make() {
  command -v go >/dev/null || { echo "no Go on PATH: install Go $GO_MINIMUM or later" >&2; return 1; }
  if [[ $1 == engine ]]; then build_engine; else build_plugin "$1" "$2"; fi
}

# No `set -e` reaches these functions, as setup asks for their result: each step
# says itself what happens when it fails.

build_engine() {
  local folder=$made/engine-built version=github.com/pulumi/pulumi/sdk/v3/go/common/version.Version
  mkdir -p "$folder"
  enough_space
  compile engine "$here/engine" "$folder/pulumi" github.com/pulumi/pulumi/pkg/v3/cmd/pulumi \
    "$version=v$PULUMI" || return
  compile language-nodejs "$here/language-nodejs" "$folder/pulumi-language-nodejs" \
    github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs "$version=v$LANGUAGE_NODEJS" || return
  use_engine engine-built
}

build_plugin() {
  local name=pulumi-resource-$1 folder=$made/built log=$made/logs/generator-$1.log generator
  mkdir -p "$folder"
  if [[ $1 != command ]]; then
    # One generator for all bridges of a run, named by its sources.
    generator=$folder/generator-$(fingerprint plugins/go.mod plugins/go.sum plugins/bridges plugins/generator plugins/shims)
    [[ -x $generator ]] || compile generator "$here/plugins" "$generator" ./generator || return
    "$generator" "$1" "$2" "$here/plugins/$name/generated" >"$log" 2>&1 ||
      { echo "the generator failed: $(tail -n 5 "$log")" >&2; return 1; }
  fi
  compile "$1" "$here/plugins" "$folder/$name" "./$name" "main.version=$2" &&
    tar -czf "$folder/$name.tar.gz" -C "$folder" "$name" &&
    install_plugin "$1" "$2" "$folder/$name.tar.gz"
}

# enough_space warns before a build that fills Go's caches from nothing.
enough_space() {
  local needed=6 free
  free=$(df -Pk "${HOME:-/}" | awk 'NR == 2 { print int($4 / 1048576) }')
  ((free >= needed)) || say "  only $free GB free for Go's caches; a first build needs about $needed GB"
}

# compile NAME MODULE PROGRAM PACKAGE [VARIABLE=VALUE]: builds one program and
# says every 15 seconds how far it is.
compile() {
  local log=$made/logs/$1.log started=$SECONDS child ticks=0
  : >"$log"
  rm -f "$3".new.*
  (cd "$2" && exec go build -v -ldflags "-s -w${5:+ -X $5}" -o "$3.new.$$" "$4") >"$log" 2>&1 9>&- &
  child=$!
  # Interrupted, it takes the compiler with it.
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM HUP
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    ((++ticks % 75)) || say "  $1: building, $((SECONDS - started)) s, $(progress "$log") ($log)"
  done
  if ! wait "$child"; then
    trap - INT TERM HUP
    rm -f "$3.new.$$"
    echo "building $1 failed (whole log: $log): $(tail -n 5 "$log")" >&2
    return 1
  fi
  trap - INT TERM HUP
  mv -f "$3.new.$$" "$3"
  ((SECONDS - started < 15)) || say "  $1: built in $((SECONDS - started)) s"
}

progress() {
  local modules packages
  modules=$(grep -c '^go: downloading' "$1" || true)
  packages=$(grep -vc '^go: ' "$1" || true)
  echo "$modules modules fetched, $packages packages compiled"
}
