"""What a role may be told of an object by a contest that passes lines of its history over.

Where much is told at once, after a reading anew, it comes in an order in which nothing is shown too early: a freeze
stands before the teams that were changed before it began, a thaw behind those that were changed after it. So for a
moment an object is seen in other circumstances than those in which its source had it, and less may be seen of it.
This module must not know how a source is followed.
"""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from projections.integrity import Key
from projections.timeline import Timeline, timeline_of
from projections.visibility import role_view
from projections.visibility_table import TEAM_STREAMS
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, TYPE_ORDER
from schemas.viewers import Role

Place = tuple[int, int]
"""The line that tells of the object, and the line up to which everything else is told."""

HIDDEN_MEANWHILE = {"teams": TEAM_STREAMS, "submissions": ("reaction",)}
"""What a freeze hides of an object, by type; other objects it hides as a whole."""


def could_be_told(shown: Sequence[object], history: Sequence[ObjectChange], key: Key, role: Role) -> bool:
    """Whether a role may be told this of an object, one after the other.

    Of one version after the other it is told what it sees of it while that stands, or what it sees of it in later
    circumstances, but for what a freeze hides: a thaw that comes behind the next version does not show this one. The
    circumstances never go back either. What is hidden may be hidden at any time, and be seen again.

    Some properties wait for the circumstances in which their next values may be seen, and stay as they were seen last,
    whatever else of the object changes (`_waiting`). What anybody is told there rests on nothing that is hidden.
    """
    lines = [number for number, change in enumerate(history) if _key(change) == key]
    told: dict[Place, list[object]] = {}
    following: dict[int, int] = dict(zip(lines, [*lines[1:], len(history)], strict=True))
    for line in lines:
        for place in range(line, len(history)):
            seen = list(_views(history, key, line, place, role))
            less = [_without(HIDDEN_MEANWHILE.get(key[0], ()), view) for view in seen]
            was_seen = any(view is not None for before in range(line, place) for view in told[line, before])
            told[line, place] = [*seen, *less] if place < following[line] else less if was_seen else []
    standing = [_standing(history, place) for place in range(len(history))]
    reached: set[tuple[Place, int]] = {((0, 0), 0)}
    last: object = None
    for each in shown:
        if each is not None:
            reached = {
                ((line, place), since)
                for (line, place), may in told.items()
                for since in _steps_to((line, place), reached)
                if each in may
                or (place < following[line] and _is_in_part(each, may, last, _waiting(standing, key, since, place)))
            }
        last = each
    return bool(reached)


def _steps_to(place: Place, reached: Iterable[tuple[Place, int]]) -> set[int]:
    """The lines from which one may have come to a place, other than the line up to which everything is told there."""
    return {
        before[1] if before[1] < place[1] else since
        for before, since in reached
        if before[0] <= place[0] and before[1] <= place[1]
    }


def _waiting(standing: Sequence[ContestState], key: Key, before: int, place: int) -> Collection[str]:
    """The properties that wait where a contest comes at once from how it stood at a line to how it stands at another.

    Streams of teams, where a freeze begins with a submission and no state says so: what a submission names comes before
    it, so teams do, and streams that were changed in the freeze would be seen. Extensions of teams, where more is seen
    at the end: they tell of what a freeze has hidden. The contest less its duration, where it becomes shorter and more
    would be seen with the rest: nothing is ever seen behind its end, and what a freeze hides when all else has come.
    """
    then, now = standing[before], standing[place]
    if key[0] == "teams":
        if now.frozen and not now.timeline.freeze_announced:
            return TEAM_STREAMS
        return (EXTENSION,) if _hides_less(now.timeline, then.timeline) else ()
    if key[0] == "contest" and _hides_less(timeline_of(now.contest, then.state), then.timeline):
        is_shorter = (now.timeline.duration_ms or 0) < (then.timeline.duration_ms or 0)
        return set(OBJECT_TYPES["contest"].properties) - {"duration"} if is_shorter else ()
    return ()


def _hides_less(now: Timeline, then: Timeline) -> bool:
    """Whether a freeze has ended in between, begins later, or is not said any more to have begun."""
    if now.embargo_ms == then.embargo_ms:
        return then.freeze_announced and not now.freeze_announced
    return then.embargo_ms is not None and (now.embargo_ms is None or now.embargo_ms > then.embargo_ms)


def _is_in_part(each: object, may: Sequence[object], last: object, waiting: Collection[str]) -> bool:
    """Whether something is what may be told, but that some of it is still as it was."""
    if not waiting or not isinstance(each, dict) or not isinstance(last, dict):
        return False
    is_as_before = all(each.get(name) == last.get(name) for name in waiting)
    return is_as_before and _without(waiting, each) in [_without(waiting, view) for view in may]


def _standing(history: Sequence[ObjectChange], place: int) -> ContestState:
    """The contest as one is told at once that stands at a line."""
    standing = {_key(change): change for change in history[: place + 1]}.values()
    return _folded(sorted(standing, key=lambda change: TYPE_ORDER[change.type]))


def _views(history: Sequence[ObjectChange], key: Key, line: int, place: int, role: Role) -> Iterable[object]:
    """What is seen of an object as a line tells it, where everything else is as a line at or behind it leaves it.

    To a contest that was told every line, and to one that was told at once what stands there: a freeze that began
    with a submission goes on when that is taken back, and to who has not heard of the submission it never was.
    """
    told = [change for number, change in enumerate(history[: place + 1]) if number <= line or _key(change) != key]
    yield _view(told, key, role)
    standing = {_key(change): change for change in told}.values()
    yield _view(sorted(standing, key=lambda change: TYPE_ORDER[change.type]), key, role)


def _view(changes: Iterable[ObjectChange], key: Key, role: Role) -> object:
    """What the role sees of an object after some changes, as it stands in a feed; None where it sees nothing."""
    state = _folded(changes)
    view = role_view(role).types[key[0]]
    instance = view.instance(state, key[1])
    shown = None if instance is None else view.of(state, None, instance)
    return msgspec.json.decode(msgspec.json.encode(shown))


def _folded(changes: Iterable[ObjectChange]) -> ContestState:
    state = ContestState()
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


def _without(names: Collection[str], view: object) -> object:
    return {name: value for name, value in view.items() if name not in names} if isinstance(view, dict) else view


def _key(change: ObjectChange) -> Key:
    return change.type, change.id
