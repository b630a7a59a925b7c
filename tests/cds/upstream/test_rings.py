"""Servers that follow each other: found when they connect or later, told, and one of them ceases."""

import pytest

from cds.upstream.rings import ceases, name_here, names_of, names_told, passed_on
from cds.upstream.status import SourceStatus, keep_status
from eventstore.memory import MemoryStore
from tests.cds.upstream.said import LINES
from tests.cds.upstream.stage import followed, options_for
from tests.cds.upstream.upstream import Upstream, line, serving

FIRST, LAST, BETWEEN = "0" * 32, "f" * 32, "8" * 32


@pytest.mark.parametrize(
    ("own", "told", "expected"),
    [
        (FIRST, (LAST, FIRST), True),
        (LAST, (FIRST, LAST), False),
        (FIRST, (LAST, BETWEEN, FIRST), True),
        (BETWEEN, (FIRST, LAST, BETWEEN), False),
        (FIRST, (LAST, BETWEEN), False),
        (FIRST, (FIRST,), False),
        (FIRST, (FIRST, FIRST), True),
        (FIRST, (), False),
    ],
    ids=["two", "two, the other", "three", "three, another", "a chain", "a copy of ours", "itself", "says nothing"],
)
def test_one_of_a_ring_ceases(own: str, told: tuple[str, ...], expected: bool) -> None:
    """All who are in a ring see the same names in it, so they agree which."""
    assert ceases(own, told) is expected


def test_names_do_not_grow_by_going_round() -> None:
    """What comes behind our own name has been told already; what is no name is none."""
    assert passed_on(FIRST, (LAST, FIRST, LAST, FIRST)) == (LAST, FIRST)
    assert names_of({"Contest-Sources": f"{LAST}, {FIRST}"}) == (LAST, FIRST)
    assert names_of({"Contest-Sources": f"{LAST}, <script>"}) == ()
    assert len(names_of({"Contest-Sources": ",".join([LAST] * 1000)})) < 100


async def test_an_answer_names_the_contest_and_whom_it_follows_now(memory_store: MemoryStore) -> None:
    """Another contest of the same database has another name; who is not connected follows nobody."""
    own = await name_here(memory_store, "c1")
    assert own == await name_here(memory_store, "c1") != await name_here(memory_store, "c2")
    assert await names_told(memory_store, "c1", 5) == own
    status = SourceStatus(
        contest_id="c1", shadow=None, url="http://x", state="following", since_us=1, updated_us=5, servers=(LAST,)
    )
    await keep_status(memory_store, "source:c1", status)
    assert await names_told(memory_store, "c1", 5) == f"{own}, {LAST}"
    assert await names_told(memory_store, "c1", 60_000_000) == own


async def test_who_comes_to_follow_us_is_not_followed_any_more(memory_store: MemoryStore) -> None:
    """Found while the connection lasts, told in one warning; when the ring is open again, following goes on."""
    own = await name_here(memory_store, "c1")
    upstream = Upstream(LINES)
    upstream.servers = LAST
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        assert following.source.standing.servers == (LAST,)
        upstream.servers = f"{LAST}, {own}"
        await following.until(lambda: "follows us" in (following.source.standing.last_error or ""))
        upstream.say(line("teams", {"id": "late", "name": "Late", "label": "x"}, token="z"))
        outages = following.source.standing.outages
        await following.until(lambda: following.source.standing.outages > outages + 2)
        assert "late" not in following.contest.state.objects["teams"]
        told = [each.text for each in following.source.standing.status().warnings.last]
        assert len([each for each in told if "follows us" in each]) == 1
        upstream.servers = LAST
        await following.until(lambda: "late" in following.contest.state.objects["teams"])


async def test_of_two_that_follow_each_other_one_goes_on(memory_store: MemoryStore) -> None:
    """The one whose name is not the first of both."""
    own = await name_here(memory_store, "c1")
    upstream = Upstream(LINES)
    upstream.servers = f"{FIRST}, {own}"
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(LINES))
        assert following.source.standing.outages == 0
