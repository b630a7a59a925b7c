"""All sources that a server follows, each as a duty: of all processes on the database one follows it at a time.

This module wires; it must not know how a source is followed.
"""

import asyncio
from collections.abc import Iterable
from functools import partial

import structlog

from cds.circumstances import Circumstances
from cds.contests import Contests
from cds.duties import Duties
from cds.live_contest import LiveContest, stream_of
from cds.shadows import shadow_stream
from cds.upstream.options import SourceOptions
from cds.upstream.source import Source
from cds.upstream.source_log import SourceTaken
from eventstore.store import EventStore, StoreUnavailable
from projections.tokens import TokenMaker

INTERRUPTED_PAUSE_S = 1.0
"""After this following begins again, when the database was away or another process has written to the stream."""

log = structlog.get_logger(__name__)


class Sources:
    """The sources of one process."""

    def __init__(
        self, store: EventStore, contests: Contests, tokens: TokenMaker, circumstances: Circumstances, version: str
    ) -> None:
        """None yet. `version` is that of this program."""
        self._store = store
        self._contests = contests
        self._tokens = tokens
        self._circumstances = circumstances
        self._version = version

    def take_up(self, sources: Iterable[SourceOptions], duties: Duties) -> None:
        """Follow these whenever it is this process's turn."""
        for options in sources:
            duties.take_up(options.stream, partial(self._follow, options))

    async def _follow(self, options: SourceOptions) -> None:
        """Follow one; what has ended is not begun again. Raises what following it raises."""
        while True:
            contest = await self._contest(options)
            source = Source(options, self._store, contest, self._circumstances, self._version)
            try:
                await source.run()
            except (SourceTaken, StoreUnavailable) as interrupted:
                log.warning("source_interrupted", source=options.stream, reason=str(interrupted))
                await asyncio.sleep(INTERRUPTED_PAUSE_S)
                continue
            await asyncio.Event().wait()

    async def _contest(self, options: SourceOptions) -> LiveContest:
        """The contest that is made of a source: one that is served, or one to compare with."""
        if options.shadow is None:
            return await self._contests.opened(options.contest_id)
        return LiveContest(
            options.contest_id, self._store, self._tokens, stream=contest_stream_of(options), eager_roles=()
        )


def contest_stream_of(options: SourceOptions) -> str:
    """The stream of the contest that is made of a source. Raises Refused."""
    if options.shadow is None:
        return stream_of(options.contest_id)
    return shadow_stream(options.contest_id, options.shadow)
