"""Strict answers through a relay: it passes the parameter on, and keeps strict and usual answers apart."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.cds.contest_api.extended_contests import StrictCaller, serving_extended, strict
from tests.cds.contest_api.feeds import everything, fold, token_of
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Login, Running, append, cloned_database, opened
from tests.cds.contest_api.small_contest import altered, login, small_contest
from tests.cds.contest_api.test_http import expect_error
from tests.cds.relay.relays import RunningRelay, relaying

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEED = "contests/small/event-feed"
LOGINS: tuple[Login | None, ...] = (None, login("small", "team-one"), SERVER_ADMIN)

Pair = tuple[Running, RunningRelay, str]


@pytest_asyncio.fixture(loop_scope="session")
async def relayed(small_template: str) -> AsyncIterator[Pair]:
    """A server with extensions, a relay of it, and its database."""
    async with (
        cloned_database(small_template) as dsn,
        serving_extended(dsn) as server,
        relaying(server.root) as relay,
    ):
        yield server, relay, dsn


def through(relay: RunningRelay, known: Login | None) -> Caller:
    """Somebody who asks the relay in strict mode."""
    return StrictCaller(relay.session, relay.base, known)


async def test_a_relay_tells_both_modes_as_its_source_does(relayed: Pair) -> None:
    """Objects, access, the scoreboard, the feed with its tokens."""
    server, relay, _ = relayed
    for known in LOGINS:
        pairs = (
            (server.caller(known), relay.caller(known)),
            (strict(server, known), through(relay, known)),
        )
        for there, here in pairs:
            assert await here.lines(FEED) == await there.lines(FEED)
            assert await everything(here, "small") == await everything(there, "small")
            for path in ("contests/small/access", "contests/small/scoreboard", "contests"):
                assert (await here.get(path)).body == (await there.get(path)).body


async def test_a_token_of_one_mode_is_none_of_the_other_through_a_relay(relayed: Pair) -> None:
    server, relay, _ = relayed
    for known in LOGINS:
        usual = (relay.caller(known), server.caller(known))
        strictly = (through(relay, known), strict(server, known))
        for (here, there), (other, _) in ((usual, strictly), (strictly, usual)):
            lines = await here.lines(FEED)
            since = f"{FEED}?since_token={token_of(lines[1])}"
            assert await here.lines(since) == await there.lines(since) == lines[2:]
            await expect_error(other, "GET", f"{since}&stream=false", 400)


async def test_kept_answers_follow_what_happens_in_both_modes(relayed: Pair) -> None:
    """The relay follows the feeds, so that it keeps answers; each is never older than what they have told."""
    _, relay, dsn = relayed
    usual, strictly = relay.caller(), through(relay, None)
    async with usual.stream(FEED) as stream, strictly.stream(FEED) as strict_stream:
        await stream.until(len(await usual.lines(FEED)))
        await strict_stream.until(len(await strictly.lines(FEED)))
        for caller in (usual, strictly):
            await everything(caller, "small")
        contents = small_contest("small", "frozen")
        async with opened(dsn) as store:
            await append(store, "small", altered(contents, "teams", "t3", name="Gamma 2"))
        assert "ext" not in (await stream.notification())["data"]
        assert "ext" not in (await strict_stream.notification())["data"]
        for caller in (usual, strictly):
            shown = await everything(caller, "small")
            assert shown["teams"]["t3"]["name"] == "Gamma 2"
            assert fold(await caller.lines(FEED)) == shown
