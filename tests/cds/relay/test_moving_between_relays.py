"""Clients that move between a source and its relays with the token of their last line: no gap, no line twice.

Servers are chosen in any order, while lines go on coming, so that any of them may be behind where the client has been.
"""

import asyncio
import json
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Caller, Running, append, opened
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.relay.relays import chained, relaying
from tests.cds.relay.test_relay_feeds import LOGINS, ON_THE_SHARED_SERVER

FEED = "contests/small/event-feed"
WRITES = 60
TYPES = ("teams", "judgements", "submissions", "awards", "problems")

Step = tuple[int, int]
"""A visit: which of the servers, and how many lines are read there at most."""


def feed_behind(token: str | None, types: frozenset[str] = frozenset()) -> str:
    """The path of a feed behind a token."""
    query = [f"since_token={token}"] if token is not None else []
    query += [f"types={','.join(sorted(types))}"] if types else []
    return "?".join([FEED, *filter(None, ["&".join(query)])])


async def read(caller: Caller, token: str | None, count: int) -> list[bytes]:
    """At most so many lines behind a token, as a client gets them that stays; fewer when the next is long in coming."""
    lines: list[bytes] = []
    async with caller.stream(feed_behind(token)) as stream:
        assert stream.response.status == 200, await stream.response.read()
        # A sign of life tells that nothing has come for a while.
        while len(lines) < count and (line := await stream.line()):
            lines.append(line)
    return lines


async def journey(callers: list[Caller], steps: Iterator[Step], enough: asyncio.Event) -> list[bytes]:
    """What a client has got who goes from one server to the next until it has everything."""
    lines: list[bytes] = []
    for place, count in steps:
        token = token_of(lines[-1]) if lines else None
        got = await read(callers[place], token, count)
        lines += got
        if enough.is_set() and not got:
            return lines
    return lines


def at_random(seed: int) -> Iterator[Step]:
    """Steps without end."""
    chance = random.Random(seed)
    while True:
        yield chance.randrange(3), chance.choice((0, 1, 2, 5, 40, 300))


@pytest.mark.parametrize("name", LOGINS)
async def test_whoever_moves_while_lines_come_gets_each_once(fresh: Running, fresh_dsn: str, name: str) -> None:
    """Eight clients at a time, each on its own way."""
    written = asyncio.Event()
    async with chained(fresh) as chain:
        callers = chain.callers(LOGINS[name])
        journeys = [asyncio.create_task(journey(callers, at_random(seed), written)) for seed in range(8)]
        async with opened(fresh_dsn) as store:
            for number in range(WRITES):
                changed = altered(small_contest(), "teams", "t1", name=f"Name {number}")
                await append(store, "small", changed)
                await asyncio.sleep(0.01)
        written.set()
        async with asyncio.timeout(DEADLINE_S):
            found = await asyncio.gather(*journeys)
        expected = await callers[0].lines(FEED)
        assert expected[-1].find(f"Name {WRITES - 1}".encode()) > 0
        for lines in found:
            assert lines == expected


@ON_THE_SHARED_SERVER
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
@given(data=st.data())
async def test_a_token_of_more_types_is_resumed_with_fewer(served: Running, data: st.DataObject) -> None:
    """The token of any line, at any server, for any of its types: what comes behind it is what the source says."""
    entry = LOGINS[data.draw(st.sampled_from(sorted(LOGINS)))]
    wider = data.draw(st.frozensets(st.sampled_from(TYPES), min_size=2).map(frozenset) | st.just(frozenset()))
    fewer = data.draw(st.frozensets(st.sampled_from(sorted(wider or TYPES)), min_size=1).map(frozenset))
    async with chained(served) as chain:
        source, *relays = chain.callers(entry)
        lines = await relays[1].lines(feed_behind(None, wider))
        number = data.draw(st.integers(0, len(lines) - 1))
        path = feed_behind(token_of(lines[number]), fewer)
        expected = await source.lines(path)
        for relay in relays:
            assert await relay.lines(path) == expected
            async with relay.stream(path) as stream:
                assert [await stream.line() for _ in expected] == expected
                assert await stream.line() == b""


@ON_THE_SHARED_SERVER
async def test_tokens_of_others_are_refused_in_the_words_of_the_source(served: Running) -> None:
    """Made up, of another view, of another contest, of fewer types: 400 everywhere, with the very same body."""
    async with chained(served) as chain:
        judge, public = chain.callers(LOGINS["judge"]), chain.callers(None)
        tokens = [
            token_of((await judge[0].lines(FEED))[3]),
            token_of((await public[0].lines("contests/late/event-feed"))[3]),
            token_of((await public[0].lines(f"{FEED}?types=teams"))[0]),
            "x" * 34,
            "",
            "%22%5c",
        ]
        for token in tokens:
            answers = [await caller.get(f"{FEED}?since_token={token}") for caller in public]
            assert [answer.status for answer in answers] == [400] * 3
            assert len({answer.body for answer in answers}) == 1
            assert json.loads(answers[2].body)["code"] == 400


@ON_THE_SHARED_SERVER
async def test_a_token_of_the_last_line_is_good_where_nobody_has_read_yet(served: Running) -> None:
    """A relay that has just started knows no token; it goes on exactly there all the same."""
    async with relaying(served.root) as relay:
        lines = await served.caller().lines(FEED)
        assert await relay.caller().lines(feed_behind(token_of(lines[-1]))) == []
        assert await relay.caller().lines(feed_behind(token_of(lines[0]))) == lines[1:]


async def test_a_relay_that_is_behind_waits_for_the_line(fresh: Running, fresh_dsn: str) -> None:
    """A client brings the token of a line that has not come through the relays yet."""
    async with chained(fresh) as chain:
        source, first, second = chain.callers(SERVER_ADMIN)
        async with first.stream(FEED), second.stream(FEED), opened(fresh_dsn) as store:
            for number in range(6):
                await append(store, "small", altered(small_contest(), "teams", "t1", name=f"Name {number}"))
                token = token_of((await source.lines(FEED))[-1])
                await expect_rest(second, token, [])
                await append(store, "small", altered(small_contest(), "teams", "t2", name=f"Name {number}"))
                rest = await source.lines(feed_behind(token))
                await expect_rest(second, token, rest)


async def expect_rest(caller: Caller, token: str, rest: list[bytes]) -> None:
    """Behind a token there is this and no more."""
    assert await caller.lines(feed_behind(token)) == rest
    async with caller.stream(feed_behind(token)) as stream:
        assert [await stream.line() for _ in rest] == rest
        assert await stream.line() == b""
