"""How a keeper process is started, with what it has to be told.

Knows the command and its environment. It must not know leases, nor whether Postgres answers. Needs no more than the
standard library and the names of the store, so that a keeper can be on its way before a program has been imported.
"""

import os
import re
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from eventstore.embedded import keeper
from eventstore.embedded.binaries import find_binaries
from eventstore.embedded.layout import Layout
from eventstore.store import StoreRefused

KEEPER_START_TIMEOUT_S = 30.0

LOG_BYTES_MAX = 1024 * 1024
"""A log of the keeper that has grown beyond this is set aside when the next keeper starts; one is kept."""

SOCKET_DIRECTORY_BYTES_MAX = 90
"""A socket's path must fit into 107 bytes, the name .s.PGSQL.5432 included."""

_PLAIN_PATH = re.compile(r"[A-Za-z0-9_./+@=~-]+")
"""Paths that need no quoting in an address; a comma would separate hosts."""


def start_keeper(layout: Layout, *, durable: bool) -> None:
    """Start a keeper process and return when it goes its own way. It ends at once if there is one already.

    Raises StoreRefused, OSError, SubprocessError.
    """
    command = [sys.executable, "-S", "-m", keeper.__name__, "--data-dir", str(layout.data_dir)]
    command += ["--binaries", str(find_binaries()), "--socket-dir", str(_socket_dir(layout))]
    command += [] if durable else ["--not-durable"]
    _run_detached(command, layout.log)


def _run_detached(command: list[str], log: Path) -> None:
    """Run a program that forks away, in a session of its own, with hardly any environment."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    # The keeper runs without site-packages: it needs this program's own modules and the standard library.
    environment["PYTHONPATH"] = str(Path(__file__).resolve().parents[2])
    with log.open("ab") as output:
        subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
            cwd="/",
            start_new_session=True,
            timeout=KEEPER_START_TIMEOUT_S,
            check=True,
        )


def _socket_dir(layout: Layout) -> Path:
    """Where the socket goes: into the data directory if its path is short and plain, else to a temporary place."""
    inside = str(layout.socket_dir)
    if len(inside.encode()) <= SOCKET_DIRECTORY_BYTES_MAX and _PLAIN_PATH.fullmatch(inside):
        return layout.socket_dir
    name = f"cds-{sha256(str(layout.data_dir).encode()).hexdigest()[:16]}"
    outside = Path(tempfile.gettempdir()).resolve() / name
    if len(str(outside).encode()) > SOCKET_DIRECTORY_BYTES_MAX:
        raise StoreRefused(f"the path {layout.data_dir} is too long for a socket, and so is that of TMPDIR")
    return outside
