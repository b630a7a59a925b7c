"""The way into one stream: of two publishers one gets in, nothing follows what is missing, and silence has an end."""

import asyncio
from itertools import count

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext

from cds.jetstream import pipeline
from cds.jetstream.pipeline import Interrupted, Pipeline
from cds.jetstream.subjects import MESSAGE_ID
from tests.cds.contest_api.serving import DEADLINE_S
from tests.nats_servers import NatsNode

STREAM = "fenced"
SUBJECT = "fenced.lines"


@pytest.fixture
async def stream(connection: Client) -> JetStreamContext:
    """A stream without messages, as its servers see it."""
    asking = connection.jetstream(timeout=DEADLINE_S)
    await asking.add_stream(name=STREAM, subjects=[f"{STREAM}.>"])
    return asking


async def kept(stream: JetStreamContext) -> list[bytes]:
    """All messages that the stream holds."""
    last = (await stream.stream_info(STREAM)).state.last_seq
    return [(await stream.get_msg(STREAM, number)).data or b"" for number in range(1, last + 1)]


async def sent(way: Pipeline, *payloads: bytes) -> None:
    """Send messages one behind the other, without a pause for what is said of them; all of them are kept then."""
    for payload in payloads:
        await way.publish(SUBJECT, payload, {MESSAGE_ID: payload.decode()})
    await way.settled()


async def sent_on(way: Pipeline) -> None:
    """Send one message after the other, for as long as each is kept."""
    for number in count():
        await sent(way, str(number).encode())


async def test_of_two_publishers_at_one_place_one_gets_in(connection: Client, stream: JetStreamContext) -> None:
    """Also where their messages have nothing in common that a server could know them by."""
    async with Pipeline(connection, STREAM, 0) as one, Pipeline(connection, STREAM, 0) as other:
        await sent(one, b"one 1", b"one 2")
        with pytest.raises(Interrupted):
            await sent(other, b"other 1", b"other 2")
        await sent(one, b"one 3")
        with pytest.raises(Interrupted):
            await sent(other, b"other 3")
        assert await kept(stream) == [b"one 1", b"one 2", b"one 3"]
        assert one.kept_sequence == 3


async def test_nothing_follows_what_is_missing(connection: Client, stream: JetStreamContext) -> None:
    """A publisher that believes the stream to be longer than it is: what it sent before has been lost."""
    async with Pipeline(connection, STREAM, 2) as way:
        with pytest.raises(Interrupted):
            await sent(way, b"third", b"fourth")
    assert await kept(stream) == []


async def test_what_nothing_is_said_of_is_not_waited_for_for_ever(
    node: NatsNode, connection: Client, stream: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes a message and hangs, while the connection stays; the message may be kept or not."""
    async with Pipeline(connection, STREAM, 0) as way:
        await sent(way, b"one")
        monkeypatch.setattr(pipeline, "ACKNOWLEDGED_S_MAX", 0.1)
        node.freeze()
        try:
            with pytest.raises(Interrupted):
                async with asyncio.timeout(DEADLINE_S):
                    await sent_on(way)
            assert connection.is_connected
        finally:
            node.thaw()
    assert (await kept(stream))[:1] == [b"one"]
