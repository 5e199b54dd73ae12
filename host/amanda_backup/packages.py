"""Packages: install what is missing and nothing else."""

from amanda_backup import system


def missing(platform, wanted):
    """Those of the packages that are not installed whole, sorted."""
    listed = system.run(platform["queryCommand"]).stdout.splitlines()
    rows = [line.split() for line in listed if len(line.split()) == 2]
    installed = {name for status, name in rows if status[1:] == "i"}
    return sorted(set(wanted) - installed)


def ensure(changes, platform, wanted):
    """Install the missing packages; the lists are refreshed, and a broken installation repaired, only on failure."""
    needed = missing(platform, wanted)
    if not needed or not changes.wanted(f"install packages {' '.join(needed)}"):
        return needed
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    command = [*platform["installCommand"], *needed]
    if system.run(command, check=False, env=quiet).returncode != 0:
        if platform["repairCommand"]:
            system.run(platform["repairCommand"], check=False, env=quiet)
        system.run(platform["refreshCommand"], check=False, env=quiet)
        last = system.run(command, check=False, env=quiet)
        if last.returncode != 0:
            words = [line for line in (last.stderr or last.stdout).splitlines() if line.strip()]
            raise system.Refusal(
                f"the packages {' '.join(needed)} cannot be installed ({' / '.join(words[-2:])}): "
                "give this host its package sources and run `pulumi up` again"
            )
    still = missing(platform, needed)
    if still:
        raise system.Refusal(
            f"the packages {' '.join(still)} are not there after {' '.join(platform['installCommand'])}: "
            "install them by hand and run `pulumi up` again"
        )
    return []
