"""A block device, what is on it, and where it is mounted."""

import json
import os
import pathlib
import re

from amanda_backup import system

# A smaller rest is less than what ext4 needs for one more group of blocks.
GROW_BYTES = 8 << 20
# All signatures that are known lie this near to one of the device's ends.
ENDS_BYTES = 1 << 20


def mounts():
    """(place, major:minor, options) of each mount that this process sees; a later one at the same place hides it."""
    text = pathlib.Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    for words in map(str.split, text.splitlines()):
        place = re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), words[4])
        yield place, words[2], {*words[5].split(","), *words[words.index("-") + 3].split(",")}


def number(device):
    """major:minor of a block device, as mountinfo has it."""
    rdev = os.stat(device).st_rdev
    return f"{os.major(rdev)}:{os.minor(rdev)}"


def signatures(device):
    """(type, UUID, label) of everything that goes by a known signature on the device, damaged ones too."""
    readable(device)
    told = system.run(["wipefs", "--json", "--output", "TYPE,UUID,LABEL", device]).stdout
    rows = json.loads(told)["signatures"] if told.strip() else []
    return [(row["type"], row.get("uuid"), row.get("label")) for row in rows]


def readable(device):
    """Refuse a device whose ends cannot be read: wipefs would find nothing there, as on an empty one."""
    try:
        with open(device, "rb", buffering=0) as file:
            for start in (0, max(file.seek(0, os.SEEK_END) - ENDS_BYTES, 0)):
                file.seek(start)
                left = ENDS_BYTES
                while left and (block := file.read(left)):
                    left -= len(block)
    except OSError as error:
        raise system.Refusal(
            f"dataVolume: {device} cannot be read ({error.strerror}): see the kernel's log and the state of the volume in "
            "the cloud; nothing was changed"
        ) from None


def repair(device, *flags):
    """Let e2fsck repair what it can without a person's judgement."""
    done = system.run(["e2fsck", "-p", *flags, device], check=False)
    # A signal's number is negative.
    if done.returncode not in (0, 1):
        words = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise system.Refusal(
            f"dataVolume: e2fsck could not repair {device} by itself (status {done.returncode}: {' / '.join(words[-2:])}): "
            f"make a snapshot of the volume, run `e2fsck {device}` by hand, then this again"
        )


def grown(device):
    """Whether the device has room for more than the file system on it."""
    facts = dict(re.findall(r"(?m)^(Block count|Block size): +([0-9]+)$", system.run(["dumpe2fs", "-h", device]).stdout))
    with open(device, "rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
    return size - int(facts["Block count"]) * int(facts["Block size"]) >= GROW_BYTES
