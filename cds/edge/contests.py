"""The contests that are published, and the roles of them that this edge follows.

What the public sees is followed as soon as a contest is found; another role from the moment at which somebody asks as
one of it, until nobody has read it for long. Contests are found by the names of their streams. This module must not
know how lines are brought.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus

import msgspec
import structlog
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from cds import metrics
from cds.edge.audience import EdgeAudience
from cds.edge.choosing import latest_first
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
NO_ROLES: dict[Role, Succession] = {}

log = structlog.get_logger(__name__)


class _SentAway(msgspec.Struct, frozen=True):
    """A role that there was no room for: since when, and how much its lines took."""

    at_s: float
    size_bytes: int


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
        self._roles: dict[str, dict[Role, Succession]] = {}
        self._sent_away: dict[tuple[str, Role], _SentAway] = {}
        self._not_followed = 0
        self._size_bytes = 0
        self._is_full = False
        self._looked = False
        self._ready = False
        self._closing = False

    def __iter__(self) -> Iterator[EdgeAudience]:
        """What is served of every role that is followed or, while it is nothing, what is read."""
        return (shown for _, _, each in self._all() if (shown := each.shown) is not None)

    def __contains__(self, contest_id: str) -> bool:
        """Whether a contest is followed."""
        return contest_id in self._missed

    def of(self, contest_id: str) -> Iterator[EdgeAudience]:
        """The same of one contest."""
        return (shown for each in self._of(contest_id) if (shown := each.shown) is not None)

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
        """Whether what was published when this began has been read; contests that come later do not count.

        As long as there has been none at all, that is begun anew with the first: who publishes them may begin with us.
        """
        if self._ready or not self._looked:
            return self._ready
        settled = all(each.settled for _, role, each in self._all() if role == EAGER_ROLE)
        self._ready = settled and bool(self._roles)
        return settled

    @property
    def set_aside(self) -> list[str]:
        """The contests that cannot be read, or of which the core has nothing to tell.

        Their requests go to the core: at once where nothing of them is here, else as soon as that has lasted.
        """
        return sorted({contest_id for contest_id, _, each in self._all() if each.set_aside})

    @property
    def seconds_behind(self) -> float:
        """Since when what is furthest behind has not been level."""
        return max((each.lag.seconds for each in self), default=0.0)

    async def audience(self, contest_id: str, role: Role) -> EdgeAudience:
        """The audience of a role in a contest that is followed. Raises Unreachable where there is none soon."""
        succession = self._roles.get(contest_id, NO_ROLES).get(role) or self._opened(contest_id, role)
        audience = succession.ask()
        if audience is not None:
            return audience
        if succession.set_aside or not (self.connected and self.ready):
            raise Unreachable
        return await succession.level()

    def stamp(self, _login: bytes, contest_id: str) -> tuple[tuple[str, int], ...]:
        """How far all roles of a contest have got, here; places of different audiences are different."""
        return tuple((each.role, each.view.lines.last_sequence) for each in self.of(contest_id))

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
            await self._give_up_frozen()
            await self._forget_unread()
            await self._measure()
            await is_set_within(closing, self._limits.discover_s)

    async def close(self) -> None:
        """Be done with all of them."""
        self._closing = True
        await asyncio.gather(*(each.close("closing") for _, _, each in self._all()))

    def _all(self) -> Iterator[tuple[str, Role, Succession]]:
        """All that is followed, with the contest and the role."""
        for contest_id, roles in list(self._roles.items()):
            for role, each in list(roles.items()):
                yield contest_id, role, each

    def _of(self, contest_id: str) -> list[Succession]:
        return list(self._roles.get(contest_id, NO_ROLES).values())

    async def _look(self, connection: Client) -> None:
        """See which contests there are. Raises FAILURES."""
        found = {contest_of_stream(self._prefix, name) for name in await stream_names(connection)}
        new = sorted(each for each in found if each is not None and each not in self._missed)
        room = max(self._limits.contests_max - len(self._missed), 0)
        if 0 < room < len(new):
            names = {stream_name(self._prefix, each): each for each in new}
            new = [names[each] for each in await latest_first(connection, names)]
        for contest_id in new[:room]:
            self._missed[contest_id] = 0
            self._opened(contest_id, EAGER_ROLE)
        self._tell_of_others(len(new[room:]))
        self._looked = True
        for contest_id in self._missed:
            self._missed[contest_id] = 0 if contest_id in found else self._missed[contest_id] + 1
        await self._drop_gone(connection)

    def _tell_of_others(self, count: int) -> None:
        """That there are more contests than are followed is told whenever their number changes."""
        if count not in (0, self._not_followed):
            log.warning("edge_contests_not_followed", contests=count, contests_max=self._limits.contests_max)
        self._not_followed = count

    async def _drop_gone(self, connection: Client) -> None:
        """Be done with what has had no stream for some looks and is to have none, says the core. Raises FAILURES."""
        for contest_id in [each for each, looks in self._missed.items() if looks >= GONE_LOOKS]:
            try:
                if await self._is_gone(connection, contest_id):
                    await self._drop(contest_id)
                else:
                    self._missed[contest_id] = 0
            except Unreachable:
                # Nobody could answer in our place, for the others neither.
                return

    async def _is_gone(self, connection: Client, contest_id: str) -> bool:
        """Whether there is no such stream for certain, nor is to be one. Raises FAILURES and Unreachable.

        One that was lost is made again, and what is here is served until then.
        """
        try:
            await connection.jetstream().stream_info(stream_name(self._prefix, contest_id))
        except NotFoundError:
            pass
        else:
            return False
        try:
            async with asyncio.timeout(self._limits.head_s_max):
                return not (await self._core.anonymous(contest_id)).published
        except Refusal as refusal:
            return refusal.status == HTTPStatus.NOT_FOUND

    async def _drop(self, contest_id: str) -> None:
        """Be done with a contest that is not published any more: the core answers what is asked of it."""
        log.warning("edge_stream_gone", contest=contest_id)
        del self._missed[contest_id]
        metrics.EDGE_LAG_MESSAGES.remove(contest_id)
        for role, each in self._roles.pop(contest_id, NO_ROLES).items():
            self._sent_away.pop((contest_id, role), None)
            await each.close("forgotten")

    async def _give_up_frozen(self) -> None:
        """Leave to the core what nothing more has come to for long, where that is seen to be there."""
        for contest_id, role, each in self._all():
            if each.frozen_s <= self._limits.stale_after_s:
                continue
            try:
                async with asyncio.timeout(self._limits.head_s_max):
                    await self._core.head(contest_id, role)
            except Refusal as refusal:
                log.debug("edge_head_refused", contest=contest_id, role=role, status=refusal.status)
            except (Unreachable, TimeoutError):
                return
            log.warning("edge_contest_left_to_core", contest=contest_id, role=role)
            each.let_go()

    async def _forget_unread(self) -> None:
        """Follow no more what nobody has read for long and, where there is no room left, what nobody reads now."""
        self._note_size(sum(each.size_bytes for _, _, each in self._all()))
        others = [found for found in self._all() if found[1] != EAGER_ROLE]
        for contest_id, role, each in sorted(others, key=lambda found: found[2].unread_s, reverse=True):
            if each.unread_s > (0 if self._is_full else self._limits.role_idle_s_max):
                log.info("edge_role_unread", contest=contest_id, role=role, full=self._is_full)
                size_bytes = each.size_bytes
                if self._is_full:
                    self._sent_away[contest_id, role] = _SentAway(time.monotonic(), size_bytes)
                del self._roles[contest_id][role]
                self._note_size(self._size_bytes - size_bytes)
                await each.close("left")

    def _note_size(self, size_bytes: int) -> None:
        is_full = size_bytes > self._limits.lines_bytes_max
        if is_full and not self._is_full:
            log.warning("edge_is_full", size_bytes=size_bytes, lines_bytes_max=self._limits.lines_bytes_max)
        self._size_bytes, self._is_full = size_bytes, is_full

    def _has_room(self, contest_id: str, role: Role) -> bool:
        """Whether a role may be followed. One that there was no room for is not read again and again."""
        sent_away = self._sent_away.get((contest_id, role))
        if role == EAGER_ROLE or sent_away is None:
            return role == EAGER_ROLE or not self._is_full
        if time.monotonic() - sent_away.at_s < self._limits.role_idle_s_max:
            return False
        return self._size_bytes + sent_away.size_bytes <= self._limits.lines_bytes_max

    def _opened(self, contest_id: str, role: Role) -> Succession:
        """Follow a role from here on. Raises Unreachable where nothing is followed any more, or there is no room."""
        if self._closing or contest_id not in self._missed or not self._has_room(contest_id, role):
            raise Unreachable
        self._sent_away.pop((contest_id, role), None)
        consumer = (
            lambda: self._connection,
            stream_name(self._prefix, contest_id),
            subjects_of_role(self._prefix, contest_id, role),
            self._limits,
        )

        def begun(*, settles: bool) -> EdgeAudience:
            reading = OrderedConsumer(*consumer)
            return EdgeAudience(contest_id, role, reading, self._core, self._limits, self._end_streams, settles=settles)

        succession = self._roles.setdefault(contest_id, {})[role] = Succession(begun, self._limits)
        return succession

    async def _measure(self) -> None:
        """Tell how far behind we are, one contest after the other, so that nobody waits for all of them."""
        seconds, set_aside = 0.0, 0
        for contest_id in list(self._missed):
            roles = self._of(contest_id)
            lags = [shown.lag for each in roles if (shown := each.shown) is not None]
            seconds = max(seconds, max((lag.seconds for lag in lags), default=0.0))
            set_aside += any(each.set_aside for each in roles)
            metrics.EDGE_LAG_MESSAGES.labels(contest_id).set(max((lag.messages for lag in lags), default=0))
            await asyncio.sleep(0)
        metrics.EDGE_NATS_CONNECTED.set(self.connected)
        metrics.EDGE_LAG_S.set(seconds)
        metrics.EDGE_SET_ASIDE.set(set_aside)
