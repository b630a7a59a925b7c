"""Does pieces of the work of verifying, on one connection.

This module must not know how the work was cut, nor which process it is in.
"""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg

from cds.live_contest import STREAM_PREFIX
from cds.shadows import SHADOW_PREFIX
from cds.token_keeping import token_maker
from cds.verifying.ledgers import fold_of, unreadable_in
from cds.verifying.replaying import UNREADABLE, LogUpTo, ReplayChecker
from cds.verifying.work import EVENTS, FILES, ROWS, FollowRows, HashFiles, Outcome, Progress, Replay, Work
from eventstore.connecting import Connections, close_quietly, one_line
from eventstore.verifying import DAMAGED, DAMAGES, Difference, Naming, StretchChecker, look_by_keys, stream_named
from eventstore.verifying_files import check_files

FILE_NAMED = Naming(b'"content":"', re.compile(rb'"content":"([0-9a-f]{64})"'))
"""How an event names a file (schemas.properties.FileReference). No text in JSON holds a quotation mark as it stands."""

CONTEST_PREFIXES = (STREAM_PREFIX, SHADOW_PREFIX)
"""Streams that fold to contests. What other servers have said stands in streams besides, and names no files of ours."""

Report = Callable[[Progress], None]


def is_folded(stream: str) -> bool:
    """Whether a stream comes to something: a contest, or what a ledger tells of."""
    return stream.startswith(CONTEST_PREFIXES) or fold_of(stream) is not None


class Worker:
    """Does one piece after the other."""

    def __init__(self, connection: asyncpg.Connection, log: LogUpTo, report: Report) -> None:
        """`report` is told of progress."""
        self._connection = connection
        self._log = log
        self._report = report
        self._events = 0
        log.progress = self._told_of_events

    async def done(self, work: Work) -> Outcome:
        """Do one piece. Raises what the store raises."""
        if isinstance(work, Replay):
            outcomes = [await self._replayed(stream, end, work) for stream, end in work.streams]
            return Outcome(
                differences=[difference for each in outcomes for difference in each.differences],
                notes=[note for each in outcomes for note in each.notes],
                checkpoints=sum(each.checkpoints for each in outcomes),
                snapshots=sum(each.snapshots for each in outcomes),
            )
        where = stream_named(work.stretch.name) if isinstance(work, FollowRows) else f"files from {work.begin or '0'}"
        try:
            return Outcome(differences=await self._looked_at(work))
        except DAMAGES as damage:
            return Outcome(differences=[_damaged(DAMAGED, where, damage)])

    async def _looked_at(self, work: FollowRows | HashFiles) -> list[Difference]:
        if isinstance(work, FollowRows):
            naming = FILE_NAMED if work.stretch.name.startswith(CONTEST_PREFIXES) else None
            checker = StretchChecker(self._connection, work.stretch, naming, partial(self._told, ROWS))
            return await checker.check()
        return await check_files(self._connection, work.begin, work.end, partial(self._told, FILES))

    async def _replayed(self, stream: str, end: int, work: Replay) -> Outcome:
        before = self._events
        try:
            return await self._held_against(stream, end, work)
        except DAMAGES as damage:
            return Outcome(differences=[_damaged(UNREADABLE, stream_named(stream), damage)])
        finally:
            # Whatever there was no reason to read, or no way, is through as well.
            self._told(EVENTS, max(0, before + end - self._events))

    async def _held_against(self, stream: str, end: int, work: Replay) -> Outcome:
        fold = fold_of(stream)
        if fold is not None:
            return Outcome(differences=await unreadable_in(self._log, stream, fold, end))
        tokens = await token_maker(self._log)
        checker = ReplayChecker(self._connection, self._log, tokens, stream, share=work.share, thorough=work.thorough)
        return await checker.check(end)

    def _told_of_events(self, more: int) -> None:
        self._events += more
        self._told(EVENTS, more)

    def _told(self, doing: str, more: int) -> None:
        self._report(Progress(doing, more))


@asynccontextmanager
async def worker(dsn: str, report: Report) -> AsyncIterator[Worker]:
    """A worker with connections of its own. Raises what the store raises."""
    log = await LogUpTo.opened(dsn)
    try:
        connection = await Connections(dsn).connect()
        try:
            await look_by_keys(connection)
            yield Worker(connection, log, report)
        finally:
            await close_quietly(connection)
    finally:
        await log.close()


def _damaged(kind: str, where: str, damage: Exception) -> Difference:
    return Difference(kind=kind, where=where, told=f"it could not be looked at: {one_line(damage)}")
