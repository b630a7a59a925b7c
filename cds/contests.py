"""All contests of the log, kept level with it: loaded at start, and followed by hints while the server runs.

This module must not know any wire.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress

import structlog

from cds.background import telling_of_failure
from cds.checkpoints import program_digest
from cds.freshness import answered_soon, is_worth_a_look, reason_of_being_behind, while_it_gets_on
from cds.live_contest import STREAM_PREFIX, LiveContest, UnreadableEvent, stream_of
from cds.workers.marks import OWN_MARKS, Marks
from eventstore.limits import is_stream_name
from eventstore.store import EventStore, Head, Hint, StoreUnavailable
from projections.tokens import TokenMaker

UNAVAILABLE_PAUSE_S = 0.25

SHORT_EVENTS_MAX = 20
STREAMS_AT_ONCE = 500
"""Contests with so many events at most are read together when the log is loaded, so many at a time."""

log = structlog.get_logger(__name__)


class Contests:
    """The contests by id, in order of creation."""

    def __init__(self, store: EventStore, tokens: TokenMaker, marks: Marks = OWN_MARKS) -> None:
        """No contests yet; `load` reads them. `marks` are those of the group that this process is one of."""
        self._marks = marks
        self._no_answer_at_s = float("-inf")
        self._store = store
        self._tokens = tokens
        self._contests: dict[str, LiveContest] = {}
        self._following: asyncio.Task[None] | None = None
        self._settling: asyncio.Task[None] | None = None
        self.changes = 0
        """A number that grows whenever something has been applied to any contest."""
        self._changed: dict[str, int] = {}
        self.naming = asyncio.Lock()
        """To be held from the choice of an id for a new contest until it is written."""

    async def load(self) -> None:
        """Read every contest of the log, then follow what comes. Hints are asked for before the log is read."""
        # Now, while the files are still those of the program that runs: later they may be those of its successor.
        program_digest()
        hints = self._store.hints()
        heads = await self._store.heads()
        await self._read_short(heads)
        for stream, head in heads.items():
            if self.position(stream.removeprefix(STREAM_PREFIX)) < head.position:
                await self._catch_up(stream)
        self._following = asyncio.create_task(self._follow(hints), name="follow the log")
        self._following.add_done_callback(telling_of_failure("task_failed"))
        self._settling = asyncio.create_task(self._settle(list(self._contests.values())), name="settle")
        self._settling.add_done_callback(telling_of_failure("task_failed"))

    async def _read_short(self, heads: Mapping[str, Head]) -> None:
        """Read contests with few events, many at a time: platforms list thousands of which little more is known.

        Those that cannot be read so are left to be read one by one.
        """
        # All in order of creation, before any is read: in that order they are listed.
        contests = {s: self._at(s.removeprefix(STREAM_PREFIX)) for s in heads if s.startswith(STREAM_PREFIX)}
        short = [stream for stream in contests if heads[stream].position <= SHORT_EVENTS_MAX]
        for first in range(0, len(short), STREAMS_AT_ONCE):
            streams = short[first : first + STREAMS_AT_ONCE]
            try:
                beginnings = await self._store.read_beginnings(streams, SHORT_EVENTS_MAX)
            except StoreUnavailable:
                return
            for stream, events in beginnings.items():
                with suppress(UnreadableEvent):  # Told of when it is read again, alone.
                    await contests[stream].begin_with(events)

    async def _settle(self, contests: Iterable[LiveContest]) -> None:
        """Make ready one contest after the other. Raises, at the end, what went wrong with any of them."""
        failures: list[Exception] = []
        for contest in contests:
            try:
                await contest.settle()
            except Exception as failure:  # noqa: BLE001 - raised below, when the others are ready
                failure.add_note(f"while {contest.stream} was made ready")
                failures.append(failure)
        if failures:
            raise ExceptionGroup("contests were not made ready", failures)

    def find(self, contest_id: str) -> LiveContest | None:
        """The contest of that id, None when there is none."""
        contest = self._contests.get(contest_id)
        return contest if contest is not None and contest.exists else None

    def position(self, contest_id: str) -> int:
        """How far the stream of that id has been applied, also where it holds no contest (any more)."""
        contest = self._contests.get(contest_id)
        return 0 if contest is None else contest.position

    async def found(self, contest_id: str) -> LiveContest | None:
        """The contest of that id as new as any process knows it, None when there is none.

        While we are alone that is what is in memory, also in the middle of a release: what a feed has told by then is
        what GET shows. Raises StoreUnavailable where another worker of our group is known to be ahead and the log
        cannot be read.
        """
        if self._store.alone:
            return self.find(contest_id)
        contest = self._contests.get(contest_id)
        if contest is not None:
            await contest.fresh()
        elif is_stream_name(stream_of(contest_id)):
            await self._look({contest_id})
        return self.find(contest_id)

    async def fresh(self) -> None:
        """Come back when all contests are as new as any process knows them. Raises as `found`."""
        if self._store.alone:
            return
        await self._look(None)
        for contest in list(self._contests.values()):
            await contest.released()

    async def _look(self, contest_ids: AbstractSet[str] | None) -> None:
        """Read what other processes have written to these contests (None: to all) and we do not have yet.

        Within our group the marks tell of it; where there are others only the log does. What the store raises is left
        to those who write, and memory is then as good as can be, unless our own group is known to be ahead of it.
        """
        ahead, read_to_end = self._ahead(contest_ids), False
        if not (self._store.group_alone and self._marks.complete):
            if is_worth_a_look(self._store, self._no_answer_at_s):
                read_to_end = await self._look_at_log(contest_ids)
        elif ahead:
            read_to_end = await self._look_at_log(ahead.keys())
        for contest_id, position in ahead.items():
            if self.position(contest_id) < position:
                raise reason_of_being_behind(stream_of(contest_id), position, read_to_end=read_to_end)

    def _ahead(self, contest_ids: AbstractSet[str] | None) -> dict[str, int]:
        """How far others of our group have applied those of some contests (None: of all) that they know better."""
        marks = self._marks.positions()
        return {
            contest_id: position
            for contest_id, position in (
                (stream.removeprefix(STREAM_PREFIX), marks[stream])
                for stream in marks
                if stream.startswith(STREAM_PREFIX)
            )
            if position > self.position(contest_id) and (contest_ids is None or contest_id in contest_ids)
        }

    async def _look_at_log(self, contest_ids: AbstractSet[str] | None) -> bool:
        """Read what is new there; says whether all of it was read."""
        try:
            heads = await answered_soon(self._heads(contest_ids))
            await self._read_newer(heads)
        except UnreadableEvent as unreadable:
            log.warning("contest_set_aside", reason=str(unreadable))
        except (StoreUnavailable, TimeoutError) as away:
            self._no_answer_at_s = asyncio.get_running_loop().time()
            log.warning("database_unavailable", reason=str(away))
        else:
            return True
        return False

    async def _read_newer(self, heads: Mapping[str, Head]) -> None:
        """Raises TimeoutError when one of them does not get on, whatever happens in others meanwhile."""
        for stream, head in heads.items():
            contest_id = stream.removeprefix(STREAM_PREFIX)
            if stream.startswith(STREAM_PREFIX) and head.position > self.position(contest_id):
                await _read_patiently(self._at(contest_id))

    async def _heads(self, contest_ids: AbstractSet[str] | None) -> dict[str, Head]:
        if contest_ids is None:
            return await self._store.heads()
        return {stream_of(contest_id): await self._store.head(stream_of(contest_id)) for contest_id in contest_ids}

    def __iter__(self) -> Iterator[LiveContest]:
        """Every contest that exists."""
        return (contest for contest in self._contests.values() if contest.exists)

    def changed_since(self, changes: int) -> list[LiveContest]:
        """The contests that exist and to which something has been applied since `changes` had that value.

        So that whoever looks at all contests again and again need not: there may be thousands, of which few change.
        """
        found = []
        for contest_id, number in reversed(self._changed.items()):
            if number <= changes:
                break
            contest = self.find(contest_id)
            if contest is not None:
                found.append(contest)
        return found[::-1]

    def _note_change(self, contest_id: str) -> None:
        self.changes += 1
        self._changed.pop(contest_id, None)  # The latest stands last.
        self._changed[contest_id] = self.changes

    def ids(self) -> AbstractSet[str]:
        """The ids of all contests that there are, or were."""
        return {contest_id for contest_id, contest in self._contests.items() if contest.position}

    async def opened(self, contest_id: str) -> LiveContest:
        """The contest of that id, level with the log; an empty one when nothing has been written yet."""
        contest = self._at(contest_id)
        await contest.catch_up()
        return contest

    def known(self, contest_id: str) -> LiveContest:
        """The contest of that id as far as it has been read here; an empty one when nothing of it has.

        For those who write: what is decided on it is decided anew where somebody else wrote first.
        """
        return self._at(contest_id)

    def _at(self, contest_id: str) -> LiveContest:
        """The contest of that id as far as we have read it."""
        contest = self._contests.get(contest_id)
        if contest is None:
            contest = LiveContest(
                contest_id, self._store, self._tokens, marks=self._marks, note_change=self._note_change
            )
            self._contests[contest_id] = contest
        return contest

    async def close(self) -> None:
        """Stop following."""
        tasks = [task for task in (self._following, self._settling) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def following(self) -> bool:
        """Whether the log is being followed: what this server shows is then as new as it can be."""
        return self._following is not None and not self._following.done()

    async def _follow(self, hints: AsyncIterator[Hint]) -> None:
        async for hint in hints:
            contest = self._contests.get(hint.stream.removeprefix(STREAM_PREFIX))
            # What was written here is applied already when word of it comes.
            if contest is None or contest.position < hint.position:
                await self._catch_up(hint.stream)

    async def _catch_up(self, stream: str) -> None:
        if not stream.startswith(STREAM_PREFIX):
            return
        while True:
            try:
                await self.opened(stream.removeprefix(STREAM_PREFIX))
            except UnreadableEvent as unreadable:
                # The contest stays as it was before that event; the others go on.
                log.exception("contest_set_aside", stream=stream, reason=str(unreadable))
                return
            except StoreUnavailable:
                # What is in memory stays good; the log is read again until the database is back.
                await asyncio.sleep(UNAVAILABLE_PAUSE_S)
            else:
                return


async def _read_patiently(contest: LiveContest) -> None:
    """Catch up for as long as that takes. Raises TimeoutError when it does not get on."""
    await while_it_gets_on(contest.catch_up(), lambda: contest.progress)
