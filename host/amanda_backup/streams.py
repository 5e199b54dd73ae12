"""What comes out of decryption: plaintext without padding, and the archive in it without compression."""

import zlib

from amanda_backup import crypt


class Unpack:
    """Takes decrypted chunks, counts the plaintext without aespipe's padding and the bytes before compression.

    compress: the suffix in the dump's header. sink: gets the uncompressed bytes, as they come.
    """

    def __init__(self, compress, sink=None):
        self.unknown = None if compress in ("N", "", ".gz") else compress
        self.gzip = zlib.decompressobj(wbits=31) if compress == ".gz" else None
        self.sink = sink or (lambda data: None)
        self.plain = crypt.Counted()
        self.original = 0
        self.held = b""

    def take(self, chunk):
        """All but the last sector can be counted: the padding is shorter than that."""
        if self.unknown:
            raise crypt.CryptError(f"its compression {self.unknown!r} is not known here")
        data = self.held + chunk
        self.held = data[-crypt.SECTOR_BYTES:]
        self.count(data[:-crypt.SECTOR_BYTES])

    def finish(self, plain_bytes):
        """The end of the stream; what is behind `plain_bytes` must be zeros."""
        rest = plain_bytes - self.plain.bytes
        if rest < 0 or rest > len(self.held) or self.held[rest:].strip(b"\0"):
            raise crypt.CryptError(f"it does not decrypt to {plain_bytes} bytes and padding")
        self.count(self.held[:rest])
        if self.gzip and not self.gzip.eof:
            raise crypt.CryptError("its gzip stream is cut off")

    def count(self, data):
        self.plain.update(data)
        if self.gzip is None:
            self.give(data)
        while self.gzip and data:
            if self.gzip.eof:
                self.gzip = zlib.decompressobj(wbits=31)
            try:
                self.give(self.gzip.decompress(data))
            except zlib.error as error:
                raise crypt.CryptError(f"its gzip stream is damaged: {error}") from None
            data = self.gzip.unused_data

    def give(self, data):
        self.original += len(data)
        self.sink(data)
