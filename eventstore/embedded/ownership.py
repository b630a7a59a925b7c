"""One server per data directory.

Knows the lock that says so. It must not know what the server does.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eventstore.embedded.layout import Layout
from eventstore.embedded.locks import FileLock
from eventstore.store import StoreRefused


@contextmanager
def server_ownership(data_dir: Path) -> Iterator[None]:
    """Own a data directory as its only server for the length of the block; however the process ends, it ends.

    Raises StoreRefused, naming the process that owns it, when another server does.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    path = Layout(data_dir.resolve()).server_owner
    lock = FileLock(path)
    try:
        if not lock.try_exclusive():
            raise StoreRefused(f"another server (process {_read_pid(path)}) uses the data directory {data_dir}")
        path.write_text(f"{os.getpid()}\n")
        yield
    finally:
        lock.close()


def _read_pid(path: Path) -> str:
    """The process id that the owner has written, or `unknown`."""
    return path.read_text().strip() or "unknown"
