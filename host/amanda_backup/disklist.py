"""Rendering of disklists. The program renders the same for its previews; tests/templates/disklist-cases.json decides.

Amanda takes quotes around a host as part of its name, so the host stands bare; everything else is quoted.
"""

HOOK_MOMENTS = "pre-dle-amcheck, pre-dle-backup, post-dle-backup"


def quoted(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def entry(host, directory):
    """One DLE with its options; parts without a value are left out."""
    lines = [f"{host} {quoted(directory['name'])} {quoted(directory['path'])} {{", f"    {directory['dumptype']}"]
    for option in ("exclude", "include"):
        if directory.get(option):
            lines.append(f"    {option} {' '.join(map(quoted, sorted(directory[option])))}")
    if directory.get("before") or directory.get("after"):
        lines += ["    script {", '        plugin "amanda-hook"', "        execute-where client"]
        lines.append(f"        execute-on {HOOK_MOMENTS}")
        for moment in ("before", "after"):
            if directory.get(moment):
                lines.append(f'        property "{moment}" {" ".join(map(quoted, directory[moment]))}')
        lines.append("    }")
    return "\n".join([*lines, "}"]) + "\n"


def fragment(namespace, name, client, directories, amanda_set):
    """The text of one fragment in one set: a comment line and its entries by name; None when it has none there."""
    chosen = [directory for directory in directories if amanda_set in directory["sets"]]
    if not chosen:
        return None
    entries = "".join(entry(client, directory) for directory in sorted(chosen, key=lambda one: one["name"]))
    return f"# {namespace} {name}\n{entries}"


def whole(fragments, amanda_set):
    """The disklist of a set from (namespace, fragment, client, directories) of every fragment."""
    texts = [
        fragment(namespace, name, client, directories, amanda_set)
        for namespace, name, client, directories in sorted(fragments, key=lambda one: (one[2], one[1], one[0]))
    ]
    return "\n".join(text for text in texts if text)
