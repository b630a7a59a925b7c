"""What is measured of the process itself: memory, time of the processor, files, how late its loop is.

This module must not know what the process does.
"""

import asyncio
import os
import resource
import sys
import time
from pathlib import Path

from cds import metrics

TICK_S = 0.25
"""How often it is seen how late the loop is."""

KIB = 1024
PROC = Path("/proc/self")


class ProcessMeasurements:
    """Sets the measurements of this process each time it is told to look."""

    def __init__(self, version: str) -> None:
        """The measurements of a process that runs this version of the program."""
        metrics.BUILD.labels(version).set(1)
        metrics.PROCESS_STARTED_S.set(_started_s())
        self._cpu_s = 0.0

    def look(self) -> None:
        """Measure what there is to measure at once."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu_s = usage.ru_utime + usage.ru_stime
        metrics.PROCESS_CPU_S.inc(max(0.0, cpu_s - self._cpu_s))
        self._cpu_s = cpu_s
        metrics.PROCESS_RESIDENT_BYTES.set(_resident_bytes(usage))
        metrics.PROCESS_OPEN_FILES.set(_open_files())
        metrics.PROCESS_OPEN_FILES_MAX.set(resource.getrlimit(resource.RLIMIT_NOFILE)[0])

    async def tick(self) -> None:
        """Let a tick pass, and measure how much later than due that was seen."""
        loop = asyncio.get_running_loop()
        due_s = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        metrics.EVENT_LOOP_LAG_S.observe(max(0.0, loop.time() - due_s))


def _resident_bytes(usage: resource.struct_rusage) -> int:
    """Resident memory now; where the system does not tell, the most that it ever was."""
    try:
        pages = int((PROC / "statm").read_text().split()[1])
    except OSError:
        return usage.ru_maxrss * (1 if sys.platform == "darwin" else KIB)
    return pages * resource.getpagesize()


def _open_files() -> int:
    try:
        return len(os.listdir("/dev/fd")) - 1  # noqa: PTH208 - one of them is the listing itself; Path is no shorter
    except OSError:
        return 0


def _started_s() -> float:
    """When this process started. Where the system does not tell: now, as this is one of the first things it does."""
    try:
        fields = (PROC / "stat").read_text().rpartition(")")[2].split()
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except OSError:
        return time.time()
    return time.time() - up_s + int(fields[19]) / os.sysconf("SC_CLK_TCK")
