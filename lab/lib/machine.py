"""The machine under the lab: podman, its mount namespace and the hosts' cgroups."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import LABEL, Lab, LabError

CGROUP_ROOT = Path("/sys/fs/cgroup")
RUN = Path("/run/amanda-lab")
NAMESPACE = RUN / "ns" / "mnt"
# Not the last command, or bash would become podman and let go of the lock.
PODMAN = """
if [ -n "$0" ]; then mkdir -p "$0" && echo $$ >"$0/cgroup.procs" || exit; fi
podman "$@" {without_lock}
exit $?
"""


# What is ending by itself gets two seconds for it.
KILL_REST = """
cd "$0" 2>/dev/null || exit 0
for tenth in $(seq 40); do
  if grep -q 'populated 0' cgroup.events; then break; fi
  if [ "$tenth" = 20 ]; then echo 1 >cgroup.kill; fi
  sleep 0.1
done
"""


def run(argv: list[str], check: bool = True) -> subprocess.CompletedProcess:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        words = done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}"
        raise LabError(f"{' '.join(argv[:2])} failed: {words}")
    return done


def cgroup_v1_in_the_way() -> bool:
    """crun and systemd want a pure cgroup2 tree; the hybrid layout is none."""
    return not (CGROUP_ROOT / "cgroup.controllers").exists()


class Machine:
    """Podman as the labs use it.

    Where the machine has cgroup v1 mounted, podman runs in a mount namespace
    with a pure cgroup2 tree. All labs share it: podman's own mounts live there
    and one podman must see them all. A bind mount keeps it alive, so no
    process has to. There, podman may not make cgroups either, so each host
    gets one from us: without, every systemd would believe that it owns the
    same tree.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.cgroup = CGROUP_ROOT / lab.id
        self.hybrid = cgroup_v1_in_the_way()

    def podman(self, *args: str, host: str = "", check: bool = True):
        """Run podman; `host` names the host whose cgroup it is to run in.

        A podman killed half-way leaves leases and mounts that nobody can
        remove, so it outlives us if we are killed, and holds the lab's lock
        until it is done. The host's processes must not inherit that lock.
        """
        lock = self.lab.lock
        script = PODMAN.format(without_lock=f"{lock}>&-" if lock else "")
        cgroup = str(self.cgroup / host) if host and self.hybrid else ""
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context(self.in_namespace()) if self.hybrid else []
            # Files, since a pipe would end with us.
            out, err = (stack.enter_context(tempfile.TemporaryFile("w+")) for _ in range(2))
            done = subprocess.run(
                [*enter, "bash", "-c", script, cgroup, *args], stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, start_new_session=True, pass_fds=[lock] if lock else [])
            out.seek(0), err.seek(0)
            done.stdout, done.stderr = out.read(), err.read()
        if check and done.returncode:
            raise LabError(f"podman {args[0]} failed: {done.stderr.strip()}")
        return done

    def podman_json(self, *args: str):
        return json.loads(self.podman(*args).stdout or "null") or []

    def run_flags(self, limit: int = 4096) -> list[str]:
        """Of a container: no cgroups of podman's own, and at most so many files and processes."""
        if not self.hybrid:
            return []
        return ["--cgroups=disabled", "--cgroupns=private",
                "--ulimit", f"nofile={limit}:{limit}", "--ulimit", f"nproc={limit}:{limit}"]

    def clear_cgroup(self, host: str = "") -> None:
        """Remove the cgroups that a dead systemd left; living ones refuse and stay."""
        if not self.hybrid:
            return
        with self.in_namespace() as enter:
            run([*enter, "find", str(self.cgroup / host),
                 "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], check=False)

    def kill_rest(self) -> None:
        """Kill what podman lost track of; only after it removed all it knows."""
        if not self.hybrid:
            return
        with self.in_namespace() as enter:
            run([*enter, "sh", "-c", KILL_REST, str(self.cgroup)])

    @contextlib.contextmanager
    def in_namespace(self):
        """The words before a command; the namespace stays as long as the context."""
        with namespace_lock(fcntl.LOCK_SH):
            alive = namespace_alive()
        if not alive:
            with namespace_lock(fcntl.LOCK_EX):
                if not namespace_alive():
                    make_namespace()
        with namespace_lock(fcntl.LOCK_SH):
            yield ["nsenter", f"--mount={NAMESPACE}"]

    def leave(self) -> None:
        """Remove what no lab needs any more."""
        if not self.hybrid:
            return
        users = self.podman("ps", "--all", "--quiet", "--filter", f"label={LABEL}").stdout
        if users.strip():
            return
        with namespace_lock(fcntl.LOCK_EX):
            unmount_namespace()
            shutil.rmtree(NAMESPACE.parent, ignore_errors=True)


@contextlib.contextmanager
def namespace_lock(kind: int):
    RUN.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(RUN / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, kind)
        yield


def namespace_alive() -> bool:
    return NAMESPACE.exists() and os.stat(NAMESPACE).st_dev != os.stat(NAMESPACE.parent).st_dev


def make_namespace() -> None:
    unmount_namespace()
    directory = NAMESPACE.parent
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A namespace can only be kept on a private mount.
    run(["mount", "--bind", str(directory), str(directory)])
    run(["mount", "--make-private", str(directory)])
    NAMESPACE.touch()
    lost = lost_namespace()
    if lost:
        run(["mount", "--bind", lost, str(NAMESPACE)])
        return
    run(["unshare", f"--mount={NAMESPACE}", "sh", "-c",
         f"umount -R {CGROUP_ROOT} && mount -t cgroup2 none {CGROUP_ROOT}"])
    # Podman refuses to work while a host that it thinks runs has no network
    # namespace. Those that a crash took get an empty one, until they start.
    for path in Path("/run/netns").glob("netns-*"):
        if not is_mounted(path):
            run(["nsenter", f"--mount={NAMESPACE}", "unshare", f"--net={path}", "true"])


def lost_namespace() -> str:
    """Where hosts run on after somebody unmounted their podman's namespace."""
    for process in Path("/proc").glob("[0-9]*"):
        namespace = process / "ns" / "mnt"
        with contextlib.suppress(OSError):
            if ((process / "comm").read_text() == "conmon\n" and namespace.exists()
                    and f"/{LABEL}-" in (process / "cgroup").read_text()):
                return str(namespace)
    return ""


def unmount_namespace() -> None:
    for path in (NAMESPACE, NAMESPACE.parent):
        while is_mounted(path):
            run(["umount", "--lazy", str(path)])


def alive(pid: int) -> bool:
    """Is this a host's systemd? After a crash podman's records can say what was."""
    try:
        own = os.stat(f"/proc/{pid}/ns/pid").st_ino != os.stat("/proc/self/ns/pid").st_ino
        _, name, state = re.split(r"[()]", Path(f"/proc/{pid}/stat").read_text())
        return own and name in ("systemd", "init") and state.split()[0] != "Z"
    except OSError:
        return False


def note_death(container_id: str) -> None:
    """Tell podman that a host died, as its conmon would have, had it not died too."""
    note = Path("/run/libpod/exits") / container_id
    if note.parent.is_dir() and not note.exists():
        note.write_text("137")


def is_mounted(path: Path) -> bool:
    """By mountinfo, where a mount over itself shows too."""
    wanted = str(path).replace(" ", "\\040")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return any(line.split()[4] == wanted for line in mounts)
