"""Who asks an edge, over a core that answers when and what it is told to: what is asked of it, and what is kept."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any, cast

import msgspec
import pytest
from aiohttp import hdrs, web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from yarl import URL

from cds.configuration import Configuration
from cds.contest_api.edge_word import CLIENT_HEADER, KNOWN, OWN_PAGE, PAGE_HEADER, SECRET_HEADER
from cds.edge.core import Core, SecretRefused
from cds.edge.limits import EdgeLimits
from cds.edge.viewers import EdgeViewers
from cds.relay.audiences import Audiences
from cds.relay.upstream import Asker, Refusal, Unreachable, Upstream
from schemas.edges import EdgeViewer

SECRET = "the secret"
SEAT, NEIGHBOUR, STRANGER = "10.0.0.1", "10.0.0.2", "203.0.113.5"
ADDRESSES = (SEAT, NEIGHBOUR, STRANGER)
SEATS = "10.0.0.0/24"
CONTEST = "x"
TURNS = 8
"""So many turns of the loop an answer takes on its way, at least."""

PATIENT = EdgeLimits(viewer_kept_s=3600.0, viewer_wait_s=0.01)
FORGETFUL = EdgeLimits(viewer_kept_s=0.01, viewer_kept_away_s=3600.0, viewer_wait_s=0.01)


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
        if url.path.endswith("/-/x-viewer"):
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
            view_key="00" * 32,
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


def viewers_of(core: PlannedCore, limits: EdgeLimits = PATIENT) -> tuple[EdgeViewers, Core]:
    """What keeps who asks, over a core."""
    standing = Configuration(trusted_proxies=(ip_network("127.0.0.1"),))
    asked = Core(cast("Upstream", core), SECRET, standing)
    audiences = object.__new__(Audiences)
    audiences._fingerprint_key = b"k" * 16
    return EdgeViewers(asked, audiences, limits, standing), asked


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


async def test_two_who_come_first_at_the_same_moment_are_not_taken_for_each_other() -> None:
    """Whether addresses count is not known yet when both ask; without a login, and with the same one."""
    for login in (None, "one password"):
        core = PlannedCore()
        core.by_address = True
        core.answers.clear()
        viewers, _ = viewers_of(core)
        asking = [
            asyncio.create_task(account(viewers, request_of(each, login))) for each in (SEAT, NEIGHBOUR, STRANGER)
        ]
        await until_asked(core, 1)
        core.answers.set()
        told = await asyncio.gather(*asking)
        assert told == (
            [SEAT, NEIGHBOUR, None] if login is None else [f"{login} {each}" for each in (SEAT, NEIGHBOUR, STRANGER)]
        )


class Coming(msgspec.Struct, frozen=True):
    """Somebody who comes, and whether the core answers what it was asked before the next one does."""

    address: str
    login: str | None
    origin: str | None
    answered: bool

    @property
    def account(self) -> str | None:
        """Who that is where addresses count."""
        if self.login is not None:
            return f"{self.login} {self.address}"
        return self.address if self.address != STRANGER and self.origin is None else None


COMING = st.builds(
    Coming,
    address=st.sampled_from(ADDRESSES),
    login=st.sampled_from((None, None, "password", "another")),
    origin=st.sampled_from((None, None, "https://evil.example")),
    answered=st.booleans(),
)


async def all_come(coming: list[Coming]) -> list[str | None]:
    """Who they are told to be, who come one after the other."""
    core = PlannedCore()
    core.by_address = True
    core.answers.clear()
    viewers, _ = viewers_of(core)
    asking = []
    for each in coming:
        asking.append(asyncio.create_task(account(viewers, request_of(each.address, each.login, each.origin))))
        if each.answered:
            core.answers.set()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        core.answers.clear()
    core.answers.set()
    return await asyncio.gather(*asking)


def test_nobody_is_ever_taken_for_somebody_else() -> None:
    """However many come at the same time, where they are, with what they come, and when the core answers."""
    together: set[int] = set()

    @given(st.lists(COMING, min_size=2, max_size=12))
    @settings(max_examples=25, deadline=None)
    def law(coming: list[Coming]) -> None:
        expected = [each.account for each in coming]
        assert asyncio.run(all_come(coming)) == expected
        together.add(len(set(expected)))

    law()
    assert max(together) >= 3


async def test_that_addresses_count_by_now_is_heeded_at_once() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core, replace(PATIENT, viewer_kept_s=0.01))
    assert await account(viewers, request_of(SEAT, "password")) == f"password {SEAT}"
    core.by_address = True
    core.answers.clear()
    await asyncio.sleep(0.01)
    asking = [asyncio.create_task(account(viewers, request_of(each, "another"))) for each in (SEAT, NEIGHBOUR)]
    await until_asked(core, 2)
    core.answers.set()
    assert await asyncio.gather(*asking) == [f"another {SEAT}", f"another {NEIGHBOUR}"]


async def test_a_page_of_another_host_is_the_public() -> None:
    core = PlannedCore()
    core.by_address = True
    viewers, _ = viewers_of(core)
    for origin, expected in ((None, SEAT), ("https://evil.example", None), ("http://edge", SEAT), ("null", None)):
        assert await account(viewers, request_of(SEAT, origin=origin)) == expected


async def test_an_address_of_which_nobody_can_be_sure_logs_nobody_in() -> None:
    core = PlannedCore()
    core.by_address = True
    viewers, _ = viewers_of(core)
    assert await account(viewers, request_of("127.0.0.1")) is None
    assert await account(viewers, request_of("127.0.0.1", "password")) == "password "


async def test_the_core_is_not_asked_about_strangers() -> None:
    core = PlannedCore()
    core.by_address = True
    viewers, _ = viewers_of(core)
    for number in range(100):
        assert await account(viewers, request_of(f"203.0.113.{number}")) is None
    assert len(core.asked) == 1
    assert len(viewers) == 0
    assert await account(viewers, request_of(SEAT)) == SEAT
    assert viewers.goes_by_address(request_of(SEAT), CONTEST)
    assert not viewers.goes_by_address(request_of(STRANGER), CONTEST)


@pytest.mark.parametrize("there", [True, False])
async def test_a_core_that_hangs_or_is_away_holds_nobody_up_who_is_known(there: bool) -> None:
    """The public for ever; who has logged in for as long as may be; nobody else."""
    core = PlannedCore()
    viewers, _ = viewers_of(core, FORGETFUL)
    assert await account(viewers, request_of()) is None
    assert await account(viewers, request_of(login="password")) == "password " + STRANGER
    core.there = there
    if there:
        core.answers.clear()
    await asyncio.sleep(0.02)
    async with asyncio.timeout(10):
        for _ in range(50):
            assert viewers.at_once(request_of(), CONTEST) is not None
            assert await account(viewers, request_of(login="password")) == "password " + STRANGER
    if not there:
        with pytest.raises(Unreachable):
            await account(viewers, request_of(login="another"))
    core.answers.set()


async def test_a_login_is_good_while_away_for_so_long_and_the_public_for_ever() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core, replace(FORGETFUL, viewer_kept_away_s=0.01))
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    await account(viewers, request_of())
    core.there = False
    await asyncio.sleep(0.02)
    assert await account(viewers, request_of()) is None
    assert not viewers.may_go_on(known.viewer)
    with pytest.raises(Unreachable):
        await account(viewers, request_of(login="password"))


async def test_a_login_that_is_refused_is_over() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core, replace(FORGETFUL, viewer_wait_s=10.0))
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    assert viewers.may_go_on(known.viewer)
    core.refused.add("password")
    await asyncio.sleep(0.02)
    with pytest.raises(Refusal):
        await viewers.viewer(request_of(login="password"), CONTEST)
    assert not viewers.may_go_on(known.viewer)


async def test_who_reads_on_is_looked_at_again() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core, FORGETFUL)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    core.refused.add("password")
    async with asyncio.timeout(10):
        while viewers.may_go_on(known.viewer):
            await asyncio.sleep(0.005)


async def test_an_edge_that_the_core_does_not_know_says_so_and_takes_it_for_nobodys_fault() -> None:
    core = PlannedCore()
    viewers, asked = viewers_of(core, FORGETFUL)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    core.secret = "another"
    with pytest.raises(SecretRefused):
        await asked.be_known()
    assert asked.secret_refused
    with pytest.raises(SecretRefused):
        await viewers.viewer(request_of(login="another"), CONTEST)
    await asyncio.sleep(0.02)
    # Nobody's login is over because ours is.
    assert viewers.may_go_on(known.viewer)
    assert (await viewers.viewer(request_of(login="password"), CONTEST)).viewer == known.viewer
    core.secret = SECRET
    await asked.be_known()
    assert not asked.secret_refused


async def test_the_word_on_the_anonymous_is_there_before_anybody_comes() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core)
    closing = asyncio.Event()
    looking = asyncio.create_task(viewers.look_after(lambda: [CONTEST], closing))
    await until_asked(core, 1)
    async with asyncio.timeout(10):
        while viewers.at_once(request_of(), CONTEST) is None:
            await asyncio.sleep(0.001)
    closing.set()
    await looking


def test_what_is_told_of_a_client_stands_in_headers_of_ours() -> None:
    """A client's own word on them goes nowhere, and a page of another host does not pass for one of ours."""
    _, core = viewers_of(PlannedCore())
    headers = {CLIENT_HEADER: SEAT, PAGE_HEADER: OWN_PAGE, hdrs.HOST: "edge", hdrs.ORIGIN: "https://evil.example"}
    request: Any = make_mocked_request("GET", "/", headers=headers).clone(remote=STRANGER)
    assert dict(core.asker(request).further) == {SECRET_HEADER: SECRET, CLIENT_HEADER: STRANGER}
    assert dict(core.asker_by_address(request).further) == {SECRET_HEADER: SECRET, CLIENT_HEADER: STRANGER}
    own = core.asker_by_address(request_of(SEAT))
    assert own.alone
    assert dict(own.further) == {SECRET_HEADER: SECRET, CLIENT_HEADER: SEAT, PAGE_HEADER: OWN_PAGE}
