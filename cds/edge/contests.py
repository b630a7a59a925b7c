"""The contests that are published, and the roles of them that this edge follows.

What the public sees is followed as soon as a contest is found; another role from the moment at which somebody asks as
one of it. Contests are found by the names of their streams. This module must not know how lines are brought.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import structlog
from nats.aio.client import Client

from cds import metrics
from cds.edge.audience import EdgeAudience
from cds.edge.consumer import OrderedConsumer
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.fan_out.client import EndReason
from cds.fan_out.waiting import is_set_within
from cds.jetstream.connecting import FAILURES
from cds.jetstream.subjects import contest_of_stream, stream_name, subjects_of_role
from cds.relay.upstream import Unreachable
from schemas.viewers import Role

EAGER_ROLE: Role = "public"

log = structlog.get_logger(__name__)


class EdgeContests:
    """The audiences of an edge, by contest and role."""

    def __init__(
        self,
        prefix: str,
        core: Core,
        limits: EdgeLimits,
        end_streams: Callable[[EdgeAudience, EndReason], None],
    ) -> None:
        """None yet. `end_streams` ends the streams of those who read an audience that is over."""
        self._connection: Client | None = None
        self._prefix = prefix
        self._core = core
        self._limits = limits
        self._end_streams = end_streams
        self._contest_ids: dict[str, None] = {}
        self._audiences: dict[tuple[str, Role], EdgeAudience] = {}
        self._looked = asyncio.Event()
        self._closing = False

    def __iter__(self) -> Iterator[EdgeAudience]:
        """All audiences."""
        return iter(list(self._audiences.values()))

    def __contains__(self, contest_id: str) -> bool:
        """Whether a contest is followed."""
        return contest_id in self._contest_ids

    @property
    def looked(self) -> bool:
        """Whether it has ever been seen which contests there are."""
        return self._looked.is_set()

    @property
    def connected(self) -> bool:
        """Whether there is a connection to NATS."""
        return self._connection is not None and self._connection.is_connected

    @property
    def ready(self) -> bool:
        """Whether all that is followed from the beginning has been level once."""
        return self.looked and all(each.level for each in self if each.role == EAGER_ROLE)

    async def audience(self, contest_id: str, role: Role) -> EdgeAudience:
        """The audience of a role in a contest that is followed, level. Raises Unreachable."""
        audience = self._audiences.get((contest_id, role)) or self._opened(contest_id, role)
        if not audience.level:
            await audience.be_level()
        return audience

    def stamp(self, _login: bytes, contest_id: str) -> tuple[tuple[str, int], ...]:
        """How far all roles of a contest have got, here."""
        return tuple((each.role, id(each) ^ each.view.lines.last_sequence) for each in self._of(contest_id))

    async def look_after(self, connection: Client, closing: asyncio.Event) -> None:
        """See at intervals which contests there are, and measure how far behind we are, until all closes.

        To be cancelled just when NATS answers comes to nothing (asyncio.wait_for before Python 3.12), hence `closing`.
        """
        self._connection = connection
        while not closing.is_set():
            try:
                await self._look(connection)
            except FAILURES as failure:
                log.debug("edge_contests_not_seen", error=type(failure).__name__)
            self._measure()
            await is_set_within(closing, self._limits.discover_s)

    async def close(self) -> None:
        """Be done with all of them."""
        self._closing = True
        await asyncio.gather(*(audience.close() for audience in self))

    async def _look(self, connection: Client) -> None:
        """See which contests there are. Raises FAILURES."""
        found = [
            contest_id
            for info in await _streams(connection)
            if (contest_id := contest_of_stream(self._prefix, info)) is not None
        ]
        for contest_id in [each for each in self._contest_ids if each not in found]:
            # It may be on its way back, and who reads has all that there was.
            log.warning("edge_stream_gone", contest=contest_id)
            del self._contest_ids[contest_id]
        for contest_id in found:
            if contest_id not in self._contest_ids and len(self._contest_ids) < self._limits.contests_max:
                self._contest_ids[contest_id] = None
                if (contest_id, EAGER_ROLE) not in self._audiences:
                    self._opened(contest_id, EAGER_ROLE)
        self._looked.set()

    def _opened(self, contest_id: str, role: Role) -> EdgeAudience:
        if self._closing or self._connection is None:
            raise Unreachable
        consumer = OrderedConsumer(
            self._connection,
            stream_name(self._prefix, contest_id),
            subjects_of_role(self._prefix, contest_id, role),
            self._limits,
        )
        audience = EdgeAudience(contest_id, role, consumer, self._core, self._limits, self._ended)
        self._audiences[contest_id, role] = audience
        return audience

    def _ended(self, audience: EdgeAudience, reason: EndReason) -> None:
        self._end_streams(audience, reason)
        key = (audience.contest_id, audience.role)
        if self._audiences.get(key) is audience:
            del self._audiences[key]
            if reason != "closing" and not self._closing and audience.contest_id in self._contest_ids:
                # Whoever comes back finds the next one, which may be level by then.
                self._opened(*key)

    def _of(self, contest_id: str) -> Iterator[EdgeAudience]:
        return (each for each in self._audiences.values() if each.contest_id == contest_id)

    def _measure(self) -> None:
        metrics.EDGE_NATS_CONNECTED.set(self.connected)
        metrics.EDGE_LAG_S.set(max((each.lag.seconds for each in self), default=0.0))
        for contest_id in self._contest_ids:
            metrics.EDGE_LAG_MESSAGES.labels(contest_id).set(
                max((each.lag.messages for each in self._of(contest_id)), default=0)
            )


async def _streams(connection: Client) -> Iterable[str]:
    """The names of all streams. Raises FAILURES."""
    names: list[str] = []
    jetstream = connection.jetstream()
    while page := await jetstream.streams_info(offset=len(names)):
        names.extend(info.config.name or "" for info in page)
    return names
