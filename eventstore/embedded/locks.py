"""Locks on files that end with the process that holds them, however it ends.

Knows flock. It must not know what the locks stand for. Standard library only.
"""

import fcntl
import os
from pathlib import Path


class FileLock:
    """An open file that may be locked. Not inherited by programs that are started."""

    def __init__(self, path: Path) -> None:
        """Open the file, made when it is missing; nothing is locked yet."""
        # Read-only is enough for flock, and works on files that another user has made.
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def try_shared(self) -> bool:
        """Lock beside other shared holders, unless there is an exclusive one."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Lock alone, unless anybody else holds the lock."""
        return self._try(fcntl.LOCK_EX)

    def unlock(self) -> None:
        """Let go of the lock and keep the file open."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of lock and file. Safe to be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try(self, kind: int) -> bool:
        """Lock without waiting."""
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held_exclusively(path: Path) -> bool:
    """Whether some process holds the exclusive lock now. Holds a shared one for an instant to find out."""
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        return not lock.try_shared()
    finally:
        lock.close()
