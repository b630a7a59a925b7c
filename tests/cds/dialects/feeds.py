"""Small feeds for the tests of the dialects, and the laws that every list of changes keeps."""

import copy
from collections import Counter
from collections.abc import Iterable
from typing import TypeAlias, cast

import msgspec
from msgspec import UNSET

from cds.dialects.feed import FeedTranslator
from cds.dialects.json_values import JsonValue
from cds.dialects.results import Change
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, referenced_ids
from schemas.objects import ContestObject, Judgement, State

Plain: TypeAlias = dict[str, object]
"""An object or a notification as JSON has it, right or wrong."""

CONTEST: Plain = {
    "id": "c1",
    "name": "Contest",
    "start_time": "2024-01-01T10:00:00.000+01:00",
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
STATE: Plain = {"started": "2024-01-01T10:00:00.000+01:00"}
ACCEPTED: Plain = {"id": "AC", "name": "Accepted", "penalty": False, "solved": True}
WRONG: Plain = {"id": "WA", "name": "Wrong Answer", "penalty": True, "solved": False}
CPP: Plain = {"id": "cpp", "name": "C++", "entry_point_required": False, "extensions": ["cpp"]}
PROBLEM: Plain = {"id": "p1", "label": "A", "name": "Problem", "ordinal": 1, "test_data_count": 2}
TEAM: Plain = {"id": "t1", "name": "Team", "label": "1"}
SUBMISSION: Plain = {
    "id": "s1",
    "language_id": "cpp",
    "problem_id": "p1",
    "team_id": "t1",
    "time": "2024-01-01T10:10:00.000+01:00",
    "contest_time": "0:10:00.000",
    "files": [],
}
JUDGEMENT: Plain = {"id": "j1", "submission_id": "s1", "start_time": "2024-01-01T10:10:01.000+01:00"}
CLARIFICATION: Plain = {
    "id": "q1",
    "text": "Why?",
    "time": "2024-01-01T10:20:00.000+01:00",
    "contest_time": "0:20:00.000",
}

TYPICAL: tuple[tuple[str, Plain], ...] = (
    ("contest", CONTEST),
    ("judgement-types", ACCEPTED),
    ("judgement-types", WRONG),
    ("languages", CPP),
    ("problems", PROBLEM),
    ("teams", TEAM),
    ("state", STATE),
    ("submissions", SUBMISSION),
)
"""A contest with one submission, as the objects come."""


class Outcome(msgspec.Struct):
    """What a feed came to."""

    translator: FeedTranslator
    changes: list[Change]

    @property
    def warnings(self) -> list[str]:
        return [str(warning) for warning in self.translator.warnings]

    def instance(self, type_name: str, identifier: str = SINGLETON_ID) -> ContestObject:
        return self.translator.objects[type_name][identifier]

    def plain(self, type_name: str, identifier: str = SINGLETON_ID) -> Plain:
        """The object as JSON has it, with null for every property that is absent."""
        instance = self.instance(type_name, identifier)
        plain: Plain = dict.fromkeys(instance.__struct_fields__)
        return {**plain, **msgspec.to_builtins(instance)}

    def history(self, type_name: str, identifier: str = SINGLETON_ID) -> list[ContestObject | None]:
        return [change.instance for change in self.changes if (change.type, change.id) == (type_name, identifier)]


def line(type_name: str, data: Plain | None, identifier: str | None = None) -> Plain:
    """A notification of today's form."""
    named = data.get("id") if data is not None and OBJECT_TYPES[type_name].name != "contest" else identifier
    return {"type": type_name, "id": identifier or named, "data": copy.deepcopy(data)}


def typical(*more: tuple[str, Plain | None] | Plain) -> list[Plain]:
    """The notifications of TYPICAL and some more: pairs of type and data, or whole notifications."""
    pairs: list[tuple[str, Plain | None] | Plain] = [*TYPICAL, *more]
    return [each if isinstance(each, dict) else line(each[0], each[1]) for each in pairs]


def translated(notifications: Iterable[object], translator: FeedTranslator | None = None) -> Outcome:
    """The outcome of a feed, with the laws of its changes checked."""
    translator = translator or FeedTranslator()
    changes: list[Change] = []
    for number, notification in enumerate(notifications, start=1):
        changes += translator.translate(number, cast("JsonValue", notification))
    changes += translator.finish()
    assert_fresh_log_can_take(changes)
    assert fold(changes) == {name: dict(objects) for name, objects in translator.objects.items() if objects}
    return Outcome(translator, changes)


def fold(changes: Iterable[Change]) -> dict[str, dict[str, ContestObject]]:
    """The state that changes come to, types without objects left out."""
    state: dict[str, dict[str, ContestObject]] = {}
    for change in changes:
        of_type = state.setdefault(change.type, {})
        if change.instance is None:
            del of_type[change.id]
        else:
            of_type[change.id] = change.instance
    return {name: objects for name, objects in state.items() if objects}


def assert_fresh_log_can_take(changes: Iterable[Change]) -> None:
    """Every reference stands before it is made, nothing that is named goes, and no change comes after the last."""
    state: dict[str, dict[str, ContestObject]] = {name: {} for name in OBJECT_TYPES}
    names: Counter[tuple[str, str]] = Counter()
    current: dict[str, set[str]] = {}
    ended = False
    for position, change in enumerate(changes, start=1):
        key = (change.type, change.id)
        before = state[change.type].get(change.id)
        assert not ended, f"{key} changes after the end of updates, at {position}"
        assert before != change.instance, f"{key} does not change at {position}"
        if before is not None:
            names.subtract(_names(change.type, change.id, before))
            _note_current(current, before, alive=False)
        if change.instance is None:
            assert not names[key], f"{key} goes at {position} although it is named"
            del state[change.type][change.id]
            continue
        for field in msgspec.structs.fields(change.instance):
            assert getattr(change.instance, field.name) is not UNSET
        for target in _names(change.type, change.id, change.instance):
            assert target[1] in state[target[0]], f"{key} names {target} before it stands, at {position}"
            names[target] += 1
        state[change.type][change.id] = change.instance
        _note_current(current, change.instance, alive=True)
        ended = isinstance(change.instance, State) and change.instance.end_of_updates is not None
        assert all(len(alive) <= 1 for alive in current.values()), f"two judgements are current at {position}"


def _note_current(current: dict[str, set[str]], instance: ContestObject, *, alive: bool) -> None:
    if not isinstance(instance, Judgement):
        return
    judgements = current.setdefault(instance.submission_id, set())
    if alive and instance.current is not False:
        judgements.add(instance.id)
    else:
        judgements.discard(instance.id)


def _names(type_name: str, identifier: str, instance: ContestObject) -> list[tuple[str, str]]:
    named = [
        (reference.target, each)
        for reference in OBJECT_TYPES[type_name].references
        for each in referenced_ids(reference, instance)
    ]
    return [each for each in named if each != (type_name, identifier)]
