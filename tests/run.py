"""Every suite, one after another, and the count of all tests: `python3 -m tests.run [SUITE…]`.

A suite that breaks before it can count is one failed test, a skipped test is a failed one.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def jest(*paths):
    """(passed, failed) of jest on these folders."""
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        subprocess.run(
            ["npx", "jest", "--ci", "--json", f"--outputFile={report}", "--runTestsByPath", *test_files(paths)],
            cwd=ROOT, stdout=subprocess.DEVNULL, check=False,
        )
        counted = json.loads(report.read_text(encoding="utf-8"))
    failed = counted["numFailedTests"] + counted["numPendingTests"] + counted["numTodoTests"]
    return counted["numPassedTests"], failed + counted["numRuntimeErrorTestSuites"]


def test_files(paths):
    return sorted(str(found) for path in paths for found in (ROOT / path).rglob("*.test.ts"))


def python(path):
    """(passed, failed) of the unittest modules directly in this folder."""
    told = ""
    with subprocess.Popen(
        [sys.executable, "-m", "unittest", "discover", "-v", "-b", "-s", path, "-t", ".", "-p", "test_*.py"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace",
    ) as done:
        # At once: when a test hangs, one sees after which.
        for line in done.stderr:
            sys.stderr.write(line)
            told += line
    ran = re.findall(r"^Ran (\d+) tests? in", told, re.M)
    verdict = re.findall(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", told, re.M)
    failed = sum(int(count) for count in re.findall(r"=(\d+)", verdict[-1] if verdict else ""))
    if not ran or (done.returncode != 0 and failed == 0):
        failed += 1
    return max(0, int(ran[-1] if ran else 0) - failed), failed


def go(path):
    """(passed, failed) of the Go tests below this module, subtests not counted apart."""
    done = subprocess.run(
        ["go", "test", "-json", "./..."], cwd=ROOT / path, stdout=subprocess.PIPE, text=True, check=False,
        env={**os.environ, "CGO_ENABLED": "0"},
    )
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for event in events:
        if event["Action"] == "output" and event.get("Test"):
            sys.stderr.write(event["Output"])
    ended = [event["Action"] for event in events if event.get("Test") and "/" not in event["Test"]]
    failed = ended.count("fail") + ended.count("skip")
    return ended.count("pass"), failed or int(done.returncode != 0)


def command(*argv):
    """(passed, failed) of one command that is a test as a whole."""
    done = subprocess.run(argv, cwd=ROOT, check=False)
    return int(done.returncode == 0), int(done.returncode != 0)


SUITES = {
    "lint": lambda: command("tests/lint"),
    "unit": lambda: jest("tests/unit", "tests/templates"),
    "plugins": lambda: go("toolchain/plugins"),
    "toolchain": lambda: jest("tests/toolchain", "tests/conformance"),
    "host": lambda: python("tests/host"),
    "drive": lambda: python("tests/drive"),
    "lab": lambda: jest("tests/lab"),
    "integration": lambda: python("tests/integration"),
    "openstack": lambda: python("tests/openstack"),
}


def main(names):
    # A lab of the tests' own: the one that somebody works with is left alone.
    os.environ.setdefault("LAB_STATE", str(ROOT / ".lab-test"))
    unknown = sorted(set(names) - set(SUITES))
    if unknown:
        sys.exit(f"unknown suite {unknown[0]}; known are {', '.join(SUITES)}")
    total, rows = [0, 0], []
    for name in names or SUITES:
        print(f"\n==== {name}", flush=True)
        started = time.monotonic()
        try:
            passed, failed = SUITES[name]()
        except (OSError, ValueError, KeyError) as broken:
            print(f"the suite did not run to its end: {broken!r}", file=sys.stderr)
            passed, failed = 0, 1
        if passed + failed == 0:
            print("the suite ran no test, which counts as a failure", file=sys.stderr)
            failed = 1
        rows.append(f"{name:12} {passed:5} passed {failed:5} failed {time.monotonic() - started:7.0f} s")
        total = [total[0] + passed, total[1] + failed]
    subprocess.run([ROOT / "lab" / "down"], check=False)
    print("\n" + "\n".join(rows))
    print(f"{total[0]} passed, {total[1]} failed")
    return int(total[1] != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
