"""The stream of a contest: made as the settings say, read as it stands, and made anew where it is not of our log.

This module must not know a contest.
"""

from collections.abc import Mapping

import msgspec
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import NotFoundError

from cds.jetstream.settings import PublishingSettings
from cds.jetstream.subjects import GENERATION, MESSAGE_ID, all_subjects, stream_name

ANSWERED_S_MAX = 1.0
"""How long JetStream may take for an answer: while a stream has no leader there is none, and it is asked again soon."""

MADE_S_MAX = 5.0
"""How long JetStream may take to make, change or delete a stream."""

UNLIMITED = -1

CONFIGURED = ("subjects", "num_replicas", "max_age", "max_bytes", "discard", "allow_direct")
"""What a stream that is there is brought to; the rest stays as it was made."""


class Last(msgspec.Struct, frozen=True):
    """The last message under a subject."""

    message_id: str
    generation: str


class Stream(msgspec.Struct, frozen=True):
    """A stream as it stands: where it ends, and the last message of each subject."""

    name: str
    last_sequence: int
    last: Mapping[str, Last]


class Streams:
    """The streams of one connection."""

    def __init__(self, connection: Client, settings: PublishingSettings) -> None:
        """Nothing is made yet."""
        self._connection = connection
        self._settings = settings
        self._asking: JetStreamContext = connection.jetstream(timeout=ANSWERED_S_MAX)
        self._making: JetStreamContext = connection.jetstream(timeout=MADE_S_MAX)

    async def opened(self, contest_id: str) -> Stream:
        """The stream of a contest, made when there is none. Raises what the client raises."""
        wanted = self._configuration(contest_id)
        name = str(wanted.name)
        try:
            info = await self._asking.stream_info(name)
        except NotFoundError:
            info = await self._making.add_stream(wanted)
        if any(getattr(info.config, each) != getattr(wanted, each) for each in CONFIGURED):
            info = await self._making.update_stream(_changed(info, wanted))
        return Stream(name, info.state.last_seq, await self._last(name) if info.state.messages else {})

    async def made_anew(self, stream: Stream, contest_id: str) -> Stream:
        """An empty stream in the place of one; its messages are counted on, so that nothing goes in by mistake.

        A stream that is emptied remembers the ids of its messages for a while and would take the same lines for
        repetitions, so it is deleted.
        """
        await self._making.delete_stream(stream.name)
        wanted = self._configuration(contest_id)
        wanted.first_seq = stream.last_sequence + 1
        await self._making.add_stream(wanted)
        return Stream(stream.name, stream.last_sequence, {})

    async def _last(self, name: str) -> dict[str, Last]:
        inbox = self._connection.new_inbox()
        subscription = await self._connection.subscribe(inbox)
        configuration = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            filter_subject=">",
            headers_only=True,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=2 * MADE_S_MAX,
        )
        try:
            await self._asking.add_consumer(name, configuration)
            found: dict[str, Last] = {}
            waiting = 1
            while waiting:
                message = await subscription.next_msg(timeout=ANSWERED_S_MAX)
                headers, waiting = message.headers or {}, message.metadata.num_pending
                found[message.subject] = Last(headers.get(MESSAGE_ID, ""), headers.get(GENERATION, ""))
            return found
        finally:
            await subscription.unsubscribe()

    def _configuration(self, contest_id: str) -> StreamConfig:
        settings = self._settings
        return StreamConfig(
            name=stream_name(settings.prefix, contest_id),
            subjects=[all_subjects(settings.prefix, contest_id)],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            storage=StorageType.FILE,
            num_replicas=settings.replicas,
            max_age=settings.age_s_max or 0,
            max_bytes=UNLIMITED if settings.bytes_max is None else settings.bytes_max,
            allow_direct=True,
        )


def _changed(info: StreamInfo, wanted: StreamConfig) -> StreamConfig:
    """The configuration of a stream with what the settings say."""
    changed = info.config
    for each in CONFIGURED:
        setattr(changed, each, getattr(wanted, each))
    return changed
