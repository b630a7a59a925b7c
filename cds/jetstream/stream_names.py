"""Which streams there are, asked of whoever answers for the whole cluster: also those that have no leader just now.

This module must not know whose streams they are.
"""

import msgspec
from nats.aio.client import Client

from cds.jetstream.asking import STREAM_NAMES, answered

ANSWERED_S_MAX = 5.0


class _Names(msgspec.Struct, frozen=True):
    """A page of names, or why there is none."""

    total: int = 0
    streams: list[str] | None = None
    error: msgspec.Raw | None = None


async def stream_names(connection: Client) -> list[str]:
    """The names of all streams. Raises FAILURES (cds.jetstream.connecting)."""
    names: list[str] = []
    while True:
        asked = msgspec.json.encode({"offset": len(names)})
        page = await answered(connection, STREAM_NAMES, asked, _Names, ANSWERED_S_MAX)
        if page.error is not None:
            raise OSError(bytes(page.error).decode(errors="replace"))
        names.extend(page.streams or ())
        if not page.streams or len(names) >= page.total:
            return names
