"""The document of an enrolment: every rule that needs no other document and no client.

A document comes from a program that the server does not trust, so unknown keys, other types, long texts and control
characters are refused, and no part of it is ever taken as Amanda syntax.
"""

import base64
import ipaddress
import json
import re
import urllib.parse

from amanda_backup import preconditions, system

MAX_BYTES = 1 << 20
MAX_DIRECTORIES = 500
MAX_PATTERNS = 200
MAX_TEXT = 1024
DNS_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
KEYS = {"format", "identity", "fragment", "client", "directories", "disklist"}
CLIENT_KEYS = KEYS | {"address", "hostKey"}
DIRECTORY_KEYS = {"name", "path", "sets", "dumptype", "exclude", "include", "before", "after"}


def parse(raw):
    """The document in `raw` bytes, its structure checked; texts are safe to print and to write afterwards."""
    if len(raw) > MAX_BYTES:
        raise system.Refusal(f"the enrolment is longer than {MAX_BYTES} bytes: declare fewer directories in one client")
    try:
        document = json.loads(raw.decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise system.Refusal(
            f"the enrolment is no JSON in UTF-8 ({error}): send it by the program, not by hand"
        ) from None
    expect(isinstance(document, dict), "the enrolment", "a JSON object")
    fragment = text(document.get("fragment"), "fragment")
    stand_alone = "+" in fragment
    known = KEYS if stand_alone else CLIENT_KEYS
    expect(set(document) == known, f"enrolment {fragment!r}", f"exactly the keys {', '.join(sorted(known))}")
    expect(
        document["format"] == 1, "format", "1 (this server is older or newer than the program: run `pulumi up` there)"
    )
    client = text(document["client"], "client")
    expect(HOST.fullmatch(client) is not None, f"client {client!r}", "a host name of letters, digits, '.' and '-'")
    expect(fragment.split("+", 1)[0] == client, f"fragment {fragment!r}", f"{client!r}, or {client!r}, '+' and a name")
    # Its file's name is percent-encoded, and has room for what write_atomic adds.
    fits = len(fragment.encode()) <= 200 and len(urllib.parse.quote(fragment, safe="")) <= 240
    expect(fits, f"fragment {fragment!r}", "at most 200 bytes long, 240 percent-encoded; give it a shorter `name`")
    check_identity(document["identity"])
    if not stand_alone:
        address(document["address"], client)
        host_key(document["hostKey"], client)
    expect(isinstance(document["directories"], list), "directories", "a list")
    expect(len(document["directories"]) <= MAX_DIRECTORIES, "directories", f"at most {MAX_DIRECTORIES} entries")
    for directory in document["directories"]:
        check_directory(directory)
    expect(
        isinstance(document["disklist"], dict)
        and all(isinstance(value, str) for value in document["disklist"].values()),
        "disklist",
        "texts by set",
    )
    return document


def check_identity(value):
    """What tells one enrolment from another; kept, compared and never interpreted."""
    expect(isinstance(value, dict), "identity", "an object")
    for key, one in value.items():
        text(key, "a key of identity")
        if one is not None and not isinstance(one, int):
            text(one, f"identity.{key}", 4096)


def expect(holds, what, should):
    if not holds:
        raise system.Refusal(f"{what} must be {should}; nothing was changed")


def text(value, what, longest=MAX_TEXT):
    """A text that is not empty, not long and without control characters or lone surrogates."""
    expect(isinstance(value, str) and value != "", what, "a text that is not empty")
    expect(len(value) <= longest, what, f"at most {longest} characters long")
    # Characters that end a line or are no characters at all, for us or for what reads our files.
    bad = re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", value)
    expect(bad is None, f"{what} {value!r}", "free of control characters")
    return value


def address(value, client):
    """Where ssh connects to. Plain characters only, since it becomes a word of ssh's configuration."""
    text(value, f"address of {client}")
    plain = re.fullmatch(r"[0-9A-Fa-f:.]+", value) is not None
    try:
        plain = plain and bool(ipaddress.ip_address(value))
    except ValueError:
        plain = False
    named = DNS_NAME.fullmatch(value) is not None and re.fullmatch(r"[0-9.]+", value) is None
    expect(plain or named, f"address of {client} {value!r}", "an IP address or a host name")


def host_key(value, client):
    """A public host key whose base64 really holds a key of the type it names."""
    text(value, f"hostKey of {client}", 8192)
    expect(preconditions.PUBLIC_KEY.fullmatch(value) is not None, f"hostKey of {client}", "like 'ssh-ed25519 AAAA…'")
    kind, encoded = value.split()[:2]
    try:
        blob = base64.b64decode(encoded, validate=True)
    except ValueError:
        blob = b""
    expect(blob[4 : 4 + len(kind)] == kind.encode(), f"hostKey of {client}", f"a whole key of the type {kind}")


def check_directory(directory):
    expect(
        isinstance(directory, dict) and set(directory) <= DIRECTORY_KEYS,
        "a directory",
        f"an object with no keys but {', '.join(sorted(DIRECTORY_KEYS))}",
    )
    name = text(directory.get("name"), "the name of a directory")
    # The name becomes a part of file names on vtapes, in the holding disk and in the catalogue.
    expect(
        len(name.encode()) <= 160, f"name {name!r} of a directory", "at most 160 bytes long; give it a shorter `name`"
    )
    expect(name not in (".", ".."), f"name {name!r} of a directory", "another `name` than '.' and '..'")
    path = text(directory.get("path"), f"path of {name!r}")
    expect(path.startswith("/"), f"path {path!r} of directory {name!r}", "absolute, like /srv/www")
    expect(".." not in path.split("/"), f"path {path!r} of directory {name!r}", "free of '..'")
    names(directory.get("sets"), f"sets of {name!r}")
    expect(directory["sets"] != [], f"sets of {name!r}", "at least one set")
    text(directory.get("dumptype"), f"dumptype of {name!r}", 63)
    for option in ("exclude", "include"):
        patterns = directory.setdefault(option, [])
        expect(
            isinstance(patterns, list) and len(patterns) <= MAX_PATTERNS,
            f"{option} of {name!r}",
            f"a list of at most {MAX_PATTERNS} patterns",
        )
        for pattern in patterns:
            text(pattern, f"{option} of {name!r}")
    for pattern in directory["include"]:
        expect(
            pattern.startswith("./"),
            f"include {pattern!r} of directory {name!r}",
            "a path from the directory, like ./www",
        )
    for moment in ("before", "after"):
        names(directory.setdefault(moment, []), f"{moment} of {name!r}")


def names(value, what):
    """A list of plain names without repetition."""
    expect(isinstance(value, list) and len(value) <= 20, what, "a list of at most 20 names")
    for name in value:
        expect(
            isinstance(name, str) and preconditions.NAME.fullmatch(name) is not None, f"{what} {name!r}", "a plain name"
        )
    expect(len(set(value)) == len(value), what, "free of repetitions")
