"""Platforms that misbehave: what is asked again, what is not, how it fails, and that nothing half comes through."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from cds.platforms import client as client_module
from cds.platforms.adapters import codechef, codeforces
from cds.platforms.client import PlatformClient
from cds.platforms.questions import Asking, FailureKind, FetchedContests, Platform, PlatformFailed, Question
from cds.platforms.settings import PlatformSettings
from eventstore.memory import MemoryStore
from tests.cds.platforms.adapters.conversations import CONVERSATIONS
from tests.platform_servers.faults import FaultName
from tests.platform_servers.generated import NOW_S
from tests.platform_servers.platforms import PlatformServers, platform_servers
from tests.platform_servers.server import PlatformServer

NOW_MS = NOW_S * 1000
ATTEMPTS = 3

PASSING: dict[FaultName, FailureKind] = {
    "cloudflare": "status",
    "html": "malformed",
    "limited": "limited",
    "busy": "status",
    "error": "status",
    "truncated": "malformed",
    "cut": "unreachable",
    "closed": "unreachable",
    "wrong type": "malformed",
    "empty": "malformed",
    "hang": "timeout",
}
"""What may pass, so that it is asked again → how it fails when it does not pass."""

LASTING: dict[FaultName, FailureKind] = {
    "not found": "status",
    "redirect elsewhere": "redirected",
    "too large": "too_large",
    "bomb": "too_large",
}
"""What would be the same again."""

USUAL_S = 5.0
SOON_S = 0.3
"""When nothing is to come anyway."""

HANG_S = 1.0
"""When something is to come after all, on a machine that has other things to do."""

PASSES = [
    (platform, fault)
    for platform in CONVERSATIONS
    for fault in (*PASSING, "redirect")
    if (platform, fault) != ("leetcode", "redirect")
]
"""A question with a body is not sent elsewhere, so that one is left out."""


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """All platforms, with few contests."""
    async with platform_servers(contests=12) as servers:
        yield servers


@pytest.fixture
async def client(servers: PlatformServers) -> AsyncIterator[PlatformClient]:
    """A client that asks three times, without a pause."""
    async with asking(servers) as client:
        yield client


@asynccontextmanager
async def asking(servers: PlatformServers, timeout_s: float = USUAL_S) -> AsyncIterator[PlatformClient]:
    """The same, for the length of the block, with a timeout."""
    client = PlatformClient(servers.settings(attempts=ATTEMPTS, timeout_s=timeout_s, backoff_s=0.0), "1", MemoryStore())
    yield client
    await client.close()


async def failure(client: PlatformClient, conversation: Asking[FetchedContests]) -> PlatformFailed:
    """How a conversation fails."""
    with pytest.raises(PlatformFailed) as raised:
        await client.carry_out(conversation)
    return raised.value


def host_of(servers: PlatformServers, platform: Platform) -> PlatformServer:
    """The host that is asked first."""
    return servers.by_host[platform]


@pytest.mark.parametrize("platform", CONVERSATIONS)
@pytest.mark.parametrize("fault", PASSING)
async def test_what_may_pass_is_asked_again_and_fails_when_it_does_not_pass(
    servers: PlatformServers, platform: Platform, fault: FaultName
) -> None:
    host = host_of(servers, platform)
    host.misbehave(fault)
    async with asking(servers, SOON_S if fault == "hang" else USUAL_S) as client:
        failed = await failure(client, CONVERSATIONS[platform](NOW_MS))
    assert (failed.kind, failed.permanent) == (PASSING[fault], False)
    assert len(host.asked) == host.times_gone_wrong(fault) == ATTEMPTS
    assert host.url not in failed.reason


@pytest.mark.parametrize(("platform", "fault"), PASSES)
async def test_what_passes_is_forgotten(servers: PlatformServers, platform: Platform, fault: FaultName) -> None:
    """One answer goes wrong, the next does not; a redirect within the host is followed."""
    async with asking(servers, HANG_S if fault == "hang" else USUAL_S) as client:
        whole = await client.carry_out(CONVERSATIONS[platform](NOW_MS))
        host = host_of(servers, platform)
        host.misbehave(fault, times=1)
        assert await client.carry_out(CONVERSATIONS[platform](NOW_MS)) == whole
    assert host.times_gone_wrong(fault) == 1


@pytest.mark.parametrize("platform", CONVERSATIONS)
@pytest.mark.parametrize("fault", LASTING)
async def test_what_would_be_the_same_again_is_not_asked_again(
    servers: PlatformServers, client: PlatformClient, platform: Platform, fault: FaultName
) -> None:
    host = host_of(servers, platform)
    host.misbehave(fault)
    failed = await failure(client, CONVERSATIONS[platform](NOW_MS))
    assert (failed.kind, failed.permanent, len(host.asked)) == (LASTING[fault], True, 1)


async def test_an_answer_that_says_no_length_is_not_read_beyond_the_limit(
    servers: PlatformServers, client: PlatformClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is of what has come, decompressed, and not of what was announced."""
    monkeypatch.setattr(client_module, "BODY_BYTES_MAX", 1000)
    assert (await failure(client, codeforces.contests(NOW_MS))).kind == "too_large"


async def test_a_page_in_the_middle_that_does_not_come_fails_all(
    servers: PlatformServers, client: PlatformClient
) -> None:
    servers.codechef.misbehave("cloudflare", path="/api/list/contests/past", after=1)
    assert (await failure(client, codechef.contests(NOW_MS))).kind == "status"
    assert len(servers.codechef.asked) == 2 + ATTEMPTS


async def test_the_past_of_atcoder_that_does_not_come_fails_all(
    servers: PlatformServers, client: PlatformClient
) -> None:
    servers.kenkoooo.misbehave("busy")
    assert (await failure(client, CONVERSATIONS["atcoder"](NOW_MS))).kind == "status"


async def test_a_platform_that_is_away_is_unreachable(servers: PlatformServers, client: PlatformClient) -> None:
    await servers.codeforces.die()
    assert (await failure(client, codeforces.contests(NOW_MS))).kind == "unreachable"
    await servers.codeforces.rise()
    assert len((await client.carry_out(codeforces.contests(NOW_MS))).rows) == 12


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "nonsense", "ftp://x"])
async def test_a_base_url_that_leads_nowhere_is_a_failure_of_the_platform(url: str) -> None:
    settings = PlatformSettings(base_urls={"codeforces": url}, attempts=1, timeout_s=5.0, interval_s=0.0)
    client = PlatformClient(settings, "1", MemoryStore())
    failed = await failure(client, codeforces.contests(NOW_MS))
    await client.close()
    assert failed.kind == "unreachable"


async def test_a_slow_answer_in_time_is_an_answer(servers: PlatformServers, client: PlatformClient) -> None:
    servers.codeforces.slow_s = 0.05
    servers.codeforces.misbehave("slow")
    assert len((await client.carry_out(codeforces.contests(NOW_MS))).rows) == 12


async def test_who_asks_too_often_is_told_so_by_the_platform_and_comes_again(servers: PlatformServers) -> None:
    """With an interval like that of the platform itself nothing is refused."""
    servers.codeforces.interval_s = 0.1
    hasty = PlatformClient(servers.settings(attempts=1), "1", MemoryStore())
    await hasty.carry_out(codeforces.contests(NOW_MS))
    assert (await failure(hasty, codeforces.contests(NOW_MS))).kind == "limited"
    await hasty.close()
    await asyncio.sleep(servers.codeforces.interval_s)
    polite = PlatformClient(servers.settings(attempts=1, interval_s=1.0), "1", MemoryStore())
    await asyncio.gather(*(polite.carry_out(codeforces.contests(NOW_MS)) for _ in range(2)))
    await polite.close()


async def test_a_host_that_says_when_to_come_again_is_believed(servers: PlatformServers) -> None:
    """And not only by the one who was told: another question to that host waits as well."""
    servers.codechef.retry_after_s = "1"
    servers.codechef.misbehave("limited", times=1)
    client = PlatformClient(servers.settings(attempts=2), "1", MemoryStore())
    refused = asyncio.create_task(client.carry_out(codechef.contests(NOW_MS)))
    async with asyncio.timeout(USUAL_S):
        while not servers.codechef.asked or client._limiter("codechef")._free_s < servers.codechef.asked[0].time_s + 1:
            await asyncio.sleep(0.01)
    await asyncio.gather(refused, client.carry_out(codechef.contests(NOW_MS)))
    await client.close()
    first_s, *later_s = [asked.time_s for asked in servers.codechef.asked]
    assert len(later_s) == 2 * 4
    assert min(later_s) - first_s > 0.9


async def test_a_host_that_wants_to_be_left_alone_for_long_has_failed_for_now(servers: PlatformServers) -> None:
    servers.codechef.retry_after_s = "3600"
    servers.codechef.misbehave("busy")
    client = PlatformClient(servers.settings(attempts=5), "1", MemoryStore())
    failed = await failure(client, codechef.contests(NOW_MS))
    await client.close()
    assert (failed.retry_after_s, len(servers.codechef.asked)) == (3600.0, 1)


async def test_a_host_that_is_left_alone_for_longer_than_one_waits_has_failed_at_once(servers: PlatformServers) -> None:
    """And is not asked; whoever is more patient waits for it."""
    servers.codechef.retry_after_s = "3600"
    servers.codechef.misbehave("busy", times=1)
    client = PlatformClient(servers.settings(attempts=5), "1", MemoryStore())
    await failure(client, codechef.contests(NOW_MS))
    with pytest.raises(PlatformFailed) as raised:
        await client.carry_out(codechef.contests(NOW_MS), patience_s=30.0)
    await client.close()
    assert (raised.value.kind, len(servers.codechef.asked)) == ("limited", 1)


async def test_pauses_between_attempts_grow_and_are_never_the_same(
    servers: PlatformServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One second after the first failure, two after the second, with some chance on top."""
    slept: list[float] = []
    sleep = asyncio.sleep

    async def note(wait_s: float) -> None:
        slept.append(wait_s)
        await sleep(0)

    servers.codeforces.misbehave("error")
    client = PlatformClient(servers.settings(attempts=4, backoff_s=1.0), "1", MemoryStore())
    monkeypatch.setattr(asyncio, "sleep", note)
    await failure(client, codeforces.contests(NOW_MS))
    monkeypatch.undo()
    await client.close()
    pauses = [wait_s for wait_s in slept if wait_s >= 1.0]
    assert len(pauses) == 3
    for number, pause_s in enumerate(pauses, 1):
        assert number <= pause_s <= number * (1 + client_module.JITTER)


@pytest.mark.parametrize(
    ("location", "followed"),
    [
        ("/api/contest.list?gym=false&lang=en", True),
        ("http://127.0.0.1:1/api/contest.list", False),
        ("https://127.0.0.1/api/contest.list", False),
        ("http://localhost/api/contest.list", False),
        ("//example.org/", False),
        ("file:///etc/hostname", False),
        ("http://[", False),
    ],
)
def test_redirects_lead_nowhere_else(location: str, followed: bool) -> None:
    question = Question(host="codeforces", path="/", check=lambda _reply: None)
    url = URL("http://127.0.0.1:8000/api/contest.list")
    if followed:
        assert client_module._redirected(question, url, location).origin() == url.origin()
        return
    with pytest.raises(PlatformFailed) as raised:
        client_module._redirected(question, url, location)
    assert raised.value.kind == "redirected"


def test_a_redirect_to_https_of_the_same_host_is_followed() -> None:
    question = Question(host="codeforces", path="/", check=lambda _reply: None)
    url = URL("http://codeforces.com/api/contest.list")
    target = client_module._redirected(question, url, "https://codeforces.com/api/contest.list")
    assert str(target) == "https://codeforces.com/api/contest.list"


async def test_a_platform_that_only_redirects_has_failed(servers: PlatformServers, client: PlatformClient) -> None:
    servers.codeforces.misbehave("redirect")
    failed = await failure(client, codeforces.contests(NOW_MS))
    assert failed.kind == "redirected"
    assert len(servers.codeforces.asked) == ATTEMPTS * (client_module.REDIRECTS_MAX + 1)
