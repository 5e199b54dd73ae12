"""The image of the cloud's control plane, in two steps that are kept apart.

Debian's packages take longest and hardly change: image.d/. What turns them
into a cloud is cloud.d/: it runs once in a container and leaves filled
databases and registered services, so that `up` only has to start them.
"""

import hashlib
import sys
import time
from pathlib import Path

import image
from lab import Lab, LabError
from machine import Machine

HERE = Path(__file__).resolve().parent.parent
PACKAGES = "localhost/amanda-lab-openstack-packages"
CLOUD = "localhost/amanda-lab-openstack"
# What no service reads. Tests alone are as large as the services.
EXCLUDED = [
    "/usr/share/doc/*",
    *(f"/usr/lib/python3/dist-packages/{path}/*" for path in (
        "*/tests", "*/locale", "botocore/data", "googleapiclient/discovery_cache/documents")),
]


def packages_name() -> str:
    return image.name(PACKAGES, HERE / "image.d")


def name() -> str:
    digest = hashlib.sha256(packages_name().encode())
    digest.update(image.name(CLOUD, HERE / "cloud.d").encode())
    return f"{CLOUD}:{digest.hexdigest()[:12]}"


def ensure(lab: Lab) -> str:
    """Build what is not there; return the image's name."""
    if not image.exists(packages_name()) and not image.exists(name()):
        image.build(lab, packages_name(), HERE / "image.d", [
            "--variant=apt", f"--essential-hook={HERE}/image.d/essential.sh",
            *(f"--dpkgopt=path-exclude={path}" for path in EXCLUDED)])
    if not image.exists(name()):
        build(lab)
    return name()


def build_container(lab: Lab) -> str:
    """It has no label, which the image would take over."""
    return f"{lab.id}-build"


def build(lab: Lab) -> None:
    print(f"lab: building {name()}, which takes a minute or two", file=sys.stderr, flush=True)
    start = time.monotonic()
    machine, container = Machine(lab), build_container(lab)
    remove = ["rm", "--force", "--ignore", "--time=0", container]
    machine.podman(*remove)
    try:
        done = machine.podman(
            "run", "--name", container, "--network=none", "--http-proxy=false", *machine.run_flags(),
            f"--volume={HERE}/cloud.d:/mnt/cloud.d:ro", packages_name(),
            "sh", "-c", "mkdir -p /opt/lab && cp -a /mnt/cloud.d /opt/lab/cloud && exec /opt/lab/cloud/build",
            host="build", check=False)
        log = lab.state / "cloud.log"
        log.write_text(done.stdout + done.stderr)
        if done.returncode:
            raise LabError(f"the cloud's build failed; the end of {log}:\n" + "\n".join(
                log.read_text().splitlines()[-15:]))
        machine.podman("commit", "--quiet", container, name())
    finally:
        machine.podman(*remove, check=False)
        machine.clear_cgroup("build")
    print(f"lab: cloud built in {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def remove() -> None:
    """Remove the images of all versions, except where another lab uses them."""
    for repository in (CLOUD, PACKAGES):
        image.remove(repository)
