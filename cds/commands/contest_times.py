"""What moves with the times of a contest: contest times that follow from a moment, and what the freeze hides.

Contest times are sent again when the start or the removed intervals of a contest change; what has been shown may
not be hidden by it. This module must not know why times change.
"""

from collections.abc import Iterable, Iterator
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange, Refused
from projections.contest import ContestState
from projections.draft import draft_of
from projections.timeline import timeline_of
from schemas.objects import Clarification, Commentary, Contest, Judgement, State, Submission
from schemas.times import format_relative_time, parse_relative_time_ms, parse_time_ms

Timed = Submission | Clarification | Commentary

TIMED_TYPES = ("submissions", "clarifications", "commentary")
"""The types that have both a time and a contest time."""


def resent_contest_times(before: ContestState, contest_after: Contest, state_after: State) -> list[ObjectChange]:
    """Every object whose contest time another timeline moves, with its new one (requirements A22).

    Only a contest time that is the one of its `time` on the timeline `before` is moved; others, of a site whose
    clock was off or that began at another moment, were given on purpose and stay.
    """
    old, new = before.timeline, timeline_of(contest_after, state_after, before.settings.pace_permille)
    if (old.start_ms, old.removed) == (new.start_ms, new.removed):
        return []
    changes = []
    for type_name, timed in _timed(before):
        time_ms = parse_time_ms(timed.time)
        contest_time_ms, moved_ms = old.contest_time_ms(time_ms), new.contest_time_ms(time_ms)
        if contest_time_ms != moved_ms and contest_time_ms == parse_relative_time_ms(timed.contest_time):
            moved = msgspec.structs.replace(timed, contest_time=format_relative_time(moved_ms))
            changes.append(ObjectChange(type_name, timed.id, moved))
    return changes


def state_after(before: ContestState, changes: Iterable[ObjectChange]) -> ContestState:
    """The state to which these changes lead; the given one stays as it is."""
    after = draft_of(before)
    for change in changes:
        after.apply(after.position + 1, change.type, change.id, change.instance)
    return after


def refuse_hiding(before: ContestState, changes: Iterable[ObjectChange], property: str) -> None:
    """Raise Refused if by these changes, asked for by this property, the freeze reaches back to a known verdict.

    Whoever has seen a verdict has also seen what it led to: the awards and the board from before the freeze, which
    stand still in it, would tell it further. What was hidden before, by the freeze or because it was outside the
    contest, may be hidden again; so may what is not judged yet.
    """
    after = state_after(before, changes)
    hidden = next(_hidden_anew(before, after), None)
    if hidden is not None:
        raise Refused(
            f"the freeze would then hide submission {hidden}, whose verdict has been shown already",
            property,
            ground="conflict",
        )


def _hidden_anew(before: ContestState, after: ContestState) -> Iterator[str]:
    """The ids of the submissions with a verdict that the freeze hides afterwards and did not hide before."""
    if after.timeline.embargo_ms is None:
        return
    old, new = before.timeline, after.timeline
    for identifier, contest_time_ms in before.submission_times_ms.items():
        shown = old.within_contest(contest_time_ms) and not old.embargoed(contest_time_ms)
        if shown and new.embargoed(after.submission_times_ms[identifier]) and _judged(before, identifier):
            yield identifier


def _judged(state: ContestState, submission_id: str) -> bool:
    """Whether any judgement of a submission, current or not, has come to a verdict."""
    judgements = state.objects["judgements"]
    found = (
        cast("Judgement", judgements[identifier])
        for identifier in state.referrers.of_type(("submissions", submission_id), "judgements")
    )
    return any(judgement.judgement_type_id or judgement.simplified_judgement_type_id for judgement in found)


def _timed(state: ContestState) -> Iterator[tuple[str, Timed]]:
    for type_name in TIMED_TYPES:
        for instance in state.objects[type_name].values():
            yield type_name, cast("Timed", instance)
