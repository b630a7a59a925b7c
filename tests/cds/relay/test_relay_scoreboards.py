"""Scoreboards that are followed through relays: those of the source, one stream of it for all who follow the same."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.cds.contest_api.board_streams import FollowedBoard, following
from tests.cds.contest_api.serving import DEADLINE_S, SERVER_ADMIN, Caller, Running, append, opened, running
from tests.cds.contest_api.small_contest import altered, small_contest
from tests.cds.contest_api.test_logins import commands
from tests.cds.relay.relays import chained, free_port, relaying
from tests.cds.relay.test_relay_feeds import LOGINS

BOARD = "contests/small/scoreboard"
VERDICTS = ("WA", "TLE", "AC", "CE", "AC")
JUDGE = LOGINS["judge"]


async def judge(dsn: str, verdict: str) -> None:
    """Change a verdict that counts on everybody's board."""
    async with opened(dsn) as store:
        await append(store, "small", altered(small_contest(), "judgements", "j2", judgement_type_id=verdict))


async def level(caller: Caller, board: FollowedBoard, query: str = "") -> None:
    """Follow until the board is that of the source."""
    await board.until(await caller.json(BOARD + query))


@pytest.mark.parametrize("query", ["", "?group_id=main", "?frozen=true"])
@pytest.mark.parametrize("name", ["public", "judge"])
async def test_boards_are_those_of_the_source(fresh: Running, fresh_dsn: str, name: str, query: str) -> None:
    """At every depth, after every verdict; with the ids that the source gives them, and in differences."""
    async with chained(fresh) as chain, AsyncExitStack() as stack:
        callers = chain.callers(LOGINS[name])
        boards = [await stack.enter_async_context(following(caller, BOARD + query)) for caller in callers]
        for verdict in VERDICTS:
            for board in boards:
                await level(callers[0], board, query)
            assert len({board.events[-1].identifier for board in boards}) == 1
            await judge(fresh_dsn, verdict)
            async with asyncio.timeout(DEADLINE_S):
                while (await callers[0].json(BOARD + query)) == boards[0].board and verdict != "TLE":
                    await asyncio.sleep(0.01)
        for board in boards:
            await level(callers[0], board, query)
            assert board.events[0].kind == "scoreboard"
            assert "changes" in [event.kind for event in board.events]


async def test_a_follower_goes_on_at_another_relay(fresh: Running, fresh_dsn: str) -> None:
    """The id of a board is known wherever that board was; only what changed since is sent then."""
    async with chained(fresh) as chain, AsyncExitStack() as stack:
        callers = chain.callers(None)
        others = [await stack.enter_async_context(following(caller, BOARD)) for caller in callers]
        for board in others:
            await level(callers[0], board)
        known = others[2].events[-1].identifier
        await judge(fresh_dsn, "CE")
        for board in others:
            await board.event()
        for caller in callers:
            async with following(caller, BOARD, Last_Event_ID=known) as board:
                board.board = await callers[0].json(BOARD)
                assert (await board.next()).kind == "changes"


async def test_many_followers_cost_one_stream_of_the_source(fresh: Running, fresh_dsn: str) -> None:
    """And none when the last has gone."""
    async with chained(fresh) as chain:
        async with AsyncExitStack() as stack:
            caller = chain.second.caller()
            boards = [await stack.enter_async_context(following(caller, BOARD)) for _ in range(30)]
            for board in boards:
                await board.event()
            assert fresh.server.service.feeds.board_places._in_all == 1
            await judge(fresh_dsn, "CE")
            assert {(await board.event()).kind for board in boards} == {"changes"}
        async with asyncio.timeout(DEADLINE_S):
            while fresh.server.service.feeds.board_places._in_all:
                await asyncio.sleep(0.01)


async def test_a_get_after_an_event_is_never_older(fresh: Running, fresh_dsn: str) -> None:
    """Also where nobody follows a feed at the relay, and the answer was asked for a moment before."""
    async with chained(fresh) as chain:
        caller = chain.second.caller()
        async with following(caller, BOARD) as board:
            await board.event()
            for verdict in VERDICTS:
                before = await caller.json(BOARD)
                assert before == board.board
                await judge(fresh_dsn, verdict)
                async with asyncio.timeout(DEADLINE_S):
                    while board.board == before and verdict != "TLE":
                        await board.event()
                        assert await caller.json(BOARD) == board.board


async def test_followers_stay_while_the_source_is_away(fresh_dsn: str) -> None:
    port = free_port()
    async with AsyncExitStack() as stack:
        async with running(fresh_dsn, port=port) as source:
            relay = await stack.enter_async_context(relaying(source.root))
            board = await stack.enter_async_context(following(relay.caller(), BOARD))
            await level(source.caller(), board)
        for _ in range(3):
            assert (await board.next()).kind == "comment"
        await judge(fresh_dsn, "CE")
        async with running(fresh_dsn, port=port) as source:
            await level(source.caller(), board)
            assert board.board["rows"][0]["score"]["num_solved"] == 1


async def test_who_may_not_go_on_is_ended(fresh: Running, fresh_dsn: str) -> None:
    """The login was disabled, and is refused from then on; who was never let in is told so."""
    assert JUDGE is not None
    async with chained(fresh) as chain:
        async with following(chain.second.caller(JUDGE), BOARD) as board:
            await board.event()
            await commands(fresh_dsn).set_disabled("judge", disabled=True)
            await board.to_its_end()
        for entry, status in ((JUDGE, 401), (("nobody", "x"), 401)):
            answer = await chain.second.caller(entry).get(BOARD, headers={"Accept": "text/event-stream"})
            assert answer.status == status
        for path in ("contests/nowhere/scoreboard", f"{BOARD}?group_id=nowhere"):
            answer = await chain.second.caller(SERVER_ADMIN).get(path, headers={"Accept": "text/event-stream"})
            assert answer.status == 404


async def test_a_relay_that_stops_ends_its_followers_properly(fresh: Running) -> None:
    async with relaying(fresh.root) as relay, following(relay.caller(), BOARD) as board:
        await board.event()
        async with asyncio.timeout(2.0):
            await relay.server.stop()
        await board.to_its_end()
