"""A core that answers when and what it is told to, and who asks an edge of it, without HTTP.

This module must not know what the answers should be.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import cast

import msgspec
from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request
from msgspec.structs import replace
from yarl import URL

from cds.configuration import Configuration
from cds.contest_api.edge_word import CLIENT_HEADER, KNOWN, OWN_PAGE, PAGE_HEADER, SECRET_HEADER
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.edge.viewers import WAITED_FOR_AFTER, Changed, EdgeViewers
from cds.relay.audiences import Audiences
from cds.relay.upstream import Asker, Unreachable, Upstream
from schemas.edges import EdgeViewer

SECRET = "the secret"
SEAT, NEIGHBOUR, STRANGER = "10.0.0.1", "10.0.0.2", "203.0.113.5"
SEATS = "10.0.0.0/24"
CONTEST = "x"

KEPT_S = 3600.0
PATIENT = EdgeLimits(viewer_kept_s=KEPT_S, viewer_kept_away_s=10 * KEPT_S, viewer_wait_s=0.01)
WAITING = replace(PATIENT, viewer_wait_s=10.0)
"""Whoever is known waits for the answer of a core that is there."""


class Answered(msgspec.Struct):
    """An answer as an upstream gives it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    async def read(self) -> bytes:
        """The body."""
        return self.body


class PlannedCore:
    """An upstream that is a core: by address it logs in the seats, by any Authorization a judge."""

    def __init__(self) -> None:
        """There, and of no mind about addresses."""
        self.base = URL("http://core/api")
        self.answers = asyncio.Event()
        self.answers.set()
        self.there = True
        self.secret = SECRET
        self.refused: set[str] = set()
        self.unknown: set[str] = set()
        self.view_key = "00" * 32
        self.by_address = False
        self.asked: list[Mapping[str, str]] = []

    @asynccontextmanager
    async def own_answer(
        self, _method: str, url: URL, asker: Asker, _headers: Mapping[str, str]
    ) -> AsyncIterator[Answered]:
        """What a core says of who asks."""
        if not url.path.endswith("/-/x-viewer"):
            self.asked.append({**asker.further, hdrs.AUTHORIZATION: asker.authorization or ""})
        await self.answers.wait()
        if not self.there:
            raise Unreachable
        yield self._answered(url, asker)

    def _answered(self, url: URL, asker: Asker) -> Answered:
        known = {SECRET_HEADER: KNOWN}
        if asker.further.get(SECRET_HEADER) != self.secret:
            return Answered(404, {}, b"")
        if url.path.endswith("/-/x-viewer") or url.parts[-2] in self.unknown:
            return Answered(404, known, b"")
        if asker.authorization in self.refused:
            return Answered(401, known, b"")
        return Answered(200, {}, msgspec.json.encode(self._viewer(asker)))

    def _viewer(self, asker: Asker) -> EdgeViewer:
        address = asker.further.get(CLIENT_HEADER, "")
        own_page = asker.further.get(PAGE_HEADER) == OWN_PAGE
        told = EdgeViewer(
            role="public",
            anonymous=True,
            view_key=self.view_key,
            entity_tags_key="11" * 16,
            by_address=self.by_address,
            networks=(SEATS,) if self.by_address else (),
        )
        if asker.authorization is not None:
            account_id = f"{asker.authorization} {address}"
            return replace(told, role="judge", anonymous=False, account_id=account_id, networks=())
        if self.by_address and own_page and address.startswith("10."):
            return replace(told, role="team", team_id="t", anonymous=False, account_id=address, networks=())
        return told


def request_of(address: str = STRANGER, login: str | None = None, origin: str | None = None) -> web.Request:
    """A request from an address."""
    headers = {hdrs.HOST: "edge", hdrs.AUTHORIZATION: login, hdrs.ORIGIN: origin}
    present = {name: value for name, value in headers.items() if value is not None}
    return make_mocked_request("GET", "/", headers=present).clone(remote=address)


def viewers_of(
    core: PlannedCore, limits: EdgeLimits = PATIENT, changed: Changed | None = None
) -> tuple[EdgeViewers, Core]:
    """What keeps who asks, over a core."""
    standing = Configuration(trusted_proxies=(ip_network("127.0.0.1"),))
    asked = Core(cast("Upstream", core), SECRET, standing)
    audiences = object.__new__(Audiences)
    audiences._fingerprint_key = b"k" * 16
    return EdgeViewers(asked, audiences, limits, standing, changed), asked


def let_pass(viewers: EdgeViewers, times: float = WAITED_FOR_AFTER) -> None:
    """Have what is kept grow older by so many times as long as it is taken for granted."""
    for anonymous in viewers._anonymous.values():
        anonymous.at_s -= times * KEPT_S
        anonymous.asked_s -= times * KEPT_S
    for entry in viewers._entries.values():
        entry.at_s -= times * KEPT_S
        entry.asked_s -= times * KEPT_S


async def account(viewers: EdgeViewers, request: web.Request) -> str | None:
    """The account that somebody is, None for the public."""
    known = await viewers.viewer(request, CONTEST)
    at_once = viewers.at_once(request, CONTEST)
    assert at_once is None or at_once.viewer == known.viewer
    return known.viewer.account_id


async def until_asked(core: PlannedCore, count: int) -> None:
    """Come back when the core has been asked so often."""
    async with asyncio.timeout(10):
        while len(core.asked) < count:
            await asyncio.sleep(0.001)
