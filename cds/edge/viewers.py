"""Who asks an edge: what the core says of a login, kept for a moment, and for longer while the core is away.

What the core has said of the anonymous is asked for anew beside and, where nobody has come for long, waited for for a
moment; while the core is away it stays good. Of addresses it is asked only where they log somebody in. A login is known
here by a keyed fingerprint; it is looked at again while somebody who came with it reads on, so that whoever may not any
more loses his streams within the time for which it is kept. This module must not know what is asked for.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web

from cds import metrics
from cds.contest_api.service import Standing, client_at, from_another_host
from cds.edge.anonymous import Anonymous, Known, Networks
from cds.edge.core import Core
from cds.edge.limits import CONTESTS_KEPT_MAX, EdgeLimits
from cds.fan_out.waiting import is_set_within
from cds.newest_kept import keep_newest
from cds.relay.audiences import Audiences
from cds.relay.futures import seen
from cds.relay.upstream import Asker, Refusal, Unreachable
from projections.tokens import ViewTags
from schemas.edges import EdgeViewer
from schemas.viewers import Viewer

REFUSED_STATUSES = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
ANYBODY = ""
SOMEWHERE = "?"
"""The address of who comes from where nobody can be sure of."""

WAITED_FOR_AFTER = 2
"""After so many times `viewer_kept_s` what was said of the anonymous is waited for, and no more asked for beside."""

Changed = Callable[[str, Networks], Awaitable[None]]
"""Is told where those come from to a contest who were the public until now."""

log = structlog.get_logger(__name__)


class Login(msgspec.Struct, frozen=True):
    """With what somebody comes: to which contest, a fingerprint of the header, and the address where that counts."""

    contest_id: str
    fingerprint: bytes
    address: str

    @property
    def mark(self) -> str:
        """What tells one from the next, and nothing of it."""
        return f"{self.contest_id}\0{self.fingerprint.hex()}\0{self.address}"


class _Entry(msgspec.Struct):
    known: Known
    login: Login
    asker: Asker
    at_s: float
    asked_s: float
    good: bool = True


class _Asking(msgspec.Struct, frozen=True):
    task: "asyncio.Task[Known]"
    began_s: float


class EdgeViewers:
    """The logins that have come lately, by what they are."""

    def __init__(
        self, core: Core, audiences: Audiences, limits: EdgeLimits, standing: Standing, changed: Changed | None = None
    ) -> None:
        """Nobody has come yet. `audiences` make fingerprints; `standing`: which proxies are believed."""
        self._core = core
        self._audiences = audiences
        self._limits = limits
        self._standing = standing
        self._changed = changed
        self._anonymous: OrderedDict[str, Anonymous] = OrderedDict()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, _Asking] = {}
        self.refused: Callable[[bytes], None] = lambda _: None
        """Is told the fingerprint of a login that the core does not let in."""

    def __len__(self) -> int:
        """How many logins are kept."""
        return len(self._entries)

    def at_once(self, request: web.Request, contest_id: str) -> Known | None:
        """Who asks, where that is known."""
        anonymous = self._anonymous.get(contest_id)
        if anonymous is None:
            return None
        login = self._login(request, anonymous)
        if login is None:
            return anonymous.known if self._holds(anonymous) else None
        entry = self._entries.get(login.mark)
        return entry.known if entry is not None and entry.good and self._is_fresh(entry) else None

    async def viewer(self, request: web.Request, contest_id: str) -> Known:
        """Who asks. Raises Refusal for whom the core does not let in, and Unreachable where nobody can tell."""
        anonymous = self._anonymous.get(contest_id) or await self._first_word(contest_id)
        login = self._login(request, anonymous)
        if login is None and not self._holds(anonymous):
            anonymous = await self._renewed(anonymous)
            login = self._login(request, anonymous)
        if login is None:
            return anonymous.known
        known = await self._told(request, login)
        again = self._login(request, self._anonymous.get(contest_id, anonymous))
        # By the answer it may have become known that addresses count here, so that it may be another's.
        return known if again is None or again == login else await self._told(request, again)

    def may_go_on(self, viewer: Viewer) -> bool:
        """Whether somebody who reads still may, as far as is known; it is asked anew where that was long ago."""
        if viewer.token_mark is None:
            return True
        entry = self._entries.get(viewer.token_mark)
        if entry is None or entry.known.viewer != viewer:
            return False
        if entry.good and not self._is_fresh(entry) and not self._was_asked(entry):
            self._begun(entry.login, partial(self._asked, entry.login, entry.asker))
        return entry.good and self._is_good_while_away(entry)

    def goes_by_address(self, request: web.Request, contest_id: str) -> bool:
        """Whether who asks hangs on where he asks from, as far as is known."""
        anonymous = self._anonymous.get(contest_id)
        login = None if anonymous is None else self._login(request, anonymous)
        return login is not None and login.address != ANYBODY

    async def hangs_on_address(self, request: web.Request, contest_id: str) -> bool:
        """The same, for which the core is asked where it has not said so of that contest; true where it cannot be."""
        try:
            anonymous = self._anonymous.get(contest_id) or await self._first_word(contest_id)
        except Refusal as refusal:
            return refusal.status != HTTPStatus.NOT_FOUND
        except Unreachable:
            return True
        if not self._holds(anonymous):
            await self._renewed(anonymous)
        return self.goes_by_address(request, contest_id)

    def hangs_on_address_anywhere(self, request: web.Request) -> bool:
        """Whether who asks hangs on it in any contest of which that is known."""
        counting = (contest_id for contest_id, anonymous in self._anonymous.items() if anonymous.by_address)
        return any(self.goes_by_address(request, contest_id) for contest_id in counting)

    def know_some_of(self, contest_ids: Iterable[str]) -> bool:
        """Whether the core has said of any of these who comes without a login, if there are any."""
        ids = set(contest_ids)
        return not ids or not ids.isdisjoint(self._anonymous)

    async def look_after(self, contest_ids: Callable[[], Iterable[str]], closing: asyncio.Event) -> None:
        """See at intervals that the core knows us, and have what it says of the anonymous before anybody comes."""
        known_at_s, refused = -math.inf, set[str]()
        while not closing.is_set():
            try:
                if _now_s() - known_at_s >= self._limits.viewer_kept_s:
                    await self._core.be_known()
                    known_at_s, refused = _now_s(), set[str]()
                for contest_id in sorted(set(contest_ids()) - self._anonymous.keys() - refused):
                    if not await self._has_told_anonymous(contest_id):
                        refused.add(contest_id)
            except Unreachable as reason:
                log.debug("edge_viewers_not_seen", reason=type(reason).__name__)
            await is_set_within(closing, min(self._limits.discover_s, self._limits.viewer_kept_s))

    async def _has_told_anonymous(self, contest_id: str) -> bool:
        """Have what the core says of the anonymous of a contest, if it says anything. Raises Unreachable."""
        try:
            await self._ask(_nobody(contest_id), partial(self._asked_anonymous, contest_id))
        except Refusal as refusal:
            log.debug("edge_anonymous_not_told", contest=contest_id, status=refusal.status)
            return False
        return True

    async def _first_word(self, contest_id: str) -> Anonymous:
        """What the core says of the anonymous, of whom nothing is known. Raises Refusal, and Unreachable, also soon."""
        try:
            async with asyncio.timeout(self._limits.first_word_s_max):
                await self._ask(_nobody(contest_id), partial(self._asked_anonymous, contest_id))
        except TimeoutError:
            raise Unreachable from None
        return self._anonymous[contest_id]

    def _holds(self, anonymous: Anonymous) -> bool:
        """Whether what is known of the anonymous may be told; it is asked for anew beside where that was long ago.

        What is old may be told only where the core has lately been asked in vain: addresses may log in by now.
        """
        now_s, nobody = _now_s(), _nobody(anonymous.contest_id)
        if now_s - anonymous.asked_s >= self._limits.viewer_kept_s:
            self._begun(nobody, partial(self._asked_anonymous, anonymous.contest_id))
            anonymous.asked_s = now_s
        if now_s - anonymous.at_s < WAITED_FOR_AFTER * self._limits.viewer_kept_s:
            return True
        asking = self._under_way.get(nobody.mark)
        return asking is None or now_s - asking.began_s >= self._limits.viewer_wait_s

    async def _renewed(self, anonymous: Anonymous) -> Anonymous:
        """What the core says of the anonymous by now or, where it says nothing, what it has said."""
        asking = self._under_way.get(_nobody(anonymous.contest_id).mark)
        if asking is not None:
            try:
                async with asyncio.timeout_at(asking.began_s + self._limits.viewer_wait_s):
                    await asyncio.shield(asking.task)
            except (TimeoutError, Unreachable, Refusal) as reason:
                log.debug("edge_anonymous_not_renewed", contest=anonymous.contest_id, reason=type(reason).__name__)
        return self._anonymous.get(anonymous.contest_id, anonymous)

    def _login(self, request: web.Request, anonymous: Anonymous) -> Login | None:
        """With what somebody comes; None for nothing that could log him in."""
        contest_id, authorization = anonymous.contest_id, request.headers.get(hdrs.AUTHORIZATION)
        if authorization is None:
            address = self._address_logging_in(request, anonymous)
            return None if address is None else Login(contest_id, b"", address)
        fingerprint = self._audiences.fingerprint(authorization)
        if not anonymous.by_address:
            return Login(contest_id, fingerprint, ANYBODY)
        client = client_at(request, self._standing)
        return Login(contest_id, fingerprint, client.address if client.certain else SOMEWHERE)

    def _address_logging_in(self, request: web.Request, anonymous: Anonymous) -> str | None:
        """The address of a client that may log him in; None where that can be told without the core."""
        if not anonymous.networks or from_another_host(request, self._standing):
            return None
        client = client_at(request, self._standing)
        return client.address if client.certain and client.address in anonymous.networks else None

    async def _told(self, request: web.Request, login: Login) -> Known:
        """Who somebody is by what is kept or, if need be, by what the core says. Raises Refusal and Unreachable."""
        entry = self._entries.get(login.mark)
        if entry is not None and entry.good and self._is_fresh(entry):
            return entry.known
        asker = self._core.asker_by_address(request) if login.address else self._core.asker(request)
        if entry is None or not self._is_good_while_away(entry):
            return await self._ask(login, partial(self._asked, login, asker))
        if self._was_asked(entry):
            return entry.known
        asking = self._begun(login, partial(self._asked, login, asker))
        try:
            async with asyncio.timeout_at(asking.began_s + self._limits.viewer_wait_s):
                return await asyncio.shield(asking.task)
        except (TimeoutError, Unreachable):
            return entry.known

    def _begun(self, login: Login, ask: Callable[[], Coroutine[object, object, Known]]) -> _Asking:
        """A question to the core, asked once for all who come with the same."""
        asking = self._under_way.get(login.mark)
        if asking is None:
            task = asyncio.create_task(ask(), name="ask who somebody is")
            asking = self._under_way[login.mark] = _Asking(task, _now_s())
            task.add_done_callback(seen)
            task.add_done_callback(lambda _: self._under_way.pop(login.mark, None))
        return asking

    async def _ask(self, login: Login, ask: Callable[[], Coroutine[object, object, Known]]) -> Known:
        """What the core says. Raises Refusal and Unreachable."""
        return await asyncio.shield(self._begun(login, ask).task)

    async def _asked_anonymous(self, contest_id: str) -> Known:
        """What the core says of who comes without anything. Raises Refusal and Unreachable."""
        began_s = _now_s()
        metrics.EDGE_VIEWERS_ASKED.inc()
        told = await self._core.anonymous(contest_id)
        known, before = _known(told, _nobody(contest_id)), self._anonymous.get(contest_id)
        is_same = before is not None and before.networks.told == frozenset(told.networks)
        networks = before.networks if before is not None and is_same else Networks(told.networks)
        found = Anonymous(contest_id, known, told.view_key, told.by_address, networks, began_s, began_s)
        keep_newest(self._anonymous, contest_id, found, CONTESTS_KEPT_MAX)
        changed_for = None if before is None else found.changed_for(before)
        if changed_for and self._changed is not None:
            await self._changed(contest_id, changed_for)
        return known

    async def _asked(self, login: Login, asker: Asker) -> Known:
        """What the core says of a login. Raises Refusal and Unreachable."""
        began_s, entry = _now_s(), self._entries.get(login.mark)
        if entry is not None:
            entry.asked_s = began_s
        metrics.EDGE_VIEWERS_ASKED.inc()
        try:
            told = await self._core.viewer(login.contest_id, asker)
        except Refusal as refusal:
            if refusal.status in REFUSED_STATUSES:
                self.refused(login.fingerprint)
                if entry is not None:
                    entry.good = False
            raise
        known = _known(told, login)
        anonymous = self._anonymous.get(login.contest_id)
        if told.by_address and not login.address:
            # It was told by an address that this login does not name, so it is kept for nobody, nor is what was.
            if entry is not None:
                entry.good = False
            if anonymous is not None:
                anonymous.by_address = True
            return known
        made = _Entry(known, login, asker, began_s, began_s)
        keep_newest(self._entries, login.mark, made, self._limits.viewers_max)
        return known

    def _was_asked(self, entry: _Entry) -> bool:
        """Whether the core was asked lately, did not answer, and is not being waited for."""
        return entry.login.mark not in self._under_way and _now_s() - entry.asked_s < self._limits.viewer_kept_s

    def _is_fresh(self, entry: _Entry) -> bool:
        return not _is_over(entry) and _now_s() - entry.at_s < self._limits.viewer_kept_s

    def _is_good_while_away(self, entry: _Entry) -> bool:
        return entry.good and not _is_over(entry) and _now_s() - entry.at_s < self._limits.viewer_kept_away_s


def _known(told: EdgeViewer, login: Login) -> Known:
    is_public = told.anonymous and told.role == "public"
    viewer = Viewer(
        role=told.role,
        team_id=told.team_id,
        account_id=told.account_id,
        server_username=None if told.anonymous or told.account_id is not None else told.username or "",
        expires_at_s=told.expires_at_s,
        token_mark=None if is_public else login.mark,
    )
    return Known(viewer, ViewTags(bytes.fromhex(told.view_key)), bytes.fromhex(told.entity_tags_key))


def _nobody(contest_id: str) -> Login:
    return Login(contest_id, b"", ANYBODY)


def _is_over(entry: _Entry) -> bool:
    expires_at_s = entry.known.viewer.expires_at_s
    return expires_at_s is not None and time.time() >= expires_at_s


def _now_s() -> float:
    return asyncio.get_running_loop().time()
