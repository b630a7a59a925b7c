"""What a board does as events come in: its time, what is recomputed, who was first to solve."""

import msgspec
import pytest

from projections.scoreboard import Board, first_to_solve
from schemas.object_types import SINGLETON_ID
from schemas.objects import RemovedInterval
from tests.projections.scoreboard_builders import (
    FREEZE,
    NOTHING_HAPPENED,
    START,
    Boards,
    Event,
    contest,
    group,
    judged,
    judgement,
    judgement_types,
    moment,
    problem,
    read,
    started,
    state,
    submission,
    team,
)


def test_the_time_of_a_board_is_the_last_that_its_viewer_may_know() -> None:
    """First the start, then submissions and ends of judgements, those in the freeze on the live board alone."""
    boards = Boards()
    assert (read(boards.live.scoreboard()).time, boards.state.position) == ("1970-01-01T00:00:00.000Z", 0)
    boards.apply(contest(), problem("a"), team("t1"), *judgement_types())
    assert read(boards.live.scoreboard()).time == START
    boards.apply(state(started=START), *judged("1", "t1", "a", "1:00:00.000", "WA"))
    before = read(boards.frozen.scoreboard())
    assert (before.time, before.contest_time) == (moment("1:00:10.000"), "1:00:10.000")
    boards.apply(*judged("2", "t1", "a", FREEZE, "WA"))
    assert read(boards.frozen.scoreboard()).contest_time == FREEZE
    assert read(boards.live.scoreboard()).contest_time == "4:00:10.000"
    boards.apply(state(started=START, frozen=moment(FREEZE), ended=moment("5:00:00.000")))
    assert {read(board.scoreboard()).contest_time for board in (boards.live, boards.frozen)} == {"5:00:00.000"}
    boards.apply(state(started=START), ("judgements", "j2", None), ("submissions", "2", None))
    assert boards.frozen.scoreboard() == msgspec.json.encode(before)


def test_a_submission_that_does_not_count_does_not_move_the_time() -> None:
    boards = started(
        *judged("1", "t1", "a", "5:00:00.000", "AC"),
        *judged("2", "nobody", "a", "1:00:00.000", "AC"),
        *judged("3", "t1", "nothing", "1:00:00.000", "AC"),
    )
    assert read(boards.live.scoreboard()).time == START


@pytest.mark.parametrize(("end", "last"), [(None, "1:30:00.000"), (moment("1:40:00.000"), "1:40:00.000")])
def test_an_interruption_moves_the_time_but_not_the_contest_time(end: str | None, last: str) -> None:
    boards = started()
    pause = RemovedInterval(start=moment("1:30:00.000"), end=end, contest_time="1:30:00.000")
    state_object = msgspec.structs.replace(NOTHING_HAPPENED, started=START, removed_intervals=[pause])
    boards.apply(("state", SINGLETON_ID, state_object))
    board = read(boards.live.scoreboard())
    assert (board.time, board.contest_time) == (moment(last), "1:30:00.000")


def test_the_state_stands_in_the_board_as_it_is() -> None:
    encoded = started().live.scoreboard()
    assert b'"state":{"started":"%b","frozen":null,"ended":null,"thawed":null' % START.encode() in encoded


def test_one_judgement_recomputes_one_team() -> None:
    boards = started(*(event for n in range(9) for event in judged(f"s{n}", f"t{n % 3}", "a", "0:10:00.000", "WA")))
    boards.apply(team("t0"))
    live = boards.live
    first = live.scoreboard()
    count = live.recomputed_teams
    assert (live.scoreboard() is first, live.recomputed_teams) == (True, count)
    boards.apply(judgement("js1", "s1", "AC"))
    assert live.scoreboard() != first
    assert live.recomputed_teams == count + 1
    boards.apply(submission("s1", "t2", "a", "0:10:00.000"))
    live.scoreboard()
    assert live.recomputed_teams == count + 3
    boards.apply(judgement("js1", "s0", "AC", "0:20:00.000"))
    live.scoreboard()
    assert live.recomputed_teams == count + 5


@pytest.mark.parametrize(
    "event",
    [
        state(started=START, ended=moment("5:00:00.000")),
        team("t1", "Another Name"),
        contest(name="Another Name"),
        judgement("js", "s", "WA", "0:10:00.000", max_run_time=1.5),
        group("new"),
        ("languages", "cpp", None),
    ],
    ids=lambda event: event[0],
)
def test_what_changes_no_score_recomputes_no_team(event: Event) -> None:
    boards = started(*judged("s", "t1", "a", "0:10:00.000", "WA"))
    boards.live.scoreboard()
    count = boards.live.recomputed_teams
    boards.apply(event)
    read(boards.live.scoreboard())
    assert boards.live.recomputed_teams == count


def test_a_board_made_late_says_the_same_as_one_that_was_there() -> None:
    """Also where the order in the log decides: of two accepted at once the one that was created first."""
    boards = started(
        *judged("2", "t2", "a", "0:10:00.000", "AC"),
        *judged("1", "t1", "a", "0:10:00.000", "AC"),
    )
    late = Board(boards.state, frozen=False)
    assert late.scoreboard() == boards.live.scoreboard()
    assert late.first_to_solve() == boards.live.first_to_solve() == {"a": "t2"}
    boards.apply(("submissions", "2", None), *judged("2", "t2", "a", "0:10:00.000", "AC"))
    assert boards.live.first_to_solve() == first_to_solve(boards.state, frozen=False) == {"a": "t1"}


def test_first_to_solve_waits_for_what_is_pending_before() -> None:
    boards = started(
        submission("1", "t1", "a", "0:10:00.000"),
        *judged("2", "t2", "a", "0:20:00.000", "AC"),
        submission("3", "t1", "a", "0:30:00.000"),
        *judged("4", "t1", "b", FREEZE, "AC"),
    )
    assert boards.live.first_to_solve() == {"b": "t1"}
    boards.apply(judgement("j1", "1", "WA"))
    assert boards.live.first_to_solve() == {"a": "t2", "b": "t1"}
    assert boards.frozen.first_to_solve() == {"a": "t2"}


def test_only_teams_of_the_main_board_are_first_to_solve() -> None:
    boards = started(
        group("main"),
        team("t2", groups=["main"]),
        submission("1", "t1", "a", "0:05:00.000"),
        *judged("2", "t1", "a", "0:10:00.000", "AC"),
        *judged("3", "t2", "a", "0:20:00.000", "AC"),
        main_scoreboard_group_id="main",
    )
    assert boards.live.first_to_solve() == {"a": "t2"}
