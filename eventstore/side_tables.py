"""What the tables of the database are to a backup: the log, what stands beside it, and what is not copied.

Knows their names. It must not know how a backup is written, nor what anything in them means.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from eventstore.queries import QUERIES


class SideTable(msgspec.Struct, frozen=True):
    """The statements that read a table as lines of JSON, in the order of its key, and that take such lines in."""

    rows: str
    put_rows: str


SIDE_TABLES: Mapping[str, SideTable] = MappingProxyType(
    {
        "credential": SideTable(QUERIES["rows_of_credential"], QUERIES["put_rows_of_credential"]),
        "kept": SideTable(QUERIES["rows_of_kept"], QUERIES["put_rows_of_kept"]),
        "secret": SideTable(QUERIES["rows_of_secret"], QUERIES["put_rows_of_secret"]),
        "server_account": SideTable(QUERIES["rows_of_server_account"], QUERIES["put_rows_of_server_account"]),
    }
)
"""The tables beside the log: they change, and so they are copied whole, from one snapshot. They are few rows."""

LOG_TABLES = ("stream", "event", "file", "file_chunk")
"""The log and the contents of files: nothing in them ever changes, but for the ends of streams."""

TABLES_LEFT_OUT: Mapping[str, str] = MappingProxyType(
    {
        "migration": "it is said in the manifest, and made anew",
        "batch": "it answers those who wait for a commit, and nobody waits across a restore",
        "turn": "pauses of seconds",
        "checkpoint": "derived from the log",
        "checkpoint_part": "derived from the log",
        "snapshot": "derived from the log",
        "snapshot_part": "derived from the log",
    }
)
"""Tables that no backup holds, and why."""
