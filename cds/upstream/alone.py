"""`cds follow`: one source followed by a process of its own, told to whoever started it.

This module speaks to the person at the command line; it must not hold rules.
"""

import asyncio
import gc
import signal
import sys

import click
import structlog

from cds.application import GARBAGE_THRESHOLDS, program_version
from cds.circumstances import SYSTEM
from cds.live_contest import LiveContest
from cds.place import Place
from cds.progress import Report, shown_progress
from cds.token_keeping import token_maker
from cds.upstream.options import SourceOptions
from cds.upstream.source import Source
from cds.upstream.source_log import SourceTaken
from cds.upstream.sources import INTERRUPTED_PAUSE_S, contest_stream_of
from eventstore.postgres import PostgresStore
from eventstore.store import StoreUnavailable

PROGRESS_S = 0.5

WAITING_TOLD_S = 5.0
"""A database that is being started takes a while too; after this somebody else follows."""

log = structlog.get_logger(__name__)


async def follow(options: SourceOptions, place: Place, *, until_end: bool) -> None:
    """Follow until SIGTERM or SIGINT; `until_end`: or until the updates have ended and everything is here.

    Raises what the store refuses.
    """
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with place.store() as store:
        alone = Alone(options, store)
        following = asyncio.create_task(alone.follow(), name="follow")
        stopped = asyncio.create_task(stopping.wait(), name="stop")
        await asyncio.wait((following, stopped), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
            alone.tell_end()
            if not until_end:
                await stopped
        following.cancel()
        stopped.cancel()
        await asyncio.gather(following, stopped, return_exceptions=True)


class Alone:
    """Follows one source whenever no other process does."""

    def __init__(self, options: SourceOptions, store: PostgresStore) -> None:
        """Nothing is followed before `follow`."""
        self._options = options
        self._store = store
        self._source: Source | None = None

    async def follow(self) -> None:
        """Follow until the updates have ended. Raises what the store refuses."""
        while True:
            waiting = asyncio.create_task(self._tell_of_waiting(), name="wait")
            try:
                if await self._store.hold(self._options.stream, self._work):
                    return
            except (SourceTaken, StoreUnavailable) as interrupted:
                log.warning("source_interrupted", source=self._options.stream, reason=str(interrupted))
                await asyncio.sleep(INTERRUPTED_PAUSE_S)
            finally:
                waiting.cancel()

    def tell_end(self) -> None:
        """Say what came."""
        if self._source is None:
            return
        following = self._source.following
        click.echo(
            f"{self._options.contest_id}: the upstream has ended its updates: {following.lines} lines, "
            f"{self._source.standing.events} events added, {len(following.files)} files, "
            f"{len(following.files.given_up)} files that could not be had, {following.oddities.count} warnings"
        )

    async def _work(self) -> None:
        options, store = self._options, self._store
        tokens = await token_maker(store)
        contest = LiveContest(options.contest_id, store, tokens, stream=contest_stream_of(options), eager_roles=())
        self._source = Source(options, store, contest, SYSTEM, program_version())
        with shown_progress() as report:
            showing = asyncio.create_task(_show(self._source, report), name="show") if sys.stderr.isatty() else None
            try:
                await self._source.run()
            finally:
                if showing is not None:
                    showing.cancel()

    async def _tell_of_waiting(self) -> None:
        await asyncio.sleep(WAITING_TOLD_S)
        if self._source is None:
            log.info("source_followed_elsewhere", source=self._options.stream)


async def _show(source: Source, report: Report) -> None:
    """How far it has come, for a person at a terminal."""
    while True:
        fetched = len(source.following.files)
        report("lines", source.following.lines, None)
        report("files", fetched, fetched + len(source.following.lacking_files()))
        await asyncio.sleep(PROGRESS_S)
