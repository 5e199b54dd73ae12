"""The rules for the metadata service come back whenever the administrator's nftables.service has emptied the tables."""

import shlex
import sys
import unittest

from tests.host import documents
from tests.host.lab import hosts

sys.path.insert(0, str(documents.HOST))

from amanda_backup import metadata  # noqa: E402

HOST = "client76"
# A lab's host has no right to load rules, so what nft would be told is noted down.
NFT = "#!/bin/sh\necho \"$@\" >> /run/noted\n"
THEIRS = "".join(f"{key}=\n{key}=nft flush ruleset\n" for key in ("ExecStart", "ExecReload", "ExecStop"))
OURS = f"-f {metadata.RULES}"


def written(path, text):
    return f"mkdir -p {shlex.quote(path.rpartition('/')[0])}\nprintf %s {shlex.quote(text)} > {shlex.quote(path)}\n"


class Firewall(unittest.TestCase):
    def test_emptied_tables_get_the_rules_again(self):
        hosts.make(HOST)
        self.addCleanup(hosts.remove, HOST)
        units = "/etc/systemd/system"
        hosts.root(HOST, written("/usr/local/sbin/nft", NFT) + "chmod 755 /usr/local/sbin/nft\n"
                   + written(f"{units}/nftables.service.d/a-lab.conf", f"[Service]\n{THEIRS}")
                   + written(f"{units}/{metadata.DROP_IN}", metadata.DROP_IN_TEXT)
                   + written(f"{units}/{metadata.UNIT}", metadata.UNIT_TEXT)
                   + f"systemctl daemon-reload; systemctl enable --now {metadata.UNIT}")
        self.assertEqual(self.noted(), [OURS])
        for verb in ("start", "reload", "restart", "stop", "start"):
            hosts.root(HOST, f"systemctl {verb} nftables.service")
            noted = self.noted()
            self.assertIn("flush ruleset", noted)
            self.assertEqual(noted[-1], OURS, f"after systemctl {verb}")

    def noted(self):
        return hosts.root(HOST, "cat /run/noted; rm /run/noted").splitlines()


if __name__ == "__main__":
    unittest.main()
