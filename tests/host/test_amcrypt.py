"""amcrypt against stock amcrypt and real amdump: readable by the stock program, and failing closed."""

import hashlib
import json
import unittest

from tests.host.server_sandbox import DATA, SandboxCase, library_path

PROGRAM = f"{library_path()}/amcrypt-2026a"
KEYS = "/etc/amanda-backup/keys/2026a"
LEDGER = f"{DATA}/ledger/crypt.jsonl"


class AmcryptTest(SandboxCase):
    options = {"mirror": False}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.box.python("from amanda_backup import ledger; ledger.prepare(settings)")
        cls.box.sh(f"""
            install -d -o backup /var/backups /var/backups/.gnupg
            install -o backup -m 400 {KEYS}/am_passphrase /var/backups/.am_passphrase
            install -o backup -m 400 {KEYS}/am_key.gpg /var/backups/.gnupg/am_key.gpg
            head -c 3000001 /dev/urandom > /srv/plain; chmod 644 /srv/plain; install -d -o backup /srv/work
        """)
        cls.plain = cls.box.path("/srv/plain").read_bytes()

    def lines(self):
        return [json.loads(line) for line in self.box.path(LEDGER).read_text().splitlines()]

    def as_backup(self, script, **options):
        return self.box.sh(script, user="backup", check=False, **options)

    def refused(self, script, words):
        """The script ends with amcrypt's status 1 and these words, and nothing is added to the ledger."""
        before = self.lines()
        done = self.as_backup(script)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.lines(), before)

    def test_stock_amcrypt_reads_what_ours_wrote(self):
        done = self.as_backup(f"{PROGRAM} < /srv/plain > /srv/work/ours; amcrypt -d < /srv/work/ours > /srv/work/back")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # AES-256, SHA-256, as stock amcrypt writes it.
        self.assertEqual(self.box.path("/srv/work/ours").read_bytes()[:22], b"bz2aespipe000000000020")
        back = self.box.path("/srv/work/back").read_bytes()
        self.assertEqual(back[: len(self.plain)], self.plain)
        self.assertEqual(back[len(self.plain):], bytes(-len(self.plain) % 512))

    def test_ours_reads_what_stock_amcrypt_wrote(self):
        done = self.as_backup(f"amcrypt < /srv/plain > /srv/work/stock; {PROGRAM} -d < /srv/work/stock > /srv/work/back2")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.box.path("/srv/work/back2").read_bytes()[: len(self.plain)], self.plain)

    def test_one_line_in_the_ledger_says_what_went_by(self):
        before = len(self.lines())
        self.as_backup(f"{PROGRAM} < /srv/plain > /srv/work/counted")
        cipher = self.box.path("/srv/work/counted").read_bytes()
        self.assertEqual(len(self.lines()), before + 1)
        line = self.lines()[-1]
        self.assertEqual(line["plainBytes"], len(self.plain))
        self.assertEqual(line["plainSha256"], hashlib.sha256(self.plain).hexdigest())
        self.assertEqual(line["cipherBytes"], len(cipher))
        self.assertEqual(line["cipherSha256"], hashlib.sha256(cipher).hexdigest())
        self.assertEqual(line["keyId"], "2026a")

    def test_nothing_secret_in_argv_ledger_or_messages(self):
        text = self.box.sh(f"gpg --homedir /nonexistent --no-keyring --batch --quiet --no-tty --no-autostart"
                           f" --pinentry-mode loopback --passphrase-file {KEYS}/am_passphrase -d {KEYS}/am_key.gpg").stdout
        secrets = [self.box.path(f"{KEYS}/am_passphrase").read_text().strip(), *text.split()]
        # Everything that runs meanwhile: the program, gpg and aespipe.
        done = self.as_backup(f"""
            (head -c 1000000 /srv/plain; sleep 0.7) | {PROGRAM} > /dev/null &
            for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '; sleep 0.03; done
            wait
        """)
        self.assertIn("aespipe", done.stdout)
        seen = done.stdout + done.stderr + self.box.path(LEDGER).read_text()
        self.assertEqual([secret[:6] + "…" for secret in secrets if secret in seen], [])

    def test_missing_passphrase(self):
        self.box.sh(f"mv {KEYS}/am_passphrase {KEYS}/away")
        self.addCleanup(self.box.sh, f"mv {KEYS}/away {KEYS}/am_passphrase")
        self.refused(f"echo x | {PROGRAM}", "cannot be read: No such file or directory")

    def test_unreadable_key(self):
        self.box.sh(f"chown root {KEYS}/am_key.gpg")
        self.addCleanup(self.box.sh, f"chown backup {KEYS}/am_key.gpg")
        self.refused(f"echo x | {PROGRAM}", "cannot be read: Permission denied")

    def test_key_with_too_few_lines(self):
        self.box.sh(f"cp -a {KEYS}/am_key.gpg {KEYS}/away; rm {KEYS}/am_key.gpg; seq 100000000000000000001 100000000000000000064 |"
                    f" gpg --homedir /run/lock --batch --no-tty --no-autostart --s2k-count 65536 --pinentry-mode loopback --quiet"
                    f" --passphrase-file {KEYS}/am_passphrase --symmetric -a -o {KEYS}/am_key.gpg; chown backup {KEYS}/am_key.gpg")
        self.addCleanup(self.box.sh, f"mv -f {KEYS}/away {KEYS}/am_key.gpg")
        self.refused(f"echo x | {PROGRAM}", "does not hold 65 lines")

    def test_another_key_under_the_same_id(self):
        self.box.python("from amanda_backup import crypt, ledger\n"
                        "ledger.record_key(ledger.folder(settings), crypt.load_key('2026a', '/etc/amanda-backup/keys'), 'backup')")
        self.box.sh(f"mv {KEYS} {KEYS}.away")
        self.addCleanup(self.box.sh, f"rm -rf {KEYS}; mv {KEYS}.away {KEYS}; rm {DATA}/ledger/key-2026a.sha256")
        self.box.make_key("2026a")
        self.refused(f"echo x | {PROGRAM}", "is not the key that earlier dumps were made with")

    def test_output_that_cannot_be_written(self):
        self.refused(f"{PROGRAM} < /srv/plain > /dev/full", "No space left")

    def test_nothing_to_encrypt(self):
        self.refused(f"{PROGRAM} < /dev/null", "nothing to encrypt")

    def test_an_aespipe_that_does_its_work_badly(self):
        self.assertEqual(-len(self.plain) % 512, 319)
        self.box.sh("mkdir /srv/bin")
        self.addCleanup(self.box.sh, "rm -r /srv/bin")
        for what, script, words in (
            ("stops reading", "exec 0<&-; head -c 2000 /dev/zero", "aespipe ended with status 0"),
            ("ends with an error after the whole output", '/usr/bin/aespipe "$@"; exit 3', "aespipe ended with status 3"),
            ("writes less than it should", "cat > /dev/null; head -c 2000 /dev/zero", "aespipe wrote 2046 bytes instead of"),
            ("passes everything through", "cat; case $* in *-d) ;; *) head -c 319 /dev/zero; esac", "first sector does not decrypt"),
            ("writes what cannot be decrypted",
             "(cat; case $* in *-d) ;; *) head -c 319 /dev/zero; esac) | LC_ALL=C tr '\\000-\\377' '\\001-\\377\\000'",
             "first sector does not decrypt"),
        ):
            with self.subTest(what):
                self.box.path("/srv/bin/aespipe").write_text(f"#!/bin/sh\n{script}\n")
                self.box.sh("chmod -R 755 /srv/bin")
                self.refused(f"PATH=/srv/bin:$PATH {PROGRAM} < /srv/plain > /dev/null", words)

    def test_ledger_that_cannot_be_written(self):
        self.box.sh(f"chown root {LEDGER}; chmod 600 {LEDGER}")
        self.addCleanup(self.box.sh, f"chown backup {LEDGER}; chmod 640 {LEDGER}")
        before = self.lines()
        self.assertEqual(self.as_backup(f"{PROGRAM} < /srv/plain > /dev/null").returncode, 1)
        self.assertEqual(self.lines(), before)

    def test_decryption_of_something_else(self):
        self.refused(f"{PROGRAM} -d < /srv/plain", "does not start with amcrypt's header")

    def test_call_without_key_id(self):
        done = self.as_backup(f"{library_path()}/amcrypt < /srv/plain")
        self.assertEqual(done.returncode, 2)
        self.assertIn("amcrypt-KEYID", done.stderr)

    def test_amdump_reports_a_small_and_a_large_dump_as_failed_without_the_key(self):
        self.box.sh("mkdir -p /srv/src/small /srv/src/large; echo x > /srv/src/small/x; head -c 5M /dev/urandom > /srv/src/large/x")
        self.box.disklist("daily", ("/srv/src/small", "/srv/src/small"), ("/srv/src/large", "/srv/src/large"))
        self.box.sh(f"mv {KEYS}/am_key.gpg {KEYS}/away")
        self.addCleanup(self.box.sh, f"mv {KEYS}/away {KEYS}/am_key.gpg")
        self.assertEqual(self.box.run("amdump", "daily", user="backup", check=False).returncode, 4)
        log = self.box.sh(f"cat {DATA}/catalogue/daily/log/log.*.0").stdout
        for disk in ("/srv/src/small", "/srv/src/large"):
            self.assertIn(f"FAIL dumper localhost {disk} ", log)
            self.assertNotIn(f"SUCCESS dumper localhost {disk} ", log)


if __name__ == "__main__":
    unittest.main()
