"""The directory of the files that an edge keeps: its own alone, and gone with it, also when it was killed.

An edge that was killed could not take its directory with it; the next one that starts there does, for whatever nobody
holds any more. This module must not know what is kept.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PREFIX = "edge-files-"
HELD = "held"
"""The file in it that a running edge holds a lock on."""

MAKING = "edge-files.lock"
"""Beside them: held while one is made, or those that are left are looked for."""


@contextmanager
def file_directory(data_dir: Path) -> Iterator[Path]:
    """A new directory below `data_dir` for the length of the block. Raises OSError."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / MAKING).open("wb") as making:
        fcntl.flock(making, fcntl.LOCK_EX)
        for left in data_dir.glob(f"{PREFIX}*/"):
            if not _is_held(left):
                shutil.rmtree(left, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=data_dir))
        held = (directory / HELD).open("wb")
        fcntl.flock(held, fcntl.LOCK_EX)
    with held:
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _is_held(directory: Path) -> bool:
    try:
        with (directory / HELD).open("rb") as held:
            return not _may_lock(held)
    except FileNotFoundError:
        return False


def _may_lock(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
