"""Wait until hosts can be worked with: pinned key, cloud-init done, role in place."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import remote
from lab import Host, Lab, LabError

# Runs on the host. cloud-init writes its result into /run, so of this boot only.
CHECK = r"""
result=/run/cloud-init/result.json
[ -s $result ] || { echo "cloud-init is not done"; exit 1; }
grep -Eq '"errors": *\[\]' $result || { echo "cloud-init failed:"; cat $result; exit 2; }
exec sudo /opt/lab/role check
"""
FAILED = 2


def wait(lab: Lab, hosts: list[Host], seconds: float) -> None:
    """LabError names every host that is not ready in time, and what it lacks."""
    start = time.monotonic()

    def wait_one(host: Host) -> str:
        while True:
            done = remote.run_script(lab, host, CHECK)
            if done.returncode == 0:
                print(f"lab: {host.name} ({host.address}) is ready after "
                      f"{time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
                return ""
            lacks = (done.stdout.strip() or done.stderr.strip()).replace("\n", " ")
            if done.returncode == FAILED or time.monotonic() - start > seconds:
                return f"{host.name} ({host.address}) is not ready after {seconds:.0f} s: {lacks}"
            time.sleep(0.5)

    with ThreadPoolExecutor(len(hosts)) as pool:
        failures = [failure for failure in pool.map(wait_one, hosts) if failure]
    if failures:
        raise LabError("\nlab: ".join(failures))
