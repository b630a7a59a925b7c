"""All audiences of a relay: who joins which, when one is opened, and when one that nobody reads is forgotten.

This module must not know how a feed is read, nor how it is delivered.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import blake2b

import structlog
from yarl import URL

from cds import metrics
from cds.fan_out.client import EndReason
from cds.relay.audience import AudienceKey, RelayedAudience
from cds.relay.limits import RelayLimits
from cds.relay.upstream import Asker, Upstream

FINGERPRINT_BYTES = 16

Stamp = tuple[tuple[bytes, int], ...]
"""How far the feeds that a login follows in a contest have got; another one after every line of any of them."""

log = structlog.get_logger(__name__)


class TooManyAudiences(Exception):
    """The relay follows as many feeds as it may; the text is for the client."""


class Audiences:
    """The audiences of a relay by what makes them."""

    def __init__(
        self, upstream: Upstream, limits: RelayLimits, end_streams: Callable[[RelayedAudience, EndReason], None]
    ) -> None:
        """None yet. `end_streams` ends the streams of those who read an audience that is over."""
        self._upstream = upstream
        self._limits = limits
        self._end_streams = end_streams
        self._audiences: dict[AudienceKey, RelayedAudience] = {}
        self._opened_from: dict[AudienceKey, str] = {}
        """The address of the client for whom an audience was opened."""
        self._of_login: dict[tuple[bytes, str], dict[AudienceKey, RelayedAudience]] = {}
        self._fingerprint_key = secrets.token_bytes(FINGERPRINT_BYTES)
        self.refused: Callable[[bytes], None] = lambda _: None
        """Is told the fingerprint of a login that the upstream does not let in any more."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._audiences)

    def fingerprint(self, authorization: str | None, apart: str = "") -> bytes:
        """What stands for an Authorization header; empty without one. It is worth nothing outside this process.

        `apart` is what else tells one from the next, see Asker.
        """
        if authorization is None and not apart:
            return b""
        # No header has a zero in it, and none is another than an empty one.
        brought_by = "\0" if authorization is None else authorization
        told = f"{brought_by}\0{apart}" if apart else brought_by
        brought = told.encode("utf-8", "surrogateescape")
        return blake2b(brought, key=self._fingerprint_key, digest_size=FINGERPRINT_BYTES).digest()

    @asynccontextmanager
    async def joined(self, key: AudienceKey, url: URL, asker: Asker, address: str) -> AsyncIterator[RelayedAudience]:
        """The audience of a client at an address, opened for it where there is none; kept for the length of the block.

        Raises TooManyAudiences, and what the upstream says to whom it does not let in: Refusal, Unreachable.
        """
        audience = self._audiences.get(key)
        if audience is None:
            audience = self._opened(key, url, asker, address)
        audience.users += 1
        try:
            await audience.opened()
            yield audience
        finally:
            audience.users -= 1
            audience.idle_since_s = asyncio.get_running_loop().time()

    def stamp(self, login: bytes, contest_id: str) -> Stamp:
        """How far all feeds of a login in a contest have got, here."""
        followed = self._of_login.get((login, contest_id))
        if not followed:
            return ()
        return tuple(sorted((each.tag, each.lines.last_sequence) for each in followed.values()))

    def tell_everything(self, login: bytes, version: str | None, contest_id: str) -> RelayedAudience | None:
        """The audience that is told of everything that a login may see of a contest, if somebody has asked for it."""
        return self._audiences.get(AudienceKey(version, contest_id, login, ()))

    async def look_after(self) -> None:
        """Forget what nobody reads, at intervals."""
        while True:
            await asyncio.sleep(self._limits.look_s)
            long_ago_s = asyncio.get_running_loop().time() - self._limits.idle_s_max
            for audience in self._idle():
                if audience.idle_since_s <= long_ago_s:
                    audience.end("left")
            self._make_room(newcomers=0)
            self._measure()

    async def close(self) -> None:
        """Be done with all of them."""
        await asyncio.gather(*(audience.close() for audience in list(self._audiences.values())))

    def _opened(self, key: AudienceKey, url: URL, asker: Asker, address: str) -> RelayedAudience:
        if not self._has_room(key, address):
            log.warning("audience_refused", contest=key.contest_id, audiences=len(self), bytes=self._lines_bytes())
            raise TooManyAudiences("this relay follows as many feeds as it may; try again")
        audience = RelayedAudience(key, url, self._upstream, self._limits, self._ended)
        self._opened_from[key] = address
        audience.idle_since_s = asyncio.get_running_loop().time()
        self._audiences[key] = audience
        self._of_login.setdefault((key.login, key.contest_id), {})[key] = audience
        audience.start(asker)
        return audience

    def _ended(self, audience: RelayedAudience, reason: EndReason) -> None:
        key = audience.key
        if self._audiences.get(key) is not audience:
            return
        del self._audiences[key], self._opened_from[key]
        of_login = self._of_login[key.login, key.contest_id]
        del of_login[key]
        if not of_login:
            del self._of_login[key.login, key.contest_id]
        metrics.RELAY_AUDIENCES_ENDED.labels(reason).inc()
        if reason == "login":
            self.refused(key.login)
        self._end_streams(audience, reason)

    def _has_room(self, key: AudienceKey, address: str) -> bool:
        """Whether one more audience fits in, when those that nobody reads are forgotten."""
        if key.login or key.everything:
            return self._make_room()
        selections = [each for each in self._audiences if not each.login and not each.everything]
        of_address = [each for each in selections if self._opened_from[each] == address]
        limits = self._limits
        if not self._leave_room(of_address, limits.selections_of_address_max):
            return False
        is_left = self._leave_room(selections, limits.anonymous_selections_max)
        return (is_left or self._take_of_most(selections, len(of_address) + 1)) and self._make_room()

    def _leave_room(self, keys: Sequence[AudienceKey], places: int) -> bool:
        """Forget one of these that nobody reads, where there are as many as there are places; whether one is free."""
        if sum(key in self._audiences for key in keys) < places:
            return True
        idle = [each for each in self._idle() if each.key in keys]
        if idle:
            idle[0].end("left")
        return bool(idle)

    def _take_of_most(self, selections: Sequence[AudienceKey], share: int) -> bool:
        """End the last audience of the address that has had most of these opened, where those are more than a share.

        Whoever reads it may come back, and is then counted as the one for whom it is opened.
        """
        having = Counter(self._opened_from[each] for each in selections)
        address, most = having.most_common(1)[0]
        if most <= share:
            return False
        last = next(each for each in reversed(selections) if self._opened_from[each] == address)
        self._audiences[last].end("forgotten")
        return True

    def _make_room(self, newcomers: int = 1) -> bool:
        """Forget what nobody reads, the longest unread first, where there is too much; whether there is room now."""
        idle = self._idle()
        while self._is_full(newcomers):
            if not idle:
                return False
            idle.pop(0).end("left")
        return True

    def _is_full(self, newcomers: int) -> bool:
        return len(self) + newcomers > self._limits.audiences_max or self._lines_bytes() >= self._limits.lines_bytes_max

    def _idle(self) -> list[RelayedAudience]:
        idle = [audience for audience in self._audiences.values() if not audience.users]
        return sorted(idle, key=lambda audience: audience.idle_since_s)

    def _lines_bytes(self) -> int:
        return sum(audience.lines.size_bytes for audience in self._audiences.values())

    def _measure(self) -> None:
        connected = sum(audience.connected for audience in self._audiences.values())
        metrics.RELAY_AUDIENCES.labels("following").set(connected)
        metrics.RELAY_AUDIENCES.labels("waiting").set(len(self) - connected)
        metrics.RELAY_LINES_BYTES.set(self._lines_bytes())
