"""Account `enrol`: accept or withdraw one document of a namespace, or refuse it and leave everything as it was."""

import ipaddress
import os
import re
import sys

from amanda_backup import amcheck, data, declaration, system
from amanda_backup.changes import Changes
from amanda_backup.disklist import fragment as render
from amanda_backup.registry import Registry

VERBS = ("enrol", "withdraw")


def main(argv, verb, raw, *, changes=None):
    """`enrol NAMESPACE` with the document in `raw`; `verb` is what the ssh client asked for."""
    namespace = argv[0] if len(argv) == 1 else ""
    settings = system.load_settings()
    if namespace not in settings["namespaces"]:
        raise system.Refusal(f"the namespace {namespace!r} is not in `namespaces` of this server: add it there first")
    if verb.strip() not in VERBS:
        raise system.Refusal("this account takes one document by the command `enrol` or `withdraw` and nothing else")
    document = declaration.parse(raw)
    changes = changes or Changes()
    what = f"{verb.strip()} of {document['fragment']}"
    with system.run_lock(what, wait_minutes=settings["lockWaitMinutes"]):
        settings = system.load_settings()
        data.is_mounted(changes, settings)
        registry = Registry(changes, settings)
        if verb.strip() == "withdraw":
            withdraw(registry, namespace, document)
        else:
            accept(registry, namespace, document)
    print("ok")


def accept(registry, namespace, document):
    check_host(registry, namespace, document)
    check_sets(registry, document)
    check_duplicates(registry, namespace, document)
    check_preview(namespace, document)
    candidate = registry.with_document(namespace, document)
    texts = registry.disklists(candidate)
    quiet = Changes(root=registry.changes.root, tell=lambda line: None)
    try:
        # amcheck logs in as the dump does, so ssh must know the candidate; no dump can run while the lock is held.
        registry.write_ssh(candidate, quiet)
        for name in sorted(registry.settings["sets"]):
            amcheck.parse_disklist(registry, name, texts[name])
            chosen = [directory for directory in document["directories"] if name in directory["sets"]]
            if chosen:
                amcheck.check_client(registry, name, texts[name], document, chosen)
    except BaseException:
        registry.write_ssh(registry.documents, quiet)
        raise
    registry.put(namespace, document)
    registry.write()


def withdraw(registry, namespace, document):
    """Take a fragment out; its client is not asked, since it may be gone. Old dumps stay restorable."""
    fragment = document["fragment"]
    accepted = registry.documents.get((namespace, fragment))
    if accepted is None:
        print(f"{fragment} is not enrolled")
    elif resource(accepted) != resource(document):
        # A renamed resource enrols under its new name before the old one is deleted.
        print(f"{fragment} stays: another resource has enrolled it since")
        return
    take_out(registry, namespace, fragment)


def withdraw_by_hand(settings, namespace, fragment):
    """The same without a document, by the administrator: for a stack that is gone."""
    registry = Registry(Changes(), settings)
    if (namespace, fragment) not in registry.documents:
        known = ", ".join(sorted(name for space, name in registry.documents if space == namespace)) or "nothing"
        raise system.Refusal(f"{fragment!r} is not enrolled by the namespace {namespace!r}: it has enrolled {known}")
    take_out(registry, namespace, fragment)


def take_out(registry, namespace, fragment):
    dependent = [name for space, name in registry.documents if space == namespace and name.startswith(f"{fragment}+")]
    if dependent:
        raise system.Refusal(
            f"{fragment} cannot be withdrawn before {', '.join(sorted(dependent))}: withdraw these first"
        )
    registry.drop(namespace, fragment)
    registry.write()


def resource(document):
    """Which of the program's resources enrolled this."""
    identity = document["identity"]
    return identity.get("resource") if isinstance(identity, dict) else None


def check_host(registry, namespace, document):
    """The namespace may speak for this client, and no one else does already."""
    settings, client = registry.settings, document["client"]
    # Amanda and ssh's known_hosts do not tell WEB1 from web1.
    if client.lower() in (settings["name"].lower(), "localhost"):
        raise system.Refusal(f"client {client!r} is this server itself: declare its directories in `ownDirectories`")
    for (other, _), known in sorted(registry.documents.items()):
        if known["client"].lower() != client.lower():
            continue
        if other != namespace:
            raise system.Refusal(f"client {client!r} is enrolled by the namespace {other!r}: withdraw it there first")
        if known["client"] != client:
            raise system.Refusal(f"client {client!r} is enrolled as {known['client']!r}: write its name in one way")
    if "address" not in document:
        known = registry.documents.get((namespace, client))
        if known is None:
            raise system.Refusal(
                f"{document['fragment']}: the client {client!r} is not enrolled by {namespace!r}: declare its "
                "BackupClient in the same stack first"
            )
        return
    allowed = settings["namespaces"][namespace]["hosts"]
    if (
        "*" not in allowed
        and client not in allowed
        and not any(in_network(document["address"], rule) for rule in allowed)
    ):
        raise system.Refusal(
            f"the namespace {namespace!r} may not speak for {client!r} at {document['address']} (its hosts are "
            f"{', '.join(allowed) or 'none'}): add the name or its network to `namespaces` of the server"
        )


def in_network(address, rule):
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return False


def check_sets(registry, document):
    """Each directory names sets of this server, and a dumptype that they define for clients."""
    known = sorted(registry.settings["sets"])
    for directory in document["directories"]:
        whose = f"directory {directory['name']!r} of {document['client']}"
        for name in directory["sets"]:
            if name not in known:
                raise system.Refusal(
                    f"{whose} names the set {name!r}, but the server has {', '.join(known)}: choose one of them or "
                    "add the set to the server"
                )
            dumptypes = client_dumptypes(registry, name)
            if directory["dumptype"] not in dumptypes:
                raise system.Refusal(
                    f"{whose} names the dumptype {directory['dumptype']!r}, but the set {name!r} has "
                    f"{', '.join(dumptypes)} for clients: choose one of them"
                )


def client_dumptypes(registry, name):
    text = system.read_text(registry.changes.at(f"/etc/amanda/{name}/amanda.conf")) or ""
    return sorted(re.findall(r"(?m)^define dumptype (encrypt-gnutar-ssh\S*) \{$", text))


def check_duplicates(registry, namespace, document):
    """One name is one DLE of a client in a set; names that differ only in / : \\ would share Amanda's catalogue."""
    seen, paths = {}, {}
    for (space, fragment), known in sorted(registry.with_document(namespace, document).items()):
        if known["client"] != document["client"]:
            continue
        for directory in known["directories"]:
            first = paths.setdefault(directory["name"], directory["path"])
            if first != directory["path"] and not any((name, plain(directory["name"])) in seen for name in directory["sets"]):
                raise system.Refusal(
                    f"client {known['client']} has the name {directory['name']!r} for {first!r} and for"
                    f" {directory['path']!r}: give one of them another `name`, since they are restored under it"
                )
            for name in directory["sets"]:
                here = f"{directory['name']!r} in {space} {fragment}"
                key = (name, plain(directory["name"]))
                if key in seen:
                    raise system.Refusal(
                        f"client {known['client']} declares a directory twice in the set {name!r}: {seen[key]} and "
                        f"{here}; remove one, or give one another `name`"
                    )
                seen[key] = here


def plain(name):
    """A directory's name as Amanda's catalogue has it."""
    return name.translate(str.maketrans("/:\\", "___"))


def check_preview(namespace, document):
    """What was reviewed is what is installed."""
    sets = {name for directory in document["directories"] for name in directory["sets"]}
    rendered = {
        name: render(namespace, document["fragment"], document["client"], document["directories"], name)
        for name in sets
    }
    if rendered != document["disklist"]:
        raise system.Refusal(
            f"the disklist of {document['fragment']!r} in the preview is not what this server renders for it: use the "
            "same version of amanda-backup for the client's stack and for the server"
        )


def program():
    raw = sys.stdin.buffer.read(declaration.MAX_BYTES + 1)
    return main(sys.argv[1:], os.environ.get("SSH_ORIGINAL_COMMAND", ""), raw)
