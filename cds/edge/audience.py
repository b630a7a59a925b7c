"""One telling of one role of one contest: what has been told of it, and the task that follows the telling.

Lines come over JetStream, each subject's messages naming the one before, so that a gap is seen at once; what JetStream
does not have any more, or could not carry, comes from the core. It is level for the first time when it has what the
core had told after it began: that nothing more waits in the stream says little while the stream is being filled.
Another generation means another log, or the same told anew: then nothing more is taken in, and the next one takes its
place (`succession`). This module must not know who reads.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from itertools import count

import msgspec
import structlog

from cds import metrics
from cds.background import telling_of_failure
from cds.edge.consumer import Begun, CutOff, Delivered, OrderedConsumer
from cds.edge.core import Core
from cds.edge.generations import AnotherGeneration, NotTold, lines_behind
from cds.edge.limits import CORE_PAUSES_MAX, EdgeLimits
from cds.fan_out.client import EndReason
from cds.jetstream.subjects import FETCH, GENERATION, MESSAGE_ID, PREVIOUS, ROLE_WITH_OWN, read_subject, token_of
from cds.relay.audience import NothingKnown
from cds.relay.upstream import Refusal, Unreachable
from projections.scoreboard import UnknownGroup
from projections.tokens import PLACE_CHARACTERS
from projections.told import Told, decode_told
from projections.told_boards import ToldBoards
from projections.told_view import ToldView
from projections.visibility_table import SEES_LIVE_SCOREBOARD
from schemas.object_types import SINGLETON_ID
from schemas.viewers import Role

COMMON = ""
"""What stands for the common lines among those of teams."""

CONTEST_KEY = ("contest", SINGLETON_ID)

PLACES_BITS = 40
"""Places of one audience are never those of another, so that blocks that are kept of its lines are nobody else's."""

_numbers = count()

log = structlog.get_logger(__name__)


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far behind JetStream an audience is: messages, and seconds since it was level (0 while it is)."""

    messages: int
    seconds: float


class EdgeAudience:
    """The view of one role, followed; `changed` is another event after every change.

    `settled` is set when it has been level once, or is over; `over` when it takes in nothing more. `gone`: that is
    since the core has nothing to tell of the contest. `users` are those who have what comes streamed to them.
    """

    def __init__(
        self,
        contest_id: str,
        role: Role,
        consumer: OrderedConsumer,
        core: Core,
        limits: EdgeLimits,
        end: Callable[["EdgeAudience", EndReason], None],
        *,
        settles: bool = True,
    ) -> None:
        """An audience of which nothing has been told. `end` is called when it has ended.

        `settles`: while the core cannot be asked how far has been told, what the stream holds counts as everything.
        """
        self.contest_id = contest_id
        self.stream = f"{contest_id}/{role}"
        self.role = role
        self.changed = asyncio.Event()
        self.state = NothingKnown()
        self.view = ToldView(role, next(_numbers) << PLACES_BITS)
        self.boards = ToldBoards(self.view)
        self.ended: EndReason | None = None
        self.settled, self.over = asyncio.Event(), asyncio.Event()
        self.gone = False
        self.users = 0
        self._consumer = consumer
        self._core = core
        self._limits = limits
        self._end = end
        self._settles = settles
        self._generation: str | None = None
        self._last: dict[str, str] = {}
        """The token of the last line of each subject, by team."""
        self._last_id = self._resumable_id = ""
        """The last token of all, and the last one before it that stands at another place: a team's line and the common
        one may share a place, so that not all of a place may have come."""
        self._pending = 0
        self._is_cut_off = True
        self._level_at_s: float | None = None
        self._begun_at_s = self._told_at_s = time.monotonic()
        self._head_is_known = False
        self._head: tuple[str, str] | None = None
        """The team and the token of the last line that had been told when this began; None: there was none."""
        self._counts_as_all = self._is_part = False
        """Whether what the stream held was taken for everything; whether the core has said since that it was not."""
        self._may_lack_beginning = False
        self._following = self._in_background(self._follow(), f"lines of {self.stream}")
        self._following.add_done_callback(lambda _: self._note_over())
        self._seeing = self._in_background(self._see_head(), f"how far {self.stream} has been told")

    @property
    def level(self) -> bool:
        """Whether it has ever had all that there was."""
        return self._level_at_s is not None

    @property
    def is_level(self) -> bool:
        """Whether it has all that there is, as far as can be known."""
        return self.level and not (self._is_cut_off or self._is_part or self._pending)

    @property
    def stale(self) -> bool:
        """Whether more may have been told for a while than comes here."""
        return (self._is_cut_off or self._is_part) and self.lag.seconds > self._limits.stale_after_s

    @property
    def exists(self) -> bool:
        """Whether there is a contest to be shown."""
        return self.ended is None and self.view.object(CONTEST_KEY, None) is not None

    @property
    def lag(self) -> Lag:
        """How far behind it is."""
        since_s = self._begun_at_s if self._level_at_s is None else self._level_at_s
        return Lag(messages=self._pending, seconds=0.0 if self.is_level else time.monotonic() - since_s)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Somebody has what comes streamed to him for the length of the block."""
        self.users += 1
        try:
            yield
        finally:
            self.users -= 1

    async def next_change(self) -> None:
        """Wait for what comes next. Raises Unreachable when it is all over."""
        if self.ended is not None:
            raise Unreachable
        await self.changed.wait()

    def scoreboard(self, _role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """The scoreboard as JSON, for those who follow it. Raises UnknownGroup, also where what is told does not do."""
        if not self.boards.suffices():
            raise UnknownGroup("what is told does not suffice for the board any more")
        return self.boards.scoreboard(frozen=frozen, group_id=group_id)

    async def ready_scoreboard(self, role: Role, *, frozen: bool, group_id: str | None) -> bytes:
        """The scoreboard as JSON, made ready without holding others up. Raises UnknownGroup."""
        for _ in self.boards.making():
            await asyncio.sleep(0)
        board = self.boards.board(frozen=frozen or not SEES_LIVE_SCOREBOARD[role])
        if board.far_behind:
            for _ in board.catching_up():
                await asyncio.sleep(0)
        return self.boards.scoreboard(frozen=frozen, group_id=group_id)

    def end(self, reason: EndReason) -> None:
        """Follow no more, and be done with."""
        if self.ended is not None:
            return
        self.ended = reason
        self.view.lines.abandoned = True
        self._following.cancel()
        self._note_over()
        self._tell()
        self._end(self, reason)

    async def close(self) -> None:
        """Be done with everything."""
        self.end("closing")
        await asyncio.gather(self._following, self._seeing, return_exceptions=True)

    async def _see_head(self) -> None:
        """Have the core say how far has been told; where it cannot, what the stream holds has to do."""
        pauses = count()
        while not self._head_is_known:
            try:
                await self._ask_for_head()
                self._head_is_known = True
            except Refusal as refusal:
                self._head_is_known = refusal.status == HTTPStatus.NOT_FOUND
            except Unreachable:
                in_vain = time.monotonic() - self._begun_at_s >= self._limits.head_s_max
                if in_vain and self._settles and not self._core.secret_refused:
                    self._counts_as_all = True
                    self._note_level()
            if not self._head_is_known:
                await asyncio.sleep(self._pause_s(next(pauses)))
        self._is_part = self.level and not self._has_head()
        self._note_level()

    async def _ask_for_head(self) -> None:
        """Have the core say how far has been told. Raises Refusal and Unreachable."""
        try:
            async with asyncio.timeout(self._limits.head_s_max):
                self._head = await self._core.head(self.contest_id, self.role)
        except TimeoutError:
            raise Unreachable from None

    async def _follow(self) -> None:
        """Take in what comes, however often it is cut off, until another generation begins."""
        pauses = 0
        while self.ended is None:
            told_at_s = self._told_at_s
            try:
                await self._read()
            except AnotherGeneration as reason:
                self.gone = isinstance(reason, NotTold)
                self._is_cut_off = True
                log.warning("edge_audience_over", contest=self.contest_id, role=self.role, reason=str(reason))
                return
            except CutOff as reason:
                self._note_cut_off(reason)
                pauses = 0
            except (Unreachable, Refusal) as reason:
                self._note_cut_off(reason)
                pauses = pauses + 1 if told_at_s == self._told_at_s else 0
            await asyncio.sleep(self._pause_s(pauses))

    async def _read(self) -> None:
        """Take in what comes until the consumer is lost. Raises CutOff, and what `_begin` and `_heed` raise."""
        async with aclosing(self._consumer.messages()) as messages:
            async for each in messages:
                if self.ended is not None:
                    # To be cancelled at the moment at which something comes may come to nothing.
                    return
                if isinstance(each, Begun):
                    await self._begin(each)
                else:
                    await self._heed(each)

    async def _begin(self, begun: Begun) -> None:
        """Take note of a new consumer. Raises AnotherGeneration, Refusal and Unreachable."""
        self._may_lack_beginning = begun.lost
        if begun.lost and (self._last_id or not begun.pending):
            await self._fill()
            self._may_lack_beginning = False
        self._pending, self._is_cut_off = begun.pending, False
        self._note_level()

    def _note_cut_off(self, reason: Exception) -> None:
        if self._is_cut_off:
            return
        self._is_cut_off = True
        metrics.EDGE_CUT_OFF.inc()
        log.warning(
            "edge_audience_cut_off",
            contest=self.contest_id,
            role=self.role,
            reason=str(reason) or type(reason).__name__,
            lines=self.view.line_count,
        )

    async def _heed(self, delivered: Delivered) -> None:
        """Take in a message. Raises AnotherGeneration, also for what is unreadable, Unreachable and Refusal."""
        if delivered.data is not None:
            try:
                await self._take(delivered.headers, delivered.subject, decode_told(delivered.data))
            except (ValueError, KeyError) as fault:
                raise AnotherGeneration(f"a message cannot be read: {fault}") from None
            self._told_at_s = time.monotonic()
            if delivered.at is not None:
                metrics.EDGE_TOLD_S.observe(max(time.time() - delivered.at.timestamp(), 0.0))
        elif self._waits_in_vain():
            await self._fill()
            self._told_at_s = time.monotonic()
            # What has not come with all that the core has, somebody told who knew of another log, or of this one later.
            await self._ask_for_head()
        if delivered.pending is not None:
            self._pending = delivered.pending
        self._note_level()

    def _waits_in_vain(self) -> bool:
        """Whether nothing more comes though there is more: then it is not publishing that will bring it soon."""
        if (self.level and not self._is_part) or self._pending or not self._head_is_known:
            return False
        return time.monotonic() - self._told_at_s >= self._limits.level_s_max

    async def _take(self, headers: Mapping[str, str], subject: str, told: Told) -> None:
        generation, previous = headers[GENERATION], headers.get(PREVIOUS, "")
        token = token_of(headers[MESSAGE_ID])
        if self._generation is None:
            self._generation = generation
        elif self._generation != generation:
            raise AnotherGeneration("the contest is told anew")
        of = read_subject(subject.partition(".")[0], subject).team_id or COMMON
        # The first message of a team may well come behind the common ones that are lost.
        if self._may_lack_beginning and (previous or self.role == ROLE_WITH_OWN):
            await self._fill()
        self._may_lack_beginning = False
        if headers.get(FETCH):
            if not self._has(of, token):
                await self._fill()
                if not self._has(of, token):
                    raise Unreachable
            return
        if previous == self._last.get(of, ""):
            self._take_in(told, of, token)
        else:
            await self._take_rest(told, of, token)

    async def _take_rest(self, told: Told, of: str, token: str) -> None:
        """Take in what of a message has not come already, from the core; what is missing before it, too."""
        known = self.view.known(told)
        if known == 0:
            await self._fill()
            known = self.view.known(told)
            if known == 0:
                raise Unreachable
        self._take_in_behind(known, told, of, token)

    async def _fill(self) -> None:
        """Have from the core all lines behind what is here. Raises AnotherGeneration, Refusal and Unreachable."""
        after: str | None = self._resumable_id or None
        more = True
        while more:
            page = await lines_behind(after, self._core, self.contest_id, self.role)
            for told in page.told:
                of = told.team_id or COMMON
                self._take_in_behind(self.view.known(told), told, of, page.last[of])
                await asyncio.sleep(0)
            more = page.more and bool(page.told)
            if page.told:
                after = page.last[page.told[-1].team_id or COMMON]
        metrics.EDGE_FILLED.inc()
        log.info("edge_audience_filled", contest=self.contest_id, role=self.role, lines=self.view.line_count)

    def _has(self, of: str, token: str) -> bool:
        """Whether the line with that token is here."""
        return self.view.sequence_of(token[:PLACE_CHARACTERS].encode(), of or None) is not None

    def _take_in_behind(self, known: int, told: Told, of: str, token: str) -> None:
        """Take in the lines behind so many that are here already, if there are any."""
        if known < len(told.lines):
            self._take_in(msgspec.structs.replace(told, lines=told.lines[known:]), of, token)

    def _take_in(self, told: Told, of: str, token: str) -> None:
        self.view.take(told)
        self.boards.note_pace()
        self._last[of] = token
        if token[:PLACE_CHARACTERS] != self._last_id[:PLACE_CHARACTERS]:
            self._resumable_id = self._last_id
        self._last_id = token
        metrics.EDGE_LINES.inc(len(told.lines))
        self._tell()

    def _note_level(self) -> None:
        if self._pending or self._is_cut_off:
            return
        if (self._is_part or not self.level) and not self._has_head():
            return
        self._is_part = False
        self._level_at_s = time.monotonic()
        self.settled.set()

    def _has_head(self) -> bool:
        if not self._head_is_known:
            return self._counts_as_all
        return self._head is None or self._has(*self._head)

    def _note_over(self) -> None:
        self._seeing.cancel()
        self._is_cut_off = True
        self.over.set()
        self.settled.set()

    def _pause_s(self, pauses: int) -> float:
        """How long to wait after so many that came to nothing."""
        return self._limits.consumer_pause_s * 2.0 ** min(pauses, CORE_PAUSES_MAX)

    def _in_background(self, work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(telling_of_failure("edge_audience_failed"))
        return task

    def _tell(self) -> None:
        told, self.changed = self.changed, asyncio.Event()
        told.set()
