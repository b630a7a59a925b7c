"""Logins while the contest runs: disabled accounts, new passwords, addresses that log in, failures that are slowed.

Changes are made by the commands of `cds accounts`, so as another process makes them.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from cds.account_files import AccountWish
from cds.accounts import ContestAccounts
from cds.place import Place
from cds.server_account_changes import OwnAccounts
from cds.throttling import FREE_FAILURES, WAIT_S_MAX
from tests.cds.contest_api.serving import DEADLINE_S, Answer, Caller, Login, Running, Stream, running, server_login
from tests.cds.contest_api.small_contest import login
from tests.cds.contest_api.test_http import check_error

KEEP_ALIVE_S = 0.2
TEAM, OTHER_TEAM = login("small", "team-one"), login("small", "team-two")
WHO = "contests/small/account"
FEED = "contests/small/event-feed"
NEW_PASSWORD = "a new password"
LOOPBACK = "127.0.0.1"
PROXY = (ip_network("127.0.0.0/8"),)
SEAT, OTHER_SEAT, STRANGER = "10.1.2.3", "10.1.2.4", "192.0.2.66"


def commands(dsn: str, contest_id: str = "small") -> ContestAccounts:
    """The commands for the accounts of a contest, on the database that servers run on."""
    return ContestAccounts(Place(Path("nowhere"), dsn), contest_id)


def own_accounts(dsn: str) -> OwnAccounts:
    """The commands for the server's own accounts."""
    return OwnAccounts(Place(Path("nowhere"), dsn))


async def seated(dsn: str, ip: str, account: str = "team-one") -> None:
    """Give an account an address."""
    await commands(dsn).add([AccountWish(account, {"ip": ip})], generate=False)


@asynccontextmanager
async def two_workers(dsn: str) -> AsyncIterator[tuple[Running, Running]]:
    """Two servers on one database."""
    async with running(dsn, keep_alive_s=KEEP_ALIVE_S) as first, running(dsn, keep_alive_s=KEEP_ALIVE_S) as second:
        yield first, second


async def expect(status: int, caller: Caller, path: str = WHO) -> Answer:
    """The answer to a request, which must have this status as soon as the server has heard of the change."""
    async with asyncio.timeout(DEADLINE_S):
        while (answer := await caller.get(path)).status != status:
            await asyncio.sleep(0.01)
    if status >= 400:
        check_error(answer.status, answer.body, answer.headers["Content-Type"], status)
    return answer


async def refused_at_once(worker: Running, login_: Login) -> None:
    """Whoever logs in so gets 401 on paths of every kind."""
    await expect(401, worker.caller(login_))
    for path in ("", "contests", "contests/small", "contests/small/teams", "contests/other/teams", FEED, "nowhere"):
        answer = await worker.caller(login_).get(path)
        check_error(answer.status, answer.body, answer.headers["Content-Type"], 401)


async def opened_feed(stream: Stream, worker: Running, login_: Login) -> None:
    """Read a feed up to now."""
    await stream.until(len(await worker.caller(login_).lines(FEED)))


async def ended(stream: Stream) -> None:
    """The stream comes to a proper end."""
    async with asyncio.timeout(DEADLINE_S):
        while await stream.response.content.readline():
            pass
    assert stream.response.content.at_eof()
    assert stream.response.content.exception() is None


async def test_a_disabled_account_is_refused_by_every_worker_and_its_feeds_end(fresh_dsn: str) -> None:
    async with two_workers(fresh_dsn) as workers, workers[0].caller(TEAM).stream(FEED) as feed:
        async with workers[1].caller(TEAM).stream(FEED) as other_feed:
            await opened_feed(feed, workers[0], TEAM)
            await opened_feed(other_feed, workers[1], TEAM)
            await commands(fresh_dsn).set_disabled("team-one", disabled=True)
            await asyncio.gather(ended(feed), ended(other_feed))
        for worker in workers:
            await refused_at_once(worker, TEAM)
            assert (await worker.caller(OTHER_TEAM).get(WHO)).status == 200
        await commands(fresh_dsn).set_disabled(TEAM[0], disabled=False)
        for worker in workers:
            await expect(200, worker.caller(TEAM))


async def test_a_new_password_counts_at_once_on_every_worker(fresh_dsn: str) -> None:
    async with two_workers(fresh_dsn) as workers, workers[1].caller(TEAM).stream(FEED) as feed:
        await opened_feed(feed, workers[1], TEAM)
        for worker in workers:
            await expect(200, worker.caller(TEAM))
        await commands(fresh_dsn).set_password("team-one", NEW_PASSWORD)
        await ended(feed)
        for worker in workers:
            await refused_at_once(worker, TEAM)
            assert (await worker.caller((TEAM[0], NEW_PASSWORD)).get(WHO)).status == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda accounts: accounts.set_role("judge", "analyst", None),
        lambda accounts: accounts.set_role("judge", "team", "t1"),
        lambda accounts: accounts.remove("judge"),
    ],
    ids=["another role", "a team", "gone"],
)
async def test_a_feed_ends_with_what_it_rested_on(
    fresh: Running, fresh_dsn: str, change: Callable[[ContestAccounts], Awaitable[None]]
) -> None:
    judge = login("small", "judge")
    async with fresh.caller(judge).stream(FEED) as feed, fresh.caller().stream(FEED) as public_feed:
        await opened_feed(feed, fresh, judge)
        await public_feed.until(len(await fresh.caller().lines(FEED)))
        await change(commands(fresh_dsn))
        await ended(feed)
        assert await public_feed.line() == b""
    answer = await fresh.caller(judge).get(WHO)
    assert answer.status == 401 or answer.json["type"] != "judge"


async def test_a_feed_goes_on_when_what_changes_is_not_who_may_read_it(fresh: Running, fresh_dsn: str) -> None:
    async with fresh.caller(TEAM).stream(FEED) as feed:
        await opened_feed(feed, fresh, TEAM)
        await commands(fresh_dsn).add([AccountWish("team-one", {"name": "Desk 7"})], generate=False)
        await commands(fresh_dsn).set_disabled("team-two", disabled=True)
        await expect(401, fresh.caller(OTHER_TEAM))
        for _ in range(3):
            assert await feed.line() == b""


async def test_a_deleted_account_leaves_no_password_behind(fresh: Running, fresh_dsn: str) -> None:
    accounts = commands(fresh_dsn)
    guest: Login = ("guest", NEW_PASSWORD)
    for password, works in (("first password", True), (NEW_PASSWORD, True), (None, False)):
        await accounts.add([AccountWish("guest", {"type": "analyst"}, password)], generate=False)
        if works:
            await expect(200, fresh.caller(("guest", password or "")))
        await accounts.remove("guest")
        await expect(401, fresh.caller(("guest", password or "")))
    await accounts.add([AccountWish("guest", {"type": "analyst"})], generate=False)
    position = fresh.server.service.contests.find("small")
    assert position is not None
    await position.catch_up()
    await expect(401, fresh.caller(guest))


@pytest.mark.parametrize("what", ["disabled", "password", "role", "removed"])
async def test_accounts_of_the_server_are_followed_too(fresh_dsn: str, what: str) -> None:
    judge = server_login("judge")
    assert judge is not None
    async with two_workers(fresh_dsn) as workers, workers[1].caller(judge).stream(FEED) as feed:
        await opened_feed(feed, workers[1], judge)
        for worker in workers:
            await expect(200, worker.caller(judge))
        accounts = own_accounts(fresh_dsn)
        if what == "disabled":
            await accounts.set_disabled(judge[0], disabled=True)
        elif what == "password":
            await accounts.set_password(judge[0], NEW_PASSWORD)
        elif what == "role":
            await accounts.set_role(judge[0], "analyst", None)
        else:
            await accounts.remove(judge[0])
        await ended(feed)
        for worker in workers:
            if what == "role":
                async with asyncio.timeout(DEADLINE_S):
                    while (await worker.caller(judge).json(WHO))["type"] != "analyst":
                        await asyncio.sleep(0.01)
            else:
                await refused_at_once(worker, judge)
        if what == "disabled":
            await accounts.set_disabled(judge[0], disabled=False)
            for worker in workers:
                await expect(200, worker.caller(judge))


# --- Failures are slowed.


async def guesses(caller_of: Callable[[Login], Caller], username: str, count: int, first: int = 0) -> list[Answer]:
    """So many different wrong passwords for one account, one after the other."""
    return [await caller_of((username, f"guess {number}")).get(WHO) for number in range(first, first + count)]


async def test_failed_logins_are_slowed(fresh: Running) -> None:
    assert {answer.status for answer in await guesses(fresh.caller, TEAM[0], FREE_FAILURES)} == {401}
    (slowed,) = await guesses(fresh.caller, TEAM[0], 1, first=FREE_FAILURES)
    check_error(slowed.status, slowed.body, slowed.headers["Content-Type"], 429)
    assert 1 <= int(slowed.headers["Retry-After"]) <= WAIT_S_MAX
    assert "WWW-Authenticate" not in slowed.headers
    # Others behind the same address are not slowed, neither are names that nobody has.
    assert (await fresh.caller(OTHER_TEAM).get(WHO)).status == 200
    assert {answer.status for answer in await guesses(fresh.caller, "nobody", FREE_FAILURES + 1)} == {401, 429}


async def test_a_right_password_is_looked_at_no_sooner_than_a_wrong_one(fresh: Running) -> None:
    """Otherwise an attacker would not have to wait for the answer."""
    await guesses(fresh.caller, TEAM[0], FREE_FAILURES)
    while (await fresh.caller((TEAM[0], "more")).get(WHO)).status != 429:
        await guesses(fresh.caller, TEAM[0], 1, first=FREE_FAILURES)
    assert (await fresh.caller(TEAM).get(WHO)).status == 429


async def test_who_was_right_before_is_never_slowed(fresh: Running) -> None:
    assert (await fresh.caller(TEAM).get(WHO)).status == 200
    await guesses(fresh.caller, TEAM[0], FREE_FAILURES + 3)
    assert (await fresh.caller(TEAM).get(WHO)).status == 200
    identity = fresh.server.service.identity
    identity._remembered.clear()  # as after REMEMBERED_S
    identity._passwords._checked.clear()
    await guesses(fresh.caller, TEAM[0], FREE_FAILURES + 3, first=100)
    assert (await fresh.caller(TEAM).get(WHO)).status == 200


async def test_a_login_forgives_the_failures_before_it(fresh: Running) -> None:
    for first in (0, 100, 200):
        assert {answer.status for answer in await guesses(fresh.caller, TEAM[0], FREE_FAILURES - 1, first)} == {401}
        fresh.server.service.identity._remembered.clear()
        assert (await fresh.caller(TEAM).get(WHO)).status == 200


async def test_a_client_that_repeats_one_wrong_password_is_told_so_every_time(fresh: Running) -> None:
    answers = [await fresh.caller((TEAM[0], "mistyped")).get(WHO) for _ in range(FREE_FAILURES * 4)]
    assert {answer.status for answer in answers} == {401}


async def test_many_requests_with_one_new_login_are_one_login(fresh: Running) -> None:
    answers = await asyncio.gather(*(fresh.caller(TEAM).get(WHO) for _ in range(FREE_FAILURES * 6)))
    assert {answer.status for answer in answers} == {200}
    answers = await asyncio.gather(*(fresh.caller(("nobody", "x")).get(WHO) for _ in range(FREE_FAILURES * 6)))
    assert {answer.status for answer in answers} == {401}


async def test_nobody_is_locked_out_from_another_address(fresh_dsn: str) -> None:
    async with running(fresh_dsn, trusted_proxies=PROXY) as server:
        attacker, seat = ({"X-Forwarded-For": address} for address in (STRANGER, SEAT))
        statuses = {
            (await server.caller((TEAM[0], f"guess {number}")).get(WHO, headers=attacker)).status
            for number in range(FREE_FAILURES + 3)
        }
        assert statuses == {401, 429}
        assert (await server.caller(TEAM).get(WHO, headers=seat)).status == 200


async def test_an_attacker_behind_no_trusted_proxy_cannot_choose_an_address(fresh: Running) -> None:
    statuses = [
        (await fresh.caller((TEAM[0], f"guess {n}")).get(WHO, headers={"X-Forwarded-For": f"10.0.0.{n}"})).status
        for n in range(FREE_FAILURES + 1)
    ]
    assert statuses == [401] * FREE_FAILURES + [429]


# --- Addresses that log in.


async def who(server: Running, path: str = WHO, login_: Login | None = None, **headers: str) -> str | None:
    """The id of the account as which a request is answered, None for the public."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = await server.caller(login_).get(path, headers=named)
    assert answer.status in (200, 404), answer.body
    return None if answer.status == 404 else str(answer.json["id"])


@pytest.mark.parametrize("ip", [LOOPBACK, "127.0.0.0/8", f"{SEAT}, {LOOPBACK}", f"2001:db8::1,{LOOPBACK}/32"])
async def test_an_address_logs_in_where_that_is_switched_on(fresh_dsn: str, ip: str) -> None:
    await seated(fresh_dsn, ip)
    async with running(fresh_dsn) as server:
        assert await who(server) is None
    async with running(fresh_dsn, auto_login=True) as server:
        assert await who(server) == "team-one"
        assert await who(server, "contests/other/account") is None
        teams = await server.caller().get("contests/small/submissions/s6")
        assert (teams.status, teams.headers["Cache-Control"]) == (200, "private, no-cache")
        assert (await server.caller().get("contests/other/submissions/s6")).status == 404


async def test_credentials_come_before_addresses(fresh_dsn: str) -> None:
    await seated(fresh_dsn, LOOPBACK)
    async with running(fresh_dsn, auto_login=True) as server:
        assert await who(server, login_=OTHER_TEAM) == "team-two"
        assert (await server.caller((TEAM[0], "wrong")).get(WHO)).status == 401
        assert await who(server, login_=login("other", "team-two")) is None


async def test_an_address_of_a_disabled_account_or_of_two_logs_nobody_in(fresh_dsn: str) -> None:
    await seated(fresh_dsn, LOOPBACK)
    async with running(fresh_dsn, auto_login=True) as server:
        await commands(fresh_dsn).set_disabled("team-one", disabled=True)
        await until_seen(server, None)
        await seated(fresh_dsn, "127.0.0.0/8", "team-two")
        await until_seen(server, "team-two")
        await commands(fresh_dsn).set_disabled("team-one", disabled=False)
        await until_seen(server, None)


async def until_seen(server: Running, account: str | None) -> None:
    """Wait until the server answers as to this account, and see that it goes on to."""
    async with asyncio.timeout(DEADLINE_S):
        while await who(server) != account:
            await asyncio.sleep(0.01)
    contest = server.server.service.contests.find("small")
    assert contest is not None
    await contest.catch_up()
    assert await who(server) == account


async def test_forwarded_addresses_count_from_trusted_proxies_alone(fresh_dsn: str) -> None:
    await seated(fresh_dsn, SEAT)
    async with running(fresh_dsn, auto_login=True) as server:
        for header in (SEAT, f"{SEAT}, {SEAT}", f"{SEAT}, {LOOPBACK}"):
            assert await who(server, X_Forwarded_For=header) is None
    async with running(fresh_dsn, auto_login=True, trusted_proxies=PROXY) as server:
        for header in (SEAT, f"{SEAT}, 127.0.0.9", f"{STRANGER}, {SEAT}", f"garbage, {SEAT}"):
            assert await who(server, X_Forwarded_For=header) == "team-one"
        for header in (STRANGER, f"{SEAT}, {STRANGER}", f"{SEAT}, garbage", "", "garbage", OTHER_SEAT):
            assert await who(server, X_Forwarded_For=header) is None


async def test_a_proxy_that_does_not_say_for_whom_it_asks_is_nobody(fresh_dsn: str) -> None:
    await seated(fresh_dsn, LOOPBACK)
    async with running(fresh_dsn, auto_login=True, trusted_proxies=PROXY) as server:
        assert await who(server) is None
        assert await who(server, X_Forwarded_For="garbage") is None


async def test_a_page_of_another_host_cannot_use_the_address(fresh_dsn: str) -> None:
    """The browser at a seat sends what any page asks for, and answers may be read by all of them."""
    await seated(fresh_dsn, LOOPBACK)
    elsewhere = ("https://evil.example", "null", "http://[", "https://127.0.0.1.evil.example")
    async with running(fresh_dsn, auto_login=True, base_url="https://contest.example/api") as server:
        here = (server.root, "https://contest.example")
        for origin in elsewhere:
            assert await who(server, Origin=origin) is None
            assert await who(server, login_=TEAM, Origin=origin) == "team-one"
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                answer = await server.caller().ask(
                    method, "contests/small/teams/t1", headers={"Origin": origin}, data=b"{}"
                )
                check_error(answer.status, answer.body, answer.headers["Content-Type"], 403)
                assert "another host" in answer.json["message"]
        for origin in here:
            assert await who(server, Origin=origin) == "team-one"
            answer = await server.caller().ask("PUT", "contests/small/teams/t1", headers={"Origin": origin}, data=b"{}")
            assert "another host" not in answer.json["message"]
            assert answer.status != 401


async def test_a_feed_by_address_ends_with_the_address(fresh_dsn: str) -> None:
    await seated(fresh_dsn, LOOPBACK)
    async with running(fresh_dsn, auto_login=True, keep_alive_s=KEEP_ALIVE_S) as server:
        async with server.caller().stream(FEED) as feed:
            first = json.dumps(await feed.notification())
            assert first
            assert await who(server) == "team-one"
            await seated(fresh_dsn, SEAT)
            await ended(feed)
        assert await who(server) is None
