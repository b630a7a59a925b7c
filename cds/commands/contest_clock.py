"""What time itself does to a contest, and who may set its times: start, freeze, end, thaw.

What is due follows from the contest object, its state and the moment alone, so that it makes no difference when, how
often or by whom the clock is looked at. This module must not know which server looks at it.
"""

from collections.abc import Iterator

import msgspec

from cds.commands.contest_moments import (
    changeable_contest,
    contest_change,
    freeze_duration_ms,
    read_relative_time_ms,
    read_time,
    run_here,
    settings_change,
    state_change,
    wall_clock_ms,
    whole_state,
    written,
)
from cds.commands.contest_times import refuse_hiding, resent_contest_times
from cds.commands.decision import ObjectChange, Refused
from projections.contest import ContestState
from projections.timeline import moment_ms, timeline_of
from schemas.objects import Contest, State
from schemas.times import format_relative_time, parse_relative_time_ms

START_MARGIN_MS = 30_000
"""So close to the start nobody moves it any more, and not to a moment that is so close (Contest API, "PATCH")."""

EARLIEST_START_MS = 0
"""No contest starts before 1970 (milliseconds since the epoch)."""

FINAL = "the contest is final; reopen it first (finalized: null)"


class ThawDecision(msgspec.Struct, frozen=True):
    """What setting the thaw time comes to. `as_given`: it is the one that was asked for, and not the present moment."""

    changes: list[ObjectChange]
    as_given: bool


def due_changes(state: ContestState, now_ms: int) -> list[ObjectChange]:
    """The states of the contest that are due and not in the log yet: start, freeze, end and scheduled thaw, in order.

    Each carries the moment at which it was to come, not the present one, also when nobody looked then. Nothing is
    due in a contest that this server does not run, unless its state follows its times (Settings.follows_times).
    """
    contest = _run_contest(state)
    return [] if contest is None else [state_change(each) for each in _due_states(contest, state.state, now_ms)]


def next_due_ms(state: ContestState, now_ms: int) -> int | None:
    """When something is due next (milliseconds since the epoch; now, if it is already); None while nothing is known."""
    contest = _run_contest(state)
    if contest is None:
        return None
    first = next(_planned(contest, whole_state(state.state)), None)
    return None if first is None else max(now_ms, first[1])


def decide_start_time(
    state: ContestState, start_time: str | None, countdown_pause_time: str | None, now_ms: int
) -> list[ObjectChange]:
    """Set the start (TIME), or leave it open with, perhaps, what the countdown has left (RELTIME).

    Contest API, "PATCH", contest_start. Refused as forbidden once the contest has started or within START_MARGIN_MS
    of its start, and for a start that is past or as near. From then on this server runs the contest.
    """
    contest = changeable_contest(state)
    if start_time is not None and countdown_pause_time is not None:
        raise Refused("countdown_pause_time may only be given while start_time is null", "countdown_pause_time")
    given = None if start_time is None else read_time("start_time", start_time)
    left = None if countdown_pause_time is None else read_relative_time_ms("countdown_pause_time", countdown_pause_time)
    _refuse_near_start(state, now_ms)
    if given is not None and given[1] - now_ms <= START_MARGIN_MS:
        raise Refused(
            f"start_time is past or within {START_MARGIN_MS // 1000} s: {given[0]}", "start_time", ground="forbidden"
        )
    wanted = msgspec.structs.replace(
        contest,
        start_time=None if given is None else given[0],
        countdown_pause_time=None if left is None else format_relative_time(left),
    )
    changes = [
        *([] if wanted == contest else [contest_change(wanted)]),
        *resent_contest_times(state, wanted, whole_state(state.state)),
    ]
    refuse_hiding(state, changes, "start_time")
    return [*settings_change(state, run_here(state)), *changes]


def decide_thaw_time(state: ContestState, thaw_time: str, now_ms: int) -> ThawDecision:
    """Thaw at a moment (TIME): the clock will do it, or, at one that is not in the future, it is done now.

    Contest API, "PATCH", contest_thaw. Forbidden where that comes before the end of the contest, when it is thawed
    already, and when there is nothing to thaw. From then on this server runs the contest.
    """
    contest = changeable_contest(state)
    given, given_ms = read_time("scoreboard_thaw_time", thaw_time)
    due = _due_states(contest, state.state, now_ms)
    happened = due[-1] if due else whole_state(state.state)
    _refuse_thaw(contest, happened, max(given_ms, now_ms), now_ms)
    as_given = given_ms > now_ms
    wanted = msgspec.structs.replace(contest, scoreboard_thaw_time=given if as_given else written(contest, now_ms))
    changes = [
        *settings_change(state, run_here(state)),
        *map(state_change, due),
        *([] if wanted == contest else [contest_change(wanted)]),
    ]
    if not as_given:
        changes.append(state_change(msgspec.structs.replace(happened, thawed=wanted.scoreboard_thaw_time)))
    return ThawDecision(changes, as_given)


def decide_duration(state: ContestState, duration_ms: int, now_ms: int) -> list[ObjectChange]:
    """Make the contest longer or shorter, and run it here. Raises Refused as `consequences_of_contest`."""
    contest = changeable_contest(state)
    if duration_ms < 0:
        raise Refused("duration may not be negative", "duration")
    wanted = msgspec.structs.replace(contest, duration=format_relative_time(duration_ms))
    return [
        *settings_change(state, run_here(state)),
        *([] if wanted == contest else [contest_change(wanted)]),
        *_consequences(state, contest, wanted, now_ms, clock=True),
    ]


def consequences_of_contest(state: ContestState, wanted: Contest, now_ms: int) -> list[ObjectChange]:
    """The changes that follow when an administrator puts this contest object in the place of the present one.

    A start that has passed cannot be moved, and the length of a contest that is thawed or final stays (forbidden).
    Where this server runs the contest, a start within START_MARGIN_MS of which it is stays too; it may be moved to
    any moment, also to a past one, at which the contest has then started; a thaw may not be moved before the end, and
    one that has been stays as it is. The freeze does not reach back to verdicts that have been shown (conflict).
    A contest that ends later than now is reopened, one that ended at another moment than before says so; the state of
    a contest that this server does not run is its source's. The change of the contest itself is not among them.
    """
    _refuse_ancient_start(state, wanted)
    if wanted.start_time is not None and wanted.countdown_pause_time is not None:
        raise Refused("countdown_pause_time may only be given while start_time is null", "countdown_pause_time")
    if state.contest is None:
        return []
    return _consequences(state, state.contest, wanted, now_ms, clock=state.settings.clock)


def end_that_follows(contest: Contest, state: State, now_ms: int) -> State:
    """The state of a contest that had ended, after its length or its removed intervals have changed.

    It is reopened when by the new times it is not over; otherwise it ended when, by them, it was to end.
    """
    timeline = timeline_of(contest, state)
    end_ms = wall_clock_ms(timeline, parse_relative_time_ms(contest.duration))
    if not state.ended or timeline.start_ms is None:
        return state
    if end_ms is None or end_ms > now_ms:
        return msgspec.structs.replace(state, ended=None)
    latest_ms = max(end_ms, moment_ms(state.frozen) or end_ms)
    if latest_ms == moment_ms(state.ended):
        return state
    return msgspec.structs.replace(state, ended=written(contest, latest_ms))


def state_by_now(contest: Contest, state: State | None, now_ms: int) -> State:
    """A state with everything in it that is due by the times of the contest."""
    due = _due_states(contest, state, now_ms)
    return due[-1] if due else whole_state(state)


def _run_contest(state: ContestState) -> Contest | None:
    """The contest object, if this server runs the contest, or sees to it that the state follows the times."""
    settings = state.settings
    return state.contest if (settings.clock or settings.follows_times) and not state.ended_updates else None


def _due_states(contest: Contest, state: State | None, now_ms: int) -> list[State]:
    happened, due = whole_state(state), []
    for name, time_ms in _planned(contest, happened):
        if time_ms > now_ms:
            break
        text = contest.start_time if name == "started" else written(contest, time_ms)
        happened = msgspec.structs.replace(happened, **{name: text})
        due.append(happened)
    return due


def _planned(contest: Contest, state: State) -> Iterator[tuple[str, int]]:
    """What is to come of itself, in order: the property of the state, and the moment in milliseconds since the epoch.

    It breaks off where the moment is not known: before a start without a time, and behind an open removed interval.
    """
    timeline = timeline_of(contest, state)
    start_ms, duration_ms = timeline.start_ms, parse_relative_time_ms(contest.duration)
    if start_ms is None:
        return
    if not state.started:
        if contest.countdown_pause_time is not None:
            return
        yield "started", start_ms
    frozen_ms, ended_ms = moment_ms(state.frozen), moment_ms(state.ended)
    if frozen_ms is None and freeze_duration_ms(contest) > 0 and not state.thawed and not state.finalized:
        freeze_ms = wall_clock_ms(timeline, max(0, duration_ms - freeze_duration_ms(contest)))
        if freeze_ms is None:
            return
        if ended_ms is None or freeze_ms <= ended_ms:
            frozen_ms = freeze_ms
            yield "frozen", freeze_ms
    if ended_ms is None:
        end_ms = wall_clock_ms(timeline, duration_ms)
        if end_ms is None:
            return
        ended_ms = end_ms if frozen_ms is None else max(end_ms, frozen_ms)
        yield "ended", ended_ms
    thaw_ms = moment_ms(contest.scoreboard_thaw_time)
    if thaw_ms is not None and frozen_ms is not None and not state.thawed:
        yield "thawed", max(thaw_ms, ended_ms)


def _refuse_near_start(state: ContestState, now_ms: int) -> None:
    started = state.state.started if state.state else None
    if started:
        raise Refused(f"the contest has started, at {started}", "start_time", ground="forbidden")
    start_ms = state.timeline.start_ms
    if start_ms is None:
        return
    if abs(start_ms - now_ms) <= START_MARGIN_MS or (state.settings.clock and start_ms <= now_ms):
        raise Refused(f"the contest starts within {START_MARGIN_MS // 1000} s", "start_time", ground="forbidden")


def _refuse_thaw(contest: Contest, happened: State, thaw_ms: int, now_ms: int) -> None:
    """Raise Refused unless the contest may be thawed at that moment."""
    refusal = None
    end_ms = moment_ms(happened.ended)
    if end_ms is None:
        timeline = timeline_of(contest, happened)
        end_ms = wall_clock_ms(timeline, parse_relative_time_ms(contest.duration), resumed_ms=now_ms)
    if happened.thawed:
        refusal = f"the contest is thawed already, since {happened.thawed}"
    elif not happened.frozen and freeze_duration_ms(contest) == 0:
        refusal = "the contest has no freeze, so there is nothing to thaw"
    elif end_ms is None:
        refusal = "the end of the contest is not known yet"
    elif thaw_ms < end_ms:
        refusal = f"the contest ends at {written(contest, end_ms)} and cannot be thawed before"
    elif thaw_ms <= now_ms and not happened.frozen:
        refusal = "the contest was never frozen, so there is nothing to thaw"
    elif thaw_ms <= now_ms and not happened.ended:
        refusal = "the contest has not ended"
    if refusal is not None:
        raise Refused(refusal, "scoreboard_thaw_time", ground="forbidden")


def _refuse_ancient_start(state: ContestState, wanted: Contest) -> None:
    start_ms = moment_ms(wanted.start_time)
    present_ms = None if state.contest is None else moment_ms(state.contest.start_time)
    if start_ms is not None and start_ms != present_ms and start_ms < EARLIEST_START_MS:
        raise Refused(f"start_time is before 1970: {wanted.start_time}", "start_time")


def _consequences(
    state: ContestState, contest: Contest, wanted: Contest, now_ms: int, *, clock: bool
) -> list[ObjectChange]:
    happened = whole_state(state.state)
    if moment_ms(wanted.start_time) != moment_ms(contest.start_time) and (clock or happened.started):
        _refuse_near_start(state, now_ms)
    after = _ended_by(contest, wanted, happened, now_ms) if clock else happened
    if clock and moment_ms(wanted.scoreboard_thaw_time) != moment_ms(contest.scoreboard_thaw_time):
        _refuse_other_thaw(wanted, after, now_ms)
    changes = [*([] if after == happened else [state_change(after)]), *resent_contest_times(state, wanted, happened)]
    refuse_hiding(state, [contest_change(wanted), *changes], _moving(contest, wanted))
    return changes


def _ended_by(contest: Contest, wanted: Contest, happened: State, now_ms: int) -> State:
    """The state of a contest that this server runs, when its length is perhaps another one."""
    if parse_relative_time_ms(wanted.duration) == parse_relative_time_ms(contest.duration):
        return happened
    for name, reason in (("thawed", "the contest is thawed, so its length stays"), ("finalized", FINAL)):
        if getattr(happened, name):
            raise Refused(reason, "duration", ground="forbidden")
    return end_that_follows(wanted, happened, now_ms)


def _refuse_other_thaw(wanted: Contest, happened: State, now_ms: int) -> None:
    """Raise Refused unless the thaw may be planned for another moment, or no more, in a contest that runs here."""
    due = _due_states(msgspec.structs.replace(wanted, scoreboard_thaw_time=None), happened, now_ms)
    thaw_ms = moment_ms(wanted.scoreboard_thaw_time)
    if happened.thawed:
        reason = f"the contest is thawed already, since {happened.thawed}"
        raise Refused(reason, "scoreboard_thaw_time", ground="forbidden")
    if thaw_ms is not None:
        _refuse_thaw(wanted, due[-1] if due else happened, thaw_ms, now_ms)


def _moving(contest: Contest, wanted: Contest) -> str:
    """The property by which the freeze moves from one contest object to the other."""
    names = ("scoreboard_freeze_duration", "duration", "start_time")
    return next((name for name in names if getattr(contest, name) != getattr(wanted, name)), names[0])
