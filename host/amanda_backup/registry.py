"""The accepted enrolments, and what is derived from all of them: disklists and the dump user's ssh configuration.

The documents in DATA/enrolment are the truth. What is derived may be rendered again at any time, so a program that is
killed between the two leaves nothing that the next one does not put right.
"""

import json
import urllib.parse

from amanda_backup import disklist, system


class Registry:
    """All accepted documents by (namespace, fragment)."""

    def __init__(self, changes, settings):
        self.changes = changes
        self.settings = settings
        self.folder = f"{settings['dataPath']}/enrolment"
        self.documents = {}
        for path in sorted(changes.at(self.folder).glob("*/*.json")):
            fragment = urllib.parse.unquote(path.name.removesuffix(".json"))
            self.documents[(path.parent.name, fragment)] = json.loads(path.read_text(encoding="utf-8"))

    def place(self, namespace, fragment):
        return f"{self.folder}/{namespace}/{urllib.parse.quote(fragment, safe='')}.json"

    def put(self, namespace, document):
        """Accept a document, on disk first."""
        self.changes.directory(f"{self.folder}/{namespace}", mode=0o700)
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        self.changes.file(self.place(namespace, document["fragment"]), text, mode=0o600)
        self.documents[(namespace, document["fragment"])] = document

    def drop(self, namespace, fragment):
        self.changes.remove(self.place(namespace, fragment))
        self.documents.pop((namespace, fragment), None)

    def with_document(self, namespace, document):
        """The documents as they would be with this one accepted."""
        return {**self.documents, (namespace, document["fragment"]): document}

    def own(self):
        """The server's own directories in the shape of a document's key and value."""
        document = {"client": self.settings["name"], "directories": self.settings.get("ownDirectories", [])}
        return {(self.settings["stack"], self.settings["name"]): document}

    def disklists(self, documents):
        """The disklist of every set."""
        fragments = [
            (namespace, fragment, document["client"], document["directories"])
            for (namespace, fragment), document in {**documents, **self.own()}.items()
        ]
        return {name: disklist.whole(fragments, name) for name in sorted(self.settings["sets"])}

    def write_ssh(self, documents, changes=None):
        """Render where each client is and which host key it must show."""
        changes = changes or self.changes
        home = self.settings["platform"]["dumpHome"]
        group = self.settings["platform"]["dumpGroup"]
        clients = sorted(
            (document["client"], document["address"], document["hostKey"])
            for document in documents.values()
            if "address" in document
        )
        config = SSH_DEFAULTS + "".join(
            f"\nHost {client}\n    HostName {address}\n    HostKeyAlias {client}\n" for client, address, _ in clients
        )
        known = "".join(f"{client} {' '.join(key.split()[:2])}\n" for client, _, key in clients)
        changes.file(f"{home}/.ssh/config", config, mode=0o640, group=group)
        changes.file(f"{home}/.ssh/known_hosts", known, mode=0o640, group=group)

    def write(self):
        """Render everything that is derived from the accepted documents."""
        self.write_ssh(self.documents)
        for name, text in self.disklists(self.documents).items():
            group = self.settings["platform"]["dumpGroup"]
            self.changes.file(f"/etc/amanda/{name}/disklist", text, mode=0o640, group=group)
        for stray in sorted(self.changes.at("/etc/amanda").glob("*/disklist")):
            # The amanda.conf of a set that is gone was removed with the document that listed it.
            if stray.parent.name not in self.settings["sets"] and not stray.with_name("amanda.conf").exists():
                self.changes.remove(f"/etc/amanda/{stray.parent.name}/disklist")


def set_foreign_ssh_aside(changes, platform):
    """Keep an ssh configuration of the dump user that is not ours, beside the one that replaces it."""
    for name in ("config", "known_hosts"):
        place = changes.at(f"{platform['dumpHome']}/.ssh/{name}")
        config = system.read_text(place.with_name("config")) or ""
        if place.exists() and not config.startswith(SSH_DEFAULTS.splitlines()[0]):
            kept = place.with_name(f"{name}.before-amanda-backup")
            if changes.wanted(f"keep {place} as {kept.name}"):
                system.write_atomic(kept, place.read_bytes(), mode=0o640, group=platform["dumpGroup"])


# First: what ssh finds first in its configuration wins.
SSH_DEFAULTS = """\
# amanda-backup: rendered from the enrolments; changes here are overwritten
ConnectTimeout 15
ServerAliveInterval 60
StrictHostKeyChecking yes
UpdateHostKeys no
"""
