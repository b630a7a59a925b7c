"""Messages of a stream in order, each once, however often the consumer that brings them is lost.

JetStream keeps a consumer of ours for as long as we are there. It counts what it delivers, so a message that got lost
on the way is seen at the next one, and it says every few seconds that it is there. Whenever it is not, or has left
something out, another one is made behind what we have. This module must not know what the messages say.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from cds.edge.limits import (
    ARRIVED_MAX,
    HEARTBEATS_MISSED_MAX,
    PENDING_BYTES_MAX,
    PENDING_MESSAGES_MAX,
    TURN_S,
    EdgeLimits,
)
from cds.jetstream.connecting import FAILURES

STATUS = "Status"
CONTROL = "100"
LAST_DELIVERED = "Nats-Last-Consumer"
STALLED = "Nats-Consumer-Stalled"
INACTIVE_HEARTBEATS = 10
"""After so many heartbeats without us JetStream forgets a consumer."""


class CutOff(Exception):
    """A consumer is gone, or has left something out; the text says how that was seen."""


class Delivered(msgspec.Struct, frozen=True):
    """A message, or (`data` None) a sign that there is none: `pending` more are there that have not been delivered.

    `pending` None: how many there are is not said.
    """

    subject: str
    headers: Mapping[str, str]
    data: bytes | None
    pending: int | None
    at: datetime | None = None


class Begun(msgspec.Struct, frozen=True):
    """A consumer was made. `lost`: the stream does not hold all that came behind what we have; `pending` is there."""

    lost: bool
    pending: int


class OrderedConsumer:
    """The messages under some subjects of a stream, from its first one on."""

    def __init__(
        self, connection: Callable[[], Client | None], stream: str, subjects: Sequence[str], limits: EdgeLimits
    ) -> None:
        """Nothing has come yet. `connection` gives the one that there is at that moment."""
        self._connection_now = connection
        self._stream = stream
        self._subjects = list(subjects)
        self._limits = limits
        self._last_sequence = 0
        self._created: object = None

    async def messages(self) -> AsyncGenerator[Delivered | Begun, None]:
        """What comes, until the consumer is lost: then CutOff is raised, and whoever wants more asks again."""
        connection = self._connection_now()
        if connection is None or connection.is_closed:
            raise CutOff("there is no connection")
        inbox, jetstream = connection.new_inbox(), connection.jetstream()
        # To wait for the next one at the subscription takes several turns of the loop for each, however many are there.
        arrived = asyncio.Queue[Msg](ARRIVED_MAX)
        try:
            subscription = await connection.subscribe(
                inbox,
                cb=arrived.put,
                pending_msgs_limit=PENDING_MESSAGES_MAX,
                pending_bytes_limit=PENDING_BYTES_MAX,
            )
        except FAILURES as failure:
            raise CutOff(type(failure).__name__) from failure
        name = ""
        try:
            info = await jetstream.stream_info(self._stream)
            begins_anew = self._begins_anew(info)
            made = await jetstream.add_consumer(self._stream, self._configuration(inbox))
            name = made.name or ""
            first = info.state.first_seq
            yield Begun(lost=not begins_anew and first > self._last_sequence + 1, pending=made.num_pending or 0)
            async for delivered in self._delivered(connection, arrived):
                yield delivered
        except FAILURES as failure:
            raise CutOff(type(failure).__name__) from failure
        finally:
            with suppress(*FAILURES):
                await subscription.unsubscribe()
            if name and connection.is_connected:
                with suppress(*FAILURES):
                    await jetstream.delete_consumer(self._stream, name)

    def _begins_anew(self, info: StreamInfo) -> bool:
        """Whether this is not the stream of which we have something; then it is read from its beginning."""
        created = getattr(info, "created", None)
        is_another = self._last_sequence > info.state.last_seq or (self._created not in (None, created))
        self._created = created
        if is_another:
            self._last_sequence = 0
        return is_another

    async def _delivered(self, connection: Client, arrived: asyncio.Queue[Msg]) -> AsyncIterator[Delivered]:
        loop, count, turn_ends_s = asyncio.get_running_loop(), 0, 0.0
        while True:
            if loop.time() >= turn_ends_s:
                await asyncio.sleep(0)
                turn_ends_s = loop.time() + TURN_S
            message = await _next(connection, arrived, self._limits.heartbeat_s)
            if message.headers and STATUS in message.headers:
                yield Delivered(message.subject, {}, None, await self._heed(connection, message, count))
                continue
            metadata = message.metadata
            count += 1
            sequence, headers = metadata.sequence, message.headers or {}
            if sequence.consumer != count:
                raise CutOff(f"message {sequence.consumer} came in the place of {count}")
            yield Delivered(message.subject, headers, message.data, metadata.num_pending, metadata.timestamp)
            self._last_sequence = sequence.stream

    async def _heed(self, connection: Client, message: Msg, count: int) -> int | None:
        """Answer what is asked for the sake of flow, and see whether something was left out. Raises CutOff.

        How many messages are pending, as far as that is said: none, when JetStream only says that it is there. What was
        pending may have been dropped.
        """
        headers = message.headers or {}
        if headers[STATUS] != CONTROL:
            raise CutOff(f"{headers[STATUS]} {headers.get('Description', '')}")
        stalled = headers.get(STALLED)
        if message.reply or stalled:
            await connection.publish(message.reply or str(stalled), b"")
        delivered = headers.get(LAST_DELIVERED)
        if delivered is not None and int(delivered) != count:
            raise CutOff(f"{delivered} messages were sent, {count} have come")
        return None if delivered is None or stalled else 0

    def _configuration(self, inbox: str) -> ConsumerConfig:
        behind = self._last_sequence
        return ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE if behind else DeliverPolicy.ALL,
            opt_start_seq=behind + 1 if behind else None,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=self._limits.heartbeat_s,
            inactive_threshold=self._limits.heartbeat_s * INACTIVE_HEARTBEATS,
            filter_subjects=self._subjects,
            num_replicas=1,
            mem_storage=True,
        )


async def _next(connection: Client, arrived: asyncio.Queue[Msg], heartbeat_s: float) -> Msg:
    """What comes next. Raises CutOff when nothing comes for some heartbeats, or can come any more."""
    if not arrived.empty():
        return arrived.get_nowait()
    for _ in range(HEARTBEATS_MISSED_MAX):
        if connection.is_closed:
            raise CutOff("the connection was closed")
        with suppress(TimeoutError):
            async with asyncio.timeout(heartbeat_s):
                return await arrived.get()
    raise CutOff(f"nothing has come for {heartbeat_s * HEARTBEATS_MISSED_MAX:g} s")
