"""A backup server and a client with data and hooks, converged once for the tests that need nothing fresh."""

import atexit
import functools

from tests.host import documents
from tests.host.lab import hosts
from tests.host.lab.hosts import CLIENT, SERVER

OTHER = "shop.prod"
ODD = 'od d/n\u00e4me "q" \\ $(x)'
AS_DUMP_USER = "setpriv --reuid backup --regid backup --init-groups -- "
HOOKS = {
    "dump-db": {"user": "postgres", "script": '#!/bin/sh\nset -e\nid -un\necho "dump of $(date +%s)" > /srv/db/dump\n'},
    "fails": {"user": "postgres", "script": "#!/bin/sh\necho working\necho no database there >&2\nexit 3\n"},
}
TREE = """
useradd --system postgres
mkdir -p /srv/db /srv/www '/srv/od d'; chown postgres /srv/db
echo page > /srv/www/page; echo private > /srv/www/private; chown nobody /srv/www/private; chmod 600 /srv/www/private
"""


@functools.cache
def ensure():
    """One server and one client, set up as the program does it, for all modules that want them; removed at the end."""
    hosts.make(SERVER, CLIENT)
    atexit.register(hosts.remove, SERVER, CLIENT)
    hosts.root(CLIENT, TREE)
    for host, document in ((SERVER, documents.secrets()), (SERVER, server_document()), (CLIENT, client_document())):
        done = hosts.send(host, document)
        if done.returncode:
            raise AssertionError(done.stdout + done.stderr)


def server_document():
    namespaces = {
        documents.STACK: {"publicKey": documents.public_key("enrol"), "hosts": ["*"]},
        OTHER: {"publicKey": documents.public_key("other"), "hosts": [f"{hosts.address(CLIENT)}/32", "shop1"]},
    }
    sets = {name: {"tapecycle": 4, "vtapeMB": 50, "runtapes": 1, "holdingMB": 100} for name in ("daily", "weekly")}
    own = [documents.directory("/etc/amanda-backup", dumptype="encrypt-gnutar-local")]
    return documents.server(
        name="backup1", address=hosts.address(SERVER), namespaces=namespaces, sets=sets, ownDirectories=own
    )


def client_document():
    return documents.client(CLIENT, server_address=hosts.address(SERVER), hooks=HOOKS)


def as_dump_user(host, *commands):
    """Of these commands, run by the dump user, those that ended well."""
    return tries(host, "backup", commands)


def tries(host, user, commands):
    become = f"setpriv --reuid {user} --regid {user} --init-groups --"
    script = "".join(
        f"timeout 20 {become} {command} >/dev/null 2>&1 </dev/null && echo {number}\n"
        for number, command in enumerate(commands)
    )
    return [commands[int(number)] for number in hosts.root(host, f"{script}true").split()]
