"""One contest on its way into JetStream: every audience's lines, each once and in order, behind those that are there.

The log is the outbox: where publishing begins is read off the stream, whose messages are named by tokens. When every
name is of this log it is gone on behind them; when one is not (the database was restored, the stream was another's),
the stream is begun anew under another generation. What retention has dropped is not told again: edges have it from the
core. This module must not know whose turn publishing is.
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
from cds.jetstream.connecting import FAILURES
from cds.jetstream.pipeline import Interrupted, KnownAlready, Pipeline
from cds.jetstream.settings import PublishingSettings
from cds.jetstream.streams import Last, Stream, Streams, log_mark_of
from cds.jetstream.subjects import (
    FETCH,
    FETCH_YES,
    GENERATION,
    MESSAGE_ID,
    PREVIOUS,
    read_subject,
    repeated_id,
    stream_name,
    subject_of,
    subjects_of_role,
    token_of,
)
from cds.live_contest import LiveContest
from cds.role_tags import RoleTags
from projections.feed_lines import ALL_TYPES_MASK, FeedLines
from projections.tokens import TokenMaker, TokenRefused, sequence_of
from projections.told import TOLD_BYTES_MAX, Told, encode_told
from projections.told_lines import (
    BEGINNING,
    COMMON,
    Stand,
    Telling,
    count_behind,
    head_of,
    last_place_told,
    next_tellings,
    stand_of,
)
from schemas.viewers import ROLES, Role

REPETITION_BYTES = 4
"""What tells one repetition of a token from another."""

FOLLOWED_S_MAX = 0.5
"""How long it may take to see which roles somebody reads."""

HEADERS_BYTES_MAX = 1024
"""What the headers of a message take at most; the limit of the servers counts them too."""

LINES_SHARE = 0.75
"""So much of a message may be lines; the rest is for what is told beside them."""

log = structlog.get_logger(__name__)


class AudienceTold(msgspec.Struct):
    """How far an audience has been told: sent, and kept for certain; and the token of the last line of each team.

    `is_dropped`: retention may have dropped what it was told last, so nobody can see how far that was.
    """

    tags: RoleTags
    sent: Stand = BEGINNING
    kept: Stand = BEGINNING
    last: dict[str, str] = {}
    lines: FeedLines | None = None
    is_dropped: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether its lines are here, and it is known how far it has been told."""
        return self.lines is not None and not self.is_dropped


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
        self._streams = Streams(connection, settings, log_mark_of(tokens))
        self._generation = ""
        self._tags = {role: RoleTags(contest, role, tokens) for role in ROLES}
        self._told: dict[Role, AudienceTold] = {}
        self._counted_at: asyncio.Event | None = None
        """`changed` of the contest when lines were counted last; None: something else has happened since."""
        self._lines_behind = 0
        self._meets_known = False
        """Whether JetStream has known a message again; `_known_to`: up to this sequence it may know any."""
        self._known_to = 0
        self.as_set = True
        """Whether the stream is kept as the settings say."""
        self._in_order: tuple[Role, ...] = ROLES
        self._on_the_way: deque[tuple[int, Role, Stand]] = deque()
        self._prepared = asyncio.Event()

    def lines_behind(self) -> int:
        """How many lines of all audiences, those of single teams too, are not yet known to be kept.

        They are counted when something has happened: there may be thousands of contests, of which few are lively.
        """
        if self._counted_at is not self.contest.changed:
            self._counted_at = self.contest.changed
            told = ((each.lines, each.kept) for each in self._told.values())
            self._lines_behind = sum(count_behind(lines, kept) for lines, kept in told if lines is not None)
        return self._lines_behind

    @property
    def level(self) -> bool:
        """Whether everything that all audiences were told so far is known to be kept."""
        return bool(self._told) and not self.lines_behind() and all(told.is_ready for told in self._told.values())

    async def bring(self) -> None:
        """Have the stream kept as the settings say, where that was refused. Raises what the client raises."""
        self.as_set = await self._streams.bring(self.contest.contest_id)

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
        except KnownAlready:
            self._meets_known = True
            raise
        finally:
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)

    async def _prepare(self, beginning: asyncio.Semaphore) -> None:
        """Have the lines of one audience after the other: the first are published while others are made ready."""
        try:
            async with beginning:
                self._in_order = await self._followed_first()
                for role in self._in_order:
                    await self._lines(role)
                    self._tell_prepared()
        finally:
            self._tell_prepared()

    def _tell_prepared(self) -> None:
        self._prepared.set()
        self._prepared = asyncio.Event()

    async def _take_over(self) -> Stream:
        """Find out how far the stream tells of this log, and have one that does."""
        stream = await self._streams.opened(self.contest.contest_id)
        # After that: what the stream tells of has been read then, whoever has written and published it meanwhile.
        unreadable = await self._read_everything()
        if self._meets_known:
            self._meets_known, self._known_to = False, sequence_of(self.contest.position + 1, 0)
        self._begin_at_beginning()
        try:
            self._go_on_behind(stream, unreadable)
        except (TokenRefused, ValueError) as reason:
            log.warning("stream_begun_anew", stream=stream.name, reason=str(reason))
            self._begin_at_beginning()
            stream = await self._streams.made_anew(stream, self.contest.contest_id)
        self._generation, self.as_set = stream.generation, stream.as_set
        return stream

    async def _read_everything(self) -> UnreadableEvent | None:
        """Be level with the log, or with what comes before an event that cannot be read here."""
        try:
            await self.contest.catch_up()
        except UnreadableEvent as unreadable:
            log.warning("contest_set_aside", stream=self.contest.stream, reason=str(unreadable))
            return unreadable
        return None

    def _begin_at_beginning(self) -> None:
        self._on_the_way.clear()
        self._counted_at = None
        self._told = {role: AudienceTold(tags=self._tags[role], last={}) for role in ROLES}

    def _go_on_behind(self, stream: Stream, unreadable: UnreadableEvent | None) -> None:
        """Take up where the last messages are. Raises TokenRefused and ValueError for what is not of this log.

        Raises Interrupted where somebody who could read more of the log has told of more.
        """
        if not stream.generation:
            raise ValueError("the stream is not marked as one of this log")
        sequences: dict[Role, dict[str, int]] = {role: {} for role in ROLES}
        for subject, last in stream.last.items():
            if last.generation != stream.generation:
                raise ValueError("the stream holds several generations")
            role, team, sequence = self._place_of(subject, last, unreadable)
            sequences[role][team] = sequence
        for role, found in sequences.items():
            told = self._told[role]
            told.sent = told.kept = stand_of(found)
            told.is_dropped = not found and not stream.whole
        self._counted_at = None

    def _place_of(self, subject: str, last: Last, unreadable: UnreadableEvent | None) -> tuple[Role, str, int]:
        """Who was told the last message of a subject, and up to where. Raises as `_go_on_behind`."""
        of = read_subject(self._settings.prefix, subject)
        role = next((role for role in ROLES if role == of.role), None)
        if role is None:
            raise ValueError(f"there is no role {of.role!r}")
        team = of.team_id or COMMON
        place = self._tokens.read(token_of(last.message_id), self._tags[role].view(team), ALL_TYPES_MASK)
        if unreadable is not None and place.position > self.contest.position:
            raise Interrupted(f"more has been published than can be read here: {unreadable}")
        self.contest.check_place(place)
        return role, team, place.sequence

    async def _followed_first(self) -> tuple[Role, ...]:
        """The roles, those first that somebody reads: he waits while audiences are made ready.

        Where a server is away it may take long to see who reads, and that is not waited for.
        """
        prefix, contest_id = self._settings.prefix, self.contest.contest_id
        try:
            async with asyncio.timeout(FOLLOWED_S_MAX):
                subjects = await self._streams.followed(stream_name(prefix, contest_id))
        except FAILURES as failure:
            log.info("followers_not_seen", contest=contest_id, reason=str(failure) or type(failure).__name__)
            return ROLES
        return tuple(sorted(ROLES, key=lambda role: subjects.isdisjoint(subjects_of_role(prefix, contest_id, role))))

    async def _publish_new(self, pipeline: Pipeline) -> bool:
        """Send some of what has not been sent, of every audience; whether there was anything."""
        found = False
        for role in self._in_order:
            told = self._told[role]
            if told.lines is None:
                continue  # It is being made ready.
            lines = await self._lines(role)
            if told.is_dropped:
                await self._leave_to_the_core(pipeline, role, lines)
            pace_permille = self.contest.state.settings.pace_permille
            for telling in next_tellings(lines, told.sent, pace_permille, bytes_max=self._lines_bytes_max()):
                await self._tell(pipeline, role, lines, telling)
                found = True
        return found

    async def _leave_to_the_core(self, pipeline: Pipeline, role: Role, lines: FeedLines) -> None:
        """Say that all lines so far are with the core, where it cannot be seen any more which of them were told."""
        told, head = self._told[role], head_of(lines)
        told.is_dropped = False
        if head is None:
            return
        token = head.place + told.tags.tag(head.team)
        headers = {MESSAGE_ID: _repeated(token), GENERATION: self._generation, PREVIOUS: "", FETCH: FETCH_YES}
        payload = self._empty(head.team)
        await self._send(pipeline, role, head.team, (payload, headers), head.stand)
        told.last[head.team] = token

    async def _tell(self, pipeline: Pipeline, role: Role, lines: FeedLines, telling: Telling) -> None:
        told, team = self._told[role], telling.told.team_id or COMMON
        token = telling.last_place + told.tags.tag(team)
        previous = told.last.get(team)
        if previous is None:
            place = last_place_told(lines, told.sent, team)
            previous = "" if place is None else place + told.tags.tag(team)
        message_id = _repeated(token) if telling.stand.sequence <= self._known_to else token
        headers = {MESSAGE_ID: message_id, GENERATION: self._generation, PREVIOUS: previous}
        payload = encode_told(telling.told)
        if len(payload) + HEADERS_BYTES_MAX > self._payload_bytes_max():
            headers[FETCH] = FETCH_YES
            payload = self._empty(team)
        await self._send(pipeline, role, team, (payload, headers), telling.stand)
        told.last[team] = token
        metrics.PUBLISHED_LINES.inc(len(telling.told.lines))

    async def _send(
        self, pipeline: Pipeline, role: Role, team: str, message: tuple[bytes, Mapping[str, str]], stand: Stand
    ) -> None:
        """Send a message, and note how far the audience has been told with it."""
        subject = subject_of(self._settings.prefix, self.contest.contest_id, role, team or None)
        number = await pipeline.publish(subject, *message)
        self._on_the_way.append((number, role, stand))
        self._told[role].sent = stand
        metrics.PUBLISHED_MESSAGES.inc()

    def _empty(self, team: str) -> bytes:
        """A message without lines."""
        return encode_told(Told((), self.contest.state.settings.pace_permille, team or None))

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
            self._counted_at = None

    async def _lines(self, role: Role) -> FeedLines:
        """The lines of a role; others take their place when the audience was given up."""
        told = self._told[role]
        if told.lines is None or told.lines.abandoned:
            told.lines = await self.contest.feed(role)
            self._counted_at = None
        return told.lines

    def _payload_bytes_max(self) -> int:
        taken = self._connection.max_payload
        return min(taken, self._settings.payload_bytes_max or taken)

    def _lines_bytes_max(self) -> int:
        return min(TOLD_BYTES_MAX, int((self._payload_bytes_max() - HEADERS_BYTES_MAX) * LINES_SHARE))


def _repeated(token: str) -> str:
    """An id of a message that JetStream does not know yet, though it may know the token."""
    return repeated_id(token, secrets.token_hex(REPETITION_BYTES))
