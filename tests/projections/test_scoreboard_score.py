"""The scoreboard of score contests, rule by rule."""

import pytest

from tests.projections.scoreboard_builders import (
    cell_of,
    judged,
    ranks,
    read,
    row_of,
    started,
    submission,
    team,
)


def test_score_contest_adds_up_the_best_scores_of_any_verdict() -> None:
    """The time moves only when the score rises; decimals add up as they are written."""
    boards = started(
        *judged("1", "t1", "a", "0:10:00.500", "WA", score=0.1),
        *judged("2", "t1", "a", "0:20:00.000", "WA", score=0.1),
        *judged("3", "t1", "b", "0:15:00.250", "WA", score=0.2),
        *judged("4", "t1", "b", "0:30:00.000", "CE", score=0),
        *judged("5", "t2", "a", "0:40:00.000", "AC", score=100.0),
        submission("6", "t2", "a", "0:50:00.000"),
        submission("7", "t1", "a", "0:50:00.000"),
        scoreboard_type="score",
    )
    encoded = boards.live.scoreboard()
    board = read(encoded)
    assert b'"score":{"score":0.3,"time":"0:15:00.250"}' in encoded
    assert b'"score":{"score":100,"time":"0:40:00.000"}' in encoded
    assert ranks(board) == [(1, "t2"), (2, "t1")]
    assert [(c.num_judged, c.num_pending, c.time) for c in row_of(board, "t1").problems] == [
        (2, 1, "0:10:00.500"),
        (1, 0, "0:15:00.250"),
    ]
    assert cell_of(board, "t2", "a").num_pending == 0
    assert b'{"problem_id":"b","num_judged":0,"num_pending":0,"score":0}' in encoded


def test_equal_scores_go_by_the_last_improvement() -> None:
    boards = started(
        team("t3"),
        *judged("1", "t1", "a", "0:10:00.001", "WA", score=50),
        *judged("2", "t2", "a", "0:10:00.000", "WA", score=50),
        *judged("3", "t3", "b", "0:10:00.000", "WA", score=50),
        scoreboard_type="score",
    )
    assert ranks(read(boards.live.scoreboard())) == [(1, "t2"), (1, "t3"), (3, "t1")]


@pytest.mark.parametrize(
    ("scores", "total"),
    [([2**53, 2**53], b"1.8014398509481984e16"), ([1.7e308, 1.7e308], b"1.7976931348623157e308"), ([0.5, 0.5], b"1")],
)
def test_sums_stay_numbers_that_can_be_written(scores: list[float], total: bytes) -> None:
    boards = started(
        *judged("1", "t1", "a", "0:10:00.000", "WA", score=scores[0]),
        *judged("2", "t1", "b", "0:10:00.000", "WA", score=scores[1]),
        scoreboard_type="score",
    )
    assert b'"score":{"score":' + total + b',"time"' in boards.live.scoreboard()
