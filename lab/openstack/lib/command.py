#!/usr/bin/env python3
"""The cloud's commands. Each is a link to this file, and its name says what to do."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

LAB_DIRECTORY = Path(__file__).resolve().parent.parent.parent
sys.path.insert(1, str(LAB_DIRECTORY / "lib"))
os.environ.setdefault("LAB_STATE", str(LAB_DIRECTORY.parent / ".lab-openstack"))

import cloudimage
import cloudready
import image
import resources
from api import Api, ApiError
from cloud import Cloud
from hypervisor import Hypervisor
from lab import Lab, LabError, write

NOT_UP = "the cloud is not up: lab/openstack/up"


def main() -> None:
    command = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(prog=f"lab/openstack/{command}", description=COMMANDS[command].__doc__)
    for flags, options in ARGUMENTS.get(command, []):
        parser.add_argument(*flags, **options)
    # The command line of `openstack` is its own, options and all.
    arguments = (argparse.Namespace(arguments=sys.argv[1:]) if command == "openstack"
                 else parser.parse_args())
    # The services' own users reach the hypervisor's socket, whatever the caller's umask is.
    os.umask(0o022)
    try:
        if os.geteuid() != 0:
            raise LabError("the lab needs root (networks, mounts): use sudo")
        COMMANDS[command](Cloud(Lab()), arguments)
    except (ApiError, LabError) as error:
        sys.exit(f"lab: {error}")
    except KeyboardInterrupt:
        sys.exit(f"lab: interrupted; lab/openstack/{command} can simply be run again")


def up(cloud: Cloud, arguments) -> None:
    """Start the cloud and wait until every service is ready; what runs is not touched."""
    lab = cloud.lab
    with lab.locked():
        host_image, cloud_image = images(lab)
        networks = cloud.hosts.ensure_networks()
        lab.make_keys([])
        Hypervisor(lab).start()
        cloud.start(cloud_image, networks["lab"])
        api = cloudready.wait(cloud, arguments.timeout)
        save_facts(cloud, api)


def images(lab: Lab) -> tuple[str, str]:
    subprocess.run([str(LAB_DIRECTORY / "prerequisites")], check=True)
    return image.ensure(lab), cloudimage.ensure(lab)


def save_facts(cloud: Cloud, admin: Api) -> None:
    """For `status` and for clients on this machine."""
    passwords = cloud.passwords()
    facts = resources.ensure(admin, Api(cloud.address(), "backup", passwords["backup"]),
                             cloud.lab.subnets()["lab"])
    users = {user: {"password": passwords[user], "project": user, "user": user}
             for user in ("admin", "backup", "shop")}
    facts |= users["backup"] | {"authUrl": admin.auth_url, "region": "RegionOne", "users": users}
    write(cloud.lab.state / "cloud.json", json.dumps(facts, indent=2, sort_keys=True) + "\n")
    clouds = {user: {"auth": {"auth_url": admin.auth_url, "password": login["password"],
                              "project_domain_name": "Default", "project_name": login["project"],
                              "user_domain_name": "Default", "username": user},
                     "identity_api_version": 3, "region_name": "RegionOne"} for user, login in users.items()}
    write(cloud.lab.state / "clouds.yaml", json.dumps({"clouds": clouds}, indent=2) + "\n")


def down(cloud: Cloud, arguments) -> None:
    """Remove the cloud, its instances, volumes and networks, and every other host of this lab."""
    lab = cloud.lab
    with lab.locked():
        Hypervisor(lab).remove()
        cloud.hosts.remove_containers([cloudimage.build_container(lab)])
        cloud.hosts.down()
        for name in ("cloud.json", "clouds.yaml"):
            (lab.state / name).unlink(missing_ok=True)
        if arguments.all:
            cloudimage.remove()
            shutil.rmtree(lab.state)


def status(cloud: Cloud, arguments) -> None:
    """Tell how to reach the cloud, with passwords in the JSON; exit 1 when it is not up."""
    facts = cloud.lab.state / "cloud.json"
    if not facts.exists() or not cloud.running() or not Hypervisor(cloud.lab).answers():
        raise LabError(NOT_UP)
    if arguments.json:
        print(facts.read_text(), end="")
        return
    known = json.loads(facts.read_text())
    print(f"{known['authUrl']} projects: {', '.join(sorted(known['users']))} "
          f"network: {known['networkName']} {known['cidr']}")


def openstack(cloud: Cloud, arguments) -> None:
    """Run the openstack client in the cloud, as admin; `--os-cloud backup` or `shop` as a project."""
    done = cloud.run("env", "OS_CLOUD=admin", "openstack", *arguments.arguments, check=False)
    if done.returncode and not cloud.running():
        raise LabError(NOT_UP)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    sys.exit(done.returncode)


def logs(cloud: Cloud, arguments) -> None:
    """Show a service's journal since the cloud's start."""
    if not cloud.running():
        raise LabError(NOT_UP)
    unit = [f"--unit={arguments.service}"] if arguments.service else []
    sys.stdout.write(cloud.run("journalctl", "--no-pager", "--output=short-iso", *unit).stdout)


def build_image(cloud: Cloud, arguments) -> None:
    """Build the images unless they are there, and print the cloud's name."""
    with cloud.lab.locked():
        print(images(cloud.lab)[1])


COMMANDS = {"down": down, "image": build_image, "logs": logs, "openstack": openstack, "status": status, "up": up}
ARGUMENTS = {
    "down": [(["--all"], {"action": "store_true", "help": "remove keys and the cloud's images too"})],
    "logs": [(["service"], {"metavar": "SERVICE", "nargs": "?", "help": "as in cloud.d/services.json"})],
    "status": [(["--json"], {"action": "store_true", "help": "for programs"})],
    "up": [(["--timeout"], {"type": float, "default": 180, "metavar": "SECONDS",
                            "help": "how long to wait for the services (default: 180)"})],
}

if __name__ == "__main__":
    main()
