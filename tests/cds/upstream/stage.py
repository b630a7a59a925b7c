"""A source that is followed in a test: on a store in memory, with an upstream on loopback and little patience.

This module must not know what anything should come to.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from cds.circumstances import SYSTEM
from cds.live_contest import LiveContest
from cds.token_keeping import token_maker
from cds.upstream.describing import source_options
from cds.upstream.options import SourceOptions
from cds.upstream.patience import Patience
from cds.upstream.source import Source
from cds.upstream.sources import contest_stream_of
from eventstore.store import EventStore
from schemas.objects import ContestObject
from tests.cds.upstream.upstream import Upstream

DEADLINE_S = 20.0
POLL_S = 0.01
QUICK = Patience(pause_s=0.02, pause_s_max=0.1, silence_s_max=5.0, quiet_s=0.15, quiet_anew_s=0.3)


class Followed:
    """A source, the contest that is made of it, and the task that follows."""

    def __init__(self, source: Source, contest: LiveContest, task: asyncio.Task[None]) -> None:
        self.source = source
        self.contest = contest
        self.task = task

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something holds. Raises what following raises, and TimeoutError."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                if self.task.done():
                    self.task.result()
                    assert condition(), "following has ended before that"
                    return
                await asyncio.sleep(POLL_S)

    async def until_taken(self, lines: int) -> None:
        """Wait until so many lines have been written down, and what they come to is in the contest."""
        await self.until(lambda: self.source.following.lines >= lines)
        settled = asyncio.create_task(self.source.settled())
        try:
            await self.until(settled.done)
        finally:
            settled.cancel()

    def objects(self) -> dict[str, dict[str, ContestObject]]:
        """Everything in the contest."""
        return {name: dict(objects) for name, objects in self.contest.state.objects.items()}


def options_for(upstream: Upstream, *, patience: Patience = QUICK, **more: str | None) -> SourceOptions:
    """The source that follows this upstream as the contest `c1`."""
    chosen: dict[str, str | None] = {"contest_id": "c1", **more}
    return msgspec.structs.replace(
        source_options(
            upstream.url,
            contest_id=chosen["contest_id"],
            shadow=chosen.get("shadow"),
            username=chosen.get("username"),
            password=chosen.get("password"),
        ),
        patience=patience,
    )


@asynccontextmanager
async def followed(store: EventStore, options: SourceOptions) -> AsyncIterator[Followed]:
    """The source, followed for the length of the block; then ended as a process is: at any moment."""
    contest = LiveContest(options.contest_id, store, await token_maker(store), stream=contest_stream_of(options))
    source = Source(options, store, contest, SYSTEM, "1.0")
    task = asyncio.create_task(_held(store, source))
    try:
        yield Followed(source, contest, task)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait((task,))


async def _held(store: EventStore, source: Source) -> None:
    """Follow as a duty."""
    await store.hold(source.options.stream, source.run)
