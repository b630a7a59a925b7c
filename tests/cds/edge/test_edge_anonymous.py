"""What an edge knows of who comes without a login: asked ahead, renewed, and told anew when it has changed."""

import asyncio
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from cds.addresses import Address, is_among
from cds.edge.anonymous import Networks
from cds.relay.upstream import Unreachable
from tests.cds.edge.planned_core import (
    CONTEST,
    PATIENT,
    SEAT,
    SEATS,
    STRANGER,
    WAITING,
    PlannedCore,
    account,
    let_pass,
    request_of,
    until_asked,
    viewers_of,
)


async def test_who_comes_first_after_a_silence_is_who_he_is_by_now() -> None:
    """Accounts have been given addresses meanwhile, or the core makes other tokens."""
    core = PlannedCore()
    told: list[tuple[str, Networks]] = []

    async def changed(contest_id: str, networks: Networks) -> None:
        told.append((contest_id, networks))

    viewers, _ = viewers_of(core, WAITING, changed)
    assert await account(viewers, request_of(SEAT)) is None
    core.by_address = True
    let_pass(viewers)
    assert await account(viewers, request_of(SEAT)) == SEAT
    ((contest_id, networks),) = told
    assert contest_id == CONTEST
    assert SEAT in networks
    assert STRANGER not in networks
    before = await viewers.viewer(request_of(STRANGER), CONTEST)
    core.view_key = "33" * 32
    let_pass(viewers)
    after = await viewers.viewer(request_of(STRANGER), CONTEST)
    assert after.tags.tag(0) != before.tags.tag(0)
    assert STRANGER in told[1][1]
    let_pass(viewers)
    await viewers.viewer(request_of(STRANGER), CONTEST)
    assert len(told) == 2


async def test_while_many_come_the_public_is_asked_about_beside() -> None:
    """Nobody waits for an answer that is on its way, as long as the last one is not old."""
    core = PlannedCore()
    viewers, _ = viewers_of(core, WAITING)
    await account(viewers, request_of())
    found = viewers._anonymous[CONTEST]
    let_pass(viewers, 1)
    core.answers.clear()
    assert viewers.at_once(request_of(), CONTEST) == found.known
    await until_asked(core, 2)
    let_pass(viewers, 1)
    assert viewers.at_once(request_of(), CONTEST) is None
    core.answers.set()
    assert await account(viewers, request_of()) is None
    assert len(core.asked) == 2


async def test_of_a_core_that_says_nothing_nobody_waits_long_for_the_first_word() -> None:
    core = PlannedCore()
    core.answers.clear()
    viewers, _ = viewers_of(core, replace(PATIENT, first_word_s_max=0.01))
    for _ in range(2):
        with pytest.raises(Unreachable):
            await viewers.viewer(request_of(), CONTEST)
    core.answers.set()
    assert await account(viewers, request_of()) is None
    assert len(core.asked) == 1


async def test_a_contest_that_the_core_does_not_know_hides_no_other() -> None:
    core = PlannedCore()
    core.unknown.add("gone")
    viewers, _ = viewers_of(core, replace(PATIENT, discover_s=0.01))
    closing, found = asyncio.Event(), ["gone", "a", CONTEST]
    looking = asyncio.create_task(viewers.look_after(lambda: found, closing))
    for known in (["a", CONTEST], ["a", CONTEST, "z"]):
        async with asyncio.timeout(10):
            while sorted(viewers._anonymous) != sorted(known):
                await asyncio.sleep(0.001)
        # One that comes later is asked about soon, and nothing is asked again and again.
        found.append("z")
    assert len(core.asked) == 4
    closing.set()
    await looking


@given(
    networks=st.lists(st.ip_addresses(network=SEATS) | st.ip_addresses(v=6), max_size=4),
    bits=st.integers(min_value=0, max_value=32),
    address=st.ip_addresses(network="10.0.0.0/16") | st.ip_addresses(),
)
def test_an_address_is_looked_up_among_networks_as_it_would_be_searched_for(
    networks: list[Address], bits: int, address: Address
) -> None:
    found = [ip_network(f"{each}/{min(bits, each.max_prefixlen)}", strict=False) for each in (*networks, address)]
    assert str(address) in Networks(map(str, found))
    assert (str(address) in Networks(map(str, found[:-1]))) == is_among(address, found[:-1])
    assert "" not in Networks(map(str, found))


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
