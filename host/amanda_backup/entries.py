"""The entries of a disklist, as Amanda's own parser reads them."""

from amanda_backup import system


def read(settings, name):
    """The (host, disk) of each entry of the set."""
    told = system.run(["amadmin", name, "disklist"], user=settings["platform"]["dumpUser"]).stdout
    found, host = [], None
    for line in told.splitlines():
        if line.startswith("    host ") and line.endswith(":"):
            host = line[9:-1]
        elif line.startswith("    disk ") and line.endswith(":"):
            found.append((host, line[9:-1]))
    return found
