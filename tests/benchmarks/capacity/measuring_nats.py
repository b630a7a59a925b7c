"""What a message costs a nats-server: put into a stream on disk, and delivered to one consumer more.

The server is real, one node; the messages have the form and the headers that a publisher of the feed gives them. This
module must not know what follows from the costs.
"""

import asyncio
import time
from pathlib import Path

import msgspec
import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from tests.benchmarks.capacity.processes_seen import processor_s
from tests.benchmarks.processes import nats_server, nats_url

STREAM, SUBJECT = "capacity", "capacity.contest.public"
MESSAGES = 3_000
CONSUMERS = 8
IN_FLIGHT = 256
LINE_BYTES = 400
DELIVERY_TIMEOUT_S = 120.0
MICROSECONDS = 1_000_000

HEADERS = {
    "Nats-Msg-Id": "e7nV5aR-3F-rHog4GxHPRwAAQAePXeo1oK",
    "Cds-Generation": "0123456789abcdef",
    "Cds-Previous": "iEOxzRrYGdSxEAbCwgiHlwAAQAePXeo1oK",
}


class NatsCosts(msgspec.Struct, frozen=True, kw_only=True):
    """See UnitCosts."""

    publish_us: float
    deliver_us: float
    publisher_us: float
    consumer_us: float


def nats_costs(scratch: Path, messages: int = MESSAGES) -> NatsCosts:
    """Publish without consumers, then with some: the difference is what delivering takes."""
    with nats_server(scratch / "jetstream") as server:
        return asyncio.run(_measured(server.pid, server.port, messages))


async def _measured(pid: int, port: int, messages: int) -> NatsCosts:
    client = await nats.connect(nats_url(port))
    stream = client.jetstream(publish_async_max_pending=IN_FLIGHT)
    try:
        await stream.add_stream(name=STREAM, subjects=["capacity.>"])
        await _publish(stream, 100)
        server, own = processor_s(pid), time.process_time()
        await _publish(stream, messages)
        publish_s, publisher_s = processor_s(pid) - server, time.process_time() - own
        counts = [0] * CONSUMERS
        for number in range(CONSUMERS):
            await _follow(stream, counts, number)
        server, own = processor_s(pid), time.process_time()
        await _publish(stream, messages)
        async with asyncio.timeout(DELIVERY_TIMEOUT_S):
            while min(counts) < messages:
                await asyncio.sleep(0.02)
        deliveries = messages * CONSUMERS
        return NatsCosts(
            publish_us=publish_s / messages * MICROSECONDS,
            deliver_us=max(processor_s(pid) - server - publish_s, 0) / deliveries * MICROSECONDS,
            publisher_us=publisher_s / messages * MICROSECONDS,
            consumer_us=max(time.process_time() - own - publisher_s, 0) / deliveries * MICROSECONDS,
        )
    finally:
        await client.close()


async def _publish(stream: JetStreamContext, messages: int) -> None:
    """So many messages, a bounded number of them under way."""
    for number in range(messages):
        headers = HEADERS | {"Nats-Msg-Id": f"{time.monotonic_ns():034}", "Cds-Previous": f"{number:034}"}
        # What came of it is known when all have come.
        _acknowledgement = await stream.publish_async(SUBJECT, b"x" * LINE_BYTES, headers=headers)
    await stream.publish_async_completed()


async def _follow(stream: JetStreamContext, counts: list[int], number: int) -> None:
    async def take(_message: Msg) -> None:
        counts[number] += 1

    await stream.subscribe(SUBJECT, cb=take, ordered_consumer=True, deliver_policy=nats.js.api.DeliverPolicy.NEW)
