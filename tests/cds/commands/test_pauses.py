"""Time that does not count: removed intervals, and a countdown that is paused."""

import pytest

from cds.commands.contest_clock import due_changes
from cds.commands.contest_state import (
    StatePatch,
    decide_pause,
    decide_resume,
    decide_state,
)
from cds.commands.decision import Refused
from cds.commands.removed_intervals import INTERVALS_MAX, IntervalWanted
from projections.timeline import moment_ms
from tests.builders import moment, put, submission
from tests.cds.commands.playing import (
    START_MS,
    at,
    bare,
    contest,
    furnished,
    interval,
    its_contest,
    patched,
    played_to,
    present,
    refused,
    take,
    timed,
    types,
    wanted,
)

MINUTE_MS = 60_000
ENDED = moment("5:00:00.000")


# --- removed intervals -------------------------------------------------------------------------------------------


def test_a_pause_stops_contest_time_and_everything_goes_on_later() -> None:
    before = played_to(furnished(), "1:00:00.000")
    take(before, put(submission("s1", "t1", "a", "0:59:00.000")))
    changes = decide_pause(before, at("1:00:00.000"))
    assert types(changes) == ["state"]
    take(before, changes)
    assert present(before).removed_intervals == [interval("1:00:00.000", None, "1:00:00.000")]
    assert due_changes(before, at("9:00:00.000")) == []
    take(before, decide_resume(before, at("1:20:00.000")))
    assert present(before).removed_intervals == [interval("1:00:00.000", "1:20:00.000", "1:00:00.000")]
    take(before, decide_pause(before, at("2:20:00.000")))
    take(before, decide_resume(before, at("2:30:00.000")))
    assert present(before).removed_intervals == [
        interval("1:00:00.000", "1:20:00.000", "1:00:00.000"),
        interval("2:20:00.000", "2:30:00.000", "2:00:00.000"),
    ]
    assert present(played_to(before, "9:00:00.000")).ended == moment("5:30:00.000")


def test_a_removed_interval_in_the_past_moves_contest_times_and_the_end() -> None:
    before = played_to(furnished(), "5:00:00.000")
    take(before, put(submission("s1", "t1", "a", "2:00:00.000")))
    after = patched(before, "5:05:00.000", removed_intervals=[wanted("1:00:00.000", "1:10:00.000")])
    assert present(after).removed_intervals == [interval("1:00:00.000", "1:10:00.000", "1:00:00.000")]
    assert present(after).ended is None
    assert timed(after, "submissions")["s1"].contest_time == "1:50:00.000"
    assert present(played_to(after, "5:10:00.000")).ended == moment("5:10:00.000")
    gone = patched(after, "6:00:00.000", removed_intervals=None)
    assert present(gone).removed_intervals is None
    assert present(gone).ended == ENDED
    assert timed(gone, "submissions")["s1"].contest_time == "2:00:00.000"


def test_an_interval_may_be_known_to_end() -> None:
    before = patched(played_to(bare(), "1:00:00.000"), "1:00:00.000", removed_intervals=[wanted("now", "2:00:00.000")])
    with pytest.raises(Refused, match="paused already"):
        decide_pause(before, at("1:30:00.000"))
    take(before, decide_resume(before, at("1:30:00.000")))
    assert present(before).removed_intervals == [interval("1:00:00.000", "1:30:00.000", "1:00:00.000")]


@pytest.mark.parametrize(
    "intervals",
    [
        [wanted("2:00:00.000", "1:00:00.000")],
        [wanted("1:00:00.000", "2:00:00.000"), wanted("1:30:00.000", "2:30:00.000")],
        [wanted("2:00:00.000", "2:30:00.000"), wanted("1:00:00.000", "1:30:00.000")],
        [wanted("1:00:00.000"), wanted("2:00:00.000")],
        [wanted("-0:00:00.001", "1:00:00.000")],
        [wanted("4:00:00.001")],
        [wanted("1:00:00.000", "2:00:00.000", "1:00:00.001")],
        [wanted("1:00:00.000", "2:00:00.000", "an hour")],
        [IntervalWanted(start="soon")],
        [wanted("1:00:00.000", "1:00:00.000")] * (INTERVALS_MAX + 1),
    ],
)
def test_intervals_that_cannot_be_are_invalid(intervals: list[IntervalWanted]) -> None:
    refusal = refused(played_to(bare(), "4:00:00.000"), "4:00:00.000", removed_intervals=intervals)
    assert (refusal.ground, refusal.property) == ("invalid", "removed_intervals")


def test_intervals_lie_in_the_contest() -> None:
    assert refused(bare(), "-1:00:00.000", removed_intervals=[wanted("now")]).ground == "forbidden"
    assert decide_state(bare(), StatePatch(removed_intervals=None), START_MS - MINUTE_MS) == []
    over = played_to(bare(), "6:00:00.000")
    assert refused(over, "6:00:00.000", removed_intervals=[wanted("5:30:00.000", "5:40:00.000")]).ground == "invalid"
    thawed = patched(over, "6:00:00.000", thawed="now")
    assert (
        refused(thawed, "6:10:00.000", removed_intervals=[wanted("1:00:00.000", "1:10:00.000")]).ground == "forbidden"
    )


def test_intervals_with_their_own_contest_times_are_accepted() -> None:
    """So the object that GET gives can be sent back."""
    mine = [wanted("1:00:00.000", "1:10:00.000", "1:00:00.000"), wanted("2:10:00.000", None, "2:00:00.000")]
    after = patched(played_to(bare(), "3:00:00.000"), "3:00:00.000", removed_intervals=mine)
    assert decide_state(after, StatePatch(removed_intervals=mine), at("3:00:00.000")) == []


# --- pause and resume of the countdown ---------------------------------------------------------------------------


def test_a_countdown_is_paused_and_goes_on_with_what_was_left() -> None:
    before = bare()
    take(before, decide_pause(before, at("-0:10:00.000")))
    assert its_contest(before) == contest(start_time=None, countdown_pause_time="0:10:00.000")
    with pytest.raises(Refused):
        decide_pause(before, at("-0:09:00.000"))
    take(before, decide_resume(before, at("1:00:00.000")))
    assert moment_ms(its_contest(before).start_time) == at("1:10:00.000")
    assert its_contest(before).countdown_pause_time is None
    with pytest.raises(Refused):
        decide_resume(before, at("1:00:00.000"))


def test_only_what_runs_is_paused_and_only_what_is_paused_goes_on() -> None:
    running = played_to(bare(), "1:00:00.000")
    with pytest.raises(Refused, match="not paused"):
        decide_resume(running, at("1:00:00.000"))
    with pytest.raises(Refused, match="ended"):
        decide_pause(played_to(bare(), "5:00:00.000"), at("5:00:00.000"))
    with pytest.raises(Refused, match="no start time"):
        decide_pause(bare(start_time=None), START_MS)
