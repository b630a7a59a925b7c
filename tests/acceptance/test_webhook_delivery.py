"""Webhooks over the death of the server: nothing is lost, nothing comes out of order, whatever receivers do.

The server is a process of its own that is killed in the middle. What should have been told is a record of its own,
taken from the event feed; what was told is what the receivers wrote down.
"""

import asyncio
import signal
from collections.abc import Sequence
from pathlib import Path

import orjson

from tests.acceptance.command_line import ServerProcess, serving
from tests.cds.contest_api.serving import Caller, Json, Login
from tests.cds.contest_api.webhook_receiver import ReceivedCall, Receiver, receiving

ADMINISTRATOR: Login = ("admin", "secret")
CONTEST = {
    "id": "finals",
    "name": "Finals",
    "start_time": None,
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
OPTIONS = {"CDS_WEBHOOK_ALLOW_PRIVATE": "1", "CDS_WEBHOOK_TIMEOUT": "0.4"}
SOME_WRITES = 20
WRITE_EVERY_S = 0.02
FEED = "contests/finals/event-feed"


async def test_nothing_is_lost_or_reordered_whatever_receivers_do_and_however_the_server_dies(tmp_path: Path) -> None:
    """One receiver answers 500, hangs, drops the connection, redirects, is slow, dies and returns; another is good."""
    async with receiving() as unruly, receiving("another secret") as good:
        # Each is followed by a success, so that the waits between the calls stay short.
        unruly.plan = [500, "slow", "hang", 200, "drop", "slow", "redirect", 202, "chatty", "slow"]
        async with serving(tmp_path, **OPTIONS) as server:
            caller = server.caller(ADMINISTRATOR)
            await _make_contest(caller)
            before = await _feed(caller)
            ids = [await _registered(caller, receiver) for receiver in (unruly, good)]
            while unruly.plan:
                await _write(caller, 1)
                await asyncio.sleep(WRITE_EVERY_S)
            # From here on it takes every call slowly: the server dies while one is under way.
            unruly.otherwise = "slow"
            await _write(caller, SOME_WRITES)
            await unruly.until(lambda: unruly.at_once > 0)
            record = await _feed(caller)
            killed_at = await _killed(server, unruly, good)
        await unruly.die()
        unruly.otherwise = 204
        async with serving(tmp_path, **OPTIONS) as server:
            caller = server.caller(ADMINISTRATOR)
            await _write(caller, SOME_WRITES)
            await unruly.come()
            after = await _feed(caller)
            assert after[: len(record)] == record
            expected = [each["token"] for each in after[len(before) :]]
            await unruly.until(lambda: unruly.tokens()[-1:] == expected[-1:] == good.tokens()[-1:])
            for receiver, calls in zip((unruly, good), killed_at, strict=True):
                check(receiver.calls, calls, expected)
                assert receiver.at_once_most == 1
            shown = await caller.json("webhooks")
            assert [(each["id"], each["active"]) for each in shown] == [(identifier, True) for identifier in ids]


def check(calls: Sequence[ReceivedCall], killed_at: int, expected: Sequence[str]) -> None:
    """Every call holds consecutive notifications, and goes on right behind what was taken before.

    `killed_at` is the number of calls when the server was killed: what it sent last may have been taken without the
    server having noted it, and may then come once more, with the same tokens. Nothing else ever comes again.
    """
    next_up = 0
    for number, call in enumerate(calls):
        tokens = [each["token"] for each in call.notifications]
        begin = expected.index(tokens[0])
        assert tokens == list(expected[begin : begin + len(tokens)]), "not consecutive"
        if begin != next_up:
            assert number == killed_at, "not where the last call that was taken ended"
            assert begin == expected.index(calls[number - 1].notifications[0]["token"]), "more than one call again"
        if call.taken:
            next_up = begin + len(tokens)
    assert next_up == len(expected), "something was never told"


async def _killed(server: ServerProcess, *receivers: Receiver) -> list[int]:
    """Kill the server; how many calls each receiver had seen then."""
    await server.stopped(signal.SIGKILL)
    # What came in before the end is written down.
    await asyncio.sleep(0.1)
    return [len(receiver.calls) for receiver in receivers]


async def _make_contest(caller: Caller) -> None:
    answer = await caller.ask("PUT", "contests/finals", json=CONTEST)
    assert answer.status == 201, answer.body


async def _registered(caller: Caller, receiver: Receiver) -> str:
    answer = await caller.ask("POST", "webhooks", json={"url": receiver.url, "token": receiver.secret})
    assert answer.status == 201, answer.body
    identifier: str = answer.json["id"]
    return identifier


async def _write(caller: Caller, count: int) -> None:
    """Comments, each a notification of its own."""
    for _ in range(count):
        answer = await caller.ask("POST", "contests/finals/commentary", json={"message": "something happened"})
        assert answer.status == 201, answer.body


async def _feed(caller: Caller) -> list[Json]:
    """All lines of the feed so far."""
    return [orjson.loads(line) for line in await caller.lines(FEED)]
