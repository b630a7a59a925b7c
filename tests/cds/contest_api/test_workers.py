"""`cds serve --workers 2` as it is run: one port, two processes, one server for all who ask.

The database keeps every word to itself (NOTIFY), so no worker hears of another by hints: what holds here holds by the
marks that they share, and by asking the log where there is another group.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.acceptance.command_line import cds, until
from tests.cds.contest_api.live_contest_setup import login_of
from tests.cds.contest_api.serving import Caller, Stream, cloned_database
from tests.cds.contest_api.worker_groups import (
    Group,
    alive,
    all_of,
    callers_on,
    group_of,
    is_never_older,
    swallow_notify,
    words_of,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROUNDS = 20
WRITERS = 12
KEY = "Idempotency-Key"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def silent_dsn(made_template: str) -> AsyncIterator[str]:
    """A database with a contest that has not started, in which NOTIFY does nothing."""
    async with cloned_database(made_template) as dsn:
        await swallow_notify(dsn)
        yield dsn


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def group(silent_dsn: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Group]:
    """Two workers."""
    async with words_of(silent_dsn) as words, group_of(2, silent_dsn, tmp_path_factory.mktemp("group")) as running:
        yield running
        assert words == []


async def to_its_end(feed: Stream) -> None:
    """Come back when a feed ends."""
    with suppress(EOFError):
        while True:
            await feed.line()


async def test_two_processes_answer_on_one_port(group: Group) -> None:
    assert len(set(group.pids().values())) == 2
    async with callers_on([(group, 0), (group, 1)]) as callers:
        answers = [await caller.get("contests/live") for caller in callers]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
    assert answers[0].headers["ETag"] == answers[1].headers["ETag"]


async def test_a_get_on_any_worker_is_never_older_than_a_line_or_an_answer_of_another(group: Group) -> None:
    """Writes through both workers at once; after each line of one, and each answer, the other is asked."""
    places = [(group, 0), (group, 1)]
    async with callers_on([*places, *reversed(places), *places]) as callers:
        await is_never_older(callers[0:2], callers[2:4], callers[4:6], ROUNDS)


async def test_whoever_writes_through_any_worker_gets_through(group: Group) -> None:
    """All write to one contest at once, and each batch of one worker is in the way of the other's."""

    async def write(caller: Caller, number: int) -> None:
        for value in range(ROUNDS // 2):
            body = {"id": f"many{number}", "name": str(value)}
            answer = await caller.ask("PUT", f"contests/live/groups/many{number}", json=body)
            assert answer.status in (200, 201), answer.body

    async with callers_on([(group, number % 2) for number in range(WRITERS)]) as callers:
        await all_of([write(caller, number) for number, caller in enumerate(callers)])
        shown = {each["id"]: each["name"] for each in await callers[0].json("contests/live/groups")}
    assert all(shown[f"many{number}"] == str(ROUNDS // 2 - 1) for number in range(WRITERS))


async def test_tokens_work_on_every_worker(group: Group) -> None:
    async with callers_on([(group, 0), (group, 1)]) as (one, other):
        for caller in (one, other):
            lines = await one.lines("contests/live/event-feed")
            assert await other.lines("contests/live/event-feed") == lines
            for place in (0, len(lines) // 2, len(lines) - 1):
                since = json.loads(lines[place])["token"]
                assert await caller.lines(f"contests/live/event-feed?since_token={since}") == lines[place + 1 :]
    async with group.on(0) as one, group.on(1, login_of("team-one")) as team:
        since = json.loads((await one.lines("contests/live/event-feed"))[-1])["token"]
        assert (await team.get(f"contests/live/event-feed?since_token={since}")).status == HTTPStatus.BAD_REQUEST


async def test_a_disabled_account_and_a_new_password_count_on_every_worker_at_once(group: Group) -> None:
    path = "contests/live/accounts/judge"
    async with group.on(0) as admin, group.on(1, login_of("judge")) as judge:
        assert (await judge.get("contests/live/account")).status == HTTPStatus.OK
        assert (await admin.ask("PATCH", path, json={"password": "another"})).status == HTTPStatus.OK
        assert (await judge.get("contests/live/account")).status == HTTPStatus.UNAUTHORIZED
    async with group.on(0) as admin, group.on(1, ("judge", "another")) as judge:
        assert (await judge.get("contests/live/account")).status == HTTPStatus.OK
        async with judge.stream("contests/live/event-feed") as feed:
            assert (await admin.ask("DELETE", path)).status == HTTPStatus.NO_CONTENT
            await to_its_end(feed)
    async with group.on(1, ("judge", "another")) as judge:
        assert (await judge.get("contests/live/account")).status == HTTPStatus.UNAUTHORIZED


async def test_a_request_that_comes_again_on_another_worker_is_carried_out_once(group: Group) -> None:
    """At the same moment on both, and later on the other."""
    async with callers_on([(group, 0), (group, 1)]) as callers:
        before = len(await callers[0].json("contests/live/groups"))
        for number in range(4):
            key = {KEY: f"key-{number}"}
            body = {"name": f"Again {number}"}
            answers = await asyncio.gather(
                *(caller.ask("POST", "contests/live/groups", json=body, headers=key) for caller in callers)
            )
            answers.append(await callers[number % 2].ask("POST", "contests/live/groups", json=body, headers=key))
            assert {answer.status for answer in answers} == {201}, answers
            assert len({answer.json["id"] for answer in answers}) == 1
            other = await callers[(number + 1) % 2].ask("POST", "contests/live/groups", json={"name": "x"}, headers=key)
            assert other.status >= HTTPStatus.BAD_REQUEST
        for caller in callers:
            assert len(await caller.json("contests/live/groups")) == before + 4


async def test_one_of_all_workers_has_the_clock(group: Group) -> None:
    assert len(await group.players()) == 1


async def test_any_worker_tells_the_measurements_of_all(group: Group) -> None:
    """They meet in a directory of their own; each counts what it does."""
    async with callers_on([(group, 0), (group, 1)]) as callers:
        found = [(await caller.get(f"{group.root}/metrics")).body.decode() for caller in callers]
    for text in found:
        pids = set(re.findall(r'process_open_fds\{pid="(\d+)"\}', text))
        assert pids == {str(pid) for pid in group.pids().values()}


async def test_two_groups_on_one_database(group: Group, silent_dsn: str, tmp_path: Path) -> None:
    """Feeds are complete, and nobody is ever older, here or in the other group; the clock is still one worker's."""
    async with (
        group_of(2, silent_dsn, tmp_path) as other,
        callers_on([(group, 0), (other, 1), (other, 0), (group, 1), (group, 0), (other, 1)]) as callers,
    ):
        await is_never_older(callers[0:2], callers[2:4], callers[4:6], ROUNDS // 4)
        clocks = [*group.logged("duty_begun"), *other.logged("duty_begun")]
        assert len([line for line in clocks if line["duty"] == "contest clock"]) == 1


async def test_an_address_in_use_is_refused_in_one_line(group: Group, tmp_path: Path) -> None:
    port = group.root.rpartition(":")[2]
    outcome = await asyncio.to_thread(
        cds, "serve", "--workers", "2", "--port", port, "--data-dir", tmp_path / "data", cwd=tmp_path
    )
    assert outcome.code == 1
    assert len(outcome.reasons) == 1
    assert "address" in outcome.reasons[0]


async def test_nobody_is_left_when_the_supervisor_is_killed(group: Group) -> None:
    """The last of these tests, as it ends their group: the workers are gone at once, and the port is free."""
    pids = group.pids().values()
    group.process.process.kill()
    await until(lambda: not any(alive(pid) for pid in pids))
    with pytest.raises(aiohttp.ClientError):
        await group.process.caller().get("contests")
