"""Amanda's amcrypt format: a header of 46 bytes, then AES-256-CBC by aespipe in its multi-key mode.

It has no authentication: changed bytes decrypt to garbage without an error. What a dump is worth is therefore
always decided by the sha256 that was taken when it was written (ledger, signed manifest), never by decryption alone.
"""

import base64
import dataclasses
import hashlib
import os
import pathlib
import re
import subprocess
import threading

MAGIC = b"bz2aespipe"
HEADER_BYTES = 46
SECTOR_BYTES = 512
CHUNK_BYTES = 1 << 20
CIPHERS = {"0": "AES128", "1": "AES192", "2": "AES256"}
HASHES = {"0": "SHA256", "1": "SHA384", "2": "SHA512", "3": "RMD160"}
KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class CryptError(Exception):
    """Encryption or decryption did not reach a good end; what was written so far is worth nothing."""


@dataclasses.dataclass(frozen=True)
class Key:
    """One amcrypt key, unlocked: `text` is the 65 lines that aespipe takes, `sha256` names it without telling it."""

    key_id: str
    text: bytes
    sha256: str


@dataclasses.dataclass
class Counted:
    """How many bytes went by and their sha256."""

    bytes: int = 0
    hash: "hashlib._Hash" = dataclasses.field(default_factory=hashlib.sha256)

    def update(self, chunk):
        self.bytes += len(chunk)
        self.hash.update(chunk)

    @property
    def sha256(self):
        return self.hash.hexdigest()


def load_key(key_id, folder):
    """Unlock FOLDER/KEYID/{am_passphrase,am_key.gpg}; a CryptError says which part is missing or wrong."""
    if not KEY_ID.fullmatch(key_id):
        raise CryptError(f"key id {key_id!r} is not a name of letters, digits, dots, dashes and underscores")
    place = pathlib.Path(folder, key_id)
    try:
        passphrase = (place / "am_passphrase").read_bytes()
        locked = (place / "am_key.gpg").read_bytes()
    except OSError as error:
        raise CryptError(f"key {key_id} cannot be read: {error.strerror}: {error.filename}") from None
    text = unlock(key_id, passphrase, locked)
    lines = text.split(b"\n")
    if len(lines) != 66 or lines[65] != b"" or min(len(line) for line in lines[:65]) < 20:
        raise CryptError(f"key {key_id}: am_key.gpg does not hold 65 lines of at least 20 characters")
    return Key(key_id, text, hashlib.sha256(b"amanda-backup key\n" + text).hexdigest())


def unlock(key_id, passphrase, locked):
    """The text inside am_key.gpg; passphrase and text travel by pipes only."""
    with memory_file(passphrase) as handle:
        try:
            done = subprocess.run(
                ["gpg", "--homedir", "/nonexistent", "--no-keyring", "--no-options", "--quiet", "--batch", "--no-tty",
                 "--no-autostart", "--pinentry-mode", "loopback", "--passphrase-fd", str(handle.fileno()), "--decrypt"],
                input=locked, capture_output=True, pass_fds=(handle.fileno(),), check=False,
            )
        except OSError as error:
            raise CryptError(f"gpg cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise CryptError(f"key {key_id}: gpg does not open am_key.gpg with am_passphrase: {words[-1]}")
    return done.stdout


def memory_file(content):
    """A nameless file, only in memory, at its start: how a secret reaches a child."""
    handle = os.fdopen(os.memfd_create("amanda-backup"), "w+b")
    handle.write(content)
    handle.flush()
    handle.seek(0)
    return handle


def header():
    """A header for a new stream. The iterations are 0: aespipe ignores them, and the seed, in its multi-key mode."""
    return MAGIC + b"0" * 10 + b"20" + base64.b64encode(os.urandom(18))


def parse_header(data):
    """aespipe's options for this header, stock amcrypt's or ours."""
    if len(data) != HEADER_BYTES or not data.startswith(MAGIC):
        raise CryptError("the stream does not start with amcrypt's header")
    text = data.decode("latin-1")
    cipher, digest = CIPHERS.get(text[20]), HASHES.get(text[21])
    iterations = re.sub(r"\D", "", text[10:20]) or "0"
    seed = re.sub(r"[^0-9A-Za-z+/]", "", text[22:])
    if cipher is None or digest is None:
        raise CryptError("amcrypt's header names an unknown cipher or hash")
    return ["-e", cipher, "-H", digest, "-S", seed, "-C", iterations]


def pump(key, options, chunks, consume):
    """Send `chunks` through aespipe and give what comes out to `consume`, both in step.

    `chunks` is an iterator that runs in a thread of its own. Every trouble on either side is a CryptError.
    """
    trouble = []
    with memory_file(key.text) as handle:
        try:
            pipe = subprocess.Popen(
                ["aespipe", "-p", str(handle.fileno()), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, pass_fds=(handle.fileno(),), bufsize=0, pipesize=CHUNK_BYTES,
            )
        except OSError as error:
            raise CryptError(f"aespipe cannot be started: {error.strerror}") from None

    def feed():
        try:
            with pipe.stdin:
                for chunk in chunks:
                    write_all(pipe.stdin.fileno(), chunk)
        except BrokenPipeError as error:
            # aespipe is gone or going: its own status and words say more.
            trouble.append(error)
        except Exception as error:
            trouble.append(error)
            pipe.kill()

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        while chunk := os.read(pipe.stdout.fileno(), CHUNK_BYTES):
            consume(chunk)
    except BaseException:
        pipe.kill()
        raise
    finally:
        pipe.stdout.close()
        words = pipe.stderr.read().decode(errors="replace").strip()
        pipe.stderr.close()
        status = pipe.wait()
    feeder.join()
    if trouble and not isinstance(trouble[0], BrokenPipeError):
        raise trouble[0] if isinstance(trouble[0], CryptError) else CryptError(f"reading the input: {trouble[0]}")
    if status != 0 or trouble:
        raise CryptError(f"aespipe ended with status {status}: {words or 'no message'}")


def write_all(handle, data):
    """os.write until everything is out."""
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view):]


def encrypt(key, read, write):
    """Encrypt what `read()` gives until it gives b"", hand the whole stream to `write(chunk)`.

    Returns (plain, cipher), both Counted. Raises CryptError unless every byte went through: the length of the output
    is checked, and its first sector is decrypted again and compared.
    """
    plain, cipher = Counted(), Counted()
    first_plain, first_cipher = bytearray(), bytearray()

    def source():
        while chunk := read():
            plain.update(chunk)
            if len(first_plain) < SECTOR_BYTES:
                first_plain.extend(chunk[: SECTOR_BYTES - len(first_plain)])
            yield chunk
        if plain.bytes == 0:
            raise CryptError("there was nothing to encrypt")

    def sink(chunk):
        cipher.update(chunk)
        if len(first_cipher) < SECTOR_BYTES:
            first_cipher.extend(chunk[: SECTOR_BYTES - len(first_cipher)])
        write(chunk)

    head = header()
    options = parse_header(head)
    cipher.update(head)
    write(head)
    pump(key, options, source(), sink)
    expected = HEADER_BYTES + -(-plain.bytes // SECTOR_BYTES) * SECTOR_BYTES
    if cipher.bytes != expected:
        raise CryptError(f"aespipe wrote {cipher.bytes} bytes instead of {expected}")
    check = bytearray()
    pump(key, [*options, "-d"], iter([bytes(first_cipher)]), check.extend)
    if bytes(check) != bytes(first_plain).ljust(SECTOR_BYTES, b"\0") or first_cipher[:len(first_plain)] == first_plain:
        raise CryptError("the first sector does not decrypt to what was encrypted")
    return plain, cipher


def decrypt(key, chunks, consume):
    """Decrypt the iterator `chunks` (header first); plaintext and up to 511 zero bytes of padding go to `consume`."""
    chunks = iter(chunks)
    head = b""
    while len(head) < HEADER_BYTES:
        try:
            head += next(chunks)
        except StopIteration:
            break
    options = parse_header(head[:HEADER_BYTES])

    def rest():
        yield head[HEADER_BYTES:]
        yield from chunks

    pump(key, [*options, "-d"], rest(), consume)
