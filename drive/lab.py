"""The lab's commands as functions."""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = pathlib.Path(os.environ.get("LAB_STATE", ROOT / ".lab"))


class Failed(Exception):
    """A command did not do what was asked; carries its own words."""


def call(argv, *, stdin=None, check=True, env=None, cwd=ROOT):
    """Run a command on this machine; return its CompletedProcess, text in and out."""
    done = subprocess.run(
        [str(part) for part in argv], input=stdin if stdin is not None else "", text=True, errors="surrogateescape",
        capture_output=True, check=False, cwd=cwd, env=env,
    )
    if check and done.returncode != 0:
        raise Failed(f"{' '.join(str(part) for part in argv)[:200]} ended with {done.returncode}:\n"
                     f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done


def lab(command, *arguments, **options):
    return call([ROOT / "lab" / command, *arguments], **options)


def fresh(*hosts):
    """Hosts of these names as new, in a lab that is up."""
    lab("up")
    lab("destroy", *hosts)
    lab("create", *hosts)


def ssh(host, command, **options):
    """Run one shell command line as root on a lab host by its name, or on a machine that knows its own ssh."""
    if isinstance(host, str):
        return call([ROOT / "lab" / "ssh", host, "sudo", "sh", "-c", command], **options)
    return call([*host.argv(), f"sudo sh -c {quote(command)}"], **options)


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def run_program(host, program, *arguments):
    """Run one of drive's stand-alone programs on a host as root, sent on stdin; return what it prints."""
    text = (ROOT / "drive" / program).read_text(encoding="utf-8")
    line = " ".join(quote(argument) for argument in arguments)
    return ssh(host, f"python3 - {line}", stdin=text).stdout


def status():
    """name -> {address, hostKey, user, running, role} of every host of the lab."""
    return json.loads(lab("status", "--json").stdout)


def admin_key():
    return (STATE / "admin").read_text(encoding="utf-8")
