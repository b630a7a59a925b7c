"""Streams of ours that are there although their contest is none that we publish: what to do with them.

Edges serve whatever has a stream, so one that nobody writes to any more would be shown as it was, for good. Streams of
contests that this log does not have, or that are not to be published, are deleted. That of a contest which is over with
(deleted, also while nobody published) is told that, and deleted when it has been told and edges have had time to hear
it: it would take their room for good. Streams that are not marked as those of this log are left alone: they are
somebody else's, who shares the servers. This module must not know how publishing is done.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from nats.aio.client import Client

from cds.contests import Contests
from cds.decoding import UnreadableEvent
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.connecting import FAILURES
from cds.jetstream.settings import PublishingSettings
from cds.jetstream.stream_names import stream_names
from cds.jetstream.streams import Streams
from cds.jetstream.subjects import contest_of_stream
from cds.live_contest import LiveContest, stream_of
from eventstore.limits import is_stream_name
from eventstore.store import StoreUnavailable

SWEPT_EVERY_S = 15.0

ENDED_KEPT_S = 3_600.0
"""For so long after its last line the stream of a contest that does not exist any more is kept for edges."""

log = structlog.get_logger(__name__)


class Sweeping:
    """Looks through the streams that there are, from `run` until that is cancelled."""

    def __init__(
        self,
        contests: Contests,
        log_mark: str,
        settings: PublishingSettings,
        may_publish: Callable[[], bool],
        let_go: Callable[[str], Awaitable[bool]],
    ) -> None:
        """Nothing has been looked at. `may_publish` tells whether publishing is our turn, for certain.

        `let_go` ends the publishing of a contest of which everything is known to be kept, and says whether that is so.
        """
        self.ended: tuple[LiveContest, ...] = ()
        """Contests that do not exist any more and have a stream: it may not tell that yet."""
        self._contests = contests
        self._log_mark = log_mark
        self._settings = settings
        self._may_publish = may_publish
        self._let_go = let_go
        self._left_alone: set[str] = set()

    async def run(self, connection: Client) -> None:
        """Look at intervals, whatever fails."""
        self.ended = ()
        while True:
            heed_cancellation()
            try:
                await self.look(connection)
            except (StoreUnavailable, *FAILURES) as failure:
                log.warning("streams_not_swept", reason=str(failure) or type(failure).__name__)
            await asyncio.sleep(SWEPT_EVERY_S)

    async def look(self, connection: Client) -> None:
        """Look through all streams once. Raises StoreUnavailable and FAILURES."""
        streams = Streams(connection, self._settings, self._log_mark)
        ended: list[LiveContest] = []
        for name in await stream_names(connection):
            contest_id = contest_of_stream(self._settings.prefix, name)
            if contest_id is None:
                continue
            try:
                contest = await self._swept(streams, name, contest_id)
            except StoreUnavailable:
                raise
            except FAILURES as failure:
                if not connection.is_connected:
                    raise
                # Nobody can say anything of this stream at the moment.
                log.warning("stream_not_swept", stream=name, reason=str(failure) or type(failure).__name__)
                contest = self._ended(contest_id)
            except Exception:
                # Not swallowed: told of, and looked at again; the others are none the worse for it.
                log.exception("stream_not_swept", stream=name)
                contest = self._ended(contest_id)
            if contest is not None:
                ended.append(contest)
        self.ended = tuple(ended)

    def _ended(self, contest_id: str) -> LiveContest | None:
        """The contest, if it was seen to be over with when that could be seen last."""
        return next((each for each in self.ended if each.contest_id == contest_id), None)

    async def _swept(self, streams: Streams, name: str, contest_id: str) -> LiveContest | None:
        """Look at one stream; its contest where that is over with, and the stream stays. Raises as `look`."""
        contest = await self._recorded(contest_id)
        if contest is None or not self._settings.publishes(contest_id):
            await self._remove(streams, name, contest_id)
            return None
        if contest.exists:
            return None
        if await streams.quiet_s(name) < ENDED_KEPT_S:
            return contest
        # It is not to be begun with again at this moment.
        self.ended = tuple(each for each in self.ended if each is not contest)
        if not await self._let_go(contest_id):
            return contest
        await self._remove(streams, name, contest_id)
        return None

    async def _recorded(self, contest_id: str) -> LiveContest | None:
        """The contest, existing or not, of which the log holds something. Raises StoreUnavailable."""
        if not self._contests.position(contest_id) and is_stream_name(stream_of(contest_id)):
            try:
                await self._contests.opened(contest_id)
            except UnreadableEvent as unreadable:
                log.warning("contest_set_aside", stream=stream_of(contest_id), reason=str(unreadable))
                return self._contests.known(contest_id)
        return self._contests.known(contest_id) if self._contests.position(contest_id) else None

    async def _remove(self, streams: Streams, name: str, contest_id: str) -> None:
        """Delete a stream if it is ours, and publishing our turn. Raises FAILURES."""
        if not await streams.is_ours(name):
            if name not in self._left_alone:
                log.warning("stream_left_alone", stream=name, reason="it is not marked as one of this log")
            self._left_alone.add(name)
        elif self._may_publish() and not (self._contests.find(contest_id) and self._settings.publishes(contest_id)):
            await streams.delete(name)
            log.warning("stream_deleted", stream=name, reason="its contest is none that is published")
