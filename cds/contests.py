"""All contests of the log, kept level with it: loaded at start, and followed by hints while the server runs.

This module must not know any wire.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from collections.abc import Set as AbstractSet

import structlog

from cds.live_contest import LOOK_S_MAX, STREAM_PREFIX, LiveContest, UnreadableEvent, stream_of
from eventstore.limits import is_stream_name
from eventstore.store import EventStore, Head, Hint, StoreUnavailable
from projections.tokens import TokenMaker

UNAVAILABLE_PAUSE_S = 0.25

log = structlog.get_logger(__name__)


class Contests:
    """The contests by id, in order of creation."""

    def __init__(self, store: EventStore, tokens: TokenMaker) -> None:
        """No contests yet; `load` reads them."""
        self._store = store
        self._tokens = tokens
        self._contests: dict[str, LiveContest] = {}
        self._following: asyncio.Task[None] | None = None
        self.naming = asyncio.Lock()
        """To be held from the choice of an id for a new contest until it is written."""

    async def load(self) -> None:
        """Read every contest of the log, then follow what comes. Hints are asked for before the log is read."""
        hints = self._store.hints()
        for stream in await self._store.heads():
            await self._catch_up(stream)
        self._following = asyncio.create_task(self._follow(hints), name="follow the log")
        self._following.add_done_callback(_report_end)

    def find(self, contest_id: str) -> LiveContest | None:
        """The contest of that id, None when there is none."""
        contest = self._contests.get(contest_id)
        return contest if contest is not None and contest.exists else None

    @property
    def alone(self) -> bool:
        """Whether what is in memory is all there is, as no other process has the database open."""
        return self._store.alone

    async def found(self, contest_id: str) -> LiveContest | None:
        """The contest of that id as new as any process knows it, None when there is none."""
        contest = self._contests.get(contest_id)
        if contest is not None:
            await contest.fresh()
        elif is_stream_name(stream_of(contest_id)):
            await self._look({contest_id})
        return self.find(contest_id)

    async def fresh(self) -> None:
        """Come back when all contests are as new as any process knows them."""
        await self._look(None)

    async def _look(self, contest_ids: AbstractSet[str] | None) -> None:
        """Read what other processes have written to these contests (None: to all) and we do not have yet.

        What the store raises is left to those who write: memory is then as good as can be.
        """
        if self._store.alone or not self._store.reachable:
            return
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                await self._read_newer(await self._heads(contest_ids))
        except UnreadableEvent as unreadable:
            log.warning("contest_set_aside", reason=str(unreadable))
        except (StoreUnavailable, TimeoutError) as away:
            log.warning("database_unavailable", reason=str(away))

    async def _read_newer(self, heads: Mapping[str, Head]) -> None:
        for stream, head in heads.items():
            contest_id = stream.removeprefix(STREAM_PREFIX)
            known = self._contests.get(contest_id)
            if stream.startswith(STREAM_PREFIX) and head.position > (0 if known is None else known.position):
                await self.opened(contest_id)

    async def _heads(self, contest_ids: AbstractSet[str] | None) -> dict[str, Head]:
        if contest_ids is None:
            return await self._store.heads()
        return {stream_of(contest_id): await self._store.head(stream_of(contest_id)) for contest_id in contest_ids}

    def __iter__(self) -> Iterator[LiveContest]:
        """Every contest that exists."""
        return (contest for contest in self._contests.values() if contest.exists)

    def ids(self) -> AbstractSet[str]:
        """The ids of all contests that there are, or were."""
        return {contest_id for contest_id, contest in self._contests.items() if contest.position}

    async def opened(self, contest_id: str) -> LiveContest:
        """The contest of that id, level with the log; an empty one when nothing has been written yet."""
        contest = self._contests.get(contest_id)
        if contest is None:
            contest = self._contests[contest_id] = LiveContest(contest_id, self._store, self._tokens)
        await contest.catch_up()
        return contest

    async def close(self) -> None:
        """Stop following."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

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


def _report_end(following: asyncio.Task[None]) -> None:
    """Following ends with the server; anything else is a fault that must be seen."""
    if not following.cancelled() and following.exception() is not None:
        log.error("following_failed", exc_info=following.exception())
