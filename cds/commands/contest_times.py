"""Contest times that follow from a moment: sent again when the start or the removed intervals of a contest change.

This module must not know why they change.
"""

from collections.abc import Iterator
from typing import cast

import msgspec

from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from projections.timeline import timeline_of
from schemas.objects import Clarification, Commentary, Contest, State, Submission
from schemas.times import format_relative_time, parse_relative_time_ms, parse_time_ms

Timed = Submission | Clarification | Commentary

TIMED_TYPES = ("submissions", "clarifications", "commentary")
"""The types that have both a time and a contest time."""


def resent_contest_times(before: ContestState, contest_after: Contest, state_after: State) -> list[ObjectChange]:
    """Every object whose contest time another timeline moves, with its new one (requirements A22).

    Only a contest time that is the one of its `time` on the timeline `before` is moved; others, of a site whose
    clock was off or that began at another moment, were given on purpose and stay.
    """
    old, new = before.timeline, timeline_of(contest_after, state_after)
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


def _timed(state: ContestState) -> Iterator[tuple[str, Timed]]:
    for type_name in TIMED_TYPES:
        for instance in state.objects[type_name].values():
            yield type_name, cast("Timed", instance)
