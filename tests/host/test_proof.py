"""Proof on vtapes made here, byte by byte: each way in which a dump can be wrong has its reason."""

import gzip
import os
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "host"))

from amanda_backup import crypt, dumps, proof, runlog  # noqa: E402

KEY = crypt.Key("k1", b"".join(b"%060d\n" % number for number in range(65)), "5" * 64)
STAMP = "20261124020000"
HOSTILE = 'od d/näme "q" \\b'


def header(part=1, parts=-1, stamp=STAMP, disk=HOSTILE, level=0, compress=".gz", encrypt="/usr/local/lib/amanda-backup/amcrypt-k1", original=0, plain=0, kilobytes=None):
    quoted = '"' + disk.replace("\\", "\\\\").replace('"', '\\"') + '"'
    facts = [f"ORIGSIZE={original // 1024 if kilobytes is None else kilobytes}"]
    if kilobytes is None:
        facts += [f"NATIVE-CRC=01234567:{original}", f"CLIENT-CRC=01234567:{plain}"]
    return ("\n".join([
        f"AMANDA: SPLIT_FILE {stamp} web1 {quoted}  part {part}/{parts}  lev {level} comp {compress} program APPLICATION crypt enc"
        f" server_encrypt {encrypt} server_decrypt_option -d",
        "APPLICATION=amgtar", *facts, "DLE=<<ENDDLE", "<dle>", "</dle>", "ENDDLE", "\f"])).encode().ljust(32768, b"\0")


class Proof(unittest.TestCase):
    def setUp(self):
        self.data = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.settings = {"dataPath": str(self.data)}
        for slot in (1, 2):
            place = self.data / f"vtapes/daily/slot{slot}"
            place.mkdir(parents=True)
            (place / f"00000.daily-00{slot}").write_bytes(
                f"AMANDA: TAPESTART DATE {STAMP} TAPE daily-00{slot}\n\f\n".encode().ljust(32768, b"\0"))
        self.enterContext(unittest.mock.patch.object(proof, "load_key", lambda key_id, folder: KEY))
        # A tar stream of Amanda's is whole kilobytes.
        self.original = os.urandom(100 * 1024)

    def encrypted(self, plain):
        """The ciphertext of `plain` and amcrypt's line about it."""
        out = bytearray()
        source = iter([plain, b""])
        counted, cipher = crypt.encrypt(KEY, lambda: next(source), out.extend)
        self.line = {"keySha256": KEY.sha256, "plainBytes": counted.bytes, "plainSha256": counted.sha256,
                     "cipherBytes": cipher.bytes, "cipherSha256": cipher.sha256}
        return bytes(out)

    def put(self, slot, number, head, body):
        (self.data / f"vtapes/daily/slot{slot}/{number:05d}.web1.od d_näme.0").write_bytes(head + body)

    def prove(self, seen=None, original=None, labels=("daily-001", "daily-002")):
        found = dumps.on_vtapes(self.settings, "daily", STAMP, labels)
        self.assertEqual(len(found), 1)
        return proof.prove(found[0], {self.line["cipherSha256"]: self.line} if seen is None else seen, original)

    def whole(self, **more):
        plain = gzip.compress(self.original)
        cipher = self.encrypted(plain)
        self.put(1, 1, header(**{"original": len(self.original), "plain": len(plain), **more}), cipher)
        return plain, cipher

    def assert_unproved(self, words, **options):
        record = self.prove(**options)
        self.assertFalse(record["proved"])
        self.assertIn(words, record["reason"])

    def test_a_whole_dump(self):
        plain, cipher = self.whole()
        record = self.prove()
        self.assertNotIn("reason", record)
        self.assertEqual(
            (record["proved"], record["host"], record["disk"], record["stamp"], record["level"], record["keyId"]),
            (True, "web1", HOSTILE, STAMP, 0, "k1"))
        self.assertEqual((record["originalBytes"], record["plainBytes"], record["cipherBytes"]),
                         (len(self.original), len(plain), len(cipher)))
        self.assertEqual(record["parts"][0]["vtape"], f"daily-001@{STAMP}")

    def test_a_dump_without_compression(self):
        cipher = self.encrypted(self.original)
        self.put(1, 1, header(compress="N", original=len(self.original), plain=len(self.original)), cipher)
        self.assertTrue(self.prove()["proved"])

    def test_parts_over_two_vtapes_in_the_order_of_writing(self):
        plain, cipher = self.whole()
        facts = {"original": len(self.original), "plain": len(plain)}
        self.put(1, 1, header(2, **facts), cipher[40_000:])
        self.put(2, 1, header(1, **facts), cipher[:40_000])
        self.assertTrue(self.prove(labels=("daily-002", "daily-001"))["proved"])

    def test_a_part_that_the_end_of_a_vtape_cut_off(self):
        """Amanda writes it anew on the next vtape; the cut one does not count."""
        plain, cipher = self.whole()
        facts = {"original": len(self.original), "plain": len(plain)}
        self.put(1, 1, header(1, **facts), cipher[:20_000])
        self.put(1, 2, header(2, **facts), cipher[20_000:30_000])
        self.put(2, 1, header(2, **facts), cipher[20_000:])
        record = self.prove()
        self.assertTrue(record["proved"], record)
        self.assertEqual([part["vtape"][:9] for part in record["parts"]], ["daily-001", "daily-002"])

    def test_a_dump_that_was_begun_again_from_its_start(self):
        plain, cipher = self.whole()
        facts = {"original": len(self.original), "plain": len(plain)}
        self.put(1, 1, header(1, **facts), b"x" * 1000)
        self.put(1, 2, header(2, **facts), b"y" * 1000)
        self.put(2, 1, header(1, **facts), cipher)
        self.assertTrue(self.prove()["proved"])

    def test_a_missing_part(self):
        plain, cipher = self.whole()
        self.put(1, 1, header(2, original=len(self.original), plain=len(plain)), cipher)
        self.assert_unproved("only its parts [2] are on the vtapes")

    def test_a_changed_byte_in_the_body(self):
        _, cipher = self.whole()
        path = next(self.data.glob("vtapes/daily/slot1/00001.*"))
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        self.assert_unproved("amcrypt never finished a stream")

    def test_a_cut_off_body(self):
        plain, cipher = self.whole()
        self.put(1, 1, header(original=len(self.original), plain=len(plain)), cipher[:-512])
        self.assert_unproved("amcrypt never finished a stream")

    def test_only_a_header(self):
        self.whole()
        self.put(1, 1, header(original=len(self.original)), b"")
        self.assert_unproved("does not start with amcrypt's header")

    def test_a_link_instead_of_a_vtape_file(self):
        self.whole()
        path = next(self.data.glob("vtapes/daily/slot1/00001.*"))
        path.rename(self.data / "elsewhere")
        path.symlink_to(self.data / "elsewhere")
        self.assertEqual(dumps.on_vtapes(self.settings, "daily", STAMP), [])

    def test_amcrypt_did_not_reach_its_end(self):
        self.whole()
        self.assert_unproved("amcrypt never finished a stream", seen={})

    def test_amcrypt_was_given_something_else(self):
        self.whole()
        self.line["plainSha256"] = "0" * 64
        self.assert_unproved("decrypts to something else than what amcrypt was given")

    def test_another_length_than_amcrypt_was_given(self):
        for wrong in (-1, -600, 1, 600):
            plain, _ = self.whole()
            self.line["plainBytes"] += wrong
            with self.subTest(wrong):
                self.assertFalse(self.prove()["proved"])

    def test_amanda_sent_more_than_arrived(self):
        plain = gzip.compress(self.original)
        self.whole(plain=len(plain) + 10)
        self.assert_unproved(f"Amanda sent {len(plain) + 10} bytes to amcrypt, {len(plain)} arrived")

    def test_another_original_size(self):
        self.whole(original=len(self.original) + 1024)
        self.assert_unproved(f"unpacks to {len(self.original)} bytes instead of {len(self.original) + 1024}")

    def test_size_in_kilobytes_only(self):
        self.whole(kilobytes=100)
        self.assertTrue(self.prove()["proved"])
        self.whole(kilobytes=99)
        self.assert_unproved("bytes instead of")

    def test_a_header_without_sizes_needs_the_log(self):
        self.whole(kilobytes=0)
        self.assert_unproved("neither its header nor Amanda's log")
        self.assertTrue(self.prove(original=len(self.original))["proved"])
        self.assert_unproved("bytes instead of", original=5)

    def test_a_gzip_stream_that_is_cut_off_before_encryption(self):
        plain = gzip.compress(self.original)[:-20]
        cipher = self.encrypted(plain)
        self.put(1, 1, header(original=len(self.original), plain=len(plain)), cipher)
        self.assert_unproved("gzip stream is cut off")

    def test_a_gzip_stream_that_is_damaged(self):
        plain = bytearray(gzip.compress(self.original))
        plain[5000] ^= 255
        cipher = self.encrypted(bytes(plain))
        self.put(1, 1, header(original=len(self.original), plain=len(plain)), cipher)
        self.assertFalse(self.prove()["proved"])

    def test_an_unknown_compression(self):
        self.whole(compress=".zst")
        self.assert_unproved("its compression '.zst' is not known here")

    def test_another_program_encrypted_it(self):
        self.whole(encrypt="/usr/sbin/amcrypt")
        self.assert_unproved("it was not encrypted by amcrypt-KEYID but by /usr/sbin/amcrypt")


class Log(unittest.TestCase):
    """Amanda's log, with names as it quotes them."""

    LINES = f'''START planner date {STAMP}
DISK planner web1 /srv
DISK planner web1 "od d/näme \\"q\\" \\\\b"
DISK planner web2 /srv
FAIL planner web2 /srv {STAMP} 0 [Request to web2 failed: ssh: connect: [No route]]
FAIL dumper web1 /srv {STAMP} 1 [data timeout]
START taper datestamp {STAMP} "ST:daily" "POOL:daily" label daily-007 tape 1
SUCCESS dumper web1 "od d/näme \\"q\\" \\\\b" {STAMP} 0 17e7ffdf:1269760 3add14ae:653531 [sec 1.066 kb 638 kps 598.1 orig-kb 1240]
START taper datestamp {STAMP} "ST:daily" "POOL:daily" label daily-002 tape 2
FINISH driver date 20261124020000 time 10.511
'''

    def test_it(self):
        log = runlog.RunLog(STAMP)
        for line in self.LINES.splitlines():
            self.assertFalse(log.finished)
            runlog.take(log, line)
        self.assertTrue(log.finished)
        self.assertEqual(log.planned, {("web1", "/srv"), ("web1", HOSTILE), ("web2", "/srv")})
        self.assertEqual(log.attempted, {("web1", "/srv"), ("web1", HOSTILE)})
        self.assertEqual(log.labels, ["daily-007", "daily-002"])
        self.assertEqual(log.originals, {("web1", HOSTILE, STAMP): 1269760})
        self.assertEqual(dict(log.failures), {
            ("web2", "/srv"): ["Request to web2 failed: ssh: connect: [No route]"], ("web1", "/srv"): ["data timeout"]})


if __name__ == "__main__":
    unittest.main()
