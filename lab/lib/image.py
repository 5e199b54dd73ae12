"""The one image of all hosts, named after a hash of what it is made from."""

import hashlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lab import LAB, Lab, LabError
from machine import run

DIRECTORY = LAB / "image.d"
REPOSITORY = "localhost/amanda-lab"
SUITE = "bookworm"
SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}


def name(repository: str = REPOSITORY, directory: Path = DIRECTORY) -> str:
    digest = hashlib.sha256("\n".join(sources()).encode())
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(directory)}\0".encode() + path.read_bytes())
    return f"{repository}:{digest.hexdigest()[:12]}"


def exists(image: str) -> bool:
    return run(["podman", "image", "exists", image], check=False).returncode == 0


def ensure(lab: Lab) -> str:
    """Build the image unless it is there; return its name."""
    image = name()
    if not exists(image):
        build(lab, image, DIRECTORY, [
            "--variant=minbase", "--skip=cleanup/apt",
            f'--essential-hook=chroot "$1" debconf-set-selections <"{DIRECTORY}/debconf"'])
    return image


def build(lab: Lab, image: str, directory: Path, options: list[str]) -> None:
    """Make an image of the packages that a directory lists, finished by its customize.sh."""
    print(f"lab: building {image}, which takes a minute or two", file=sys.stderr, flush=True)
    start = time.monotonic()
    packages = re.findall(r"^[^#\s]+", (directory / "packages").read_text(), re.MULTILINE)
    with tempfile.TemporaryDirectory(dir=lab.state) as work:
        tarball, log = Path(work) / "os.tar", lab.state / "image.log"
        with open(log, "w", encoding="utf-8") as output:
            done = subprocess.run(
                ["mmdebstrap", f"--include={','.join(packages)}", "--skip=cleanup/reproducible",
                 "--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/man/*",
                 "--dpkgopt=path-exclude=/usr/share/locale/*/LC_MESSAGES/*", *options,
                 f"--customize-hook={directory}/customize.sh", SUITE, str(tarball), *sources()],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        if done.returncode:
            raise LabError(f"mmdebstrap failed; the end of {log}:\n" + "\n".join(
                log.read_text().splitlines()[-15:]))
        run(["podman", "import", "--quiet", str(tarball), image])
    print(f"lab: image built in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def remove(repository: str = REPOSITORY) -> None:
    """Remove the images of all versions, except where another lab uses them."""
    images = run(["podman", "images", "--quiet", repository]).stdout.split()
    if images:
        run(["podman", "rmi", *images], check=False)


def sources() -> list[str]:
    """The machine's own apt sources of this Debian, as one-line entries.

    Empty on another distribution: mmdebstrap then takes Debian's own mirror.
    """
    entries = []
    for path in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        if path.is_file() and path.suffix == ".list":
            entries += re.findall(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+(.*)$",
                                  path.read_text(), re.MULTILINE)
        elif path.is_file() and path.suffix == ".sources":
            entries += [(uri, suite, fields.get("components", ""))
                        for fields in stanzas(path.read_text()) if enabled(fields)
                        for uri in fields.get("uris", "").split()
                        for suite in fields.get("suites", "").split()]
    return [f"deb {uri} {suite} {components.strip()}" for uri, suite, components in entries
            if suite in SUITES and "main" in components.split()
            and re.search(r"/debian(-security)?/?$", uri)]


def enabled(fields: dict[str, str]) -> bool:
    return "deb" in fields.get("types", "").split() and fields.get("enabled", "yes") != "no"


def stanzas(text: str) -> list[dict[str, str]]:
    """Deb822: fields in blank-separated stanzas; a folded line belongs to the one before."""
    text = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    return [{key.lower(): value.strip() for key, value in
             re.findall(r"^(\S+):((?:.*)(?:\n[ \t].*)*)", stanza, re.MULTILINE)}
            for stanza in re.split(r"\n\s*\n", text)]
