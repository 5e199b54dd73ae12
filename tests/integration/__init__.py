"""The real engine and real hosts, on a lab of the tests' own."""

import os
import pathlib

# drive reads this when it is imported: a lab that somebody works with is left alone.
os.environ.setdefault("LAB_STATE", str(pathlib.Path(__file__).resolve().parents[2] / ".lab-test"))
