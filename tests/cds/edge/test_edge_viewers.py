"""Who asks an edge, over a core that answers when and what it is told to: what is asked of it, and what is kept."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import hdrs
from aiohttp.test_utils import make_mocked_request
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.contest_api.edge_word import CLIENT_HEADER, OWN_PAGE, PAGE_HEADER, SECRET_HEADER, passing_word
from cds.edge.core import SecretRefused
from cds.relay.upstream import Refusal, Unreachable
from tests.cds.edge.planned_core import (
    CONTEST,
    NEIGHBOUR,
    SEAT,
    SECRET,
    STRANGER,
    WAITING,
    PlannedCore,
    account,
    let_pass,
    request_of,
    until_asked,
    viewers_of,
)

ADDRESSES = (SEAT, NEIGHBOUR, STRANGER)
TURNS = 8
"""So many turns of the loop an answer takes on its way, at least."""


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
    viewers, _ = viewers_of(core)
    assert await account(viewers, request_of(SEAT, "password")) == f"password {SEAT}"
    core.by_address = True
    core.answers.clear()
    let_pass(viewers)
    asking = [asyncio.create_task(account(viewers, request_of(each, "another"))) for each in (SEAT, NEIGHBOUR)]
    await until_asked(core, 2)
    core.answers.set()
    assert await asyncio.gather(*asking) == [f"another {SEAT}", f"another {NEIGHBOUR}"]


async def test_streams_of_a_login_do_not_go_on_as_before_when_addresses_begin_to_count() -> None:
    """Whoever comes back is known by his address; the core is not asked again and again for what is no answer."""
    core = PlannedCore()
    viewers, _ = viewers_of(core, WAITING)
    known = await viewers.viewer(request_of(SEAT, "password"), CONTEST)
    asked = len(core.asked)
    core.by_address = True
    let_pass(viewers)
    async with asyncio.timeout(10):
        while viewers.may_go_on(known.viewer):
            await asyncio.sleep(0.001)
    assert len(core.asked) == asked + 1
    assert not viewers.may_go_on(known.viewer)
    again = await viewers.viewer(request_of(SEAT, "password"), CONTEST)
    assert again.viewer != known.viewer
    assert viewers.may_go_on(again.viewer)


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
    viewers, _ = viewers_of(core)
    assert await account(viewers, request_of()) is None
    assert await account(viewers, request_of(login="password")) == "password " + STRANGER
    core.there = there
    if there:
        core.answers.clear()
    let_pass(viewers)
    async with asyncio.timeout(10):
        for _ in range(50):
            assert await account(viewers, request_of()) is None
            assert await account(viewers, request_of(login="password")) == "password " + STRANGER
        assert viewers.at_once(request_of(), CONTEST) is not None
    if not there:
        with pytest.raises(Unreachable):
            await account(viewers, request_of(login="another"))
    core.answers.set()


async def test_a_login_is_good_while_away_for_so_long_and_the_public_for_ever() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    await account(viewers, request_of())
    core.there = False
    let_pass(viewers)
    assert viewers.may_go_on(known.viewer)
    let_pass(viewers, 10)
    assert await account(viewers, request_of()) is None
    assert not viewers.may_go_on(known.viewer)
    with pytest.raises(Unreachable):
        await account(viewers, request_of(login="password"))


async def test_a_login_that_is_refused_is_over() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core, WAITING)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    assert viewers.may_go_on(known.viewer)
    core.refused.add("password")
    let_pass(viewers)
    with pytest.raises(Refusal):
        await viewers.viewer(request_of(login="password"), CONTEST)
    assert not viewers.may_go_on(known.viewer)


async def test_who_reads_on_is_looked_at_again() -> None:
    core = PlannedCore()
    viewers, _ = viewers_of(core)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    core.refused.add("password")
    let_pass(viewers)
    async with asyncio.timeout(10):
        while viewers.may_go_on(known.viewer):
            await asyncio.sleep(0.005)


async def test_an_edge_that_the_core_does_not_know_says_so_and_takes_it_for_nobodys_fault() -> None:
    core = PlannedCore()
    viewers, asked = viewers_of(core)
    known = await viewers.viewer(request_of(login="password"), CONTEST)
    core.secret = "another"
    with pytest.raises(SecretRefused):
        await asked.be_known()
    assert asked.secret_refused
    with pytest.raises(SecretRefused):
        await viewers.viewer(request_of(login="another"), CONTEST)
    let_pass(viewers)
    # Nobody's login is over because ours is.
    assert viewers.may_go_on(known.viewer)
    assert (await viewers.viewer(request_of(login="password"), CONTEST)).viewer == known.viewer
    core.secret = SECRET
    await asked.be_known()
    assert not asked.secret_refused


def test_what_is_told_of_a_client_stands_in_headers_of_ours() -> None:
    """A client's own word on them goes nowhere, and a page of another host does not pass for one of ours."""
    _, core = viewers_of(PlannedCore())
    headers = {CLIENT_HEADER: SEAT, PAGE_HEADER: OWN_PAGE, hdrs.HOST: "edge", hdrs.ORIGIN: "https://evil.example"}
    request: Any = make_mocked_request("GET", "/", headers=headers).clone(remote=STRANGER)
    word = {SECRET_HEADER: passing_word(SECRET)}
    assert dict(core.asker(request).further) == {**word, CLIENT_HEADER: STRANGER}
    assert dict(core.asker_by_address(request).further) == {**word, CLIENT_HEADER: STRANGER}
    own = core.asker_by_address(request_of(SEAT))
    assert own.alone
    assert dict(own.further) == {**word, CLIENT_HEADER: SEAT, PAGE_HEADER: OWN_PAGE}
