"""The event feed of a running contest: live lines, signs of life, resuming, refusals (Contest API, "Event feed")."""

import asyncio
import json
import re
from contextlib import AsyncExitStack

import pytest

from cds.commands.decision import Refused
from cds.live_contest import stream_of
from cds.packages.contents import Change
from eventstore.store import StoreRefused
from schemas.objects import Clarification, Judgement, Team
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import (
    Json,
    Running,
    append,
    imported_into,
    opened,
    position_of,
    running,
)
from tests.cds.contest_api.small_contest import (
    STATES,
    altered,
    at,
    login,
    moment,
    small_contest,
    state,
)
from tests.cds.contest_api.test_http import CHIEF, WRITING, expect_error

FEED = "contests/small/event-feed"
IDLE_S = 0.7
"""Longer than several signs of life of the servers of these tests."""


async def test_the_history_comes_first_and_the_stream_stays_open(fresh: Running) -> None:
    history = await fresh.caller().lines(FEED)
    async with fresh.caller().stream(FEED) as stream:
        assert stream.response.headers["Content-Type"] == "application/x-ndjson"
        assert stream.response.headers["X-Accel-Buffering"] == "no"
        for line in history:
            assert await stream.line() == line
        signs_of_life = [await stream.line() for _ in range(3)]
        assert signs_of_life == [b"", b"", b""]


async def test_the_feed_does_not_end_by_itself(fresh: Running) -> None:
    """Neither when there is nothing to say, nor when the updates of the contest have ended."""
    for contest_id in ("early", "late"):
        path = f"contests/{contest_id}/event-feed"
        async with fresh.caller().stream(path) as stream:
            await stream.until(len(await fresh.caller().lines(path)))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(stream.to_its_end(), IDLE_S)


async def test_a_feed_without_stream_ends(fresh: Running) -> None:
    for value in ("false", "FALSE", "0"):
        answer = await fresh.caller().get(f"{FEED}?stream={value}")
        assert answer.status == 200
        assert answer.body.endswith(b"\n")
        assert b"\n\n" not in answer.body


async def test_every_line_is_a_notification_with_a_token_of_its_own(fresh: Running) -> None:
    for who in (None, login("small", "team-one"), CHIEF):
        lines = await fresh.caller(who).lines(FEED)
        notifications = [json.loads(line) for line in lines]
        for notification in notifications:
            assert list(notification) == ["type", "id", "data", "token"]
            if notification["type"] in ("contest", "state"):
                assert notification["id"] is None
            else:
                assert notification["id"] == notification["data"]["id"]
        tokens = [notification["token"] for notification in notifications]
        assert len(set(tokens)) == len(tokens)
        assert len({len(token) for token in tokens}) == 1
        assert notifications[0]["type"] == "contest"


async def test_what_another_process_appends_arrives(fresh: Running, fresh_dsn: str) -> None:
    renamed = altered(small_contest(), "teams", "t2", name="Beta Prime")
    count = len(await fresh.caller().lines(FEED))
    async with fresh.caller().stream(FEED) as stream, opened(fresh_dsn) as other_process:
        await stream.until(count)
        await append(other_process, "small", renamed)
        notification = await stream.notification()
    assert (notification["type"], notification["id"], notification["data"]["name"]) == ("teams", "t2", "Beta Prime")


async def test_get_is_never_older_than_a_notification(fresh: Running, fresh_dsn: str) -> None:
    """On the server that sent the line, and on a second one that serves the same database."""
    count = len(await fresh.caller().lines(FEED))
    async with running(fresh_dsn) as second, opened(fresh_dsn) as other_process:
        notification: Json = None
        async with fresh.caller().stream(FEED) as stream:
            await stream.until(count)
            for number in range(20):
                await append(other_process, "small", altered(small_contest(), "teams", "t1", name=f"name {number}"))
                notification = await stream.notification()
                assert notification["data"] == await fresh.caller().json("contests/small/teams/t1")
        await second.level_with("small", await position_of(other_process, "small"))
        assert await second.caller().json("contests/small/teams/t1") == notification["data"]


async def test_configuration_changes_are_announced(fresh: Running, fresh_dsn: str) -> None:
    contents = small_contest()
    changes = [
        altered(contents, "contest", "", name="Renamed"),
        altered(contents, "judgement-types", "CE", name="Did not compile"),
        altered(contents, "languages", "cpp", name="C++26"),
        altered(contents, "problems", "apples", color="green"),
        altered(contents, "groups", "guests", name="Friends"),
        altered(contents, "organizations", "north", country="SWE"),
        altered(contents, "teams", "t3", label="33"),
        altered(contents, "persons", "bob", name="Robert"),
        altered(contents, "accounts", "judge", name="The Judge"),
    ]
    caller = fresh.caller(CHIEF)
    count = len(await caller.lines(FEED))
    async with caller.stream(FEED) as stream, opened(fresh_dsn) as store:
        await stream.until(count)
        await append(store, "small", *changes)
        announced = await stream.until(len(changes))
    assert [each["type"] for each in announced] == [change.type for change in changes]
    assert [each["data"].get("name") for each in announced][:3] == ["Renamed", "Did not compile", "C++26"]


async def test_deletions_are_announced_and_an_id_may_be_used_again(fresh: Running, fresh_dsn: str) -> None:
    caller = fresh.caller()
    lines = await caller.lines(FEED)
    async with caller.stream(f"{FEED}?since_token={token_of(lines[-1])}") as stream, opened(fresh_dsn) as store:
        await append(store, "small", Change("clarifications", "c0", None))
        gone = await stream.notification()
        assert {name: gone[name] for name in ("type", "id", "data")} == {
            "type": "clarifications",
            "id": "c0",
            "data": None,
        }
        await expect_error(caller, "GET", "contests/small/clarifications/c0", 404)
        await append(store, "small", Clarification(id="c0", text="The doors open at ten.", **at(-30)))
        back = await stream.notification()
        assert back["data"] == await caller.json("contests/small/clarifications/c0")
    since = await caller.lines(f"{FEED}?since_token={token_of(lines[-1])}")
    assert [json.loads(line)["data"] is None for line in since] == [True, False]


async def test_a_deletion_is_the_last_word_about_an_object(fresh: Running, fresh_dsn: str) -> None:
    caller = fresh.caller()
    last = token_of((await caller.lines(FEED))[-1])
    async with opened(fresh_dsn) as store:
        position = await append(
            store,
            "small",
            Team(id="t9", name="Short-lived", label="9"),
            Team(id="t9", name="Short-lived still", label="9"),
            Change("teams", "t9", None),
        )
    await fresh.level_with("small", position)
    since = [json.loads(line) for line in await caller.lines(f"{FEED}?since_token={last}")]
    assert since
    assert since[-1]["type"] == "teams"
    assert since[-1]["data"] is None


@pytest.mark.parametrize("username", [None, "team-one", "analyst", "chief"])
async def test_live_data_is_only_added_and_a_judgement_gets_its_verdict_once(
    fresh: Running, username: str | None
) -> None:
    """A submission may come again when its `reaction` becomes visible or hidden; nothing else of it changes."""
    caller = fresh.caller(None if username is None else login("late", username))
    told: dict[tuple[str, str], list[Json]] = {}
    for notification in map(json.loads, await caller.lines("contests/late/event-feed")):
        told.setdefault((notification["type"], notification["id"]), []).append(notification["data"])
    for (name, identifier), states in told.items():
        if name in ("runs", "clarifications", "commentary"):
            assert len(states) == 1, identifier
        if name == "judgements":
            assert len(states) <= 2, identifier
            assert "judgement_type_id" in states[-1] or "simplified_judgement_type_id" in states[-1]
            assert not any("end_time" in earlier for earlier in states[:-1]), identifier
        if name == "submissions":
            assert all(each | {"reaction": 0} == states[0] | {"reaction": 0} for each in states), identifier
    assert any(name == "judgements" and len(states) == 2 for (name, _), states in told.items())


async def test_types_limit_the_feed(fresh: Running, fresh_dsn: str) -> None:
    caller = fresh.caller(CHIEF)
    whole = await caller.lines(FEED)
    for types in ("teams", "teams,judgements", "contests", "contest", "judgements,,teams,", "commentary"):
        wanted = set(types.replace("contests", "contest").split(","))
        limited = await caller.lines(f"{FEED}?types={types}")
        expected = [line for line in whole if json.loads(line)["type"] in wanted]
        assert limited
        for ours, theirs in zip(map(json.loads, limited), map(json.loads, expected), strict=True):
            assert {**ours, "token": ""} == {**theirs, "token": ""}
    assert len(await caller.lines(f"{FEED}?types=")) == len(whole)


async def test_a_limited_feed_stays_limited_when_it_is_live(fresh: Running, fresh_dsn: str) -> None:
    contents = small_contest()
    count = len(await fresh.caller().lines(f"{FEED}?types=groups"))
    async with fresh.caller().stream(f"{FEED}?types=groups") as stream, opened(fresh_dsn) as store:
        await stream.until(count)
        await append(
            store,
            "small",
            altered(contents, "teams", "t1", label="100"),
            altered(contents, "groups", "main", name="The Site"),
        )
        notification = await stream.notification()
    assert (notification["type"], notification["data"]["name"]) == ("groups", "The Site")


async def test_a_type_that_does_not_exist_is_refused(fresh: Running) -> None:
    for types in ("nonsense", "teams,nonsense", "access", "scoreboard", "Teams"):
        await expect_error(fresh.caller(), "GET", f"{FEED}?types={types}", 400)


async def test_other_parameters_are_ignored(fresh: Running) -> None:
    assert await fresh.caller().lines(f"{FEED}?public=1&foo=bar") == await fresh.caller().lines(FEED)


@pytest.mark.parametrize("method", WRITING)
async def test_a_feed_can_only_be_read(fresh: Running, method: str) -> None:
    for who in (None, CHIEF):
        await expect_error(fresh.caller(who), method, FEED, 405, data=b"{}")


async def test_the_end_of_updates_is_the_last_line_of_every_feed(fresh: Running, fresh_dsn: str) -> None:
    for who in (None, login("late", "team-one"), login("late", "analyst"), login("late", "chief")):
        caller = fresh.caller(who)
        lines = await caller.lines("contests/late/event-feed")
        last = json.loads(lines[-1])
        assert (last["type"], bool(last["data"]["end_of_updates"])) == ("state", True)
        assert not any(
            json.loads(line)["data"].get("end_of_updates") for line in lines[:-1] if b"end_of_updates" in line
        )
        resumed = await caller.lines(f"contests/late/event-feed?since_token={token_of(lines[-2])}")
        assert resumed == lines[-1:]


async def test_a_release_at_thaw_is_whole_before_the_end_of_updates(fresh: Running, fresh_dsn: str) -> None:
    async with fresh.caller().stream(FEED) as stream, opened(fresh_dsn) as store:
        await stream.until(len(await fresh.caller().lines(FEED)))
        await append(store, "small", state(**STATES["over"]), state(**STATES["over"], end_of_updates=400))
        notifications = [await stream.notification()]
        while not (notifications[-1]["type"] == "state" and notifications[-1]["data"]["end_of_updates"]):
            notifications.append(await stream.notification())
        assert {"j4", "j5"} <= {each["id"] for each in notifications}
        assert await stream.line() == b""


async def test_times_have_three_decimals_everywhere(fresh: Running) -> None:
    time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")
    relative = re.compile(r"-?(0|[1-9]\d*):[0-5]\d:[0-5]\d\.\d{3}")
    found = 0
    for line in await fresh.caller(login("late", "chief")).lines("contests/late/event-feed"):
        data = json.loads(line)["data"]
        for name, value in data.items():
            if isinstance(value, str) and (name in ("time", "start_time", "end_time", "started", "ended")):
                assert time.fullmatch(value), line
                found += 1
            if isinstance(value, str) and name in ("contest_time", "duration", "penalty_time"):
                assert relative.fullmatch(value), line
                found += 1
    assert found > 30


async def test_a_client_that_leaves_does_not_disturb_the_others(fresh: Running, fresh_dsn: str) -> None:
    count = len(await fresh.caller().lines(FEED))
    async with fresh.caller().stream(FEED) as stays, opened(fresh_dsn) as store:
        await stays.until(count)
        async with fresh.caller().stream(FEED) as leaves:
            await leaves.until(1)
        await append(store, "small", altered(small_contest(), "teams", "t1", label="7"))
        assert (await stays.notification())["data"]["label"] == "7"


async def test_many_listeners_get_the_same_lines(fresh: Running, fresh_dsn: str) -> None:
    contents = small_contest()
    count = len(await fresh.caller().lines(FEED))
    async with AsyncExitStack() as stack, opened(fresh_dsn) as store:
        streams = [await stack.enter_async_context(fresh.caller().stream(FEED)) for _ in range(50)]
        await asyncio.gather(*(stream.until(count) for stream in streams))
        for number in range(10):
            await append(store, "small", altered(contents, "teams", "t1", label=str(number)))
        received = await asyncio.gather(*(stream.until(10) for stream in streams))
    assert all(each == received[0] for each in received)
    assert [each["data"]["label"] for each in received[0]] == [str(number) for number in range(10)]


async def test_a_stopping_server_ends_its_streams_properly(fresh_dsn: str) -> None:
    async with running(fresh_dsn) as server, server.caller().stream(FEED) as stream:
        await stream.until(len(await server.caller().lines(FEED)))
        stopping = asyncio.create_task(server.server.stop())
        await stream.to_its_end()
        await stopping


async def test_a_pending_judgement_becomes_a_verdict_in_one_line_each(fresh: Running, fresh_dsn: str) -> None:
    pending = Judgement(id="j9", submission_id="s1", start_time=moment(200), current=False)
    final = Judgement(
        id="j9", submission_id="s1", start_time=moment(200), end_time=moment(201), judgement_type_id="CE", current=False
    )
    caller = fresh.caller(CHIEF)
    last = token_of((await caller.lines(FEED))[-1])
    async with caller.stream(f"{FEED}?since_token={last}") as stream, opened(fresh_dsn) as store:
        await append(store, "small", pending)
        first = await stream.notification()
        await append(store, "small", final)
        second = await stream.notification()
    assert "judgement_type_id" not in first["data"]
    assert second["data"]["judgement_type_id"] == "CE"
    assert second["data"] == await caller.json("contests/small/judgements/j9")


async def test_after_the_end_of_updates_the_log_refuses_more(fresh_dsn: str) -> None:
    """Whoever imports something else into a contest whose updates have ended is refused, and the log stays."""
    async with opened(fresh_dsn) as store:
        before = (await store.heads())[stream_of("late")]
        with pytest.raises((Refused, StoreRefused)):
            await imported_into(store, small_contest("late", "frozen"))
        assert (await store.heads())[stream_of("late")] == before
