"""The publisher: all contests on their way into JetStream, while it is this process's turn.

This module must not know what is told of a contest.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from math import inf

import structlog
from nats.aio.client import Client

from cds import metrics
from cds.contests import Contests
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.connecting import FAILURES, INBOX_OF_CORE, connected
from cds.jetstream.contest_publishing import ContestPublishing
from cds.jetstream.pipeline import Interrupted
from cds.jetstream.settings import PublishingSettings
from cds.jetstream.streams import log_mark_of
from cds.jetstream.sweeping import Sweeping
from cds.live_contest import LiveContest
from eventstore.store import StoreUnavailable
from projections.tokens import TokenMaker

CONNECTION_NAME = "contest data server, publisher"

AWAY_S_MAX = 30.0
"""Without a connection for so long, the turn is left to another process, which may stand where NATS can be reached."""

RESUMED_S_MAX = 120.0
"""Whoever has the turn again before that, counts on since when it has been behind."""

LOOK_S = 0.25
"""How often contests that are new are looked for, and how far everything has got is measured."""

AGAIN_S = 0.25
AGAIN_S_MAX = 2.0
"""Between two attempts with a contest: doubled while it does not get on."""

BROUGHT_EVERY_S = 60.0
"""How often JetStream is asked again to keep a stream as the settings say, when it has refused."""

BEGUN_AT_ONCE_MAX = 4
"""Contests whose audiences are made ready at the same time."""

log = structlog.get_logger(__name__)


class Publisher:
    """Publishes the contests of one process from `run` until that is cancelled."""

    def __init__(
        self, contests: Contests, tokens: TokenMaker, settings: PublishingSettings, may_publish: Callable[[], bool]
    ) -> None:
        """`may_publish` tells whether publishing is our turn at this moment, for certain."""
        self._contests = contests
        self._tokens = tokens
        self._settings = settings
        self._may_publish = may_publish
        self._sweeping = Sweeping(contests, log_mark_of(tokens), settings, may_publish, self._let_go)
        self._publishing: dict[str, ContestPublishing] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._connection: Client | None = None
        self._level_at_s = 0.0
        self._given_up_at_s = -inf

    async def run(self) -> None:
        """Publish, whatever happens to the connection, until NATS was away for so long that others may try."""
        log.info("publishing", servers=self._settings.servers.told)
        self._begin_counting()
        try:
            async with asyncio.TaskGroup() as group:
                work = group.create_task(self._publish(), name="publish")
                await self._measure_until_away()
                work.cancel()
        finally:
            for gauge in (metrics.PUBLISHER_CONNECTED, metrics.PUBLISHER_LAG_LINES, metrics.PUBLISHER_LAG_S):
                gauge.set(0)

    async def _publish(self) -> None:
        """Publish all contests over one connection, which is made again by itself."""
        connection = self._connection = await connected(self._settings.servers, CONNECTION_NAME, INBOX_OF_CORE)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._sweeping.run(connection), name="sweep streams")
                group.create_task(self._bring_again(), name="bring streams to the settings")
                await self._look_after_all(connection, group)
        finally:
            self._connection = None
            self._publishing.clear()
            self._tasks.clear()
            await connection.close()

    async def _look_after_all(self, connection: Client, group: asyncio.TaskGroup) -> None:
        """Begin with every contest as it comes, and at first with those to which something has happened last."""
        beginning = asyncio.Semaphore(BEGUN_AT_ONCE_MAX)
        lively = {contest.contest_id: number for number, contest in enumerate(self._contests.changed_since(0))}
        while True:
            heed_cancellation()
            found = [contest for contest in self._wanted() if contest.contest_id not in self._publishing]
            for contest in sorted(found, key=lambda contest: lively.get(contest.contest_id, -1), reverse=True):
                publishing = ContestPublishing(contest, self._tokens, connection, self._settings)
                self._publishing[contest.contest_id] = publishing
                keeping = group.create_task(self._keep(publishing, beginning), name=f"publish {contest.contest_id}")
                self._tasks[contest.contest_id] = keeping
            await asyncio.sleep(LOOK_S)

    def _wanted(self) -> Iterator[LiveContest]:
        """The contests that are to be published, each once, also those that are over with and had been."""
        over = (contest for contest in self._sweeping.ended if not contest.exists)
        return (each for each in chain(self._contests, over) if self._settings.publishes(each.contest_id))

    async def _let_go(self, contest_id: str) -> bool:
        """Publish a contest no more if all that was told of it is known to be kept; whether it is so."""
        publishing = self._publishing.get(contest_id)
        if publishing is None or not publishing.level:
            return False
        task = self._tasks.pop(contest_id)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del self._publishing[contest_id]
        return True

    async def _bring_again(self) -> None:
        """At intervals, try again to have streams kept as the settings say, where that was refused."""
        while True:
            await asyncio.sleep(BROUGHT_EVERY_S)
            heed_cancellation()
            for publishing in [each for each in self._publishing.values() if not each.as_set]:
                with suppress(*FAILURES):  # It is tried again; what was refused has been told.
                    await publishing.bring()

    async def _keep(self, publishing: ContestPublishing, beginning: asyncio.Semaphore) -> None:
        """Publish one contest, again and again, as long as that is our turn."""
        pause_s = AGAIN_S
        while True:
            heed_cancellation()
            begun_s = asyncio.get_running_loop().time()
            if self._may_publish():
                await self._try(publishing, beginning)
            lasted_s = asyncio.get_running_loop().time() - begun_s
            pause_s = AGAIN_S if lasted_s > AGAIN_S_MAX else min(2 * pause_s, AGAIN_S_MAX)
            await asyncio.sleep(pause_s)

    async def _try(self, publishing: ContestPublishing, beginning: asyncio.Semaphore) -> None:
        contest: LiveContest = publishing.contest
        try:
            await publishing.run(beginning)
        except (Interrupted, StoreUnavailable, *FAILURES) as reason:
            metrics.PUBLISHING_INTERRUPTED.inc()
            log.warning("publishing_interrupted", contest=contest.contest_id, reason=str(reason) or repr(reason))
        except Exception:
            # Not swallowed: told of, and this contest is tried again; the others go on.
            metrics.PUBLISHING_INTERRUPTED.inc()
            log.exception("publishing_failed", contest=contest.contest_id)

    def _begin_counting(self) -> None:
        """Count from now on what is behind; or go on, where nobody else had the turn for long since we gave it up."""
        now_s = asyncio.get_running_loop().time()
        if now_s - self._given_up_at_s > RESUMED_S_MAX:
            self._level_at_s = now_s

    async def _measure_until_away(self) -> None:
        """Measure how far everything has got; come back when there was no connection for AWAY_S_MAX."""
        loop = asyncio.get_running_loop()
        reached_at_s = loop.time()
        while loop.time() - reached_at_s < AWAY_S_MAX:
            is_connected = self._connection is not None and self._connection.is_connected
            if is_connected:
                reached_at_s = loop.time()
            self._measure(loop.time(), is_connected=is_connected)
            await asyncio.sleep(LOOK_S)
        self._given_up_at_s = loop.time()
        log.warning("publishing_given_up", servers=self._settings.servers.told, away_s=AWAY_S_MAX)

    def _measure(self, now_s: float, *, is_connected: bool) -> None:
        publishings = self._publishing
        lines_behind = sum(publishing.lines_behind() for publishing in publishings.values())
        kept = not lines_behind and all(publishing.level for publishing in publishings.values())
        if kept and all(contest.contest_id in publishings for contest in self._wanted()):
            self._level_at_s = now_s
        metrics.PUBLISHER_CONNECTED.set(int(is_connected))
        metrics.PUBLISHER_LAG_LINES.set(lines_behind)
        metrics.PUBLISHER_LAG_S.set(now_s - self._level_at_s)
