"""What one change is cut into: what happened at one moment each."""

import msgspec

from cds.commands.decision import ObjectChange
from cds.playback.source_times import SourceTimes
from cds.playback.telling import Told, told
from schemas.objects import ContestObject, Judgement, RemovedInterval, State
from tests.builders import CONTEST, START, judgement, moment, put, setup, state, submission
from tests.strategies import CONTEST_TIMES

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
SUBMITTED = submission("s1", "t1", "a", "1:00:00.000")
JUDGED = msgspec.structs.replace(
    judgement("j1", "s1", "AC", "1:00:20.000"), start_time=moment("1:00:10.000"), max_run_time=1.5
)
TIMES = SourceTimes([*setup(), *put(state(started=START))])


def parts(instance: ContestObject, before: ContestObject | None = None) -> list[Told]:
    """How a change of one object is told."""
    (change,) = put(instance)
    return list(told(change, before, TIMES))


def states(*parts: Told) -> list[tuple[int | None, ContestObject | None]]:
    return [(part.moment_ms, part.change.instance) for part in parts]


def test_a_submission_happens_at_its_time() -> None:
    assert states(*parts(SUBMITTED)) == [(HOUR_MS, SUBMITTED)]


def test_a_submission_that_is_told_of_again_has_no_moment_of_its_own() -> None:
    (part,) = parts(msgspec.structs.replace(SUBMITTED, entry_point="Main"), SUBMITTED)
    assert part.moment_ms is None


def test_a_judgement_that_is_there_with_its_verdict_began_before() -> None:
    begun, judged = parts(JUDGED)
    assert begun.moment_ms == HOUR_MS + 10_000
    assert begun.change.instance == Judgement(id="j1", submission_id="s1", current=True, start_time=JUDGED.start_time)
    assert judged == Told(ObjectChange("judgements", "j1", JUDGED), HOUR_MS + 30_000)


def test_a_judgement_that_was_told_of_before_comes_to_its_verdict_at_its_end() -> None:
    pending = Judgement(id="j1", submission_id="s1", current=True, start_time=JUDGED.start_time)
    assert states(*parts(pending)) == [(HOUR_MS + 10_000, pending)]
    assert states(*parts(JUDGED, pending)) == [(HOUR_MS + 30_000, JUDGED)]


def test_a_judgement_that_stops_being_current_has_no_moment_of_its_own() -> None:
    (part,) = parts(msgspec.structs.replace(JUDGED, current=False), JUDGED)
    assert part.moment_ms is None


def test_a_state_that_says_everything_came_about_bit_by_bit() -> None:
    over = state(
        started=START,
        frozen=moment("4:00:00.000"),
        ended=moment("5:00:00.000"),
        thawed=moment("7:00:00.000"),
        finalized=moment("6:00:00.000"),
        end_of_updates=moment("7:00:00.000"),
    )
    found = parts(over)
    present = state()
    expected: list[tuple[int | None, ContestObject | None]] = [(None, present)]
    for name, hours in (("started", 0), ("frozen", 4), ("ended", 5), ("finalized", 6), ("thawed", 7)):
        present = msgspec.structs.replace(present, **{name: getattr(over, name)})
        expected.append((hours * HOUR_MS, present))
    assert states(*found) == [*expected, (7 * HOUR_MS, over)]
    assert [part.ends_updates for part in found] == [False] * 6 + [True]


def test_what_a_state_takes_back_has_no_moment() -> None:
    before = state(started=START, ended=moment("5:00:00.000"))
    after = state(started=START, thawed=moment("5:30:00.000"))
    assert states(*parts(after, before)) == [(None, state(started=START)), (5 * HOUR_MS + 30 * MINUTE_MS, after)]
    assert states(*parts(state(started=START), before)) == [(None, state(started=START))]


def test_a_removed_interval_begins_before_it_ends() -> None:
    running = state(started=START)
    interval = RemovedInterval(start=moment("1:00:00.000"), end=moment("1:20:00.000"), contest_time="1:00:00.000")
    paused = msgspec.structs.replace(running, removed_intervals=[msgspec.structs.replace(interval, end=None)])
    after = msgspec.structs.replace(running, removed_intervals=[interval])
    assert states(*parts(after, running)) == [(HOUR_MS, paused), (HOUR_MS + 20 * MINUTE_MS, after)]
    assert states(*parts(after, paused)) == [(HOUR_MS + 20 * MINUTE_MS, after)]


def test_the_last_part_is_the_change_itself() -> None:
    """Whatever was said before and is said now."""
    variants = [State(), state(), state(started=START), state(started=START, frozen=moment(CONTEST_TIMES[0]))]
    for before in variants:
        for after in variants:
            assert parts(after, before)[-1].change.instance == after


def test_configuration_has_no_moment() -> None:
    assert states(*parts(CONTEST)) == [(None, CONTEST)]
