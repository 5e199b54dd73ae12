"""Restore from the mirror and the recovery kit alone; started by recover.sh, which checked that the tools are there.

Exit status: 0 everything asked for was restored, 1 something was not, 2 wrong usage.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import sys
import time

from amanda_backup import crypt, manifest, restoring

STATE = ".amanda-backup-recover.json"


class Refusal(Exception):
    """A condition that a person must cure, as one sentence."""


def main(argv):
    options = parse(argv)
    try:
        return listing(options) if options.list else restore(options)
    except (Refusal, crypt.CryptError) as refusal:
        print(f"recover.sh: {refusal}", file=sys.stderr)
        return 1


def parse(argv):
    parser = argparse.ArgumentParser(prog="recover.sh", description="Restore directories from the mirror, level by level.",
                                     epilog="Exit status: 0 all was restored, 1 something was not, 2 wrong usage.")
    parser.add_argument("--kit", required=True, type=pathlib.Path, help="folder of the unpacked recovery kit")
    parser.add_argument("--mirror", required=True, type=pathlib.Path, help="the mirror (the folder with MIRROR.json)")
    parser.add_argument("--to", type=pathlib.Path, help="folder to restore into, as TO/HOST/DISK; made when missing")
    parser.add_argument("--list", action="store_true", help="only show what can be restored")
    parser.add_argument("--only", action="append", metavar="HOST:DISK", help="only this directory; may be repeated")
    parser.add_argument("--set", help="only this set (default: all)")
    parser.add_argument("--date", type=stamp_limit, metavar="DATE",
                        help="as it was at this time: YYYY-MM-DD, YYYY-MM-DDTHH:MM or the 14 digits of a run")
    parser.add_argument("--force", action="store_true", help="go on with a mirror that is not what the server signed")
    options = parser.parse_args(argv)
    if not options.list and options.to is None:
        parser.error("--to is missing (or --list)")
    return options


def stamp_limit(text):
    """The last stamp that a date includes."""
    digits = re.sub(r"[-:T ]", "", text)
    if not re.fullmatch(r"[0-9]{8}([0-9]{2}){0,3}", digits):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 2026-11-24 or 2026-11-24T18:30")
    return digits + "99999999999999"[len(digits):]


def generations(options):
    """One generation for each set: the newest, or the newest that is not after --date."""
    base = options.mirror / "generations"
    if not base.is_dir():
        raise Refusal(f"{options.mirror} is no mirror: it has no folder generations")
    names = sorted(path.name for path in base.iterdir() if path.is_dir() and options.set in (None, path.name))
    found = []
    for name in names:
        stamps = sorted(path.name for path in (base / name).iterdir() if manifest.RUN.fullmatch(path.name))
        fitting = [stamp for stamp in stamps if options.date is None or stamp <= options.date]
        if fitting:
            found.append(generation(options, name, fitting[-1]))
    if not found:
        raise Refusal(f"{base} has no generation" + (" that is old enough" if options.date else "")
                      + (f" of the set {options.set}" if options.set else ""))
    return found


def generation(options, name, stamp):
    place = options.mirror / "generations" / name / stamp
    try:
        data, signature = ((place / file).read_bytes() for file in manifest.FILES)
        signers = (options.kit / "allowed_signers").read_text(encoding="utf-8")
    except OSError as error:
        raise Refusal(f"{error.filename}: {error.strerror}") from None
    try:
        found = manifest.verify(data, signature, signers)
        if (found["set"], found["run"]) != (name, stamp):
            raise manifest.Untrusted(f"it is the manifest of {found['set']} {found['run']}")
        return found
    except manifest.Untrusted as untrusted:
        if not options.force:
            raise Refusal(
                f"{place / 'manifest.json'}: {untrusted}; nothing was restored (--date takes an older generation, --force"
                " goes on regardless)") from None
        print(f"recover.sh: warning: {place / 'manifest.json'}: {untrusted}", file=sys.stderr)
        return manifest.parse(data)


def chains(found, limit):
    """(host, disk) -> its dumps to restore, lowest level first, or None when no chain of them is whole.

    A directory that is not in the disklist any more is there as long as a chain of it is.
    """
    by_entry = {tuple(entry): [] for entry in found["entries"]}
    for dump in found["dumps"]:
        by_entry.setdefault((dump["host"], dump["disk"]), []).append(dump)
    result = {}
    for entry, dumps in by_entry.items():
        by_stamp = {dump["stamp"]: dump for dump in dumps}
        fitting = sorted(stamp for stamp in by_stamp if limit is None or stamp <= limit)
        chain = next((chain for stamp in reversed(fitting) if (chain := chain_of(by_stamp, stamp))), None)
        if chain or list(entry) in found["entries"]:
            result[entry] = chain
    return dict(sorted(result.items()))


def passed_over(found, entry, chain, limit):
    """The stamps of proved dumps that are newer than the end of the chain but lack their base."""
    return sorted(
        dump["stamp"] for dump in found["dumps"] if (dump["host"], dump["disk"]) == entry and chain
        and dump["stamp"] > chain[-1]["stamp"] and (limit is None or dump["stamp"] <= limit))


def sharing(base, found):
    """(host, disk) -> the one before it that would be restored into the same folder, such as /srv before srv."""
    places, result = {}, {}
    for entry in found:
        first = places.setdefault(restoring.target(base, *entry), entry)
        if first != entry:
            result[entry] = first
    return result


def newest(chosen, limit):
    """(host, disk) -> (generation, dumps), from the set with the newest dump where several sets have the directory."""
    best = {}
    for found in chosen:
        for entry, chain in chains(found, limit).items():
            there = best.get(entry, (None, None))[1]
            if entry not in best or (chain and (there is None or chain[-1]["stamp"] > there[-1]["stamp"])):
                best[entry] = (found, chain)
    return dict(sorted(best.items()))


def chain_of(by_stamp, stamp):
    """The dumps from level 0 to this one, None when one of them is missing."""
    chain = [by_stamp[stamp]]
    while chain[0]["level"] > 0:
        below = by_stamp.get(chain[0]["base"])
        if below is None or below["level"] >= chain[0]["level"]:
            return None
        chain.insert(0, below)
    return chain


def listing(options):
    rows = [("SET", "HOST", "DISK", "DATE", "LEVELS", "MB")]
    for found in generations(options):
        for (host, disk), chain in chains(found, options.date).items():
            rows.append((found["set"], host, disk, *told(chain)))
    table(rows)
    return 0


def told(chain):
    if chain is None:
        return "-", "no proved dump", "-"
    size = sum(dump["originalBytes"] for dump in chain)
    return date(chain[-1]["stamp"]), "+".join(str(dump["level"]) for dump in chain), f"{size / 1e6:.1f}"


def date(stamp):
    return f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]} {stamp[8:10]}:{stamp[10:12]}"


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        print(printable("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]])))


def printable(text):
    """Names that are not UTF-8 must not stop the output."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def restore(options):
    if os.geteuid() != 0:
        raise Refusal("only root can give files back to their owners: run it as root")
    options.to.mkdir(parents=True, exist_ok=True)
    options.to = options.to.resolve()
    state = State(options.to)
    rows, failed = [("HOST", "DISK", "DATE", "LEVELS", "MB", "SECONDS", "RESULT")], False
    keys, hashes, redone = {}, {}, []
    chosen = generations(options)
    for found in chosen:
        hashes |= plain_hashes(check_catalogue(options, found, keys))
    wanted = newest(chosen, options.date)
    names = {f"{host}:{disk}" for host, disk in wanted}
    wanted = {entry: found for entry, found in wanted.items() if not options.only or ":".join(entry) in options.only}
    shared = sharing(options.to, [*state.known(), *wanted])
    for (host, disk), (found, chain) in wanted.items():
        print(printable(f"restoring {host} {disk}"), file=sys.stderr, flush=True)
        started = time.monotonic()
        for dump in chain or []:
            dump["plainSha256"] = hashes.get(dump["cipherSha256"])
        if (host, disk) in shared:
            result = "FAILED: its folder is that of {}:{}: restore it alone into another --to".format(*shared[host, disk])
        else:
            result = one(options, found, (host, disk), chain, state, keys, redone)
        for stamp in passed_over(found, (host, disk), chain, options.date):
            print(f"recover.sh: {host}:{disk}: the dump of {date(stamp)} lacks its base: an older one was taken", file=sys.stderr)
            failed = True
        failed |= result not in ("restored", "restored before")
        rows.append((host, disk, *told(chain), f"{time.monotonic() - started:.1f}", result))
    table(rows)
    for name in sorted(set(options.only or []) - names):
        print(f"recover.sh: {name} is not in the mirror; --list shows what is", file=sys.stderr)
        failed = True
    return int(failed)


def check_catalogue(options, found, keys):
    """Unpack the catalogue of this generation, which shows before anything is restored that the kit's key is right."""
    path = options.mirror / "generations" / found["set"] / found["run"] / manifest.CATALOGUE
    counted, facts = crypt.Counted(), found["catalogue"]
    try:
        keys[facts["keyId"]] = crypt.load_key(facts["keyId"], options.kit / "keys")
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(crypt.CHUNK_BYTES):
                counted.update(chunk)
        if counted.sha256 != facts["sha256"]:
            raise crypt.CryptError(f"{path} is not the file that the server signed")
        # No host's name starts with a dot.
        folder = options.to / ".catalogue" / f"{found['set']}-{found['run']}"
        if not folder.exists():
            restoring.unpack_catalogue(keys[facts["keyId"]], path, folder)
        print(f"the catalogue, with the index of every file, is in {folder}", file=sys.stderr)
        return folder
    except (crypt.CryptError, OSError, restoring.Failed) as error:
        if not options.force:
            raise Refusal(f"{error}; nothing of {found['set']} was restored") from None
        print(f"recover.sh: warning: {error}", file=sys.stderr)
        return None


def plain_hashes(catalogue):
    """cipherSha256 -> plainSha256 of every dump, from the ledger in the unpacked catalogue."""
    found = {}
    for path in catalogue.rglob("ledger/*.jsonl") if catalogue else []:
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError, AttributeError):
                record = json.loads(line)
                if record.get("plainSha256"):
                    found[record["cipherSha256"]] = record["plainSha256"]
    return found


def one(options, found, entry, chain, state, keys, redone):
    """Restore one directory; returns what to say about it.

    redone: the folders that this call restored; what is below one of them has to be restored again.
    """
    place = restoring.target(options.to, *entry)
    if chain is None:
        return "FAILED: the generation holds no proved dump of it"
    identity = [dump["cipherSha256"] for dump in chain]
    inside = any(place.is_relative_to(above) for above in redone)
    if state.of(entry) == identity and not inside:
        return "restored before"
    vtapes_folder = options.mirror / "vtapes" / found["set"]
    forced = ""
    try:
        if state.of(entry) and not inside and state.of(entry) != identity:
            raise restoring.Failed(f"{place} holds an earlier restore of another date: choose another --to")
        for dump in chain:
            if dump["keyId"] not in keys:
                keys[dump["keyId"]] = crypt.load_key(dump["keyId"], options.kit / "keys")
            try:
                restoring.check_parts(vtapes_folder, found["vtapes"], dump)
            except restoring.Failed as damage:
                if not options.force:
                    raise
                forced = f"FORCED: {damage}"
        # What a killed call left, or what a directory above brought along, is not the user's.
        ours = any(place.is_relative_to(restoring.target(options.to, *known)) for known in state.known())
        restoring.make_target(options.to, place, ours)
        redone.append(place)
        state.write(entry, [])
        for dump in chain:
            restoring.extract(keys[dump["keyId"]], vtapes_folder, dump, place)
        if not forced:
            state.write(entry, identity)
        return forced or "restored"
    except (restoring.Failed, crypt.CryptError, OSError) as failure:
        return f"FAILED: {failure}"


class State:
    """What earlier calls restored into the same folder, so that a killed one can be called again."""

    def __init__(self, folder):
        self.path = folder / STATE
        self.entries = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def of(self, entry):
        """The dumps that an earlier call restored; [] when it did not come to its end, None when there was none."""
        return self.entries.get(json.dumps(entry))

    def known(self):
        return [tuple(json.loads(entry)) for entry in self.entries]

    def write(self, entry, value):
        self.entries[json.dumps(entry)] = value
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(self.entries), encoding="utf-8")
        os.replace(temporary, self.path)
