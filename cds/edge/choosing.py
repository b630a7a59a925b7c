"""Which streams are followed where there is not room for all: those to which something came last, as it does to a
contest that is on.

This module must not know what the streams hold.
"""

from collections.abc import Iterable
from contextlib import suppress

import msgspec
from nats.aio.client import Client

from cds.jetstream.asking import STREAM_INFO, answered
from cds.jetstream.connecting import FAILURES
from cds.jetstream.stream_names import ANSWERED_S_MAX


class _State(msgspec.Struct, frozen=True):
    last_ts: str = ""


class _Information(msgspec.Struct, frozen=True):
    """What a stream says of itself; nothing where it is gone, or has no leader."""

    state: _State = _State()


async def latest_first(connection: Client, streams: Iterable[str]) -> list[str]:
    """The names of streams, each before those whose last message is older; last those behind one that says nothing.

    That may be one without a leader, of which there may be many: they are not waited for one after the other.
    """
    told_at = dict.fromkeys(sorted(streams), "")
    with suppress(*FAILURES):
        for name in told_at:
            told_at[name] = await _told_at(connection, name)
    return sorted(told_at, key=told_at.__getitem__, reverse=True)


async def _told_at(connection: Client, name: str) -> str:
    """When the last message came, as a text that is the greater the later that was. Raises FAILURES."""
    information = await answered(connection, f"{STREAM_INFO}.{name}", b"", _Information, ANSWERED_S_MAX)
    return information.state.last_ts
