"""The client against stand-ins on loopback: what it asks, how often, and how it carries conversations out."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable
from inspect import GEN_CLOSED, getgeneratorstate

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from cds.platforms import client as client_module
from cds.platforms.adapters import atcoder, codechef, codeforces, leetcode
from cds.platforms.client import PlatformClient
from cds.platforms.host_limiter import HostLimiter, Turns
from cds.platforms.questions import Asking, PlatformFailed, Question, Reply
from cds.platforms.settings import PlatformSettings
from eventstore.memory import MemoryStore
from tests.cds.platforms.adapters.conversations import CONVERSATIONS
from tests.platform_servers.generated import NOW_S, codechef_contests, codeforces_handle
from tests.platform_servers.platforms import PlatformServers, platform_servers

NOW_MS = NOW_S * 1000
WAIT_S_MAX = 30.0


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """All platforms, with few contests."""
    async with platform_servers(contests=30) as servers:
        yield servers


@pytest.fixture
async def client(servers: PlatformServers) -> AsyncIterator[PlatformClient]:
    """A client without limiters, that asks twice."""
    client = PlatformClient(servers.settings(), "1.2.3", MemoryStore())
    yield client
    await client.close()


def echo() -> Asking[tuple[int, dict[str, str]]]:
    """A conversation of one question that is content with everything."""
    reply = yield Question(host="codeforces", path="/api/contest.list", check=lambda _reply: None)
    return reply.status, dict(reply.headers)


async def test_every_platform_is_fetched_whole(client: PlatformClient, servers: PlatformServers) -> None:
    found = {name: await client.carry_out(contests(NOW_MS)) for name, contests in CONVERSATIONS.items()}
    assert {name: len(fetched.rows) for name, fetched in found.items()} == {
        "codeforces": 30,
        "leetcode": 10,
        "codechef": 47,
        "atcoder": 6 + 15 - 2,
    }
    assert {name: fetched.failed for name, fetched in found.items()} == dict.fromkeys(CONVERSATIONS, ())
    assert client.requests == {"codeforces": 1, "leetcode": 1, "codechef": 4, "atcoder": 1, "kenkoooo": 1}
    assert sum(client.requests.values()) == servers.requests


async def test_paths_are_those_of_the_platforms(client: PlatformClient, servers: PlatformServers) -> None:
    """Another base URL takes the place of scheme and host alone."""
    for contests in CONVERSATIONS.values():
        await client.carry_out(contests(NOW_MS))
    assert {name: server.paths for name, server in servers.by_host.items()} == {
        "codeforces": ["/api/contest.list"],
        "leetcode": ["/graphql"],
        "codechef": ["/api/list/contests/all", *["/api/list/contests/past"] * 3],
        "atcoder": ["/contests/"],
        "kenkoooo": ["/atcoder/resources/contests.json"],
    }
    assert servers.codeforces.asked[0].query == {"gym": "false", "lang": "en"}
    assert servers.atcoder.asked[0].query == {"lang": "en"}
    assert [asked.query["offset"] for asked in servers.codechef.asked[1:]] == ["0", "20", "40"]
    assert servers.leetcode.asked[0].headers["content-type"] == "application/json"
    assert "allContests" in json.loads(servers.leetcode.asked[0].body)["query"]


async def test_a_base_url_may_end_with_a_slash(servers: PlatformServers) -> None:
    settings = PlatformSettings(base_urls={"codeforces": servers.codeforces.url + "/"}, interval_s=0.0)
    client = PlatformClient(settings, "1", MemoryStore())
    assert len((await client.carry_out(codeforces.contests(NOW_MS))).rows) == 30
    await client.close()


async def test_the_client_says_who_it_is(servers: PlatformServers) -> None:
    settings = PlatformSettings(
        base_urls={"codeforces": servers.codeforces.url}, interval_s=0.0, contact="admin@example.org"
    )
    client = PlatformClient(settings, "1.2.3", MemoryStore())
    await client.carry_out(echo())
    await client.close()
    assert servers.codeforces.asked[0].headers["user-agent"] == "contest-data-server/1.2.3 (+admin@example.org)"
    assert "cookie" not in servers.codeforces.asked[0].headers


async def test_a_handle_is_asked_with_three_questions_at_once(client: PlatformClient, servers: PlatformServers) -> None:
    servers.codeforces.add_handle(codeforces_handle("Sample_Handle"))
    user, history, submissions = await asyncio.gather(
        client.carry_out(codeforces.user_info("sample_handle")),
        client.carry_out(codeforces.user_rating("sample_handle")),
        client.carry_out(codeforces.user_status("sample_handle")),
    )
    assert (user.handle, user.rating, history.count, submissions.count) == ("Sample_Handle", 1500, 5, 20)
    assert submissions.last_accepted_s == NOW_S - 3600
    with pytest.raises(PlatformFailed) as raised:
        await client.carry_out(codeforces.user_info("nobody"))
    assert (raised.value.kind, raised.value.permanent) == ("not_found", True)
    assert servers.codeforces.paths.count("/api/user.info") == 2


async def test_whoever_asks_is_told_of_every_answer(client: PlatformClient) -> None:
    """So that a long conversation can be watched."""
    heard: list[tuple[str, int]] = []

    def hear(question: Question, reply: Reply) -> None:
        heard.append((question.path, reply.status))

    await client.carry_out(codechef.contests(NOW_MS), heard=hear)
    assert heard == [("/api/list/contests/all", 200), *[("/api/list/contests/past", 200)] * 3]


async def test_a_conversation_that_fails_by_itself_fails(client: PlatformClient) -> None:
    def unhappy() -> Asking[None]:
        yield Question(host="codeforces", path="/api/contest.list", check=lambda _reply: None)
        raise PlatformFailed("codeforces: nothing in it", kind="untranslatable")

    with pytest.raises(PlatformFailed, match="nothing in it"):
        await client.carry_out(unhappy())


async def test_large_answers_are_understood_beside_the_loop(client: PlatformClient, servers: PlatformServers) -> None:
    """While a thread translates, the loop goes on; the conversation ends as others do."""
    servers.codeforces.contests = [{**row, "description": "x" * 5000} for row in servers.codeforces.contests]
    assert len((await client.carry_out(codeforces.contests(NOW_MS))).rows) == 30
    servers.leetcode.contests = [{**row, "description": "x" * 9000, "title": ""} for row in servers.leetcode.contests]
    with pytest.raises(PlatformFailed) as raised:
        await client.carry_out(leetcode.contests(NOW_MS))
    assert raised.value.kind == "untranslatable"


async def test_a_conversation_can_be_given_up(client: PlatformClient, servers: PlatformServers) -> None:
    """Whoever waits is let go at once, and the conversation is closed."""
    servers.atcoder.misbehave("hang")
    asking = atcoder.contests(NOW_MS)
    task = asyncio.create_task(client.carry_out(asking))
    async with asyncio.timeout(WAIT_S_MAX):
        while not servers.atcoder.asked:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert getgeneratorstate(asking) == GEN_CLOSED


async def test_each_host_has_one_limiter_for_all_who_ask(
    servers: PlatformServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request waits for its turn, also the ones to which a redirect leads and the ones that are made again."""
    made: list[tuple[float, list[None]]] = []

    class NotingLimiter(HostLimiter):
        def __init__(self, host: str, interval_s: float, turns: Turns, clock: Callable[[], float]) -> None:
            super().__init__(host, 0.0, turns, clock)
            self.turns: list[None] = []
            made.append((interval_s, self.turns))

        async def turn(self, patience_s: float = math.inf) -> None:
            self.turns.append(None)
            await super().turn(patience_s)

    monkeypatch.setattr(client_module, "HostLimiter", NotingLimiter)
    client = PlatformClient(servers.settings(interval_s=0.25), "1", MemoryStore())
    await asyncio.gather(*(client.carry_out(echo()) for _ in range(4)))
    servers.codeforces.misbehave("redirect", times=1)
    servers.codeforces.misbehave("cut", times=1)
    await client.carry_out(echo())
    await client.carry_out(leetcode.contests(NOW_MS))
    await client.close()
    assert [(interval_s, len(turns)) for interval_s, turns in made] == [(0.25, 4 + 3), (0.25, 1)]
    assert (len(servers.codeforces.asked), len(servers.leetcode.asked)) == (4 + 3, 1)


async def test_a_client_that_asks_nothing_opens_nothing() -> None:
    client = PlatformClient(PlatformSettings(), "1", MemoryStore())
    await client.close()
    await client.close()
    assert not client.requests


def test_hosts_are_asked_at_the_pace_that_suits_them_unless_one_is_given() -> None:
    usual, given, off = PlatformSettings(), PlatformSettings(interval_s=0.5), PlatformSettings(interval_s=0.0)
    assert [usual.host_interval_s("codeforces"), usual.host_interval_s("codechef")] == [2.0, 1.0]
    assert [given.host_interval_s("codeforces"), off.host_interval_s("kenkoooo")] == [0.5, 0.0]
    assert usual.base_url("kenkoooo") == "https://kenkoooo.com"


def test_larger_answers_may_take_as_many_times_longer_whatever_the_timeout() -> None:
    assert PlatformSettings().total_s(60.0) == 60.0
    assert PlatformSettings(timeout_s=1.0).total_s(60.0) == 4.0
    assert PlatformSettings(timeout_s=1.0).total_s(15.0) == 1.0


async def test_requests_are_counted_by_what_became_of_them(client: PlatformClient, servers: PlatformServers) -> None:
    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("cds_platform_requests_total", {"host": "kenkoooo", "outcome": outcome}) or 0.0

    before = {outcome: counted(outcome) for outcome in ("answered", "malformed")}
    servers.kenkoooo.misbehave("html", times=1)
    await client.carry_out(atcoder.contests(NOW_MS))
    assert {outcome: counted(outcome) - count for outcome, count in before.items()} == {"answered": 1, "malformed": 1}


async def test_a_long_conversation_is_told_of_in_the_log(client: PlatformClient, servers: PlatformServers) -> None:
    servers.codechef.past = codechef_contests(900, 1000, NOW_S)
    with capture_logs() as lines:
        await client.carry_out(codechef.contests(NOW_MS))
    told = [(line["host"], line["answers"]) for line in lines if line["event"] == "platform_goes_on"]
    assert told == [("codechef", 20), ("codechef", 40)]
