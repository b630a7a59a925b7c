"""The stream of a contest: made as the settings say, read as it stands, and made anew where it is not of our log.

A stream is marked with whose it is and with its generation, which are good also when all of its messages have been
dropped. Where JetStream refuses what the settings say (it sets a limit of bytes aside for each stream, whatever that
holds), this is told, and the stream is kept without it. This module must not know a contest.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from math import inf, isclose

import msgspec
import structlog
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    ConsumerInfo,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from cds import metrics
from cds.jetstream.asking import STREAM_INFO, answered
from cds.jetstream.pipeline import Interrupted
from cds.jetstream.settings import PublishingSettings
from cds.jetstream.subjects import GENERATION, MESSAGE_ID, all_subjects, stream_name
from projections.tokens import TokenMaker

ANSWERED_S_MAX = 1.0
"""How long JetStream may take for an answer: while a stream has no leader there is none, and it is asked again soon."""

MADE_S_MAX = 5.0
"""How long JetStream may take to make, change or delete a stream."""

UNLIMITED = -1
EVERY_SUBJECT = ">"

REMEMBERED_S = 120.0
"""How long JetStream knows the ids of messages again, where it keeps messages for so long."""

CONFIGURED = ("subjects", "num_replicas", "max_age", "max_bytes", "duplicate_window", "discard", "allow_direct")
"""What a stream that is there is brought to; the rest stays as it was made."""

LIMIT_OF_BYTES = "max_bytes"
WITHOUT_LIMIT = tuple(each for each in CONFIGURED if each != LIMIT_OF_BYTES)
NECESSARY = ("subjects",)
"""Without these nothing could be published."""

LESS_AND_LESS = (CONFIGURED, WITHOUT_LIMIT, NECESSARY)
"""What a stream that is there is brought to, if not to all, at least."""

AGE_S_PRECISION = 0.001
"""Ages that differ by less are the same: JetStream counts them in nanoseconds."""

NAME_IN_USE = 10058
"""The error of JetStream that says that somebody else has just made such a stream."""

INSUFFICIENT_RESOURCES = 10023
"""The error of JetStream that says that there is no room, and not only that nobody can tell just now."""

LOG_MARK = "cds-log"
GENERATION_MARK = "cds-generation"
"""What a stream tells of itself: of which log it is, and its GENERATION."""

GENERATION_BYTES = 8
LOG_MARK_CHARACTERS = 32


log = structlog.get_logger(__name__)


class _State(msgspec.Struct, frozen=True):
    messages: int
    last_ts: datetime | None = None


class _Info(msgspec.Struct, frozen=True):
    """What the client leaves out of what a server says of a stream. `ts`: when it says that."""

    state: _State
    ts: datetime | None = None


class Last(msgspec.Struct, frozen=True):
    """The last message under a subject."""

    message_id: str
    generation: str


class Stream(msgspec.Struct, frozen=True):
    """A stream as it stands: its generation, where it ends, and the last message of each subject.

    The generation is empty where the stream is marked as nobody's or somebody else's. `whole`: nothing that it held has
    been dropped, so that a subject without a message never had one. `as_set`: it is kept as the settings say.
    """

    name: str
    generation: str
    last_sequence: int
    last: Mapping[str, Last]
    whole: bool
    as_set: bool = True


class Streams:
    """The streams of one connection."""

    def __init__(self, connection: Client, settings: PublishingSettings, log_mark: str) -> None:
        """Nothing is made yet. `log_mark` tells the streams of this log from those of others."""
        self._connection = connection
        self._settings = settings
        self._log_mark = log_mark
        self._asking: JetStreamContext = connection.jetstream(timeout=ANSWERED_S_MAX)
        self._making: JetStreamContext = connection.jetstream(timeout=MADE_S_MAX)

    async def opened(self, contest_id: str) -> Stream:
        """The stream of a contest, made when there is none. Raises Interrupted and what the client raises."""
        wanted = self._configuration(contest_id)
        name = str(wanted.name)
        try:
            info = await self._brought(await self._asking.stream_info(name), wanted)
        except NotFoundError:
            info = await self._made(wanted)
        last = await self._last(name, info.state.last_seq) if info.state.messages else {}
        first_of_all = info.config.first_seq or 1
        return Stream(
            name=name,
            generation=self._generation(info),
            last_sequence=info.state.last_seq,
            last=last,
            whole=info.state.messages == info.state.last_seq + 1 - first_of_all,
            as_set=not _others(info.config, wanted),
        )

    async def made_anew(self, stream: Stream, contest_id: str) -> Stream:
        """An empty stream of another generation in the place of one; its messages are counted on, and one is left out.

        So nothing goes in that was meant for the old one, not even its very next message. A stream that is emptied
        remembers the ids of its messages for a while and would take the same lines for repetitions, so it is deleted.
        """
        await self._making.delete_stream(stream.name)
        wanted = self._configuration(contest_id)
        wanted.first_seq = stream.last_sequence + 2
        info = await self._made(wanted)
        as_set = not _others(info.config, wanted)
        return Stream(stream.name, self._generation(info), stream.last_sequence + 1, {}, whole=True, as_set=as_set)

    async def bring(self, contest_id: str) -> bool:
        """Have the stream of a contest as the settings say, where that was refused before; whether it is so now."""
        wanted = self._configuration(contest_id)
        info = await self._asking.stream_info(str(wanted.name))
        try:
            await self._making.update_stream(_changed(info, wanted, CONFIGURED))
        except APIError as refused:
            metrics.STREAM_SETTINGS_REFUSED.inc()
            log.debug("stream_settings_refused", stream=wanted.name, reason=str(refused))
            return False
        log.info("stream_settings_taken", stream=wanted.name)
        return True

    async def followed(self, name: str) -> set[str]:
        """The subjects, as far as they can be seen, that somebody has delivered to him at this moment."""
        found: set[str] = set()
        for consumer in await self._asking.consumers_info(name):
            found.update(_subjects_of(consumer))
        return found

    async def is_ours(self, name: str) -> bool:
        """Whether a stream is marked as one of this log. Raises NotFoundError when there is none."""
        return bool(self._generation(await self._asking.stream_info(name)))

    async def quiet_s(self, name: str) -> float:
        """For how long nothing has been written to a stream; for ever where nothing is left of what was."""
        info = await answered(self._connection, f"{STREAM_INFO}.{name}", b"", _Info, ANSWERED_S_MAX)
        if not info.state.messages or info.ts is None or info.state.last_ts is None:
            return inf
        return (info.ts - info.state.last_ts).total_seconds()

    async def delete(self, name: str) -> None:
        """Have no such stream any more."""
        await self._making.delete_stream(name)

    async def _made(self, wanted: StreamConfig) -> StreamInfo:
        """A new stream as the settings say or, where there is no room for that, without a limit."""
        try:
            return await self._making.add_stream(wanted)
        except APIError as refused:
            if wanted.max_bytes == UNLIMITED or _is_passing(refused) or refused.err_code == NAME_IN_USE:
                raise
            _tell_of_refusal(str(wanted.name), (LIMIT_OF_BYTES,), refused)
        return await self._making.add_stream(wanted.evolve(max_bytes=UNLIMITED))

    async def _brought(self, info: StreamInfo, wanted: StreamConfig) -> StreamInfo:
        """A stream that is there with as much of what the settings say as JetStream takes."""
        for names in LESS_AND_LESS:
            others = _others(info.config, wanted, names)
            if not others:
                break
            try:
                return await self._making.update_stream(_changed(info, wanted, names))
            except APIError as refused:
                if _is_passing(refused) or names == NECESSARY:
                    raise
                _tell_of_refusal(str(wanted.name), others, refused)
        return info

    def _generation(self, info: StreamInfo) -> str:
        marks = info.config.metadata or {}
        return marks.get(GENERATION_MARK, "") if marks.get(LOG_MARK) == self._log_mark else ""

    async def _last(self, name: str, last_sequence: int) -> dict[str, Last]:
        """The last message of each subject. Raises Interrupted where whoever has told of them was behind."""
        inbox = self._connection.new_inbox()
        subscription = await self._connection.subscribe(inbox)
        configuration = ConsumerConfig(
            deliver_subject=inbox,
            deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
            filter_subject=EVERY_SUBJECT,
            headers_only=True,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=2 * MADE_S_MAX,
        )
        try:
            await self._asking.add_consumer(name, configuration)
            found: dict[str, Last] = {}
            waiting, highest = 1, 0
            while waiting:
                message = await subscription.next_msg(timeout=ANSWERED_S_MAX)
                headers, waiting = message.headers or {}, message.metadata.num_pending
                found[message.subject] = Last(headers.get(MESSAGE_ID, ""), headers.get(GENERATION, ""))
                highest = max(highest, message.metadata.sequence.stream)
        finally:
            await subscription.unsubscribe()
        if highest != last_sequence and await self._holds(name, last_sequence):
            raise Interrupted(f"a server tells of message {highest} as the last one of {name}, not of {last_sequence}")
        return found

    async def _holds(self, name: str, sequence: int) -> bool:
        """Whether the leader has a message: what somebody has deleted is nowhere the last one any more."""
        try:
            await self._asking.get_msg(name, sequence)
        except NotFoundError:
            return False
        return True

    def _configuration(self, contest_id: str) -> StreamConfig:
        settings = self._settings
        age_s_max = settings.age_s_max or 0
        return StreamConfig(
            name=stream_name(settings.prefix, contest_id),
            subjects=[all_subjects(settings.prefix, contest_id)],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            storage=StorageType.FILE,
            num_replicas=settings.replicas,
            max_age=age_s_max,
            max_bytes=UNLIMITED if settings.bytes_max is None else settings.bytes_max,
            duplicate_window=min(REMEMBERED_S, age_s_max) if age_s_max else REMEMBERED_S,
            allow_direct=True,
            metadata={LOG_MARK: self._log_mark, GENERATION_MARK: secrets.token_hex(GENERATION_BYTES)},
        )


def log_mark_of(tokens: TokenMaker) -> str:
    """What tells the streams of one log from those of others: it comes from the key of its tokens, and tells no other.

    Whoever restores the log restores that key; no view has the name that this is made with.
    """
    return tokens.view_key(LOG_MARK).hex()[:LOG_MARK_CHARACTERS]


def _changed(info: StreamInfo, wanted: StreamConfig, names: Iterable[str]) -> StreamConfig:
    """The configuration of a stream with some of what the settings say; its marks stay as they are."""
    return info.config.evolve(**{each: getattr(wanted, each) for each in names})


def _others(found: StreamConfig, wanted: StreamConfig, names: Iterable[str] = CONFIGURED) -> tuple[str, ...]:
    """Which of these settings are others than they should be."""
    return tuple(each for each in names if not _is_same(getattr(found, each), getattr(wanted, each)))


def _is_same(found: object, wanted: object) -> bool:
    if isinstance(found, float | int) and isinstance(wanted, float | int):
        return isclose(found, wanted, rel_tol=0, abs_tol=AGE_S_PRECISION)
    return found == wanted


def _is_passing(refused: APIError) -> bool:
    """Whether the same may be granted in a moment: nobody could say."""
    return isinstance(refused, ServiceUnavailableError) and refused.err_code != INSUFFICIENT_RESOURCES


def _tell_of_refusal(stream: str, names: Iterable[str], refused: APIError) -> None:
    metrics.STREAM_SETTINGS_REFUSED.inc()
    log.warning("stream_settings_refused", stream=stream, settings=", ".join(names), reason=str(refused))


def _subjects_of(consumer: ConsumerInfo) -> Iterable[str]:
    """What a consumer is delivered."""
    return consumer.config.filter_subjects or filter(None, (consumer.config.filter_subject,))
