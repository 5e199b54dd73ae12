"""The machine under the lab: podman, its mount namespace and the hosts' cgroups."""

import json
import os
import subprocess
from pathlib import Path

from lab import Lab, LabError

CGROUP_ROOT = Path("/sys/fs/cgroup")


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
    """Podman as the lab uses it.

    Where the machine has cgroup v1 mounted, podman runs in a mount namespace
    with a pure cgroup2 tree. A bind mount keeps that namespace alive, so no
    process has to. There, podman may not make cgroups either, so each host
    gets one from us: without, every systemd would believe that it owns the
    same tree.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.hybrid = cgroup_v1_in_the_way()
        self.namespace = lab.state / "ns" / "mnt"

    def podman(self, *args: str, host: str = "", check: bool = True):
        """Run podman; `host` names the host whose cgroup it is to run in."""
        if not self.hybrid:
            return run(["podman", *args], check)
        self.ensure_namespace()
        enter = 'if [ -n "$0" ]; then mkdir -p "$0" && echo $$ >"$0/cgroup.procs"; fi && exec podman "$@"'
        cgroup = str(CGROUP_ROOT / self.lab.id / host) if host else ""
        done = run(["nsenter", f"--mount={self.namespace}", "sh", "-c", enter, cgroup, *args], False)
        if check and done.returncode:
            raise LabError(f"podman {args[0]} failed: {done.stderr.strip()}")
        return done

    def podman_json(self, *args: str):
        return json.loads(self.podman(*args).stdout or "null") or []

    def run_flags(self) -> list[str]:
        if not self.hybrid:
            return []
        return ["--cgroups=disabled", "--cgroupns=private",
                "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"]

    def namespace_alive(self) -> bool:
        directory = self.namespace.parent
        return (self.namespace.exists()
                and os.stat(self.namespace).st_dev != os.stat(directory).st_dev)

    def ensure_namespace(self) -> None:
        if self.namespace_alive():
            return
        self.leave_namespace()
        directory = self.namespace.parent
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A namespace can only be kept on a private mount.
        run(["mount", "--bind", str(directory), str(directory)])
        run(["mount", "--make-private", str(directory)])
        self.namespace.touch()
        run(["unshare", f"--mount={self.namespace}", "sh", "-c",
             f"umount -R {CGROUP_ROOT} && mount -t cgroup2 none {CGROUP_ROOT}"])

    def leave_namespace(self) -> None:
        for path in (self.namespace, self.namespace.parent):
            while os.path.exists(path) and is_mounted(path):
                run(["umount", "--lazy", str(path)])

    def clear_cgroup(self, host: str = "") -> None:
        """Remove the cgroups that a dead systemd left; living ones refuse and stay."""
        if not self.hybrid:
            return
        self.ensure_namespace()
        cgroup = CGROUP_ROOT / self.lab.id / host
        run(["nsenter", f"--mount={self.namespace}", "find", str(cgroup),
             "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"], check=False)


def is_mounted(path: Path) -> bool:
    """By mountinfo, where a mount over itself shows too."""
    wanted = str(path).replace(" ", "\\040")
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        return any(line.split()[4] == wanted for line in mounts)
