"""Workers and their supervisor that are killed: what was acknowledged is there, feeds go on, nothing happens twice."""

import asyncio
import json
import os
import signal
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from cds.circumstances import SYSTEM
from schemas.times import format_time
from tests.acceptance.command_line import until
from tests.cds.contest_api.serving import LINE_BYTES_MAX, SERVER_ADMIN, Caller
from tests.cds.contest_api.worker_groups import Group, alive, group_of, happens

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITERS = 4
FOLLOWERS = 6
START_IN_MS = 3_000
LOST = (aiohttp.ClientError, ConnectionError, EOFError, TimeoutError)


class Writer:
    """Somebody who writes again and again, and tries what was not acknowledged once more."""

    def __init__(self, caller: Caller, number: int) -> None:
        self.path = f"contests/live/groups/w{number}"
        self.number = number
        self.caller = caller
        self.acknowledged = -1
        self.lost = 0

    async def write(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            body = {"id": f"w{self.number}", "name": str(self.acknowledged + 1)}
            try:
                answer = await self.caller.ask("PUT", self.path, json=body)
            except LOST:
                self.lost += 1
                continue
            assert answer.status in (200, 201), answer.body
            self.acknowledged += 1


class Follower:
    """Somebody who follows the feed and goes on at the last token, wherever that is."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.lines: list[bytes] = []
        self.begun = 0

    async def follow(self) -> None:
        while True:
            since = f"?since_token={json.loads(self.lines[-1])['token']}" if self.lines else ""
            with suppress(*LOST):
                async with self.caller.stream(f"contests/live/event-feed{since}") as feed:
                    assert feed.response.status == 200
                    self.begun += 1
                    while True:
                        line = await feed.line()
                        self.lines += [line] if line else []


async def test_a_worker_killed_under_writes_and_feeds_costs_connections_and_nothing_else(
    made_dsn: str, tmp_path: Path
) -> None:
    """First the one that plays the clock, before a contest is to start; then the other. All that was acknowledged is
    there, feeds have no gap, the contest starts and ends once, those that came in their place are counted.
    """
    async with group_of(2, made_dsn, tmp_path) as group, AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), read_bufsize=LINE_BYTES_MAX)
        )
        caller = Caller(session, group.base, SERVER_ADMIN)
        writers = [Writer(caller, number) for number in range(WRITERS)]
        followers = [Follower(caller) for _ in range(FOLLOWERS)]
        enough = asyncio.Event()
        following = [asyncio.create_task(follower.follow()) for follower in followers]
        writing = [asyncio.create_task(writer.write(enough)) for writer in writers]
        await until(lambda: all(follower.begun for follower in followers))
        start_time = await starting_soon(caller)
        (player,) = await group.players()
        for worker in (player, 1 - player):
            before = [writer.acknowledged for writer in writers]
            os.kill(group.pids()[worker], signal.SIGKILL)
            await until(partial(all_wrote_on, writers, before))
            await group.until_whole(2)
        enough.set()
        await asyncio.gather(*writing)
        lines = await caller.lines("contests/live/event-feed")
        await until(lambda: all(len(follower.lines) >= len(lines) for follower in followers))
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        assert sum(follower.begun for follower in followers) > FOLLOWERS
        assert all(follower.lines == lines for follower in followers)
        for writer in writers:
            assert int((await caller.json(writer.path))["name"]) >= writer.acknowledged
        assert "\ncds_worker_restarts_total 2.0\n" in (await caller.get(f"{group.root}/metrics")).body.decode()
        await started_and_ended_once(caller, start_time)
        await ends_in_order(group)


async def starting_soon(caller: Caller) -> str:
    """A contest of a second that is about to start; returns when."""
    start_time = format_time(SYSTEM.now_us() // 1_000 + START_IN_MS)
    contest = {"id": "soon", "name": "Soon", "start_time": start_time, "duration": "0:00:01.000"}
    answer = await caller.ask("PUT", "contests/soon", json=contest | {"scoreboard_type": "pass-fail"})
    assert answer.status == 201
    return start_time


async def started_and_ended_once(caller: Caller, start_time: str) -> None:
    """Wait for the end of the contest, and look at how it came to it."""

    async def over() -> bool:
        state = await caller.json("contests/soon/state")
        return state.get("ended") is not None

    await happens(over, "the contest ends")
    states = [json.loads(line)["data"] for line in await caller.lines("contests/soon/event-feed?types=state")]
    reached = [(state["started"], state["ended"] is not None) for state in states if state["started"] is not None]
    assert reached == [(start_time, False), (start_time, True)]


def all_wrote_on(writers: list[Writer], before: list[int]) -> bool:
    """Whether every writer has been acknowledged some more since."""
    return all(writer.acknowledged > count + 5 for writer, count in zip(writers, before, strict=True))


async def ends_in_order(group: Group) -> None:
    """Told to stop, the supervisor has the workers end their feeds, and ends when they have."""
    pids = group.pids().values()
    async with group.on(0) as one, one.stream("contests/live/event-feed") as feed:
        group.process.process.send_signal(signal.SIGTERM)
        with suppress(EOFError):
            while True:
                await feed.line()
        assert feed.response.content.exception() is None
        await until(lambda: group.process.process.poll() is not None)
    assert group.process.process.returncode == 0
    assert not any(alive(pid) for pid in pids)
