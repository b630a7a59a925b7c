"""One contest on its way into JetStream: every audience's lines, each once and in order, behind those that are there.

The log is the outbox: where publishing begins is read off the stream, whose messages are named by tokens. When every
name is of this log it is gone on behind them; when one is not (the database was restored, the stream was another's),
the stream is begun anew under another generation. This module must not know whose turn publishing is.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Iterable, Mapping

import msgspec
import structlog
from nats.aio.client import Client

from cds import metrics
from cds.decoding import UnreadableEvent
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.pipeline import Pipeline
from cds.jetstream.settings import PublishingSettings
from cds.jetstream.streams import Last, Stream, Streams
from cds.jetstream.subjects import FETCH, FETCH_YES, GENERATION, MESSAGE_ID, PREVIOUS, read_subject, subject_of
from cds.live_contest import LiveContest
from cds.view_names import view_name
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import TokenMaker, TokenRefused
from projections.told import TOLD_BYTES_MAX, Told, encode_told
from projections.told_lines import BEGINNING, COMMON, Stand, Telling, next_tellings, stand_of
from schemas.viewers import ROLES, Role, Viewer

GENERATION_BYTES = 8

HEADERS_BYTES_MAX = 1024
"""What the headers of a message take at most; the limit of the servers counts them too."""

LINES_SHARE = 0.75
"""So much of a message may be lines; the rest is for what is told beside them."""

log = structlog.get_logger(__name__)


class AudienceTold(msgspec.Struct):
    """How far an audience has been told: sent, and kept for certain; and the name of the last message of each team."""

    sent: Stand = BEGINNING
    kept: Stand = BEGINNING
    last: dict[str, str] = {}
    lines: FeedLines | None = None


class ContestPublishing:
    """The publishing of one contest."""

    def __init__(
        self, contest: LiveContest, tokens: TokenMaker, connection: Client, settings: PublishingSettings
    ) -> None:
        """Nothing has been looked at yet."""
        self.contest = contest
        self._tokens = tokens
        self._connection = connection
        self._settings = settings
        self._generation = ""
        self._told: dict[Role, AudienceTold] = {}
        self._tags: dict[tuple[Role, str], str] = {}
        self._on_the_way: deque[tuple[int, Role, Stand]] = deque()
        self._prepared = asyncio.Event()

    def lines_behind(self) -> int:
        """How many common lines of all audiences are not yet known to be kept."""
        return sum(told.lines.count_after(told.kept.sequence) for told in self._told.values() if told.lines is not None)

    @property
    def level(self) -> bool:
        """Whether everything that all audiences were told so far is known to be kept."""
        ready = bool(self._told) and all(told.lines is not None for told in self._told.values())
        return ready and not self.lines_behind()

    async def run(self, beginning: asyncio.Semaphore) -> None:
        """Publish what there is, and what comes, until that fails: then begin again. Few begin at the same time.

        Raises Interrupted, what the client raises, and StoreUnavailable.
        """
        async with beginning:
            stream = await self._take_over()
        preparing = asyncio.create_task(self._prepare(beginning), name=f"prepare {self.contest.contest_id}")
        try:
            async with Pipeline(self._connection, stream.name, stream.last_sequence) as pipeline:
                while True:
                    heed_cancellation()
                    changed, prepared = self.contest.changed, self._prepared
                    while await self._publish_new(pipeline):
                        self._note_kept(pipeline)
                    await self._wait((changed, prepared), pipeline)
                    if preparing.done():
                        preparing.result()
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)

    async def _prepare(self, beginning: asyncio.Semaphore) -> None:
        """Have the lines of one audience after the other: the first are published while others are made ready."""
        try:
            async with beginning:
                for role in ROLES:
                    await self._lines(role)
                    self._tell_prepared()
        finally:
            self._tell_prepared()

    def _tell_prepared(self) -> None:
        self._prepared.set()
        self._prepared = asyncio.Event()

    async def _take_over(self) -> Stream:
        """Find out how far the stream tells of this log, and have one that does."""
        try:
            await self.contest.catch_up()
        except UnreadableEvent as unreadable:
            log.warning("contest_set_aside", stream=self.contest.stream, reason=str(unreadable))
        streams = Streams(self._connection, self._settings)
        stream = await streams.opened(self.contest.contest_id)
        self._on_the_way.clear()
        self._told = {role: AudienceTold(last={}) for role in ROLES}
        self._generation = secrets.token_hex(GENERATION_BYTES)
        if not stream.last:
            return stream
        try:
            self._go_on_behind(stream.last)
        except (TokenRefused, ValueError) as reason:
            log.warning("stream_begun_anew", stream=stream.name, reason=str(reason))
            self._told = {role: AudienceTold(last={}) for role in ROLES}
            return await streams.made_anew(stream, self.contest.contest_id)
        return stream

    def _go_on_behind(self, last: Mapping[str, Last]) -> None:
        """Take up where the last messages are. Raises TokenRefused and ValueError for what is not of this log."""
        generations = {each.generation for each in last.values()}
        if len(generations) != 1:
            raise ValueError("the stream holds several generations")
        sequences: dict[Role, dict[str, int]] = {role: {} for role in ROLES}
        for subject, each in last.items():
            told = read_subject(self._settings.prefix, subject)
            role = next((role for role in ROLES if role == told.role), None)
            if role is None:
                raise ValueError(f"there is no role {told.role!r}")
            place = self._tokens.read(each.message_id, self._view(role, told.team_id or COMMON), ALL_TYPES_MASK)
            self.contest.check_place(place)
            sequences[role][told.team_id or COMMON] = place.sequence
            self._told[role].last[told.team_id or COMMON] = each.message_id
        (self._generation,) = generations
        for role, found in sequences.items():
            self._told[role].sent = self._told[role].kept = stand_of(found)

    async def _publish_new(self, pipeline: Pipeline) -> bool:
        """Send some of what has not been sent, of every audience; whether there was anything."""
        found = False
        for role in ROLES:
            told = self._told[role]
            if told.lines is None:
                continue  # It is being made ready.
            lines = await self._lines(role)
            pace_permille = self.contest.state.settings.pace_permille
            for telling in next_tellings(lines, told.sent, pace_permille, bytes_max=self._lines_bytes_max()):
                await self._send(pipeline, role, telling)
                found = True
        return found

    async def _send(self, pipeline: Pipeline, role: Role, telling: Telling) -> None:
        told, team = self._told[role], telling.told.team_id or COMMON
        message_id = telling.last_place + self._tag(role, team)
        headers = {MESSAGE_ID: message_id, GENERATION: self._generation, PREVIOUS: told.last.get(team, "")}
        payload = encode_told(telling.told)
        if len(payload) + HEADERS_BYTES_MAX > self._payload_bytes_max():
            headers[FETCH] = FETCH_YES
            payload = encode_told(Told((), telling.told.pace_permille, telling.told.team_id))
        subject = subject_of(self._settings.prefix, self.contest.contest_id, role, telling.told.team_id)
        number = await pipeline.publish(subject, payload, headers)
        self._on_the_way.append((number, role, telling.stand))
        told.sent, told.last[team] = telling.stand, message_id
        metrics.PUBLISHED_LINES.inc(len(telling.told.lines))
        metrics.PUBLISHED_MESSAGES.inc()

    async def _wait(self, events: Iterable[asyncio.Event], pipeline: Pipeline) -> None:
        """Come back when one of these has happened. Raises as `run`."""
        waiting = {asyncio.ensure_future(event.wait()) for event in events}
        try:
            while not any(each.done() for each in waiting):
                heed_cancellation()
                moved = asyncio.ensure_future(pipeline.moved())
                try:
                    await asyncio.wait({*waiting, moved}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    moved.cancel()
                    await asyncio.gather(moved, return_exceptions=True)
                pipeline.check()
                self._note_kept(pipeline)
        finally:
            for each in waiting:
                each.cancel()

    def _note_kept(self, pipeline: Pipeline) -> None:
        while self._on_the_way and self._on_the_way[0][0] <= pipeline.kept_sequence:
            _, role, stand = self._on_the_way.popleft()
            self._told[role].kept = stand

    async def _lines(self, role: Role) -> FeedLines:
        """The lines of a role; others take their place when the audience was given up."""
        told = self._told[role]
        if told.lines is None or told.lines.abandoned:
            told.lines = await self.contest.feed(role)
        return told.lines

    def _tag(self, role: Role, team: str) -> str:
        tag = self._tags.get((role, team))
        if tag is None:
            tag = self._tags[role, team] = self._tokens.tag(self._view(role, team), ALL_TYPES_MASK).decode("ascii")
        return tag

    def _view(self, role: Role, team: str) -> str:
        return view_name(self.contest, Viewer(role=role, team_id=team or None))

    def _payload_bytes_max(self) -> int:
        taken = self._connection.max_payload
        return min(taken, self._settings.payload_bytes_max or taken)

    def _lines_bytes_max(self) -> int:
        return min(TOLD_BYTES_MAX, int((self._payload_bytes_max() - HEADERS_BYTES_MAX) * LINES_SHARE))
