"""Who asks an edge: what the core says of a login, kept for a moment, and for longer while the core is away.

A login is known here by a keyed fingerprint; it is looked at again while somebody who came with it reads on, so that
whoever may not any more loses his streams within the time for which it is kept. This module must not know what is asked
for.
"""

import asyncio
import time
from collections import OrderedDict
from http import HTTPStatus

import msgspec
import structlog
from aiohttp import hdrs, web

from cds import metrics
from cds.background import telling_of_failure
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.relay.askers import asker_of
from cds.relay.audiences import Audiences
from cds.relay.futures import seen
from cds.relay.upstream import Asker, Refusal, Unreachable
from projections.tokens import ViewTags
from schemas.edges import EdgeViewer
from schemas.viewers import Viewer

REFUSED_STATUSES = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
ANYBODY = ""

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


class Known(msgspec.Struct, frozen=True):
    """Somebody as the core has told of him: the viewer, the tags of his tokens, and the key of entity tags."""

    viewer: Viewer
    tags: ViewTags
    entity_tags_key: bytes


class _Entry(msgspec.Struct):
    known: Known
    asker: Asker
    origin: str | None
    at_s: float
    good: bool = True
    asking: "asyncio.Task[Known] | None" = None


class EdgeViewers:
    """The logins that have come lately, by what they are."""

    def __init__(self, core: Core, audiences: Audiences, limits: EdgeLimits) -> None:
        """Nobody has come yet. `audiences` make fingerprints."""
        self._core = core
        self._audiences = audiences
        self._limits = limits
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[Known]] = {}
        self._by_address: dict[str, bool] = {}
        """Of each contest, whether who somebody is may hang on where he asks from, as far as anybody has asked."""

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._entries)

    def at_once(self, request: web.BaseRequest, contest_id: str, address: str) -> Known | None:
        """Who asks, where that is known."""
        entry = self._entries.get(self._login(request, contest_id, address).mark)
        return entry.known if entry is not None and entry.good and self._is_fresh(entry) else None

    async def viewer(self, request: web.BaseRequest, contest_id: str, address: str) -> Known:
        """Who asks. Raises Refusal for whom the core does not let in, and Unreachable where nobody can tell."""
        known = self.at_once(request, contest_id, address)
        if known is not None:
            return known
        login = self._login(request, contest_id, address)
        entry = self._entries.get(login.mark)
        try:
            return await self._asked(login, address, asker_of(request), request.headers.get(hdrs.ORIGIN))
        except Unreachable:
            if entry is None or not self._is_good_while_away(entry):
                raise
            return entry.known

    def may_go_on(self, viewer: Viewer) -> bool:
        """Whether somebody who reads still may, as far as is known; it is asked anew where that was long ago."""
        if viewer.token_mark is None:
            return True
        entry = self._entries.get(viewer.token_mark)
        if entry is None or entry.known.viewer != viewer:
            return False
        if entry.good and not self._is_fresh(entry) and viewer.token_mark not in self._under_way:
            login = Login(*_parts(viewer.token_mark))
            asking = asyncio.create_task(self._asked_quietly(login, entry), name="see whether a login still holds")
            asking.add_done_callback(telling_of_failure("edge_login_not_seen"))
        return entry.good and self._is_good_while_away(entry)

    def _login(self, request: web.BaseRequest, contest_id: str, address: str) -> Login:
        fingerprint = self._audiences.fingerprint(request.headers.get(hdrs.AUTHORIZATION))
        return Login(contest_id, fingerprint, address if self._by_address.get(contest_id, False) else ANYBODY)

    async def _asked_quietly(self, login: Login, entry: _Entry) -> None:
        """Ask anew for who reads on; only what the core says counts."""
        try:
            await self._asked(login, login.address, entry.asker, entry.origin)
        except (Unreachable, Refusal) as reason:
            log.debug("edge_login_not_seen", reason=type(reason).__name__)

    async def _asked(self, login: Login, address: str, asker: Asker, origin: str | None) -> Known:
        """Ask the core, once for all who come with the same. Raises Refusal and Unreachable."""
        asking = self._under_way.get(login.mark)
        if asking is None:
            asking = self._under_way[login.mark] = asyncio.create_task(
                self._asked_now(login, address, asker, origin), name="ask who somebody is"
            )
            asking.add_done_callback(seen)
            asking.add_done_callback(lambda _: self._under_way.pop(login.mark, None))
        return await asyncio.shield(asking)

    async def _asked_now(self, login: Login, address: str, asker: Asker, origin: str | None) -> Known:
        began_s = asyncio.get_running_loop().time()
        metrics.EDGE_VIEWERS_ASKED.inc()
        try:
            told = await self._core.viewer(login.contest_id, asker, origin)
        except Refusal as refusal:
            entry = self._entries.get(login.mark)
            if entry is not None and refusal.status in REFUSED_STATUSES:
                entry.good = False
            raise
        self._by_address[login.contest_id] = self._by_address.get(login.contest_id, False) or told.by_address
        if told.by_address and not login.address:
            # This one was told of by his address: kept for nobody else.
            login = msgspec.structs.replace(login, address=address)
        known = _known(told, login)
        self._entries[login.mark] = _Entry(known, asker, origin, began_s)
        self._entries.move_to_end(login.mark)
        if len(self._entries) > self._limits.viewers_max:
            self._entries.popitem(last=False)
        return known

    def _is_fresh(self, entry: _Entry) -> bool:
        if entry.known.viewer.expires_at_s is not None and time.time() >= entry.known.viewer.expires_at_s:
            return False
        return asyncio.get_running_loop().time() - entry.at_s < self._limits.viewer_kept_s

    def _is_good_while_away(self, entry: _Entry) -> bool:
        if entry.known.viewer.expires_at_s is not None and time.time() >= entry.known.viewer.expires_at_s:
            return False
        return entry.good and asyncio.get_running_loop().time() - entry.at_s < self._limits.viewer_kept_away_s


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


def _parts(mark: str) -> tuple[str, bytes, str]:
    contest_id, fingerprint, address = mark.split("\0")
    return contest_id, bytes.fromhex(fingerprint), address
