"""What the kernel tells of another process: its time on processors and its memory.

Time on processors, not time that passes: so a machine on which others work tells nearly the same as a quiet one.
This module must not know what the process does.
"""

import os
import time
from pathlib import Path

PROCESS_CLOCK = 2
"""The clock that counts the time of all threads of a process on processors (linux/posix-timers.h, CPUCLOCK_SCHED)."""

PROCESS_BITS = 3
KIB = 1_024


def processor_s(pid: int) -> float:
    """Seconds that a process has spent on processors, all its threads together. Raises OSError when it is gone."""
    return time.clock_gettime((~pid << PROCESS_BITS) | PROCESS_CLOCK)


def memory_kib(pid: int) -> float:
    """Resident memory of a process. Raises OSError when it is gone."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / KIB
