"""Proof of a dump: read back from its vtapes, decrypted and unpacked, every byte is what amcrypt took in.

An exit status proves nothing: Amanda's stock encryption was seen to report success with nothing on the vtape.
"""

import functools

from amanda_backup import crypt, dumps, streams, system


def prove(dump, seen_by_amcrypt, original=None, keys_folder=None):
    """What the ledger keeps of one dump: sizes, hashes, parts, and `proved` with a `reason` when it is not.

    seen_by_amcrypt: records of crypt.jsonl by cipherSha256. original: bytes before compression as Amanda's log has
    them, for a header that does not say.
    """
    parts, cipher = [], crypt.Counted()

    def part_read(part, counted):
        parts.append({
            "vtape": part.vtape, "slot": part.slot, "file": part.path.name, "bytes": counted.bytes, "sha256": counted.sha256,
        })

    def chunks():
        for chunk in dumps.body(dump, part_read):
            cipher.update(chunk)
            yield chunk

    unpack = streams.Unpack(dump.header.compress)
    try:
        if [part.header.part for part in dump.parts] != list(range(1, len(dump.parts) + 1)):
            raise crypt.CryptError(f"only its parts {[part.header.part for part in dump.parts]} are on the vtapes")
        if dump.key_id is None:
            raise crypt.CryptError(f"it was not encrypted by amcrypt-KEYID but by {dump.header.encrypt or 'nothing'}")
        crypt.decrypt(load_key(dump.key_id, keys_folder or system.ETC / "keys"), chunks(), unpack.take)
        seen = seen_by_amcrypt.get(cipher.sha256)
        reason = judge(dump.header, cipher, unpack, seen, original)
    except (crypt.CryptError, OSError) as error:
        seen, reason = None, str(error)
    seen = seen or {}
    return {
        "stamp": dump.header.stamp, "host": dump.header.host, "disk": dump.header.disk, "level": dump.header.level,
        "keyId": dump.key_id, "keySha256": seen.get("keySha256"), "compress": dump.header.compress,
        "program": dump.header.program, "originalBytes": unpack.original, "plainBytes": seen.get("plainBytes"),
        "plainSha256": seen.get("plainSha256"), "cipherBytes": cipher.bytes, "cipherSha256": cipher.sha256,
        "parts": parts, "proved": reason is None, **({"reason": reason} if reason else {}),
    }


load_key = functools.lru_cache(maxsize=None)(crypt.load_key)


def judge(header, cipher, unpack, seen, original):
    """The first thing that is wrong, None when the dump is proved."""
    if seen is None:
        return f"amcrypt never finished a stream with the sha256 {cipher.sha256[:16]}… that is on the vtape"
    if cipher.bytes != seen["cipherBytes"]:
        return f"{cipher.bytes} bytes are on the vtape, amcrypt wrote {seen['cipherBytes']}"
    unpack.finish(seen["plainBytes"])
    if unpack.plain.sha256 != seen["plainSha256"]:
        return "it decrypts to something else than what amcrypt was given"
    if header.plain is not None and header.plain != seen["plainBytes"]:
        return f"Amanda sent {header.plain} bytes to amcrypt, {seen['plainBytes']} arrived"
    expected = header.original if header.original is not None else original
    if expected is None:
        return "neither its header nor Amanda's log says how large it is"
    if unpack.original != expected:
        return f"it unpacks to {unpack.original} bytes instead of {expected}"
    return None
