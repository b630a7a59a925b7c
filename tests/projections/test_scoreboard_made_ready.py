"""A board that is made ready bit by bit says what one says that nobody has made ready, whatever happens in between."""

from collections.abc import Iterator
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections import scoreboard
from projections.scoreboard import Board
from schemas.extensions import ScoreboardRowExtension, SyncedTeam, TeamExtension
from schemas.objects import Team
from tests.projections.scoreboard_builders import Boards, Event, contest, read, state, submission
from tests.projections.scoreboard_histories import NAMES, configuration, history

SEEDS = st.integers(0, 2**32)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few submissions and teams take several steps."""
    monkeypatch.setattr(scoreboard, "CAUGHT_UP_AT_ONCE", 2)
    monkeypatch.setattr(scoreboard, "TEAMS_AT_ONCE", 1)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(5, 40))
def test_made_ready_while_things_happen_it_says_the_same(seed: int, length: int) -> None:
    dice, boards = Random(seed), Boards()
    steps: Iterator[None] = iter(())
    for event in history(seed, length):
        boards.apply(event)
        if dice.random() < 0.5 and next(steps, "the end") is not None:
            steps = boards.live.catching_up()
        if dice.random() < 0.1:
            boards.live.first_to_solve()
    for _ in steps:
        pass
    assert boards.live.scoreboard() == Board(boards.state, frozen=False).scoreboard()


def test_made_ready_nothing_is_left_to_be_computed() -> None:
    boards = Boards()
    for event in [contest(), state(), *configuration()]:
        boards.apply(event)
    for number in range(9):
        boards.apply(submission(f"s{number}", f"t{number % 3 + 1}", "a", "1:00:00.000"))
    behind = [boards.live.far_behind]
    for _ in boards.live.catching_up():
        pass
    behind.append(boards.live.far_behind)
    assert behind == [True, False]
    computed = boards.live.recomputed_teams
    boards.live.scoreboard()
    assert boards.live.recomputed_teams == computed == 3


def synced(number: int, sync: SyncedTeam | None) -> Event:
    """A team of which a platform says something."""
    extension = None if sync is None else TeamExtension(sync=sync)
    team_id = f"t{number}"
    return "teams", team_id, Team(id=team_id, name=NAMES[number], label=team_id, group_ids=["main"], ext=extension)


def test_rows_show_what_a_platform_says_and_follow_it() -> None:
    """Whatever is computed anew, and in contests of which no platform speaks nothing is shown."""
    boards = Boards()
    for event in [contest(), state(), *configuration()]:
        boards.apply(event)
    assert b'"ext"' not in boards.live.scoreboard()
    told = SyncedTeam(rank=7, points=2.5)
    boards.apply(synced(1, told))
    shown = {row.team_id: row.ext for row in read(boards.live.scoreboard()).rows}
    assert shown == {
        "t1": ScoreboardRowExtension(sync=told),
        "t2": msgspec.UNSET,
        "t3": msgspec.UNSET,
    }
    boards.apply(submission("s1", "t1", "a", "1:00:00.000"))
    row = next(row for row in read(boards.live.scoreboard()).rows if row.team_id == "t1")
    assert (row.problems[0].num_pending, row.ext) == (1, ScoreboardRowExtension(sync=told))
    boards.apply(synced(1, None))
    assert b'"ext"' not in boards.live.scoreboard()
