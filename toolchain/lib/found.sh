# shellcheck shell=bash
# The first way: what the machine has already. It is linked, never copied or
# changed, and it always goes before anything of ours.

found_key() {
  if [[ $1 == engine ]]; then found_engine; else found_plugin "$1" "$2"; fi
}

found_engine() {
  local program version
  program=$(command -v pulumi) || { echo "no pulumi on PATH" >&2; return 1; }
  version=$("$program" version 2>/dev/null) || { echo "$program does not run" >&2; return 1; }
  version=${version#v}
  if [[ $version != 3.* ]] || ! not_older "$version" "$PULUMI_MINIMUM"; then
    echo "$program is $version, not 3.x from $PULUMI_MINIMUM on" >&2
    return 1
  fi
  host_of "$program" >/dev/null || { echo "$program has no pulumi-language-nodejs beside it" >&2; return 1; }
  echo "found $program $version"
}

# host_of PROGRAM: the language host beside the engine itself, where the engine
# looks for it.
host_of() {
  local beside
  beside=$(dirname "$(readlink -f "$1")")/pulumi-language-nodejs
  [[ -x $beside ]] && echo "$beside"
}

found_plugin() {
  local program="$user_home/plugins/resource-$1-v$2/pulumi-resource-$1" version
  # Pulumi leaves a .partial file beside a folder that it is still filling.
  if [[ -x $program && ! -e $user_home/plugins/resource-$1-v$2.partial ]]; then
    echo "found $program"
    return
  fi
  program=$(command -v "pulumi-resource-$1") || { echo "none in $user_home or on PATH" >&2; return 1; }
  version=$(timeout 5 "$program" --version 2>/dev/null) || version=unknown
  [[ ${version#v} == "$2" ]] || { echo "$program is of version $version" >&2; return 1; }
  echo "found $program"
}

found_make() {
  local program folder file
  if [[ $1 == engine ]]; then
    program=$(command -v pulumi)
    folder=$made/engine-found
    rm -rf "$folder"
    mkdir -p "$folder"
    ln -s "$program" "$folder/pulumi"
    ln -s "$(host_of "$program")" "$folder/pulumi-language-nodejs"
    use_engine engine-found
    return
  fi
  program=$(found_plugin "$1" "$2")
  program=${program#found }
  folder=$(plugin_folder "$1" "$2")
  rm -rf "$folder" "$folder.new"
  mkdir -p "$folder.new"
  # The folder itself is real: Pulumi does not list one that is a link.
  if [[ $program == "$user_home"/* ]]; then
    for file in "${program%/*}"/*; do ln -s "$file" "$folder.new/"; done
  else
    ln -s "$program" "$folder.new/"
  fi
  mv "$folder.new" "$folder"
}
