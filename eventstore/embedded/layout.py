"""Where things lie in a data directory, and the small files by which keeper and clients talk.

Knows names of files and their forms. It must not know processes. Standard library only.
"""

import json
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

DATABASE = "cds"
SUPERUSER = "cds"
PORT = 5432
"""Names the socket file (.s.PGSQL.5432); nothing listens on the network."""

STARTING, READY, STOPPING, STOPPED, FAILED = "starting", "ready", "stopping", "stopped", "failed"
"""What a keeper says of its Postgres."""


class Status(NamedTuple):
    """The last word of a keeper. It may have died since: the lock on `owner` is what tells."""

    state: str
    keeper_pid: int
    postgres_pid: int
    socket_dir: str
    error: str


class Layout(NamedTuple):
    """The files of a data directory (an absolute path without symbolic links)."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """The Postgres cluster; belongs to the user that Postgres runs as."""
        return self.data_dir / "postgres"

    @property
    def unfinished_cluster(self) -> Path:
        """Where initdb works, until what it made is complete and renamed."""
        return self.data_dir / "postgres.unfinished"

    @property
    def socket_dir(self) -> Path:
        """Where the socket lies unless this path is too long for one."""
        return self.data_dir / "socket"

    @property
    def lease(self) -> Path:
        """Locked (shared) by every process that needs the database; locked (exclusive) while it is stopped."""
        return self.data_dir / "postgres.lease"

    @property
    def owner(self) -> Path:
        """Locked (exclusive) by the keeper while it lives."""
        return self.data_dir / "postgres.owner"

    @property
    def server_owner(self) -> Path:
        """Locked (exclusive) by the one server of this data directory."""
        return self.data_dir / "server.owner"

    @property
    def log(self) -> Path:
        """What the keeper has to say, and Postgres before its own log is open."""
        return self.data_dir / "postgres.log"

    @property
    def status_file(self) -> Path:
        """The keeper's Status as JSON."""
        return self.data_dir / "postgres.status"

    @property
    def linger_file(self) -> Path:
        """Until when (seconds since the epoch) Postgres stays up although nobody holds the lease."""
        return self.data_dir / "postgres.linger"


def dsn(socket_dir: str, database: str = DATABASE) -> str:
    """The address of a database behind a socket, for psql and asyncpg alike."""
    return f"postgresql://{SUPERUSER}@/{database}?host={quote(socket_dir, safe='/')}&port={PORT}"


def read_status(layout: Layout) -> Status | None:
    """The last word of a keeper, or None when there was none."""
    try:
        values = json.loads(layout.status_file.read_bytes())
        return Status(**values)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return None  # Written by another version of this program: as good as none.


def write_status(layout: Layout, status: Status) -> None:
    """Replace the keeper's word as a whole."""
    _replace(layout.status_file, json.dumps(status._asdict()))


def read_linger_until(layout: Layout) -> float | None:
    """Until when Postgres was asked to stay up (seconds since the epoch), or None."""
    try:
        return float(layout.linger_file.read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        return None  # An unreadable wish is none.


def write_linger_until(layout: Layout, until: float) -> None:
    """Ask that Postgres stay up until a time (seconds since the epoch); never shortens an earlier wish."""
    if until > (read_linger_until(layout) or 0.0):
        _replace(layout.linger_file, f"{until:.3f}")


def _replace(path: Path, text: str) -> None:
    """Write a small file so that a reader sees the old or the new one, never a part."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
