"""Waking the embedded Postgres beforehand: it starts while the program that is going to need it is still imported.

Nothing depends on it: `launcher.embedded_postgres` sees to whatever did not happen here, and says what stands against
it. This module must not import anything that takes long to import.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from eventstore.embedded.keeper_start import start_keeper
from eventstore.embedded.layout import Layout
from eventstore.embedded.locks import FileLock, is_held_exclusively
from eventstore.store import StoreRefused


@contextmanager
def woken_postgres(data_dir: Path) -> Iterator[None]:
    """Have the Postgres of a data directory start beside the block, if it sleeps, and stay up as long as the block.

    Does nothing where there is no cluster yet, where another process starts or stops it, or where it cannot start.
    """
    lease = _waking(data_dir)
    try:
        yield
    finally:
        if lease is not None:
            lease.close()


def _waking(data_dir: Path) -> FileLock | None:
    """The lease, with a keeper on its way if there was none; None where there is nothing to be woken."""
    try:
        layout = Layout(data_dir.resolve())
        if not layout.cluster.is_dir():
            return None
        lease = FileLock(layout.lease)
        if lease.try_shared() and not is_held_exclusively(layout.owner):
            Thread(target=_start, args=(layout,), name="embedded Postgres wakes", daemon=True).start()
    except OSError:
        return None  # Whoever needs Postgres says why it cannot be had.
    return lease


def _start(layout: Layout) -> None:
    """Start a keeper; whoever needs Postgres afterwards tries once more, and fails with the reason."""
    with suppress(StoreRefused, OSError, subprocess.SubprocessError):
        start_keeper(layout, durable=True)
