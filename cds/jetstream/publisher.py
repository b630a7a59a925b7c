"""The publisher: all contests on their way into JetStream, while it is this process's turn.

This module must not know what is told of a contest.
"""

import asyncio
from collections.abc import Callable

import structlog
from nats.aio.client import Client

from cds import metrics
from cds.contests import Contests
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.connecting import FAILURES, connected
from cds.jetstream.contest_publishing import ContestPublishing
from cds.jetstream.pipeline import Interrupted
from cds.jetstream.settings import PublishingSettings
from cds.live_contest import LiveContest
from eventstore.store import StoreUnavailable
from projections.tokens import TokenMaker

CONNECTION_NAME = "contest data server, publisher"

LOOK_S = 0.25
"""How often contests that are new are looked for, and how far everything has got is measured."""

AGAIN_S = 0.25
AGAIN_S_MAX = 2.0
"""Between two attempts with a contest: doubled while it does not get on."""

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
        self._publishing: dict[str, ContestPublishing] = {}
        self._level_at_s = 0.0

    async def run(self) -> None:
        """Publish, whatever happens to the connection."""
        log.info("publishing", servers=self._settings.servers.told)
        metrics.PUBLISHER_CONNECTED.set(0)
        self._level_at_s = asyncio.get_running_loop().time()
        connection = await self._connected()
        try:
            async with asyncio.TaskGroup() as group:
                await self._look_after_all(connection, group)
        finally:
            self._publishing.clear()
            for gauge in (metrics.PUBLISHER_CONNECTED, metrics.PUBLISHER_LAG_LINES, metrics.PUBLISHER_LAG_S):
                gauge.set(0)
            await connection.close()

    async def _connected(self) -> Client:
        while True:
            heed_cancellation()
            try:
                return await connected(self._settings.servers, CONNECTION_NAME)
            except FAILURES as failure:
                log.warning("nats_unreachable", servers=self._settings.servers.told, reason=type(failure).__name__)
                await asyncio.sleep(AGAIN_S_MAX)

    async def _look_after_all(self, connection: Client, group: asyncio.TaskGroup) -> None:
        """Begin with every contest as it comes, and measure how far they are."""
        beginning = asyncio.Semaphore(BEGUN_AT_ONCE_MAX)
        while True:
            heed_cancellation()
            for contest in self._contests:
                if contest.contest_id not in self._publishing and self._settings.publishes(contest.contest_id):
                    publishing = ContestPublishing(contest, self._tokens, connection, self._settings)
                    self._publishing[contest.contest_id] = publishing
                    group.create_task(self._keep(publishing, beginning), name=f"publish {contest.contest_id}")
            self._measure(connection)
            await asyncio.sleep(LOOK_S)

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

    def _measure(self, connection: Client) -> None:
        now_s = asyncio.get_running_loop().time()
        if all(publishing.level for publishing in self._publishing.values()):
            self._level_at_s = now_s
        lines = sum(publishing.lines_behind() for publishing in self._publishing.values())
        metrics.PUBLISHER_CONNECTED.set(int(connection.is_connected))
        metrics.PUBLISHER_LAG_LINES.set(lines)
        metrics.PUBLISHER_LAG_S.set(now_s - self._level_at_s)
