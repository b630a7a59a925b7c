"""What clients of relays get of feeds: the very bytes of the source, two levels deep, in every form, as they come."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest

from cds.dialects.results import Change
from cds.served_versions import EARLIER_VERSIONS
from schemas.object_types import SINGLETON_ID
from schemas.records import Settings
from tests.cds.contest_api.feeds import everything, fold, token_of
from tests.cds.contest_api.raw_feeds import GZIP, PLAIN, SSE, events, raw_feed
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Caller, Login, Running, append, opened
from tests.cds.contest_api.small_contest import STATES, altered, login, small_contest, state
from tests.cds.contest_api.test_http import CHIEF
from tests.cds.fan_out.fake_feeds import unzipped
from tests.cds.relay.relays import chained, feed_clients_at, relaying

FEED = "contests/small/event-feed"
ON_THE_SHARED_SERVER = pytest.mark.asyncio(loop_scope="session")

LOGINS: dict[str, Login | None] = {
    "public": None,
    "team-one": login("small", "team-one"),
    "team-two": login("small", "team-two"),
    "judge": login("small", "judge"),
    "admin": SERVER_ADMIN,
}


@pytest.mark.parametrize("query", ["", "?types=teams,judgements"])
@pytest.mark.parametrize("name", LOGINS)
@ON_THE_SHARED_SERVER
async def test_the_lines_are_those_of_the_source(served: Running, name: str, query: str) -> None:
    async with chained(served) as chain:
        source, first, second = chain.callers(LOGINS[name])
        expected = await source.lines(FEED + query)
        assert expected
        assert await second.lines(FEED + query) == expected
        assert await first.lines(FEED + query) == expected


@ON_THE_SHARED_SERVER
async def test_types_in_another_order_are_the_same_feed(served: Running) -> None:
    async with relaying(served.root) as relay:
        expected = await served.caller().lines(FEED + "?types=judgements,teams")
        for query in ("?types=judgements,teams", "?types=teams&types=judgements", "?types=teams,,judgements,teams"):
            assert await relay.caller().lines(FEED + query) == expected
        assert len(relay.audiences) == 1


async def rename(fresh_dsn: str, numbers: range) -> None:
    """Give a team so many names, one after the other, all at once."""
    async with opened(fresh_dsn) as store:
        await append(store, "small", *(altered(small_contest(), "teams", "t1", name=f"Name {n}") for n in numbers))


async def test_the_pace_of_a_replay_passes(fresh: Running, fresh_dsn: str) -> None:
    """Who follows a relay needs it as much; of other contests nothing is said."""
    async with chained(fresh) as chain:
        heads = [(await caller.get(FEED + "?stream=false")).headers for caller in chain.callers(None)]
        assert [head.get("Contest-Pace") for head in heads] == [None] * 3
    async with opened(fresh_dsn) as store:
        await append(store, "small", Change("x-settings", SINGLETON_ID, Settings(source_pace_permille=2_500)))
    async with chained(fresh) as chain:
        heads = [(await caller.get(FEED + "?stream=false")).headers for caller in chain.callers(None)]
        assert [head.get("Contest-Pace") for head in heads] == ["2.5"] * 3


@pytest.mark.parametrize("name", LOGINS)
async def test_live_lines_pass(fresh: Running, fresh_dsn: str, name: str) -> None:
    """What comes while clients are connected reaches all of them, and is what a later reader gets."""
    async with chained(fresh) as chain:
        callers = chain.callers(LOGINS[name])
        past = len(await callers[0].lines(FEED))
        async with callers[1].stream(FEED) as one, callers[2].stream(FEED) as two:
            await asyncio.gather(one.until(past), two.until(past))
            await rename(fresh_dsn, range(50))
            expected = [json.loads(line) for line in (await callers[0].lines(FEED))[past:]]
            assert len(expected) == 50
            assert await one.until(50) == expected
            assert await two.until(50) == expected


async def test_thaw_passes(fresh: Running, fresh_dsn: str) -> None:
    """What the freeze has held back comes to everybody behind all that was said before, in the order of the source."""
    async with chained(fresh) as chain:
        callers = chain.callers(None)
        before = await callers[2].lines(FEED)
        async with callers[2].stream(FEED) as stream:
            await stream.until(len(before))
            async with opened(fresh_dsn) as store:
                await append(store, "small", state(**STATES["frozen"], ended=300), state(**STATES["over"]))
            after = [json.loads(line) for line in await callers[0].lines(FEED)]
            released = await stream.until(len(after) - len(before))
        assert released == after[len(before) :]
        assert {"j4", "j5"} <= {each["id"] for each in released if each["type"] == "judgements"}
        for caller in callers:
            assert fold(await caller.lines(FEED)) == await everything(caller, "small")


async def test_a_freeze_passes(fresh: Running, fresh_dsn: str) -> None:
    """What is judged in the freeze passes to judges and is held back from everybody else, at relays too."""
    async with chained(fresh) as chain:
        async with opened(fresh_dsn) as store:
            running_again = state(**STATES["running"])
            await append(store, "small", running_again, state(**STATES["frozen"]))
            verdict = altered(small_contest(), "judgements", "j4", judgement_type_id="WA")
            await append(store, "small", verdict)
        for name, entry in LOGINS.items():
            source, *relays = chain.callers(entry)
            expected = await source.lines(FEED)
            for relay in relays:
                assert await relay.lines(FEED) == expected
            told = [json.loads(line) for line in expected if json.loads(line)["id"] == "j4"]
            assert bool(told) == (name in ("judge", "admin", "team-two"))


@ON_THE_SHARED_SERVER
async def test_server_sent_events_and_gzip(served: Running) -> None:
    """Every form holds the lines of the source; an event has the token of its line as its id."""
    async with chained(served) as chain:
        expected = await served.caller(CHIEF).lines(FEED)
        for relay in (chain.first, chain.second):
            for headers in (PLAIN, GZIP, SSE | PLAIN, SSE | GZIP):
                for version in ("1.1", "1.0"):
                    async with raw_feed(relay, "?stream=false", headers, version=version) as feed:
                        payload = await feed.to_its_end()
                    content = unzipped(payload, whole=True) if headers.get("Accept-Encoding") == "gzip" else payload
                    if "Accept" in headers:
                        found = events(content)
                        assert [each["data"].encode() for each in found] == expected
                        assert [each["id"] for each in found] == [token_of(line) for line in expected]
                    else:
                        assert content.splitlines() == expected


@ON_THE_SHARED_SERVER
async def test_an_event_source_resumes_at_another_relay(served: Running) -> None:
    expected = await served.caller(CHIEF).lines(FEED)
    async with chained(served) as chain:
        headers = SSE | PLAIN | {"Last-Event-ID": token_of(expected[4])}
        async with raw_feed(chain.second, "?stream=false", headers) as feed:
            assert [each["data"].encode() for each in events(await feed.to_its_end())] == expected[5:]


@ON_THE_SHARED_SERVER
async def test_many_clients_cost_one_feed_of_the_source_for_each_audience(served: Running) -> None:
    """Two hundred clients, four audiences: the source sees four, and so does the relay in between."""
    async with chained(served) as chain, AsyncExitStack() as stack:
        entries = [None, LOGINS["team-one"], LOGINS["judge"], SERVER_ADMIN]
        counts = [len(await served.caller(entry).lines(FEED)) for entry in entries]
        streams = [
            await stack.enter_async_context(chain.second.caller(entries[number % 4]).stream(FEED))
            for number in range(200)
        ]
        await asyncio.gather(*(stream.until(counts[number % 4]) for number, stream in enumerate(streams)))
        assert len(chain.first.audiences) == len(chain.second.audiences) == 4
        async with asyncio.timeout(DEADLINE_S):
            while (feed_clients_at(served), chain.first.feed_clients) != (4, 4):
                await asyncio.sleep(0.01)
        assert chain.second.feed_clients == 200


@ON_THE_SHARED_SERVER
async def test_a_feed_is_joined_while_it_is_being_opened(served: Running) -> None:
    """Who comes while the upstream has not answered yet waits for the same answer."""
    async with relaying(served.root) as relay:
        expected = await served.caller().lines(FEED)
        assert await asyncio.gather(*(relay.caller().lines(FEED) for _ in range(20))) == [expected] * 20
        assert len(relay.audiences) == 1


async def until_equal(caller: Caller, contest_id: str) -> None:
    """The law: what GET says is what the feed comes to."""
    assert fold(await caller.lines(f"contests/{contest_id}/event-feed")) == await everything(caller, contest_id)


@ON_THE_SHARED_SERVER
@pytest.mark.parametrize("contest_id", ["small", "early", "late"])
async def test_folding_a_feed_of_a_relay_equals_what_it_answers(served: Running, contest_id: str) -> None:
    async with chained(served) as chain:
        for entry in (None, login(contest_id, "team-one"), login(contest_id, "judge"), SERVER_ADMIN):
            for caller in chain.callers(entry)[1:]:
                await until_equal(caller, contest_id)


async def test_a_get_after_a_notification_is_never_older(fresh: Running, fresh_dsn: str) -> None:
    """Also where the answer was kept a moment before; at both relays, with and without a feed that tells of all."""
    async with chained(fresh) as chain:
        for query in ("", "?types=teams"):
            for caller in chain.callers(None)[1:]:
                past = len(await caller.lines(FEED + query))
                async with caller.stream(FEED + query) as stream:
                    await stream.until(past)
                    writing = asyncio.create_task(rename_slowly(fresh_dsn, 25))
                    for _ in range(25):
                        told = (await stream.notification())["data"]["name"]
                        found = (await caller.json("contests/small/teams/t1"))["name"]
                        assert number_of(found) >= number_of(told)
                    await writing


async def rename_slowly(fresh_dsn: str, count: int) -> None:
    """Give a team so many names, each in an append of its own."""
    async with opened(fresh_dsn) as store:
        for number in range(count):
            await append(store, "small", altered(small_contest(), "teams", "t1", name=f"Name {number}"))


def number_of(name: str) -> int:
    """The number in a name, -1 for one that was there before."""
    _, found, number = name.partition("Name ")
    return int(number) if found else -1


@ON_THE_SHARED_SERVER
@pytest.mark.parametrize("version", [version.name for version in EARLIER_VERSIONS])
async def test_earlier_versions_of_the_api_are_relayed_like_the_draft(served: Running, version: str) -> None:
    """Each has feeds of its own; what is answered below a version is what the feed of that version comes to."""
    feed = f"{version}/{FEED}"
    async with chained(served) as chain:
        for entry in (None, LOGINS["team-one"], SERVER_ADMIN):
            source, _, second = chain.callers(entry)
            expected = await source.lines(feed)
            assert await second.lines(feed) == expected
            assert await second.lines(f"{feed}?since_token={token_of(expected[7])}") == expected[8:]
            token_of_the_draft = token_of((await source.lines(FEED))[7])
            refused = [await each.get(f"{feed}?since_token={token_of_the_draft}") for each in (source, second)]
            assert [answer.status for answer in refused] == [400, 400]
            for path in ("", "/teams", "/judgements", "/runs", "/scoreboard", "/access"):
                asked = f"{version}/contests/small{path}"
                assert (await second.get(asked)).body == (await source.get(asked)).body
        assert len(chain.second.audiences) == 3
