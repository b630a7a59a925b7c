"""The contests that are published, and the roles of them that this edge follows.

What the public sees is followed as soon as a contest is found; another role from the moment at which somebody asks as
one of it, until nobody has read it for long. Contests are found by the names of their streams. This module must not
know how lines are brought.
"""

import asyncio
from collections.abc import Callable, Iterator

import structlog
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from cds import metrics
from cds.edge.audience import EdgeAudience
from cds.edge.consumer import OrderedConsumer
from cds.edge.core import Core
from cds.edge.limits import GONE_LOOKS, EdgeLimits
from cds.edge.succession import Succession
from cds.fan_out.client import EndReason
from cds.fan_out.waiting import is_set_within
from cds.jetstream.connecting import FAILURES
from cds.jetstream.stream_names import stream_names
from cds.jetstream.subjects import contest_of_stream, stream_name, subjects_of_role
from cds.relay.upstream import Refusal, Unreachable
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
        self._missed: dict[str, int] = {}
        """The contests that are followed, and how many looks in a row have not found them."""
        self._roles: dict[tuple[str, Role], Succession] = {}
        self._not_followed = 0
        self._is_full = False
        self._looked = False
        self._ready = False
        self._closing = False

    def __iter__(self) -> Iterator[EdgeAudience]:
        """What is served of every role that is followed or, while it is nothing, what is read."""
        return (shown for each in list(self._roles.values()) if (shown := each.shown) is not None)

    def __contains__(self, contest_id: str) -> bool:
        """Whether a contest is followed."""
        return contest_id in self._missed

    @property
    def looked(self) -> bool:
        """Whether it has ever been seen which contests there are."""
        return self._looked

    @property
    def connected(self) -> bool:
        """Whether there is a connection to NATS."""
        return self._connection is not None and self._connection.is_connected

    @property
    def ready(self) -> bool:
        """Whether what was published when this began has been read; contests that come later do not count."""
        if not self._ready and self._looked:
            self._ready = all(each.settled for (_, role), each in self._roles.items() if role == EAGER_ROLE)
        return self._ready

    @property
    def set_aside(self) -> list[str]:
        """The contests that cannot be read, or of which the core has nothing to tell; their requests go to the core."""
        return sorted({contest_id for (contest_id, _), each in self._roles.items() if each.set_aside})

    @property
    def seconds_behind(self) -> float:
        """Since when what is furthest behind has not been level."""
        return max((each.lag.seconds for each in self), default=0.0)

    async def audience(self, contest_id: str, role: Role) -> EdgeAudience:
        """The audience of a role in a contest that is followed. Raises Unreachable where there is none soon."""
        succession = self._roles.get((contest_id, role)) or self._opened(contest_id, role)
        audience = succession.ask()
        if audience is not None:
            return audience
        if succession.set_aside or not (self.connected and self.ready):
            raise Unreachable
        return await succession.level()

    def stamp(self, _login: bytes, contest_id: str) -> tuple[tuple[str, int], ...]:
        """How far all roles of a contest have got, here; places of different audiences are different."""
        return tuple((each.role, each.view.lines.last_sequence) for each in self if each.contest_id == contest_id)

    async def look_after(self, connection: Client, closing: asyncio.Event) -> None:
        """See at intervals which contests there are, and measure how far behind we are.

        Comes back when all closes, or the connection is closed for good: what is followed goes on over the next one.
        To be cancelled just when NATS answers comes to nothing (asyncio.wait_for before Python 3.12), hence `closing`.
        """
        self._connection = connection
        while not (closing.is_set() or connection.is_closed):
            try:
                await self._look(connection)
            except FAILURES as failure:
                log.debug("edge_contests_not_seen", error=type(failure).__name__)
            await self._forget_unread()
            self._measure()
            await is_set_within(closing, self._limits.discover_s)

    async def close(self) -> None:
        """Be done with all of them."""
        self._closing = True
        await asyncio.gather(*(each.close("closing") for each in self._roles.values()))

    async def _look(self, connection: Client) -> None:
        """See which contests there are. Raises FAILURES."""
        found = {contest_of_stream(self._prefix, name) for name in await stream_names(connection)}
        new = sorted(each for each in found if each is not None and each not in self._missed)
        room = self._limits.contests_max - len(self._missed)
        for contest_id in new[:room]:
            self._missed[contest_id] = 0
            self._opened(contest_id, EAGER_ROLE)
        self._tell_of_others(len(new[room:]))
        self._looked = True
        for contest_id in list(self._missed):
            self._missed[contest_id] = 0 if contest_id in found else self._missed[contest_id] + 1
            if self._missed[contest_id] >= GONE_LOOKS and await self._is_gone(connection, contest_id):
                await self._drop(contest_id)

    def _tell_of_others(self, count: int) -> None:
        """That there are more contests than are followed is told whenever their number changes."""
        if count not in (0, self._not_followed):
            log.warning("edge_contests_not_followed", contests=count, contests_max=self._limits.contests_max)
        self._not_followed = count

    async def _is_gone(self, connection: Client, contest_id: str) -> bool:
        """Whether there is no such stream for certain, and somebody who can answer in our place. Raises FAILURES."""
        try:
            await connection.jetstream().stream_info(stream_name(self._prefix, contest_id))
        except NotFoundError:
            pass
        else:
            return False
        try:
            async with asyncio.timeout(self._limits.head_s_max):
                await self._core.head(contest_id, EAGER_ROLE)
        except Refusal:
            return True
        except Unreachable:
            return False
        return True

    async def _drop(self, contest_id: str) -> None:
        """Be done with a contest that is not published any more: the core answers what is asked of it."""
        log.warning("edge_stream_gone", contest=contest_id)
        del self._missed[contest_id]
        metrics.EDGE_LAG_MESSAGES.remove(contest_id)
        for key in [key for key in self._roles if key[0] == contest_id]:
            await self._roles.pop(key).close("forgotten")

    async def _forget_unread(self) -> None:
        """Follow no more what nobody has read for long and, where there is no room left, what nobody reads now."""
        self._see_room()
        unread = ((each.unread_s, key) for key, each in self._roles.items() if key[1] != EAGER_ROLE)
        for unread_s, key in sorted(unread, reverse=True):
            if unread_s > (0 if self._is_full else self._limits.role_idle_s_max):
                log.info("edge_role_unread", contest=key[0], role=key[1], full=self._is_full)
                await self._roles.pop(key).close("left")
                self._see_room()

    def _see_room(self) -> None:
        size_bytes = sum(each.view.lines.size_after(0) for each in self)
        if size_bytes > self._limits.lines_bytes_max and not self._is_full:
            log.warning("edge_is_full", size_bytes=size_bytes, lines_bytes_max=self._limits.lines_bytes_max)
        self._is_full = size_bytes > self._limits.lines_bytes_max

    def _opened(self, contest_id: str, role: Role) -> Succession:
        """Follow a role from here on. Raises Unreachable where nothing is followed any more, or there is no room."""
        if self._closing or contest_id not in self._missed or (self._is_full and role != EAGER_ROLE):
            raise Unreachable
        consumer = (
            lambda: self._connection,
            stream_name(self._prefix, contest_id),
            subjects_of_role(self._prefix, contest_id, role),
            self._limits,
        )

        def begun(*, settles: bool) -> EdgeAudience:
            reading = OrderedConsumer(*consumer)
            return EdgeAudience(contest_id, role, reading, self._core, self._limits, self._end_streams, settles=settles)

        succession = self._roles[contest_id, role] = Succession(begun, self._limits)
        return succession

    def _measure(self) -> None:
        metrics.EDGE_NATS_CONNECTED.set(self.connected)
        metrics.EDGE_LAG_S.set(self.seconds_behind)
        metrics.EDGE_SET_ASIDE.set(len(self.set_aside))
        for contest_id in self._missed:
            messages = (each.lag.messages for each in self if each.contest_id == contest_id)
            metrics.EDGE_LAG_MESSAGES.labels(contest_id).set(max(messages, default=0))
