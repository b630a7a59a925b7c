"""A copy of a contest's state that stays as it is, to be looked at while the contest goes on.

Only what scoreboards, awards and comparisons ask for is in it. This module must not know who looks.
"""

from collections.abc import Iterable

from projections.contest import ContestState
from projections.scoreboard import SHAPING_TYPES
from projections.submission_scores import scoring_basis
from schemas.object_types import OBJECT_TYPES

NAMING = ("judgements", "teams")
"""The types of which who looks mostly wants to know what they name."""

ALWAYS = frozenset(SHAPING_TYPES | {"organizations", "awards"})
"""The types on which scoreboards and awards rest."""

SCORED_TYPES = frozenset({"runs"})
"""The types on which the boards of score contests rest besides."""


def still(state: ContestState, types: Iterable[str]) -> ContestState:
    """The state as it is now, with the objects of these types and of ALWAYS; no versions, no records but the settings.

    Objects are shared: they never change. Who names whom is left to `named`, which takes longer.
    """
    wanted = ALWAYS | set(types) | _scored_types(state)
    copy = ContestState()
    copy.position, copy.settings = state.position, state.settings
    copy.objects = {name: dict(state.objects[name]) if name in wanted else {} for name in OBJECT_TYPES}
    copy.note_singletons()
    copy.submission_times_ms = dict(state.submission_times_ms)
    return copy


def named(copy: ContestState, types: Iterable[str] = NAMING) -> ContestState:
    """The same copy, in which objects know who of these types names them: submissions their judgements, say.

    Where judgements are scored from their runs, they know those too.
    """
    for type_name in (*types, *_scored_types(copy)):
        for identifier, instance in copy.objects[type_name].items():
            copy.referrers.replace((type_name, identifier), None, instance)
    return copy


def _scored_types(state: ContestState) -> frozenset[str]:
    return SCORED_TYPES if scoring_basis(state) is not None else frozenset()
