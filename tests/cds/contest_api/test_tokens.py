"""Resuming a feed by token: what every token leads to, and which ones are refused (Contest API, "Reconnection")."""

import json
import string

import pytest

from tests.cds.contest_api.feeds import everything, fold, token_of
from tests.cds.contest_api.serving import Running, append, cloned_database, imported_into, opened, running
from tests.cds.contest_api.small_contest import STATES, login, small_contest, state
from tests.cds.contest_api.test_http import CHIEF, expect_error

FEED = "contests/small/event-feed"


async def test_thaw_brings_what_was_hidden_to_those_who_resume(fresh: Running, fresh_dsn: str) -> None:
    callers = {name: fresh.caller(login("small", name)) for name in ("team-one", "team-three", "analyst", "coach")}
    callers["public"] = fresh.caller()
    before = {name: await caller.lines(FEED) for name, caller in callers.items()}
    async with opened(fresh_dsn) as store:
        position = await append(store, "small", state(**STATES["over"]))
    await fresh.level_with("small", position)
    for name, caller in callers.items():
        since = await caller.lines(f"{FEED}?since_token={token_of(before[name][-1])}")
        revealed = {json.loads(line)["id"] for line in since if json.loads(line)["type"] == "judgements"}
        assert revealed == ({"j4"} if name == "team-one" else {"j4", "j5"}), name
        assert fold(since, fold(before[name])) == await everything(caller, "small"), name


async def test_the_start_brings_the_problems_to_those_who_resume(fresh: Running, fresh_dsn: str) -> None:
    for who in (None, login("early", "team-two"), login("early", "analyst")):
        caller = fresh.caller(who)
        before = await caller.lines("contests/early/event-feed")
        assert not any(line.startswith(b'{"type":"problems"') for line in before)
    async with fresh.caller().stream("contests/early/event-feed") as stream, opened(fresh_dsn) as store:
        history = await stream.until(len(await fresh.caller().lines("contests/early/event-feed")))
        await append(store, "early", state(started=0))
        first = await stream.until(1)
        assert first[0]["type"] in ("problems", "state")
        last = history[-1]["token"]
        since = await fresh.caller().lines(f"contests/early/event-feed?since_token={last}")
    appeared = {(json.loads(line)["type"], json.loads(line)["id"]) for line in since}
    assert {("problems", "apples"), ("problems", "bridges"), ("state", None)} <= appeared


async def test_since_id_is_another_name_of_since_token(fresh: Running) -> None:
    lines = await fresh.caller().lines(FEED)
    token = token_of(lines[9])
    for query in (f"since_id={token}", f"since_token={token}", f"since_id={token}&since_token={token}"):
        assert await fresh.caller().lines(f"{FEED}?{query}") == lines[10:]


@pytest.mark.parametrize("parameter", ["since_token", "since_id"])
async def test_what_is_no_token_is_refused(fresh: Running, parameter: str) -> None:
    caller = fresh.caller()
    token = token_of((await caller.lines(FEED))[5])
    altered_tokens = [
        token[:place] + next(each for each in string.ascii_letters if each != token[place]) + token[place + 1 :]
        for place in range(len(token))
    ]
    for wrong in (
        "999999",
        "",
        "0",
        "-1",
        token[:-1],
        token + "A",
        token.swapcase(),
        "%F0%9F%8F%86",
        "null",
        *altered_tokens,
    ):
        await expect_error(caller, "GET", f"{FEED}?{parameter}={wrong}", 400)


async def test_tokens_of_others_are_refused(fresh: Running) -> None:
    """Of another role, another team, another contest; a resumed feed of them would be wrong."""
    names = ("team-one", "team-two", "proxy", "analyst", "judge", "staff", "chief")
    callers = {name: fresh.caller(login("small", name)) for name in names} | {"public": fresh.caller()}
    tokens = {name: token_of((await caller.lines(FEED))[3]) for name, caller in callers.items()}
    for name, caller in callers.items():
        for owner, token in tokens.items():
            if owner != name:
                await expect_error(caller, "GET", f"{FEED}?since_token={token}", 400)
    elsewhere = token_of((await fresh.caller().lines("contests/other/event-feed"))[3])
    await expect_error(fresh.caller(), "GET", f"{FEED}?since_token={elsewhere}", 400)


async def test_who_sees_alike_may_resume_alike(fresh: Running) -> None:
    """A coach, a foreign account and the public have one feed, and so have all judges, wherever they come from."""
    lines = await fresh.caller().lines(FEED)
    for who in (login("small", "coach"), login("other", "judge")):
        assert await fresh.caller(who).lines(f"{FEED}?since_token={token_of(lines[3])}") == lines[4:]
    judges = await fresh.caller(login("small", "judge")).lines(FEED)
    assert await fresh.of_role("judge").lines(f"{FEED}?since_token={token_of(judges[3])}") == judges[4:]


async def test_tokens_of_another_server_are_refused(fresh: Running, postgres_dsn_template: str) -> None:
    """The key is the database's: the same contest in another database has other tokens."""
    async with cloned_database(postgres_dsn_template) as dsn:
        async with opened(dsn) as store:
            await imported_into(store, small_contest("small", "frozen"))
        async with running(dsn) as other:
            token = token_of((await other.caller().lines(FEED))[3])
    await expect_error(fresh.caller(), "GET", f"{FEED}?since_token={token}", 400)


async def test_a_line_keeps_its_token_over_restarts_and_on_every_server(fresh_dsn: str) -> None:
    async with running(fresh_dsn) as first, running(fresh_dsn) as second:
        for who in (None, login("small", "team-one"), CHIEF):
            lines = await first.caller(who).lines(FEED)
            assert await second.caller(who).lines(FEED) == lines
            assert await first.caller(who).lines(FEED) == lines
            resumed = await second.caller(who).lines(f"{FEED}?since_token={token_of(lines[7])}")
            assert resumed == lines[8:]
        kept = await first.caller(CHIEF).lines(FEED)
    async with running(fresh_dsn) as restarted:
        assert await restarted.caller(CHIEF).lines(FEED) == kept
        assert await restarted.caller(CHIEF).lines(f"{FEED}?since_token={token_of(kept[-1])}") == []


async def test_a_token_of_a_limited_feed_resumes_feeds_of_no_more_types(fresh: Running) -> None:
    caller = fresh.caller(CHIEF)
    limited = await caller.lines(f"{FEED}?types=teams,groups")
    token = token_of(limited[1])
    fewer = await caller.lines(f"{FEED}?types=teams&since_token={token}")
    assert all(json.loads(line)["type"] == "teams" for line in fewer)
    assert await caller.lines(f"{FEED}?types=groups,teams&since_token={token}") == limited[2:]
    await expect_error(caller, "GET", f"{FEED}?since_token={token}", 400)
    await expect_error(caller, "GET", f"{FEED}?types=teams,groups,runs&since_token={token}", 400)
