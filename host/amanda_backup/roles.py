"""What `converge` is told: the role, the document, or `--check`. A role's modules are imported when it runs."""

import importlib
import json

from amanda_backup import system
from amanda_backup.changes import Changes

FORMAT = 1
ROLES = {"secrets": "keys", "server": "server", "client": "client"}
KEPT = ("server", "client")
USAGE = "usage: converge secrets|server|client < document, or converge --check [server|client]"


def main(argv, stdin, *, root="/"):
    if argv[:1] == ["--check"] and len(argv) <= 2:
        return check(argv[1:] or KEPT, root)
    if len(argv) != 1 or argv[0] not in ROLES:
        raise system.Refusal(USAGE)
    role = argv[0]
    document = parse(stdin.read(), role)
    changes = Changes(root=root, tell=tell)
    module(role).converge(changes, document)
    if role in KEPT:
        changes.file(system.kept_document(role), json.dumps(document, indent=1, sort_keys=True) + "\n")
    tell("ok")
    return 0


def parse(text, role):
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise system.Refusal(
            f"the document on standard input is no JSON (line {error.lineno}): it is sent by `pulumi up`"
        ) from None
    if not isinstance(document, dict) or document.get("role") != role:
        raise system.Refusal(
            f"the document on standard input is not one for the role {role!r}: it is sent by `pulumi up`"
        )
    if document.get("format") != FORMAT:
        raise system.Refusal(
            f"the document has format {document.get('format')!r}, these programs take {FORMAT}: use one version of both"
        )
    return document


def module(role):
    return importlib.import_module(f"amanda_backup.{ROLES[role]}")


def tell(line):
    print(line, flush=True)


def check(roles, root):
    """Tell what differs from the documents that were last applied here."""
    changes = Changes(check=True, root=root, tell=lambda line: tell(f"differs: {line}"))
    documents = {role: system.read_text(changes.at(system.kept_document(role))) for role in roles if role in KEPT}
    found = {role: text for role, text in documents.items() if text is not None}
    if not found:
        raise system.Refusal(
            f"no document was applied to this host yet ({system.ETC}/document-ROLE.json): run `pulumi up`"
        )
    for role, text in sorted(found.items()):
        document = parse(text, role)
        for name, program in sorted(document["programs"].items()):
            if name != "bootstrap.py":
                changes.file(system.INSTALL_DIR / name, program, mode=0o755 if program.startswith("#!") else 0o644)
        module(role).converge(changes, document)
    return int(bool(changes.lines))
