"""Reconcile: make a contest equal to a set of objects. Imports, followed feeds and polled platforms are this command.

What does not differ adds nothing, so deciding the same twice adds nothing the second time. Types that the source
does not speak of are left alone. This module must not know where the objects come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from projections.contest import ContestState
from projections.integrity import Key, named_by
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER, referenced_ids
from schemas.objects import ContestObject, Judgement, State

Objects = Mapping[str, Mapping[str, ContestObject]]


def decide_reconcile(state: ContestState, wanted: Objects, spoken_of: Iterable[str]) -> list[ObjectChange]:
    """The changes that make the contest equal to `wanted` for all types in `spoken_of`.

    What is named comes before what names it, deletions come last and children before parents. A state with which the
    freeze begins comes before what it hides, and one that ends the updates is the very last. Raises Refused when the
    contest has ended its updates, or when something would be deleted that objects of other types still refer to.
    """
    types = sorted(spoken_of, key=TYPE_ORDER.__getitem__)
    told = _told_in(types, state, wanted)
    changed = [change for name in told for change in _changed(state, name, wanted.get(name, {}))]
    deleted = [change for name in reversed(types) for change in _deleted(state, name, wanted.get(name, {}))]
    if not changed and not deleted:
        return []
    if state.ended_updates:
        raise Refused(UPDATES_ENDED, ground="forbidden")
    _refuse_dangling(state, changed, deleted)
    return _end_of_updates_last(state, [*_in_order_of_reference(state, changed), *deleted])


def _told_in(types: list[str], state: ContestState, wanted: Objects) -> list[str]:
    """The order of the types of what changes: that of table one, but for a state with which the freeze begins."""
    coming = wanted.get("state", {}).get(SINGLETON_ID)
    if "state" not in types or not _is_frozen(coming) or _is_frozen(state.state):
        return types
    # Everything but the contest, which says for how long: teams come with streams that the freeze hides.
    return sorted(types, key=lambda name: (name != "contest", name != "state"))


def _is_frozen(state: ContestObject | None) -> bool:
    return isinstance(state, State) and state.frozen is not None and state.thawed is None


def _changed(state: ContestState, type_name: str, wanted: Mapping[str, ContestObject]) -> Iterator[ObjectChange]:
    present = state.objects[type_name]
    differing = [
        ObjectChange(type_name, identifier, instance)
        for identifier, instance in wanted.items()
        if present.get(identifier) != instance
    ]
    if type_name == "judgements":
        # Of two judgements of one submission, the one that stops being current goes first.
        differing.sort(key=lambda change: not _stops_being_current(present.get(change.id), change.instance))
    return iter(differing)


def _stops_being_current(before: ContestObject | None, after: ContestObject | None) -> bool:
    if not isinstance(before, Judgement) or not isinstance(after, Judgement):
        return False
    return before.current is not False and after.current is False


def _deleted(state: ContestState, type_name: str, wanted: Mapping[str, ContestObject]) -> list[ObjectChange]:
    """Deletions, the latest objects first. What would be left naming a deleted one of its own type drops the name."""
    gone = [identifier for identifier in reversed([*state.objects[type_name]]) if identifier not in wanted]
    order = {(type_name, identifier): place for place, identifier in enumerate(gone)}
    named_too_early = {
        referrer
        for key, place in order.items()
        for referrer in state.referrers.of(key)
        if order.get(referrer, place) > place
    }
    stripped = [
        _without_references_to(order.keys(), ObjectChange(type_name, identifier, state.objects[type_name][identifier]))
        for identifier in gone
        if (type_name, identifier) in named_too_early
    ]
    return [*stripped, *(ObjectChange(type_name, identifier, None) for identifier in gone)]


def _refuse_dangling(state: ContestState, changed: list[ObjectChange], deleted: list[ObjectChange]) -> None:
    gone: set[Key] = {(change.type, change.id) for change in deleted}
    rewritten: set[Key] = {(change.type, change.id) for change in changed}
    for key in gone:
        for referrer in state.referrers.of(key):
            if referrer not in gone and referrer not in rewritten:
                raise Refused(f"{key[0]} {key[1]} cannot be deleted: {referrer[0]} {referrer[1]} refers to it")
    for change in changed:
        if change.instance is None:
            continue
        for target in named_by(OBJECT_TYPES[change.type], change.instance):
            if target in gone or (target not in rewritten and target[1] not in state.objects[target[0]]):
                raise Refused(f"{change.type} {change.id} refers to {target[0]} {target[1]}, which does not exist")


def _in_order_of_reference(state: ContestState, changed: list[ObjectChange]) -> Iterator[ObjectChange]:
    """The changes in order; what names an object that is still to come goes without the reference first."""
    waiting: set[Key] = {(change.type, change.id) for change in changed if change.id not in state.objects[change.type]}
    completed_later: list[ObjectChange] = []
    for change in changed:
        waiting.discard((change.type, change.id))
        early = _without_references_to(waiting, change)
        if early is not change:
            completed_later.append(change)
        if early.instance != state.objects[change.type].get(change.id):
            yield early
    yield from completed_later


def _without_references_to(waiting: Collection[Key], change: ObjectChange) -> ObjectChange:
    if change.instance is None or not waiting:
        return change
    early = {
        reference.property: None
        for reference in OBJECT_TYPES[change.type].references
        if not reference.required
        and len(reference.path) == 1
        and any((reference.target, identifier) in waiting for identifier in referenced_ids(reference, change.instance))
    }
    if not early:
        return change
    return ObjectChange(change.type, change.id, msgspec.structs.replace(change.instance, **early))


def _end_of_updates_last(state: ContestState, changes: list[ObjectChange]) -> list[ObjectChange]:
    """Nothing may follow a state that ends the updates; until then it stands without that property."""
    ending = [change for change in changes if isinstance(change.instance, State) and change.instance.end_of_updates]
    if not ending:
        return changes
    last = ending[-1]
    early = [
        ObjectChange(change.type, change.id, msgspec.structs.replace(change.instance, end_of_updates=None))
        if isinstance(change.instance, State)
        else change
        for change in changes
    ]
    before = [change for change in early if change.type != "state" or change.instance != state.state]
    return [*before, ObjectChange("state", SINGLETON_ID, last.instance)]
