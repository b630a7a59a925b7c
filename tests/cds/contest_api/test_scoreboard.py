"""The scoreboard on the wire (Contest API, "Scoreboard")."""

import pytest

from tests.cds.contest_api.serving import Caller, Json, Running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.contest_api.test_http import WRITING, expect_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERYBODY = ("public", *ROLE_OF_ACCOUNT)
BEHIND_THE_FREEZE = {"judge", "staff", "chief"}
"""Typed from roles.md: who sees the live scoreboard."""


def caller_of(server: Running, who: str, contest_id: str = "small") -> Caller:
    """An account of a small contest, or the public."""
    return server.caller(None if who == "public" else login(contest_id, who))


async def ranks(caller: Caller, path: str) -> list[tuple[int, str, int]]:
    """Rank, team and number of problems solved of every row."""
    rows: list[Json] = (await caller.json(path))["rows"]
    return [(row["rank"], row["team_id"], row["score"]["num_solved"]) for row in rows]


@pytest.mark.parametrize("method", WRITING)
@pytest.mark.parametrize("who", EVERYBODY)
async def test_the_scoreboard_can_only_be_read(served: Running, method: str, who: str) -> None:
    await expect_error(caller_of(served, who), method, "contests/small/scoreboard", 405, data=b"{}")


@pytest.mark.parametrize("who", EVERYBODY)
async def test_who_is_behind_the_freeze(served: Running, who: str) -> None:
    caller = caller_of(served, who)
    frozen, live = [(1, "t1", 1), (2, "t2", 1)], [(1, "t2", 2), (2, "t1", 1)]
    assert await ranks(caller, "contests/small/scoreboard") == (live if who in BEHIND_THE_FREEZE else frozen)
    assert await ranks(caller, "contests/small/scoreboard?frozen=true") == frozen


async def test_after_thaw_everybody_sees_the_same_board(served: Running) -> None:
    boards = {(await caller_of(served, who, "late").get("contests/late/scoreboard")).body for who in EVERYBODY}
    assert len(boards) == 1


async def test_all_teams_of_the_main_group_and_no_others_are_on_it(served: Running) -> None:
    early = await ranks(served.caller(), "contests/early/scoreboard")
    assert early == [(1, "t1", 0), (1, "t2", 0)]
    assert {team for _, team, _ in await ranks(served.caller(), "contests/small/scoreboard")} == {"t1", "t2"}


async def test_a_group_is_ranked_by_itself(served: Running) -> None:
    assert await ranks(served.caller(), "contests/small/scoreboard?group_id=guests") == [(1, "t3", 0)]
    main = await served.caller().get("contests/small/scoreboard?group_id=main")
    assert main.body == (await served.caller().get("contests/small/scoreboard")).body


@pytest.mark.parametrize("group", ["nonsense", "", "MAIN", "t1", "..%2Fmain"])
async def test_a_group_that_is_none_is_refused(served: Running, group: str) -> None:
    await expect_error(served.caller(), "GET", f"contests/small/scoreboard?group_id={group}", 404)
    await expect_error(caller_of(served, "chief"), "GET", f"contests/small/scoreboard?group_id={group}", 404)


async def test_problems_are_not_given_away_before_the_start(served: Running) -> None:
    public = await served.caller().json("contests/early/scoreboard")
    assert all(row["problems"] == [] for row in public["rows"])
    judge = await caller_of(served, "judge", "early").json("contests/early/scoreboard")
    assert [cell["problem_id"] for cell in judge["rows"][0]["problems"]] == ["apples", "bridges"]


async def test_rows_say_what_clients_look_for(served: Running) -> None:
    board = await caller_of(served, "chief").json("contests/small/scoreboard")
    assert set(board) == {"time", "contest_time", "state", "rows"}
    assert board["state"] == await served.caller().json("contests/small/state")
    first = board["rows"][0]
    assert first["score"] == {"num_solved": 2, "total_time": "6:10:00.000", "time": "4:10:00.000"}
    assert first["problems"][0] == {
        "problem_id": "apples",
        "num_judged": 1,
        "num_pending": 0,
        "solved": True,
        "time": "2:00:00.000",
    }
    early = await served.caller().json("contests/early/scoreboard")
    assert early["rows"][0]["score"]["time"] is None
