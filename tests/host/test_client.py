"""A client whose root disk comes from an earlier time: an image made of it, a snapshot."""

import json
import os
import shutil
import sys
import tempfile
import unittest

from tests.host import documents

sys.path.insert(0, str(documents.HOST))

from amanda_backup import client, system  # noqa: E402
from amanda_backup.changes import Changes  # noqa: E402


class OlderRootDisk(unittest.TestCase):
    def test_its_state_of_gnu_tar_is_forgotten(self):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            changes = Changes(root=folder, tell=lambda line: None)
            document = {**documents.client(), "identity": {"generation": 1, "image": "a", "instance": "1", "flavor": "x"}}
            place = changes.at(document["settings"]["platform"]["gnutarListDir"])
            place.mkdir(parents=True)
            shutil.chown(place, "backup", "backup")
            state, kept = place / "web1_srv_0", changes.at(system.kept_document("client"))
            state.write_text("dates")
            kept.parent.mkdir(parents=True)
            client.forget_older_state(changes, document)
            kept.write_text(json.dumps(document))
            for same in ({}, {"flavor": "y"}):
                client.forget_older_state(changes, {**document, "identity": {**document["identity"], **same}})
            self.assertTrue(state.exists())
            kept.write_text(json.dumps({**document, "identity": {"generation": 1}}))
            client.forget_older_state(changes, document)
            self.assertTrue(state.exists())
            kept.write_text(json.dumps(document))
            for other in ({"generation": 2}, {"image": "b"}, {"instance": "2"}):
                state.write_text("dates")
                client.forget_older_state(changes, {**document, "identity": {**document["identity"], **other}})
                self.assertFalse(state.exists(), other)
            self.assertEqual(len(changes.lines), 3)


if __name__ == "__main__":
    unittest.main()
