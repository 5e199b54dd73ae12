"""Amanda's own checks as gates: its parsers on candidates, amcheck on the server and on one client."""

import contextlib
import re

from amanda_backup import system


@contextlib.contextmanager
def candidate(registry, text):
    """A disklist that only the checks see, removed whatever happens; also by the next one after a kill."""
    group = registry.settings["platform"]["dumpGroup"]
    path = registry.changes.at("/run/amanda-backup/disklist")
    system.ensure_directory(path.parent, mode=0o750, group=group)
    registry.changes.sweep(path)
    system.write_atomic(path, text, mode=0o640, group=group)
    try:
        yield path
    finally:
        path.unlink()


def amanda(settings, argv):
    return system.run(argv, user=settings["platform"]["dumpUser"], check=False)


def parse_disklist(registry, amanda_set, text):
    """Refuse a disklist that Amanda's parser does not take."""
    with candidate(registry, text) as path:
        done = amanda(registry.settings, ["amadmin", amanda_set, "disklist", f"-odiskfile={path}"])
    if done.returncode != 0:
        raise system.Refusal(
            f"Amanda does not take the disklist of {amanda_set!r}: {words(done.stderr or done.stdout)}"
        )


def check_client(registry, amanda_set, text, document, directories):
    """Refuse when amcheck, logging in to the client, finds one of these directories not fit to be dumped."""
    client = document["client"]
    exact = [f"={client}", *(f"={directory['name']}" for directory in directories)]
    with candidate(registry, text) as path:
        done = amanda(registry.settings, ["amcheck", "-c", amanda_set, f"-odiskfile={path}", *exact])
    # What matches no entry is not checked, and amcheck's status is 0 all the same.
    checked = (
        "Client check: 1 host checked" in done.stdout
        and "matches neither a host nor a disk" not in done.stdout + done.stderr
    )
    if done.returncode == 0 and checked:
        return
    problems = [found[1] for found in re.finditer(r"(?m)^(?:HOST \S+ )?ERROR:? (.*)$", done.stdout)]
    told = words("\n".join(problems) or done.stdout or done.stderr)
    if "request failed" in told:
        where = document.get("address") or "its enrolled address"
        told = words(done.stderr) or told
        raise system.Refusal(
            f"client {client!r} at {where} cannot be checked for the set {amanda_set!r} ({told}): start it, correct "
            "its address or hostKey, or run `pulumi up` for its BackupClient first; its disklist stays as it was"
        )
    raise system.Refusal(
        f"client {client!r} is not fit for the set {amanda_set!r}: {told}: put this right on the client or in its "
        "directories; its disklist stays as it was"
    )


def check_server(settings, amanda_set):
    """Refuse with amcheck's own words when the server is not fit to run this set."""
    done = amanda(settings, ["amcheck", "-s", amanda_set])
    if done.returncode != 0:
        problems = "\n".join(re.findall(r"(?m)^(?:ERROR|FATAL).*$", done.stdout))
        raise system.Refusal(
            f"amcheck -s {amanda_set} does not accept this server: {words(problems or done.stdout or done.stderr)}"
        )


def words(text):
    return " / ".join(line.strip() for line in text.splitlines() if line.strip())
