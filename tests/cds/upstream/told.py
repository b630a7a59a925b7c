"""What a role may be told of an object by a contest that passes lines of its history over.

Where much is told at once, after a reading anew, it comes in an order in which nothing is shown too early: a freeze
stands before the teams that were changed before it began, a thaw behind those that were changed after it. So for a
moment an object is seen in other circumstances than those in which its source had it, and less may be seen of it.
This module must not know how a source is followed.
"""

from collections.abc import Iterable, Sequence

import msgspec

from cds.commands.decision import ObjectChange
from projections.contest import ContestState
from projections.integrity import Key
from projections.visibility import role_view
from projections.visibility_table import TEAM_STREAMS
from schemas.object_types import TYPE_ORDER
from schemas.objects import State
from schemas.viewers import Role

Place = tuple[int, int]
"""The line that tells of the object, and the line up to which everything else is told."""

HIDDEN_MEANWHILE = {"teams": TEAM_STREAMS, "submissions": ("reaction",)}
"""What a freeze hides of an object, by type; other objects it hides as a whole."""


def could_be_told(shown: Sequence[object], history: Sequence[ObjectChange], key: Key, role: Role) -> bool:
    """Whether a role may be told this of an object, one after the other.

    Of one version after the other it is told what it sees of it while that stands, or what it sees of it in later
    circumstances, but for what a freeze hides: a thaw that comes behind the next version does not show this one. The
    circumstances never go back either. What is hidden may be hidden at any time, and be seen again. What a freeze
    will hide of an object that begins with a submission, which no state says, stays as it was seen until then, whatever
    else of the object changes before.
    """
    lines = [number for number, change in enumerate(history) if _key(change) == key]
    told: dict[Place, list[object]] = {}
    for line, following in zip(lines, [*lines[1:], len(history)], strict=True):
        for place in range(line, len(history)):
            seen = list(_views(history, key, line, place, role))
            less = [_with_less(key, view) for view in seen]
            was_seen = any(view is not None for before in range(line, place) for view in told[line, before])
            told[line, place] = [*seen, *less] if place < following else less if was_seen else []
    reached: set[Place] = {(0, 0)}
    said = any(isinstance(change.instance, State) and change.instance.frozen for change in history)
    last: object = None
    for each in shown:
        if each is not None:
            stays = not said and _hidden_of(key, each) == _hidden_of(key, last)
            forms = [each, _with_less(key, each)] if stays else [each]
            reached = {
                (line, place)
                for (line, place), may in told.items()
                if any(form in may for form in forms)
                and any(before[0] <= line and before[1] <= place for before in reached)
            }
        last = each
    return bool(reached)


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
    state = ContestState()
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    view = role_view(role).types[key[0]]
    instance = view.instance(state, key[1])
    shown = None if instance is None else view.of(state, None, instance)
    return msgspec.json.decode(msgspec.json.encode(shown))


def _with_less(key: Key, view: object) -> object:
    hidden = HIDDEN_MEANWHILE.get(key[0], ())
    return {name: value for name, value in view.items() if name not in hidden} if isinstance(view, dict) else view


def _hidden_of(key: Key, view: object) -> list[object]:
    """What a freeze hides of what is seen."""
    return [view.get(name) for name in HIDDEN_MEANWHILE.get(key[0], ())] if isinstance(view, dict) else []


def _key(change: ObjectChange) -> Key:
    return change.type, change.id
