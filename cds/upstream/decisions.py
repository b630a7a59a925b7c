"""What has to change in our contest so that it says what the upstream says. Pure decisions.

Usually that is what the upstream has just said, event by event, so that the contest keeps the history of its source.
Where somebody has changed the contest here so that this cannot be done, or where a reading anew has come to its end,
the contest is made equal to the source as a whole. This module must not know where any of it comes from.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from cds.dialects.results import Change
from cds.importing import decide_alignment
from cds.upstream.following import Step, Wanted
from projections.contest import SETTINGS, ContestState
from projections.integrity import Key, named_by
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.objects import ContestObject

Placed: TypeAlias = tuple[int, ObjectChange]
"""A change of the contest, with the position in the source's stream that is its reason."""


class Decided(msgspec.Struct, frozen=True):
    """The changes, and why some that the source asks for cannot be made now.

    `undone` are the objects that somebody has changed here, and that become as the source says again.
    """

    changes: Sequence[Placed]
    refused: Sequence[str] = ()
    undone: Sequence[Key] = ()


def decide_following(state: ContestState, steps: Sequence[Step], wanted: Wanted) -> Decided:
    """The changes that some steps of the source come to in a contest. What is so already is left out.

    The states of a followed contest come from the source alone; our clock never begins or ends a freeze. What is
    submitted from the configured contest time on is hidden all the same until the source has thawed, so that nothing
    leaks should its word come late. A freeze by hand is told as a moment, and which contest time that is follows from
    the pace at the source: so the pace is part of what is followed. It comes first, but last where it is faster and
    something is there: at the slower pace what was hidden stays so while one contest becomes the other.
    """
    decided = _decide_objects(state, steps, wanted)
    if _has_pace(state, wanted):
        return decided
    followed = msgspec.structs.replace(state.settings, source_pace_permille=wanted.pace_permille)
    paced = ObjectChange(SETTINGS, SINGLETON_ID, followed)
    if state.contest is None or wanted.pace_permille < state.settings.source_pace_permille:
        return msgspec.structs.replace(decided, changes=[(wanted.position, paced), *decided.changes])
    last = steps[-1].position if steps else wanted.position
    if last < wanted.pace_position:
        return decided  # What was said before it was told comes first.
    return msgspec.structs.replace(decided, changes=[*decided.changes, (last, paced)])


def _has_pace(state: ContestState, wanted: Wanted) -> bool:
    """Whether a contest has the pace of its source, or cannot be given it because it is played or run here."""
    settings = state.settings
    ours = settings.clock or settings.playback is not None
    return ours or state.ended_updates or settings.source_pace_permille == wanted.pace_permille


def _decide_objects(state: ContestState, steps: Sequence[Step], wanted: Wanted) -> Decided:
    if any(step.aligns for step in steps) or state.settings.clock or state.settings.awards.computed:
        equal = decide_equality(state, steps, wanted)
        if any(step.restores for step in steps):
            return _naming_undone(equal, steps)
        former = next((step.former for step in steps if step.former is not None), None)
        return equal if former is None else _naming_undone(equal, steps, lambda key: _is_as_in(former, state, key))
    fitting = _Fitting(state)
    for step in steps:
        for change in step.changes:
            fitting.take(step.position, change)
    if not fitting.refused:
        return Decided(fitting.changes)
    return _naming_undone(decide_equality(state, steps, wanted), steps)


def decide_equality(state: ContestState, steps: Sequence[Step], wanted: Wanted) -> Decided:
    """The changes that make the contest equal to the source; if that cannot be, those of the steps that can be made."""
    try:
        changes = decide_alignment(state, _with_accounts_of_ours(state, wanted), wanted.spoken_of)
    except Refused as refused:
        fitting = _Fitting(state)
        for step in steps if not (state.settings.clock or state.settings.awards.computed) else ():
            for change in step.changes:
                fitting.take(step.position, change)
        return Decided(fitting.changes, [refused.reason, *fitting.refused])
    return Decided([(wanted.position, change) for change in changes])


def _is_as_in(former: Mapping[str, Mapping[str, ContestObject]], state: ContestState, key: Key) -> bool:
    return former.get(key[0], {}).get(key[1]) == state.objects[key[0]].get(key[1])


def _naming_undone(
    decided: Decided, steps: Sequence[Step], is_theirs: Callable[[Key], bool] = lambda _: False
) -> Decided:
    """The same; what differs although the steps do not speak of it has been changed here, but for what is theirs."""
    said = {(change.type, change.id) for step in steps for change in step.changes}
    differing = dict.fromkeys((change.type, change.id) for _, change in decided.changes)
    return msgspec.structs.replace(decided, undone=[key for key in differing if key not in said and not is_theirs(key)])


def _with_accounts_of_ours(state: ContestState, wanted: Wanted) -> Mapping[str, Mapping[str, ContestObject]]:
    """What is wanted, with the accounts that the source never told of: who may log in here is not its affair.

    One that names what there will not be goes all the same.
    """
    told = wanted.objects.get("accounts", {})
    ours = {
        identifier: account
        for identifier, account in state.objects["accounts"].items()
        if identifier not in told
        and identifier not in wanted.account_ids
        and all(_will_be(state, wanted, key) for key in named_by(OBJECT_TYPES["accounts"], account))
    }
    return {**wanted.objects, "accounts": {**told, **ours}} if ours else wanted.objects


def _will_be(state: ContestState, wanted: Wanted, key: Key) -> bool:
    objects = wanted.objects if key[0] in wanted.spoken_of else state.objects
    return key[1] in objects.get(key[0], {})


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
