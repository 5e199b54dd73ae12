"""First program of a converge run: install the programs of `document`, then run `converge ROLE` under a time limit.

It is never installed and run from the host: its text comes with the document and is executed with the document as the
variable `document`. It imports nothing of ours, since nothing of ours may be there yet.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

FOLDER = pathlib.Path("/usr/local/lib/amanda-backup")
LOCK = pathlib.Path("/run/lock/amanda-backup")
LIMIT_MINUTES = 30
CLOUD_INIT = pathlib.Path("/run/cloud-init")


def changed(programs, folder):
    """The programs that `folder` does not hold in this form, sorted."""
    return sorted(name for name, text in programs.items() if not same(folder / name, text))


def same(path, text):
    try:
        return path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o7777 == mode_of(text)
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def mode_of(text):
    return 0o755 if text.startswith("#!") else 0o644


def check_names(programs):
    for name in programs:
        if pathlib.PurePosixPath(name).is_absolute() or ".." in pathlib.PurePosixPath(name).parts:
            sys.exit(f"amanda-backup: the program {name!r} is outside the install folder; nothing was installed")


def install(programs, folder):
    """Write the programs, each by write-then-rename; the modules first, so that no program meets a missing one."""
    for name in sorted(programs, key=lambda name: (mode_of(programs[name]), name)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        for stray in path.parent.glob(f".{path.name}.????????"):
            stray.unlink()
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(programs[name])
            out.flush()
            os.fchmod(out.fileno(), mode_of(programs[name]))
            os.fsync(out.fileno())
        os.replace(temporary, path)


@contextlib.contextmanager
def run_lock(path, minutes):
    """Hold the run's lock, so that no dump meets programs of two versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+", encoding="utf-8") as lock:
        deadline = time.monotonic() + minutes * 60
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = lock.read().strip() or "another program"
                    sys.exit(
                        f"amanda-backup: installing the programs waited {minutes:g} min for {holder}; "
                        "run `pulumi up` again when that is done"
                    )
                time.sleep(0.5)
        lock.seek(0)
        lock.truncate()
        lock.write(f"installing the programs (pid {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')})\n")
        lock.flush()
        yield
        lock.seek(0)
        lock.truncate()


def wait_for_boot(seconds, place=CLOUD_INIT):
    """Wait until cloud-init has set the machine up; it may install, write and restart what converge works on."""
    if not shutil.which("cloud-init") or (place / "disabled").exists():
        return
    started = time.monotonic()
    while not (place / "result.json").exists():
        if time.monotonic() - started >= seconds:
            sys.exit(
                f"amanda-backup: cloud-init of this machine was not done after {seconds:g} s ({stage(place)}): see "
                "`cloud-init status --long` there, and run `pulumi up` again when it is done"
            )
        time.sleep(0.5)
    if time.monotonic() - started >= 1:
        print(f"waited {time.monotonic() - started:.0f} s for cloud-init", flush=True)


def stage(place):
    """What cloud-init is at, as it says itself."""
    try:
        at = json.loads((place / "status.json").read_text(encoding="utf-8"))["v1"]["stage"]
    except (OSError, ValueError, KeyError, TypeError):
        return "it did not begin"
    return f"it is at its stage {at}" if at else "it is between two stages"


def converge(document, folder, minutes):
    """Run `converge ROLE` with the document on its standard input; return its exit status."""
    command = ["timeout", "--kill-after=30", str(int(minutes * 60)), str(folder / "converge"), document["role"]]
    status = subprocess.run(command, input=json.dumps(document), text=True, check=False).returncode
    if status == 124:
        print(
            f"amanda-backup: converge {document['role']} did not end within {minutes:g} min and was stopped; "
            "run `pulumi up` again, it goes on where this one stopped",
            file=sys.stderr,
        )
    return status


def main(document, folder=FOLDER, lock=LOCK):
    wait = float(document["settings"].get("lockWaitMinutes", 5))
    programs = {name: text for name, text in document["programs"].items() if name != "bootstrap.py"}
    if os.geteuid() != 0:
        sys.exit("amanda-backup: the programs must be installed as root; let the login user run `sudo -n`")
    os.umask(0o022)
    check_names(programs)
    if document.get("boot"):
        wait_for_boot(float(document["boot"]))
    if changed(programs, folder):
        with run_lock(lock, wait):
            print(f"install {len(changed(programs, folder))} programs in {folder}", flush=True)
            install({name: programs[name] for name in changed(programs, folder)}, folder)
    return converge(document, folder, wait + LIMIT_MINUTES)


if __name__ == "__main__":
    sys.exit(main(globals()["document"]))
