"""Who asks an edge: what the core says of a login, kept for a moment, and for longer while the core is away.

What the core has once said of the anonymous is good from then on, and asked for anew beside; of addresses it is asked
only where they log somebody in. A login is known here by a keyed fingerprint; it is looked at again while somebody who
came with it reads on, so that whoever may not any more loses his streams within the time for which it is kept. This
module must not know what is asked for.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from http import HTTPStatus
from ipaddress import ip_network

import msgspec
import structlog
from aiohttp import hdrs, web

from cds import metrics
from cds.addresses import is_among, known_address
from cds.commands.accounts import Network
from cds.contest_api.service import Standing, client_at, from_another_host
from cds.edge.core import Core
from cds.edge.limits import ADDRESSES_LOOKED_UP_MAX, CONTESTS_KEPT_MAX, EdgeLimits
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


class _Anonymous(msgspec.Struct):
    """What the core says of who comes to a contest without a login, and of where addresses count."""

    contest_id: str
    known: Known
    by_address: bool
    networks: tuple[Network, ...]
    asked_s: float
    looked_up: OrderedDict[str, bool] = msgspec.field(default_factory=OrderedDict)

    def may_log_in(self, address: str) -> bool:
        """Whether an address is in any of the networks, of which there may be one for every seat."""
        found = self.looked_up.get(address)
        if found is None:
            found = is_among(known_address(address), self.networks)
            keep_newest(self.looked_up, address, found, ADDRESSES_LOOKED_UP_MAX)
        return found


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

    def __init__(self, core: Core, audiences: Audiences, limits: EdgeLimits, standing: Standing) -> None:
        """Nobody has come yet. `audiences` make fingerprints; `standing`: which proxies are believed."""
        self._core = core
        self._audiences = audiences
        self._limits = limits
        self._standing = standing
        self._anonymous: OrderedDict[str, _Anonymous] = OrderedDict()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, _Asking] = {}

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
            return self._nobody_known(anonymous)
        entry = self._entries.get(login.mark)
        return entry.known if entry is not None and entry.good and self._is_fresh(entry) else None

    async def viewer(self, request: web.Request, contest_id: str) -> Known:
        """Who asks. Raises Refusal for whom the core does not let in, and Unreachable where nobody can tell."""
        anonymous = self._anonymous.get(contest_id)
        if anonymous is None:
            await self._ask(_nobody(contest_id), partial(self._asked_anonymous, contest_id))
            anonymous = self._anonymous[contest_id]
        login = self._login(request, anonymous)
        if login is None:
            return self._nobody_known(anonymous)
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

    async def look_after(self, contest_ids: Callable[[], Iterable[str]], closing: asyncio.Event) -> None:
        """See at intervals that the core knows us, and have what it says of the anonymous before anybody comes."""
        while not closing.is_set():
            try:
                await self._core.be_known()
                for contest_id in contest_ids():
                    if contest_id not in self._anonymous:
                        await self._ask(_nobody(contest_id), partial(self._asked_anonymous, contest_id))
            except (Unreachable, Refusal) as reason:
                log.debug("edge_viewers_not_seen", reason=type(reason).__name__)
            await is_set_within(closing, self._limits.viewer_kept_s)

    def _nobody_known(self, anonymous: _Anonymous) -> Known:
        """What is known of the anonymous, which is asked for anew beside where that was long ago."""
        if _now_s() - anonymous.asked_s >= self._limits.viewer_kept_s:
            anonymous.asked_s = _now_s()
            self._begun(_nobody(anonymous.contest_id), partial(self._asked_anonymous, anonymous.contest_id))
        return anonymous.known

    def _login(self, request: web.Request, anonymous: _Anonymous) -> Login | None:
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

    def _address_logging_in(self, request: web.Request, anonymous: _Anonymous) -> str | None:
        """The address of a client that may log him in; None where that can be told without the core."""
        if not anonymous.networks or from_another_host(request, self._standing):
            return None
        client = client_at(request, self._standing)
        return client.address if client.certain and anonymous.may_log_in(client.address) else None

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
        known = _known(told, _nobody(contest_id))
        found = _Anonymous(contest_id, known, told.by_address, tuple(map(ip_network, told.networks)), began_s)
        keep_newest(self._anonymous, contest_id, found, CONTESTS_KEPT_MAX)
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
            if entry is not None and refusal.status in REFUSED_STATUSES:
                entry.good = False
            raise
        known = _known(told, login)
        anonymous = self._anonymous.get(login.contest_id)
        if told.by_address and not login.address:
            # It was told by an address that this login does not name, so it is kept for nobody.
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
