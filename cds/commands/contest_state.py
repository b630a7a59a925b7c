"""The state of a contest, changed by hand: what the Contest API gives no endpoint for.

Every order of the state object is kept (JSON Format, "Contest state"): started, frozen, ended, then thawed and
finalized, and last of all the end of updates. This module must not know whether a wire or a command line asks.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, cast

import msgspec
from msgspec import UNSET, UnsetType

from cds.commands.awards import decide_computed_awards
from cds.commands.contest_clock import FINAL, decide_start_time, end_that_follows
from cds.commands.contest_moments import (
    STATE_MOMENTS,
    changeable_contest,
    contest_change,
    freeze_duration_ms,
    read_time,
    run_here,
    settings_change,
    state_change,
    whole_state,
    written,
)
from cds.commands.contest_times import refuse_hiding, resent_contest_times, state_after
from cds.commands.decision import ObjectChange, Refused
from cds.commands.finalizing import refuse_unfinished
from cds.commands.removed_intervals import NOW, IntervalWanted, as_wanted, checked_intervals, cut_off
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.timeline import Timeline, moment_ms, timeline_of
from schemas.objects import Contest, State, Submission
from schemas.times import format_relative_time, parse_relative_time_ms, parse_time_ms

EXTRA_BRONZES_MAX = 10_000

ORDER = (
    ("started", "frozen"),
    ("started", "ended"),
    ("frozen", "ended"),
    ("frozen", "thawed"),
    ("ended", "thawed"),
    ("ended", "finalized"),
    ("thawed", "end_of_updates"),
    ("finalized", "end_of_updates"),
)
"""Of each pair the first comes no later than the second."""

REQUIRED_BEFORE = {
    "frozen": ("started",),
    "ended": ("started",),
    "thawed": ("frozen", "ended"),
    "finalized": ("ended",),
    "end_of_updates": ("ended", "finalized"),
}
"""What must have happened before a property of the state may be set."""

FIXED_ONCE_FINAL = ("started", "removed_intervals", "frozen", "ended", "extra_bronzes")
OF_THE_CLOCK = ("started", "removed_intervals", "frozen", "ended", "thawed")
"""Whoever changes one of these on this server runs the contest here: the clock is switched on with it."""

FREEZING = ("frozen", "removed_intervals", "started", "ended")
"""Any of these may move the freeze; the first that is given is named when it may not."""

Happening = str | UnsetType | None
"""`now`, a TIME that is not in the future, or null: it has not happened. Left out, it stays as it is."""


class StatePatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH of the state of a contest; `extra_bronzes` is B of the World Finals rule, given when finalizing."""

    started: Happening = UNSET
    frozen: Happening = UNSET
    ended: Happening = UNSET
    thawed: Happening = UNSET
    finalized: Happening = UNSET
    end_of_updates: Happening = UNSET
    removed_intervals: list[IntervalWanted] | UnsetType | None = UNSET
    extra_bronzes: Annotated[int, msgspec.Meta(ge=0, le=EXTRA_BRONZES_MAX)] | UnsetType = UNSET


class _Draft(msgspec.Struct, kw_only=True):
    """The contest and its state while the parts of a patch are carried out one after the other."""

    before: ContestState
    now_ms: int
    contest: Contest
    state: State

    @property
    def timeline(self) -> Timeline:
        return timeline_of(self.contest, self.state, self.before.settings.pace_permille)

    @property
    def contest_time_ms(self) -> int:
        return self.timeline.contest_time_ms(self.now_ms)

    def set_contest(self, **changed: str | None) -> None:
        self.contest = msgspec.structs.replace(self.contest, **changed)

    def set_state(self, **changed: object) -> None:
        self.state = msgspec.structs.replace(self.state, **changed)


def decide_state(state: ContestState, patch: StatePatch, now_ms: int) -> list[ObjectChange]:
    """Carry out a patch of the state, whole or not at all. Raises Refused.

    `started` starts the contest then (its start time with it); null takes that back while nothing was submitted.
    `frozen` freezes before its time, and a contest without a configured freeze has one from then on; null takes that
    back before the configured freeze, which is to be taken out of the contest first where it has come. `ended` ends
    it before its time: the duration becomes the contest time that has passed, with all that was submitted in it, and
    the freeze stays where it began, or is none when it had not begun; null reopens a contest that was made longer.
    `thawed` cannot be taken back. `finalized` needs everything judged and answered; null takes it back until the end
    of updates. `end_of_updates` is the very last event; the awards that the server keeps are brought up to date
    before it. Nothing makes the freeze reach back to a verdict that has been shown (conflict).
    What is asked for and so already changes nothing.
    """
    contest = changeable_contest(state)
    draft = _Draft(before=state, now_ms=now_ms, contest=contest, state=whole_state(state.state))
    _refuse_change_of_final(draft.state, patch)
    for name in STATE_MOMENTS:
        wanted = getattr(patch, name)
        if wanted is not UNSET:
            _carry_out(draft, name, wanted)
        # Contest time is settled before anything is decided by it.
        if name == "started" and patch.removed_intervals is not UNSET:
            _remove_intervals(draft, patch.removed_intervals or ())
    _refuse_disorder(whole_state(state.state), draft.state)
    changes = _changes(draft, patch)
    refuse_hiding(state, changes, next((name for name in FREEZING if getattr(patch, name) is not UNSET), "frozen"))
    return [*changes, *_conclusion(draft, changes)]


def decide_pause(state: ContestState, now_ms: int) -> list[ObjectChange]:
    """Stop the clock: the countdown before the start, contest time during the contest. Raises Refused."""
    contest, happened = changeable_contest(state), whole_state(state.state)
    if not happened.started:
        start_ms = moment_ms(contest.start_time)
        if start_ms is None:
            raise Refused("there is no countdown to pause: the contest has no start time", ground="conflict")
        return decide_start_time(state, None, format_relative_time(max(0, start_ms - now_ms)), now_ms)
    intervals = happened.removed_intervals or []
    if happened.ended:
        raise Refused("the contest has ended", ground="conflict")
    if intervals and (moment_ms(intervals[-1].end) or now_ms + 1) > now_ms:
        raise Refused(f"the contest is paused already, since {intervals[-1].start}", ground="conflict")
    wanted = [*map(as_wanted, intervals), IntervalWanted(start=NOW)]
    return decide_state(state, StatePatch(removed_intervals=wanted), now_ms)


def decide_resume(state: ContestState, now_ms: int) -> list[ObjectChange]:
    """Let the clock go on: the countdown with what it had left, or contest time. Raises Refused."""
    contest, happened = changeable_contest(state), whole_state(state.state)
    if not happened.started:
        if contest.countdown_pause_time is None or contest.start_time is not None:
            raise Refused("the countdown is not paused", ground="conflict")
        start_ms = now_ms + parse_relative_time_ms(contest.countdown_pause_time)
        return decide_start_time(state, written(contest, start_ms), None, now_ms)
    intervals = happened.removed_intervals or []
    if not intervals or (moment_ms(intervals[-1].end) or now_ms + 1) <= now_ms:
        raise Refused("the contest is not paused", ground="conflict")
    wanted = [*map(as_wanted, intervals[:-1]), IntervalWanted(start=intervals[-1].start, end=NOW)]
    return decide_state(state, StatePatch(removed_intervals=wanted), now_ms)


def _carry_out(draft: _Draft, name: str, wanted: str | None) -> None:
    text, wanted_ms = _moment(draft, name, wanted)
    present_ms = moment_ms(getattr(draft.state, name))
    if wanted_ms == present_ms:
        return
    if wanted_ms is not None and present_ms is not None:
        raise Refused(f"{name} is set already, to {getattr(draft.state, name)}", name, ground="forbidden")
    if wanted_ms is not None:
        for required in REQUIRED_BEFORE.get(name, ()):
            if not getattr(draft.state, required):
                raise Refused(f"{name} cannot be set: the contest is not {required}", name, ground="forbidden")
    step = STEPS.get(name)
    if step is not None:
        step(draft, text)
    draft.set_state(**{name: text})


def _moment(draft: _Draft, name: str, wanted: str | None) -> tuple[str | None, int | None]:
    if wanted is None:
        return None, None
    if wanted == NOW:
        return written(draft.contest, draft.now_ms), draft.now_ms
    text, time_ms = read_time(name, wanted)
    if time_ms > draft.now_ms:
        raise Refused(f"{name} may not be in the future: {text}", name)
    return text, time_ms


def _start(draft: _Draft, text: str | None) -> None:
    if text is not None:
        draft.set_contest(start_time=text, countdown_pause_time=None)
        return
    if draft.before.objects["submissions"]:
        raise Refused("the contest has submissions, so its start stays", "started", ground="forbidden")
    draft.set_contest(start_time=None)
    draft.set_state(removed_intervals=None)


def _freeze(draft: _Draft, text: str | None) -> None:
    for name in ("ended", "thawed"):
        if getattr(draft.state, name):
            raise Refused(f"the contest is {name}, so the freeze stays as it is", "frozen", ground="forbidden")
    begins_ms = parse_relative_time_ms(draft.contest.duration) - freeze_duration_ms(draft.contest)
    if text is None and freeze_duration_ms(draft.contest) > 0 and draft.contest_time_ms >= begins_ms:
        raise Refused(
            "the freeze has begun as scoreboard_freeze_duration says; change that first", "frozen", ground="conflict"
        )
    if text is not None and freeze_duration_ms(draft.contest) == 0:
        # A state has a freeze if and only if its contest has one (JSON Format, "Contest state").
        left_ms = parse_relative_time_ms(draft.contest.duration) - draft.timeline.contest_time_ms(parse_time_ms(text))
        draft.set_contest(scoreboard_freeze_duration=format_relative_time(max(0, left_ms)))


def _end(draft: _Draft, text: str | None) -> None:
    if text is None:
        _reopen(draft)
        return
    ended_ms = moment_ms(text) or 0
    intervals = cut_off(draft.contest, draft.state.removed_intervals or (), ended_ms)
    timeline = draft.timeline
    passed_ms = max(0, timeline.contest_time_ms(ended_ms), _behind_submissions_ms(draft, ended_ms))
    draft.set_state(removed_intervals=intervals or None)
    if passed_ms >= parse_relative_time_ms(draft.contest.duration):
        return
    draft.set_contest(duration=format_relative_time(passed_ms))
    if draft.contest.scoreboard_freeze_duration is not None:
        frozen = timeline.freeze_ms is not None and timeline.freeze_ms < passed_ms
        freeze_ms = passed_ms - (timeline.freeze_ms or 0) if frozen else 0
        draft.set_contest(scoreboard_freeze_duration=format_relative_time(freeze_ms) if frozen else None)


def _behind_submissions_ms(draft: _Draft, ended_ms: int) -> int:
    """The least duration (milliseconds) with which all submissions made in the contest up to a moment are in it.

    In a pause contest time stands, and what is submitted then has the contest time at which the contest ends.
    """
    submissions = draft.before.objects["submissions"].values()
    resent = resent_contest_times(draft.before, draft.contest, draft.state)
    moved = {change.id: change.instance for change in resent if change.type == "submissions"}
    duration_ms = parse_relative_time_ms(draft.contest.duration)
    times_ms = (
        parse_relative_time_ms(cast("Submission", moved.get(each.id, each)).contest_time)
        for each in cast("Iterable[Submission]", submissions)
        if parse_time_ms(each.time) <= ended_ms
    )
    return max((time_ms for time_ms in times_ms if time_ms < duration_ms), default=-1) + 1


def _reopen(draft: _Draft) -> None:
    if draft.state.thawed:
        raise Refused("the contest is thawed, so its end stays", "ended", ground="forbidden")
    if draft.contest_time_ms >= parse_relative_time_ms(draft.contest.duration):
        raise Refused("the duration of the contest is over; make it longer first", "ended", ground="forbidden")


def _thaw(draft: _Draft, text: str | None) -> None:
    if text is None:
        raise Refused("the contest is thawed, which cannot be taken back", "thawed", ground="forbidden")
    draft.set_contest(scoreboard_thaw_time=text)


def _end_updates(draft: _Draft, text: str | None) -> None:
    if text is not None and draft.state.frozen and not draft.state.thawed:
        raise Refused("the contest is frozen; thaw it first", "end_of_updates", ground="forbidden")


STEPS: dict[str, Callable[[_Draft, str | None], None]] = {
    "started": _start,
    "frozen": _freeze,
    "ended": _end,
    "thawed": _thaw,
    "end_of_updates": _end_updates,
}
"""What comes with a moment of the state, or stands against it."""


def _remove_intervals(draft: _Draft, wanted: Sequence[IntervalWanted]) -> None:
    started_ms = moment_ms(draft.state.started)
    if started_ms is None:
        if wanted:
            raise Refused("the contest has not started", "removed_intervals", ground="forbidden")
        return
    intervals = checked_intervals(draft.contest, started_ms, wanted, draft.now_ms) or None
    if intervals == draft.state.removed_intervals:
        return
    if draft.state.thawed:
        raise Refused("the contest is thawed, so its times stay", "removed_intervals", ground="forbidden")
    draft.set_state(removed_intervals=intervals)
    draft.state = end_that_follows(draft.contest, draft.state, draft.now_ms)


def _refuse_change_of_final(state: State, patch: StatePatch) -> None:
    if state.finalized and patch.finalized is not None:
        for name in FIXED_ONCE_FINAL:
            if getattr(patch, name) is not UNSET:
                raise Refused(FINAL, name, ground="forbidden")


def _refuse_disorder(before: State, after: State) -> None:
    """Raise Refused where something that the patch has changed stands in a wrong order with something else."""
    changed = {name for name in STATE_MOMENTS if getattr(before, name) != getattr(after, name)}
    for first, second in ORDER:
        first_ms, second_ms = moment_ms(getattr(after, first)), moment_ms(getattr(after, second))
        if not changed & {first, second} or second_ms is None:
            continue
        named = second if second in changed else first
        if first_ms is None and first in REQUIRED_BEFORE.get(second, ()):
            raise Refused(f"{second} is set, so {first} must be too", named, ground="forbidden")
        if first_ms is not None and first_ms > second_ms:
            raise Refused(f"{first} would be later than {second}", named)


def _changes(draft: _Draft, patch: StatePatch) -> list[ObjectChange]:
    """What is different now, but for the end of updates: settings, contest, state, contest times."""
    before = draft.before
    present, after = whole_state(before.state), msgspec.structs.replace(draft.state, end_of_updates=None)
    changes = [] if draft.contest == before.contest else [contest_change(draft.contest)]
    moved = resent_contest_times(before, draft.contest, after)
    stated = [] if after == present else [state_change(after)]
    # Each event is seen by itself: no submission may stand before the freeze in between that is behind it otherwise.
    later = _freezes_later(timeline_of(draft.contest, present), timeline_of(draft.contest, after))
    changes += [*moved, *stated] if later else [*stated, *moved]
    clock = any(getattr(present, name) != getattr(after, name) for name in OF_THE_CLOCK)
    settings = run_here(before) if clock else before.settings
    if patch.extra_bronzes is not UNSET:
        awards = msgspec.structs.replace(settings.awards, extra_bronzes=patch.extra_bronzes)
        settings = msgspec.structs.replace(settings, awards=awards)
    return [*settings_change(before, settings), *changes]


def _conclusion(draft: _Draft, changes: Sequence[ObjectChange]) -> list[ObjectChange]:
    """What the end of updates adds to the changes. Raises Refused where the results may not be final after them."""
    final_before = bool(whole_state(draft.before.state).finalized)
    newly_final = bool(draft.state.finalized) and not final_before
    if not newly_final and not draft.state.end_of_updates:
        return []
    after = state_after(draft.before, changes)
    if newly_final:
        refuse_unfinished(after, draft.now_ms)
    if not draft.state.end_of_updates:
        return []
    awards = decide_computed_awards(after, computed_awards(after, Board(after, frozen=False)))
    return [*awards, state_change(draft.state)]


def _freezes_later(before: Timeline, after: Timeline) -> bool:
    """Whether verdicts are hidden from a later contest time on than they were."""
    return before.embargo_ms is not None and after.embargo_ms is not None and after.embargo_ms > before.embargo_ms
