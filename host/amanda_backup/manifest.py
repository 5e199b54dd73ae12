"""Manifests: what a generation of the mirror consists of, signed by a key that only root on the server holds."""

import contextlib
import json
import pathlib
import re
import subprocess
import tempfile

NAMESPACE = "amanda-backup"
IDENTITY = "amanda-backup"
FILES = ("manifest.json", "manifest.json.sig")
CATALOGUE = "catalogue.tar.gz.amcrypt"
RUN = re.compile(r"[0-9]{14}")


class Untrusted(Exception):
    """A manifest that is not what the server signed, as one sentence."""


def text(manifest):
    """The manifest as it is signed; other bytes than UTF-8 in names stay as lone surrogates in \\u form."""
    return json.dumps(manifest, sort_keys=True, indent=1) + "\n"


def allowed_signers(public_key):
    """The line that `ssh-keygen -Y verify` wants, for the public half of the signing key."""
    return f'{IDENTITY} namespaces="{NAMESPACE}" {" ".join(public_key.split()[:2])}\n'


def sign(data, key_path):
    """The signature of `data` (bytes) by the private key at `key_path`."""
    done = subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key_path), "-n", NAMESPACE],
        input=data, capture_output=True, check=False)
    if done.returncode != 0 or not done.stdout:
        raise Untrusted(f"the manifest cannot be signed with {key_path}: {last_words(done)}")
    return done.stdout


def verify(data, signature, signers):
    """Check the signature of `data` against the text of an allowed_signers file, and return the manifest."""
    with tempfile.TemporaryDirectory(prefix="amanda-backup.") as folder:
        place = pathlib.Path(folder)
        (place / "signers").write_text(signers, encoding="utf-8")
        (place / "signature").write_bytes(signature)
        done = subprocess.run(
            ["ssh-keygen", "-q", "-Y", "verify", "-f", str(place / "signers"), "-I", IDENTITY, "-n", NAMESPACE,
             "-s", str(place / "signature")], input=data, capture_output=True, check=False)
    if done.returncode != 0:
        raise Untrusted(f"its signature is not the server's: {last_words(done)}")
    return parse(data)


def parse(data):
    """The manifest in `data`, without any check of who wrote it."""
    with contextlib.suppress(ValueError):
        found = json.loads(data)
        if isinstance(found, dict) and found.get("format") == 1:
            return found
    raise Untrusted("its format is not known here: use the recover.sh and backupctl of the server that wrote it")


def last_words(done):
    lines = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    return lines[-1]


def files(manifest):
    """Every vtape file of the generation: (path in the mirror, {bytes, sha256})."""
    for vtape, content in sorted(manifest["vtapes"].items()):
        for name, facts in sorted(content["files"].items()):
            yield f"vtapes/{manifest['set']}/{vtape}/{name}", facts


def whole_dumps(records, vtapes):
    """The proved dumps of the ledger whose every part is among these vtapes, each once, the newest record of it.

    The manifest is in clear: without the sha256 of plaintext, by which a guess at the content could be confirmed.
    """
    there = {(vtape, name, facts["sha256"]) for vtape, content in vtapes.items() for name, facts in content["files"].items()}
    found = {}
    for record in records:
        if record.get("event") == "dump" and record.get("proved"):
            parts = [(part["vtape"], part["file"], part["sha256"]) for part in record["parts"]]
            if there.issuperset(parts):
                key = (record["host"], record["disk"], record["stamp"], record["level"])
                found[key] = {
                    **{name: record[name] for name in (
                        "host", "disk", "stamp", "level", "base", "keyId", "compress", "program", "originalBytes",
                        "plainBytes", "cipherBytes", "cipherSha256")},
                    "parts": [[vtape, name] for vtape, name, _ in parts]}
    return [found[key] for key in sorted(found)]
