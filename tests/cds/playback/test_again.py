"""What a replay comes to: the same contest, but for its id and the times of today."""

from typing import cast

import msgspec
import pytest
from hypothesis import given

from cds.commands.participation import Window, contest_rules, standing_of
from cds.playback.replaying import planned
from projections.contest import ContestState
from projections.packed_state import UnpackedState, packed_state
from schemas.extensions import EXTENSION, AccountExtension, AnalysisMode, CmsContest, CmsParticipation, ContestExtension
from schemas.object_types import OBJECT_TYPES
from schemas.objects import Account, Contest, RemovedInterval, State, Submission
from schemas.records import ORDINARY_PACE_PERMILLE
from schemas.times import format_time, parse_relative_time_ms, parse_time_ms, zone_of
from tests.builders import CONTEST, START, moment, put, setup, state, submission
from tests.cds.playback.plays import (
    AGAIN_ID,
    AGAIN_START_MS,
    AS_IT_WAS,
    SIXTY,
    folded,
    plan_of,
    playable_histories,
    recording,
    replayed,
    rows,
    settings_of,
    simulated,
    wanted,
)
from tests.histories import History

MINUTE_MS = 60_000
TIMES_OF_EXTENSIONS = ("starting_time", "start", "stop")
"""When an account began, and the analysis of a contest (schemas/extensions.py)."""


def timeless(changes: ContestState) -> dict[str, dict[str, object]]:
    """Every object without its TIMEs and the id of the contest."""
    found: dict[str, dict[str, object]] = {}
    for name, members in changes.objects.items():
        row = OBJECT_TYPES[name]
        for identifier, instance in members.items():
            plain = cast("dict[str, object]", msgspec.to_builtins(instance))
            for property in (*row.time_properties, *(["id"] if name == "contest" else [])):
                plain[property] = plain.get(property) is not None
            if name == "state":
                plain["removed_intervals"] = [
                    each.contest_time for each in cast("State", instance).removed_intervals or ()
                ]
            found.setdefault(name, {})[identifier] = {**plain, EXTENSION: _timeless_part(plain.get(EXTENSION))}
    return found


def _timeless_part(part: object) -> object:
    """A part of an extension without its TIMEs."""
    if not isinstance(part, dict):
        return part
    return {name: name if name in TIMES_OF_EXTENSIONS else _timeless_part(member) for name, member in part.items()}


@given(playable_histories())
def test_the_final_state_is_the_same_but_for_id_and_times(history: History) -> None:
    after = folded(replayed(plan_of(history.changes)))
    assert timeless(after) == timeless(folded(history.changes))
    assert cast("Contest", after.contest).id == AGAIN_ID


@given(playable_histories())
def test_every_board_on_the_way_is_the_one_that_it_was(history: History) -> None:
    """Live and frozen: the freeze covers the same submissions, whatever the speed."""
    plan = plan_of(history.changes)
    then, now = ContestState(), folded([settings_of(plan)])
    for step, change in zip(plan.steps, replayed(plan)[1:], strict=True):
        for seen, told in ((then, step.change), (now, change)):
            seen.apply(seen.position + 1, told.type, told.id, told.instance)
        assert _freeze_ms(then) == _freeze_ms(now)
        assert then.frozen == now.frozen
        if then.contest is not None:
            assert rows(then, frozen=True) == rows(now, frozen=True)


def _freeze_ms(contest: ContestState) -> tuple[int | None, bool]:
    """When it freezes, the end at the latest, and whether verdicts are hidden from then on."""
    freeze_ms, duration_ms = contest.timeline.freeze_ms, contest.timeline.duration_ms
    shown_ms = freeze_ms if freeze_ms is None or duration_ms is None else min(freeze_ms, duration_ms)
    return shown_ms, contest.timeline.embargo_ms is not None


@pytest.mark.parametrize("pace_permille", [1_500, SIXTY, 7_000, 600_000, 10_000_000])
@pytest.mark.parametrize("paused", [False, True], ids=["", "after a pause"])
def test_a_freeze_by_hand_hides_all_that_it_hid(pace_permille: int, paused: bool) -> None:
    """At an odd millisecond, which no TIME of a fast replay can say; what was before it is shown as far as can be."""
    happened = state(started=START, frozen=moment("3:00:00.001"))
    if paused:
        pause = RemovedInterval(start=moment("1:00:00.007"), end=moment("1:20:00.019"), contest_time="1:00:00.007")
        happened = msgspec.structs.replace(happened, frozen=moment("3:20:00.013"), removed_intervals=[pause])
    plan = plan_of([*setup(), *put(happened)], pace_permille)
    then, now = folded([*setup(), *put(happened)]), folded(replayed(plan, pace_permille))
    assert then.timeline.freeze_ms == 180 * MINUTE_MS + 1
    assert now.timeline.freeze_ms is not None
    assert 0 <= then.timeline.freeze_ms - now.timeline.freeze_ms <= pace_permille // 1_000 + 1


def test_what_cms_knows_of_times_comes_again_too() -> None:
    """Windows begin at the contest time at which they did, and the analysis is as far behind the end."""
    analysis = AnalysisMode(start=moment("6:00:00.000"), stop=moment("7:00:00.000"))
    contest = msgspec.structs.replace(
        CONTEST, ext=ContestExtension(cms=CmsContest(per_user_time=3_600, analysis=analysis))
    )
    began = CmsParticipation(starting_time=moment("2:00:00.000"), extra_time=600)
    account = Account(id="x1", username="x1", type="team", team_id="t1", ext=AccountExtension(cms=began))
    plan = plan_of([*setup(), *put(state(started=START), contest, account)], ORDINARY_PACE_PERMILLE)
    now = folded(replayed(plan, ORDINARY_PACE_PERMILLE))
    assert standing_of(now, "x1", AGAIN_START_MS).window == Window(120 * MINUTE_MS, 190 * MINUTE_MS)
    assert now.contest is not None
    assert contest_rules(now).analysis == AnalysisMode(
        start=format_time(AGAIN_START_MS + 360 * MINUTE_MS, zone_of(analysis.start)),
        stop=format_time(AGAIN_START_MS + 420 * MINUTE_MS, zone_of(analysis.stop)),
    )


def test_a_freeze_stays_where_it_was_when_the_contest_is_stopped_or_shortened_behind_it() -> None:
    """What is told later does not bring it nearer: not an interval that is still open, nor an earlier end."""
    frozen = state(started=START, frozen=moment("3:50:00.000"))
    stopped = msgspec.structs.replace(
        frozen, removed_intervals=[RemovedInterval(start=moment("1:00:00.000"), contest_time="1:00:00.000")]
    )
    contest = cast("Contest", setup()[0].instance)
    shortened = msgspec.structs.replace(contest, duration="3:10:00.000", scoreboard_freeze_duration=None)
    for later in (stopped, shortened):
        plan = plan_of([*setup(), *put(state(started=START), frozen, later)])
        now, seen_ms = ContestState(), []
        for change in replayed(plan):
            now.apply(now.position + 1, change.type, change.id, change.instance)
            if isinstance(change.instance, State) and change.instance.frozen:
                seen_ms.append(now.timeline.freeze_ms)
        assert seen_ms[0] == 230 * MINUTE_MS


def test_times_are_those_of_today_and_contest_times_those_of_then() -> None:
    """At sixty times the speed what came after an hour comes after a minute."""
    changes = [*setup(), *put(state(started=START), submission("s1", "t1", "a", "1:00:00.000"))]
    made = folded(replayed(plan_of(changes))).objects["submissions"]["s1"]
    assert made == msgspec.structs.replace(
        submission("s1", "t1", "a", "1:00:00.000"), time="2030-02-03T10:01:00.000+01:00"
    )


def test_the_clock_of_the_replay_is_that_of_the_contest() -> None:
    """So the freeze, the board's contest time and whatever else follows from a TIME are right."""
    after = folded(replayed(plan_of(simulated(phase="running-frozen"))))
    assert after.timeline.contest_time_ms(AGAIN_START_MS + 3 * MINUTE_MS) == 180 * MINUTE_MS
    assert after.timeline.freeze_ms == 4 * 60 * MINUTE_MS
    for made in after.objects["submissions"].values():
        timed = cast("Submission", made)
        later_ms = after.timeline.contest_time_ms(parse_time_ms(timed.time)) - parse_relative_time_ms(
            timed.contest_time
        )
        assert 0 <= later_ms < SIXTY // 1_000


def test_a_pause_of_the_contest_is_one_of_the_replay() -> None:
    """Contest time stands still in it, and goes on where it was."""
    pause = RemovedInterval(start=moment("1:00:00.007"), end=moment("1:20:00.019"), contest_time="1:00:00.007")
    happened = msgspec.structs.replace(state(started=START, frozen=moment("4:20:00.012")), removed_intervals=[pause])
    plan = plan_of([*setup(), *put(happened)])
    after = folded(replayed(plan))
    assert after.timeline.freeze_ms == 4 * 60 * MINUTE_MS
    assert after.timeline.contest_time_ms(AGAIN_START_MS + 70_000) == 60 * MINUTE_MS + 7
    assert abs(after.timeline.contest_time_ms(AGAIN_START_MS + 200_000) - 180 * MINUTE_MS) <= 2 * SIXTY // 1_000


def test_played_as_fast_as_it_was_every_distance_is_kept() -> None:
    changes = simulated(phase="ended")
    then = folded(changes)
    now = folded(replayed(plan_of(changes, AS_IT_WAS), AS_IT_WAS))
    start_ms = then.timeline.start_ms or 0
    for name in ("submissions", "judgements", "runs"):
        for identifier, instance in then.objects[name].items():
            for property in OBJECT_TYPES[name].time_properties:
                was, comes = getattr(instance, property), getattr(now.objects[name][identifier], property)
                assert (was is None) == (comes is None)
                if was is not None and parse_time_ms(was) - start_ms <= 5 * 60 * MINUTE_MS:
                    assert parse_time_ms(comes) - AGAIN_START_MS == parse_time_ms(was) - start_ms


def test_a_replay_can_be_played_again() -> None:
    """Its own pace is that of its source then."""
    changes = simulated()
    once = replayed(plan_of(changes))
    source = [change for change in once if change.type in OBJECT_TYPES]
    again = msgspec.structs.replace(recording(source), pace_permille=SIXTY)
    plan = planned(again, wanted(SIXTY))
    assert timeless(folded(replayed(plan))) == timeless(folded(changes))
    assert plan.times.end_ms == 5 * 60 * MINUTE_MS


def test_a_checkpoint_keeps_the_pace() -> None:
    after = folded(replayed(plan_of(simulated(phase="running-frozen"))))
    unpacked = UnpackedState()
    for part in packed_state(after):
        unpacked.take(part)
    assert unpacked.state().timeline == after.timeline
    assert after.timeline.pace_permille == SIXTY
