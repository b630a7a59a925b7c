"""Which streams there are, asked of whoever answers for the whole cluster: also those that have no leader just now.

This module must not know whose streams they are.
"""

import msgspec
from nats.aio.client import Client

STREAM_NAMES = "$JS.API.STREAM.NAMES"
"""The list of all that streams say of themselves leaves out those without a leader; this does not."""

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
        answer = await connection.request(STREAM_NAMES, asked, timeout=ANSWERED_S_MAX)
        try:
            page = msgspec.json.decode(answer.data, type=_Names)
        except msgspec.MsgspecError as fault:
            raise OSError("the names of streams cannot be read") from fault
        if page.error is not None:
            raise OSError(bytes(page.error).decode(errors="replace"))
        names.extend(page.streams or ())
        if not page.streams or len(names) >= page.total:
            return names
