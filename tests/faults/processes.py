"""Processes of this machine, looked up by their parents, so that only what a round has started is ever touched.

This module must not know what they are for.
"""

import os
from pathlib import Path

INIT = 1
"""The process from which all others come; it and what lies below it are never touched."""


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that live, in the order of their numbers; of 0 and 1, none."""
    if pid <= INIT:
        return []
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return sorted(child for child in found if _parent_of(child) == pid and is_alive(child))


def _parent_of(pid: int) -> int | None:
    """The parent of a process, None when it is gone."""
    words = _stat(pid)
    return int(words[1]) if words else None


def _stat(pid: int) -> list[str]:
    """What the system says of a process behind its name, nothing when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def command_of(pid: int) -> str:
    """The command line of a process, empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def is_alive(pid: int) -> bool:
    """Whether a process does anything still; one that has ended may wait to be noticed."""
    words = _stat(pid)
    return bool(words) and words[0] not in "ZX"


def signalled(pid: int, number: int) -> bool:
    """Send a signal; False when there is no such process any more. 0, which would be our own group, is none."""
    if pid <= INIT:
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def seconds_of_processor(pid: int) -> float:
    """How long a process and those that it has waited for have been on a processor, 0 when it is gone."""
    words = _stat(pid)
    return sum(int(word) for word in words[11:15]) / os.sysconf("SC_CLK_TCK")
