"""What has to change in our contest so that it says what the upstream says. Pure decisions.

Usually that is what the upstream has just said, event by event, so that the contest keeps the history of its source.
Where somebody has changed the contest here so that this cannot be done, or where a reading anew has come to its end,
the contest is made equal to the source as a whole. This module must not know where any of it comes from.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.dialects.results import Change
from cds.importing import decide_alignment
from cds.upstream.following import Step, Wanted
from projections.contest import ContestState
from projections.integrity import Key, named_by
from schemas.object_types import OBJECT_TYPES
from schemas.objects import ContestObject

Placed: TypeAlias = tuple[int, ObjectChange]
"""A change of the contest, with the position in the source's stream that is its reason."""


class Decided(msgspec.Struct, frozen=True):
    """The changes, and why some that the source asks for cannot be made now."""

    changes: Sequence[Placed]
    refused: Sequence[str] = ()


def decide_following(state: ContestState, steps: Sequence[Step], wanted: Wanted) -> Decided:
    """The changes that some steps of the source come to in a contest. What is so already is left out."""
    if any(step.aligns for step in steps) or state.settings.clock or state.settings.awards.computed:
        return decide_equality(state, steps, wanted)
    fitting = _Fitting(state)
    for step in steps:
        for change in step.changes:
            fitting.take(step.position, change)
    if not fitting.refused:
        return Decided(fitting.changes)
    return decide_equality(state, steps, wanted)


def decide_equality(state: ContestState, steps: Sequence[Step], wanted: Wanted) -> Decided:
    """The changes that make the contest equal to the source; if that cannot be, those of the steps that can be made."""
    try:
        changes = decide_alignment(state, wanted.objects, wanted.spoken_of)
    except Refused as refused:
        fitting = _Fitting(state)
        for step in steps if not (state.settings.clock or state.settings.awards.computed) else ():
            for change in step.changes:
                fitting.take(step.position, change)
        return Decided(fitting.changes, [refused.reason, *fitting.refused])
    return Decided([(wanted.position, change) for change in changes])


class _Fitting:
    """Takes changes one after the other, on top of a state that stays as it is, if they fit there."""

    def __init__(self, state: ContestState) -> None:
        self.changes: list[Placed] = []
        self.refused: list[str] = []
        self._state = state
        self._over: dict[Key, ContestObject | None] = {}

    def take(self, position: int, change: Change) -> None:
        """Take a change, or note why it does not fit. What changes nothing is left out."""
        key = (change.type, change.id)
        if self._present(key) == change.instance:
            return
        reason = self._objection(key, change.instance)
        if reason is not None:
            self.refused.append(reason)
            return
        self._over[key] = change.instance
        self.changes.append((position, ObjectChange(change.type, change.id, change.instance)))

    def _objection(self, key: Key, instance: ContestObject | None) -> str | None:
        if self._state.ended_updates:
            return UPDATES_ENDED
        if instance is None:
            referrer = next(iter(self._referrers(key)), None)
            return None if referrer is None else f"{_name(key)} cannot be deleted: {_name(referrer)} refers to it"
        for target in named_by(OBJECT_TYPES[key[0]], instance):
            if target != key and self._present(target) is None:
                return f"{_name(key)} refers to {_name(target)}, which does not exist"
        return None

    def _present(self, key: Key) -> ContestObject | None:
        if key in self._over:
            return self._over[key]
        return self._state.objects[key[0]].get(key[1])

    def _referrers(self, key: Key) -> Iterable[Key]:
        """The objects that name another: those of the state that did not change, and those that did."""
        for referrer in self._state.referrers.of(key):
            if referrer not in self._over and referrer != key:
                yield referrer
        for changed, instance in self._over.items():
            if instance is not None and changed != key and key in named_by(OBJECT_TYPES[changed[0]], instance):
                yield changed


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]}".strip()
