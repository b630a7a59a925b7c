"""Questions to JetStream of which the client of NATS leaves out something: what is answered, as the servers write it.

This module must not know what is asked for.
"""

from typing import TypeVar

import msgspec
from nats.aio.client import Client

STREAM_INFO = "$JS.API.STREAM.INFO"
STREAM_NAMES = "$JS.API.STREAM.NAMES"
"""The list of all that streams say of themselves leaves out those without a leader; this does not."""

Answer = TypeVar("Answer")


async def answered(connection: Client, subject: str, asked: bytes, form: type[Answer], timeout_s: float) -> Answer:
    """What is answered under a subject. Raises FAILURES (cds.jetstream.connecting), also for what cannot be read."""
    answer = await connection.request(subject, asked, timeout=timeout_s)
    try:
        return msgspec.json.decode(answer.data, type=form)
    except msgspec.MsgspecError as fault:
        raise OSError(f"what is answered to {subject} cannot be read") from fault
