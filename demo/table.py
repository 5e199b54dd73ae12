"""Runs named steps one after another, says what is going on, and prints what each took."""

import subprocess
import sys
import time

from drive.lab import Failed


class Table:
    """The demo's steps as they happen; `print()` gives the table, `failed` says whether any comparison failed."""

    def __init__(self):
        self.rows = []
        self.failed = False

    def step(self, title, work):
        """Run `work()`; it may return the number of bytes that it moved. A Failed is shown and remembered."""
        print(f"\n== {title}", flush=True)
        started = time.monotonic()
        moved, result = None, "ok"
        try:
            moved = work()
        except (Failed, subprocess.CalledProcessError) as failure:
            result, self.failed = "FAILED", True
            print(failure, file=sys.stderr, flush=True)
        seconds = time.monotonic() - started
        self.rows.append((title, seconds, moved, result))
        print(f"   {result} after {seconds:.1f} s", flush=True)
        return result == "ok"

    def print(self):
        width = max(len(row[0]) for row in self.rows)
        print(f"\n{'step':{width}}  {'seconds':>8}  {'MB':>7}  {'MB/s':>6}  result")
        for title, seconds, moved, result in self.rows:
            size = f"{moved / 1e6:7.1f}" if moved else f"{'':7}"
            rate = f"{moved / 1e6 / seconds:6.1f}" if moved else f"{'':6}"
            print(f"{title:{width}}  {seconds:8.1f}  {size}  {rate}  {result}")
        print(f"{'all':{width}}  {sum(row[1] for row in self.rows):8.1f}")


def show(demo):
    """Do a demo's steps, with their table at the end; the status to exit with."""
    table = Table()
    for title, work in demo.STEPS:
        if not table.step(title, getattr(demo, work)) and work not in demo.COMPARISONS:
            break
    table.print()
    return int(table.failed)
