"""The scoreboard, rule by rule: pass-fail contests, groups, ties, the freeze."""

import pytest

from projections.scoreboard import UnknownGroup
from schemas.aggregates import ProblemCell, Score
from tests.projections.scoreboard_builders import (
    FREEZE,
    START,
    Boards,
    Event,
    cell_of,
    contest,
    group,
    judged,
    judgement,
    judgement_type,
    moment,
    problem,
    ranks,
    read,
    row_of,
    started,
    state,
    submission,
    team,
)


def many(count: int, verdict: str, team_id: str, problem_id: str, first: int) -> list[Event]:
    """Rejected tries at the start of the contest."""
    return [
        event
        for number in range(first, first + count)
        for event in judged(str(number), team_id, problem_id, "0:00:01.000", verdict)
    ]


def test_check_value_of_the_specification() -> None:
    """Solves at 20, 55 and 205 minutes with 0, 1 and 2 penalised tries: 340 minutes."""
    boards = started(
        problem("c", 2),
        *judged("1", "t1", "a", "0:20:59.990", "AC"),
        *many(1, "WA", "t1", "b", 10),
        *judged("2", "t1", "b", "0:55:00.000", "AC"),
        *many(2, "TLE", "t1", "c", 20),
        *judged("3", "t1", "c", "3:25:30.000", "AC"),
    )
    board = read(boards.live.scoreboard())
    assert row_of(board, "t1").score == Score(num_solved=3, total_time="5:40:00.000", time="3:25:00.000")
    assert [cell.time for cell in row_of(board, "t1").problems] == ["0:20:00.000", "0:55:00.000", "3:25:00.000"]
    assert [cell.num_judged for cell in row_of(board, "t1").problems] == [1, 2, 3]


def test_what_is_not_solved_has_no_time_and_a_score_without_solves_has_a_null() -> None:
    encoded = started().live.scoreboard()
    assert b'"score":{"num_solved":0,"total_time":"0:00:00.000","time":null}' in encoded
    assert b'{"problem_id":"a","num_judged":0,"num_pending":0,"solved":false}' in encoded


def test_ties_share_a_rank_and_the_following_ranks_are_skipped() -> None:
    """17, 17, 17, 17, 21: sixteen teams solve two problems, four one, one none."""
    boards = started()
    for number in range(1, 22):
        boards.apply(team(f"t{number}", f"Team {number:02}"))
        solved = 2 if number <= 16 else 1 if number <= 20 else 0
        for problem_id in ("a", "b")[:solved]:
            solve = f"0:{number if solved == 2 else 30:02}:00.000"
            boards.apply(*judged(f"{problem_id}{number}", f"t{number}", problem_id, solve, "AC"))
    board = read(boards.live.scoreboard())
    assert [row.rank for row in board.rows] == [*range(1, 17), 17, 17, 17, 17, 21]
    assert ranks(board)[16:] == [(17, "t17"), (17, "t18"), (17, "t19"), (17, "t20"), (21, "t21")]


def test_total_time_decides_before_the_last_solve_and_the_last_solve_before_the_name() -> None:
    boards = started(
        team("t3"),
        *judged("1", "t1", "a", "0:10:00.000", "AC"),
        *judged("2", "t1", "b", "0:50:00.000", "AC"),
        *judged("3", "t2", "a", "0:25:00.000", "AC"),
        *judged("4", "t2", "b", "0:35:00.000", "AC"),
        *judged("5", "t3", "a", "0:01:00.000", "AC"),
        *judged("6", "t3", "b", "0:58:00.000", "AC"),
    )
    assert ranks(read(boards.live.scoreboard())) == [(1, "t3"), (2, "t2"), (3, "t1")]


def test_nothing_after_the_first_accepted_counts() -> None:
    boards = started(
        *judged("1", "t1", "a", "0:30:00.000", "AC"),
        *judged("2", "t1", "a", "0:40:00.000", "WA"),
        *judged("3", "t1", "a", "0:50:00.000", "AC"),
        submission("4", "t1", "a", "1:00:00.000"),
    )
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert cell == ProblemCell(problem_id="a", num_judged=1, num_pending=0, solved=True, time="0:30:00.000")


def test_an_earlier_submission_judged_later_takes_over_the_solve() -> None:
    boards = started(
        submission("1", "t1", "a", "0:10:00.000"),
        *judged("2", "t1", "a", "0:20:00.000", "AC"),
    )
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").time == "0:20:00.000"
    boards.apply(judgement("j1", "1", "AC"))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").time == "0:10:00.000"


def test_a_compile_error_neither_counts_nor_costs() -> None:
    boards = started(*judged("1", "t1", "a", "0:10:00.000", "CE"), *judged("2", "t1", "a", "0:20:00.000", "AC"))
    row = row_of(read(boards.live.scoreboard()), "t1")
    assert (row.problems[0].num_judged, row.score.total_time) == (1, "0:20:00.000")


def test_where_types_say_nothing_of_penalties_only_compile_errors_are_left_out() -> None:
    boards = started(
        judgement_type("WA", penalty=None),
        judgement_type("CE", penalty=None),
        *judged("1", "t1", "a", "0:10:00.000", "CE"),
        *judged("2", "t1", "a", "0:20:00.000", "WA"),
        penalty_time=None,
    )
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").num_judged == 1


@pytest.mark.parametrize("verdict", [None, "JE"])
def test_no_verdict_and_a_judging_error_are_pending(verdict: str | None) -> None:
    boards = started(submission("1", "t1", "a", "0:10:00.000"), judgement("j1", "1", verdict))
    cell = cell_of(read(boards.live.scoreboard()), "t1", "a")
    assert (cell.num_judged, cell.num_pending) == (0, 1)


def test_the_current_judgement_counts() -> None:
    """The older one is set aside; of two that are current the one started last counts, whatever its place."""
    boards = started(
        submission("1", "t1", "a", "0:10:00.000"),
        judgement("j2", "1", "AC", "0:12:00.000"),
        judgement("j1", "1", "WA", "0:11:00.000"),
    )
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").solved is True
    boards.apply(judgement("j2", "1", "AC", "0:12:00.000", current=False))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").solved is False
    boards.apply(judgement("j3", "1", "AC", "0:11:00.000"))
    assert cell_of(read(boards.live.scoreboard()), "t1", "a").solved is True


def test_submissions_outside_the_contest_do_not_count() -> None:
    boards = started(
        *judged("1", "t1", "a", "-0:00:00.001", "AC"),
        *judged("2", "t1", "b", "5:00:00.000", "AC"),
        *judged("3", "t2", "a", "0:00:00.000", "AC"),
        *judged("4", "t2", "b", "4:59:59.999", "AC"),
    )
    board = read(boards.live.scoreboard())
    assert [row.score.num_solved for row in board.rows] == [2, 0]
    assert cell_of(board, "t1", "a").num_pending == 0


def test_frozen_submissions_are_pending_until_thaw() -> None:
    boards = started(
        *judged("1", "t1", "a", "3:59:59.999", "AC"),
        *judged("2", "t1", "b", FREEZE, "AC"),
        *judged("3", "t1", "b", "4:10:00.000", "CE"),
    )
    frozen = read(boards.frozen.scoreboard())
    assert [(cell.solved, cell.num_judged, cell.num_pending) for cell in row_of(frozen, "t1").problems] == [
        (True, 1, 0),
        (False, 0, 2),
    ]
    assert row_of(read(boards.live.scoreboard()), "t1").score.num_solved == 2
    boards.apply(state(started=START, frozen=moment(FREEZE), ended=moment("5:00:00.000"), thawed=moment("6:00:00.000")))
    assert boards.frozen.scoreboard() == boards.live.scoreboard()


def test_a_submission_before_the_freeze_that_is_judged_during_it_is_shown() -> None:
    boards = started(submission("1", "t1", "a", "3:59:00.000"), judgement("j1", "1", "AC", "4:30:00.000"))
    assert cell_of(read(boards.frozen.scoreboard()), "t1", "a").solved is True


def test_main_group_and_other_groups() -> None:
    """A group is ranked from 1, whether it is the main one or not; an unknown one is refused."""
    boards = started(
        group("main"),
        group("guests"),
        team("t1", groups=["main"]),
        team("t2", groups=["main", "guests"]),
        team("t3", groups=["guests"]),
        *judged("1", "t1", "a", "0:10:00.000", "AC"),
        *judged("2", "t2", "a", "0:20:00.000", "AC"),
        *judged("3", "t3", "a", "0:30:00.000", "AC"),
        main_scoreboard_group_id="main",
    )
    assert ranks(read(boards.live.scoreboard())) == [(1, "t1"), (2, "t2")]
    assert ranks(read(boards.live.scoreboard("guests"))) == [(1, "t2"), (2, "t3")]
    with pytest.raises(UnknownGroup, match="no group 'nobody'"):
        boards.live.scoreboard("nobody")
    boards.apply(contest())
    assert ranks(read(boards.live.scoreboard())) == [(1, "t1"), (2, "t2"), (3, "t3")]
    assert ranks(read(boards.live.scoreboard("guests"))) == [(1, "t2"), (2, "t3")]
    boards.apply(("groups", "guests", None))
    with pytest.raises(UnknownGroup):
        boards.live.scoreboard("guests")


def test_teams_without_submissions_are_listed() -> None:
    assert ranks(read(started().live.scoreboard())) == [(1, "t1"), (1, "t2")]


def test_names_inside_a_tie_go_by_the_unicode_collation_algorithm() -> None:
    """Letters first, then accents, then case, then the id; neither code points nor the order in the log."""
    names = ["apple", "Äpfel", "äpfel", "cote", "Cote", "coté", "côte", "zebra", "Zürich", "Zuse", "apple"]
    boards = Boards(team(f"t{number:02}", name) for number, name in enumerate(names))
    by_id = {f"t{number:02}": name for number, name in enumerate(names)}
    rows = read(boards.live.scoreboard()).rows
    expected = ["äpfel", "Äpfel", "apple", "apple", "cote", "Cote", "coté", "côte", "zebra", "Zürich", "Zuse"]
    assert [by_id[row.team_id] for row in rows] == expected
    assert [row.team_id for row in rows][2:4] == ["t00", "t10"]
    assert {row.rank for row in rows} == {1}


def test_problems_stand_by_ordinal() -> None:
    boards = started(problem("z", -1), problem("b", 7))
    assert [cell.problem_id for cell in read(boards.live.scoreboard()).rows[0].problems] == ["z", "a", "b"]


def test_who_does_not_see_the_problems_sees_no_cells_and_no_score() -> None:
    boards = started(*judged("1", "t2", "a", "0:10:00.000", "AC"))
    board = read(boards.frozen.scoreboard(problems_visible=False))
    assert [(row.rank, row.team_id, row.problems) for row in board.rows] == [(1, "t1", []), (1, "t2", [])]
    assert board.time == START
    assert ranks(read(boards.frozen.scoreboard())) == [(1, "t2"), (2, "t1")]
