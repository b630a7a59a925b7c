"""Reconcile: make a contest equal to a set of objects. Imports, followed feeds and polled platforms are this command.

What does not differ adds nothing, so deciding the same twice adds nothing the second time. Types that the source
does not speak of are left alone. This module must not know where the objects come from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TypeVar

import msgspec

from cds.commands.decision import UPDATES_ENDED, ObjectChange, Refused
from projections.contest import RESHAPED_BY, ContestState
from projections.integrity import Key, named_by
from projections.timeline import Timeline, timeline_of
from projections.visibility_table import TEAM_STREAMS
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, TYPE_ORDER, referenced_ids
from schemas.objects import Contest, ContestObject, Judgement, State, Submission, Team
from schemas.times import parse_relative_time_ms

Once = TypeVar("Once", Contest, State)
Objects = Mapping[str, Mapping[str, ContestObject]]

LAST = len(OBJECT_TYPES)
"""The place behind all types of table one."""


def decide_reconcile(state: ContestState, wanted: Objects, spoken_of: Iterable[str]) -> list[ObjectChange]:
    """The changes that make the contest equal to `wanted` for all types in `spoken_of`.

    What is named comes before what names it, deletions come behind that and children before parents. A state that
    takes the start back comes before the problems, one with which the freeze begins before what it hides. One with
    which the freeze ends comes behind all that was hidden, also what is deleted of that; so does one that starts the
    contest if something is deleted, and one that ends the updates is the very last. What teams have come to elsewhere
    (`ext`) comes behind the end of a freeze. Raises Refused when the contest has ended its updates, or when something
    would be deleted that objects of other types still refer to.
    """
    types = sorted(spoken_of, key=TYPE_ORDER.__getitem__)
    places = _places(types, state, wanted)
    told = sorted(types, key=lambda name: places.get(name, TYPE_ORDER[name]))
    changed = [change for name in told for change in _changed(state, name, wanted.get(name, {}))]
    deleted = [change for name in reversed(types) for change in _deleted(state, name, wanted.get(name, {}))]
    # What drops a name before it goes changes once more: that comes before all that goes, of whatever type.
    deleted.sort(key=lambda change: change.instance is None)
    if not changed and not deleted:
        return []
    if state.ended_updates:
        raise Refused(UPDATES_ENDED, ground="forbidden")
    _refuse_dangling(state, changed, deleted)
    ordered = _in_order_of_reference(state, changed)
    if _freezes_unsaid(state, types, wanted):
        ordered = _behind_everything(state, ordered, TEAM_STREAMS)
    elif _ends_freeze(state, types, wanted):
        ordered = _behind_everything(state, ordered, (EXTENSION,))
    showing = {name for name, place in places.items() if place == LAST}
    ordered = _deleted_before_it_is_shown(state, [*ordered], deleted, showing)
    return _end_of_updates_last(state, [*_shortened(state, types, wanted), *ordered])


def decide_emptying(state: ContestState) -> list[ObjectChange]:
    """The changes that delete everything, whether or not the updates have ended.

    Children go before parents; the contest, which names a group and is named by nothing, goes before all.
    """
    types = sorted(OBJECT_TYPES, key=lambda name: (name != "contest", -TYPE_ORDER[name]))
    return [change for name in types for change in _deleted(state, name, {})]


def _places(types: list[str], state: ContestState, wanted: Objects) -> dict[str, int]:
    """The places of the types that are told of elsewhere than in the order of table one.

    What hides comes before all that it hides, teams come with streams, say; what shows comes behind everything, so
    that nobody sees what is about to change. Problems come before a state that starts in any case.
    """
    pace_permille = state.settings.pace_permille
    contest = _coming(Contest, types, "contest", wanted, state.contest)
    coming = _coming(State, types, "state", wanted, state.state)
    places: dict[str, int] = {}
    before = timeline_of(contest, state.state, pace_permille)
    if _shows_more(before, than=state.timeline):
        places["contest"] = LAST
        contest = _shorter(state.contest, contest)
        before = timeline_of(contest, state.state, pace_permille)
    after = timeline_of(contest, coming, pace_permille)
    if state.timeline.started and not after.started:
        # Whatever else it shows: nobody outside sees how problems have changed since the start was taken back.
        places["state"] = TYPE_ORDER["languages"]
    elif _shows_more(after, than=before):
        places["state"] = LAST
    elif _shows_more(before, than=after):
        places["state"] = TYPE_ORDER["problems"]
    elif after.started and not state.timeline.started and _deletes(state, types, wanted, RESHAPED_BY["started"]):
        places["state"] = LAST
    return places


def _deletes(state: ContestState, types: list[str], wanted: Objects, of_types: Collection[str]) -> bool:
    """Whether something of some types goes."""
    return any(state.objects[name].keys() - wanted.get(name, {}).keys() for name in types if name in of_types)


def _shortened(state: ContestState, types: list[str], wanted: Objects) -> list[ObjectChange]:
    """The contest as it is but shorter, where it becomes so and is told of behind what the end of a freeze shows.

    Nobody outside is ever shown what was submitted behind the end to which the contest comes.
    """
    contest = _coming(Contest, types, "contest", wanted, state.contest)
    timeline = timeline_of(contest, state.state, state.settings.pace_permille)
    early = _shorter(state.contest, contest)
    if early is None or early == state.contest or not _shows_more(timeline, than=state.timeline):
        return []
    return [ObjectChange("contest", SINGLETON_ID, early)]


def _shorter(present: Contest | None, coming: Contest | None) -> Contest | None:
    """The contest as it is, with the duration that it comes to if that is shorter."""
    if present is None or coming is None:
        return present
    if parse_relative_time_ms(coming.duration) >= parse_relative_time_ms(present.duration):
        return present
    return msgspec.structs.replace(present, duration=coming.duration)


def _deleted_before_it_is_shown(
    state: ContestState, changes: list[ObjectChange], deleted: list[ObjectChange], showing: Collection[str]
) -> Iterator[ObjectChange]:
    """Changes and deletions in one: what goes does so before the first change of the types that show something.

    Only the group that the contest names until then goes behind that.
    """
    first = next((number for number, change in enumerate(changes) if change.type in showing), len(changes))
    named = {("groups", state.contest.main_scoreboard_group_id)} if state.contest and "contest" in showing else set()
    yield from changes[:first]
    yield from (change for change in deleted if (change.type, change.id) not in named)
    yield from changes[first:]
    yield from (change for change in deleted if (change.type, change.id) in named)


def _freezes_unsaid(state: ContestState, types: list[str], wanted: Objects) -> bool:
    """Whether a freeze begins with a submission that is made in it, and no state says so."""
    contest = _coming(Contest, types, "contest", wanted, state.contest)
    coming = _coming(State, types, "state", wanted, state.state)
    timeline = timeline_of(contest, coming, state.settings.pace_permille)
    if state.frozen or timeline.freeze_announced or timeline.embargo_ms is None or "submissions" not in types:
        return False
    return any(
        timeline.embargoed(contest_time_ms) and timeline.within_contest(contest_time_ms)
        for submission in wanted.get("submissions", {}).values()
        if isinstance(submission, Submission)
        for contest_time_ms in (parse_relative_time_ms(submission.contest_time),)
    )


def _ends_freeze(state: ContestState, types: list[str], wanted: Objects) -> bool:
    """Whether more is to be seen when all this has come than before it."""
    contest = _coming(Contest, types, "contest", wanted, state.contest)
    coming = _coming(State, types, "state", wanted, state.state)
    return _shows_more(timeline_of(contest, coming, state.settings.pace_permille), than=state.timeline)


def _behind_everything(
    state: ContestState, changes: Iterable[ObjectChange], names: Collection[str]
) -> Iterator[ObjectChange]:
    """The same; teams of which these properties are new come with them behind all that begins or ends the freeze.

    A team that is there keeps what it has of them until then; one that is not is told without them before.
    """
    completed_later: list[ObjectChange] = []
    for change in changes:
        team, present = change.instance, state.objects[change.type].get(change.id)
        if not isinstance(team, Team) or all(getattr(team, name) == getattr(present, name, None) for name in names):
            yield change
            continue
        completed_later.append(change)
        early = msgspec.structs.replace(team, **{name: getattr(present, name, None) for name in names})
        if early != present:
            yield ObjectChange(change.type, change.id, early)
    yield from completed_later


def _coming(
    structure: type[Once], types: list[str], type_name: str, wanted: Objects, present: Once | None
) -> Once | None:
    """The object of a type that exists once, as it will be until what is not wanted goes."""
    found = wanted.get(type_name, {}).get(SINGLETON_ID) if type_name in types else None
    return found if isinstance(found, structure) else present


def _shows_more(timeline: Timeline, *, than: Timeline) -> bool:
    """Whether more can be seen at one timeline than at another: less is under the embargo, or it is not announced."""
    if than.embargo_ms is None or than.embargo_ms == timeline.embargo_ms:
        return than.freeze_announced and not timeline.freeze_announced
    return timeline.embargo_ms is None or timeline.embargo_ms > than.embargo_ms


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
