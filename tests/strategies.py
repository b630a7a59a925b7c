"""Random objects of every type, derived from table one, in a world in which every reference is kept.

Histories are made of them in tests/histories.py. This module must not know who may see what, nor any moves that
only some type can make.
"""

from collections.abc import Iterator
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec import UnsetType

from cds.commands.decision import ObjectChange
from projections.integrity import Key, named_by
from schemas.extensions import AnalysisMode, CmsTask, Extension, Subtask
from schemas.object_types import OBJECT_TYPES, TYPE_OF_STRUCTURE, marks, object_key
from schemas.objects import Clarification, ContestObject
from schemas.properties import FileReference, Files, References, RelativeTime, Time
from tests.builders import moment

TEXTS = ("x", "Zoë & Søn", "日本", 'a "quoted\\ line"', "zero\0byte", "")
CONTEST_TIMES = (
    *("-0:00:01.000", "0:00:00.000", "0:30:00.000", "2:59:59.999", "3:00:00.000"),
    *("3:59:59.999", "4:00:00.000", "4:30:00.000", "4:59:59.999", "5:00:00.000", "6:00:00.000"),
)
"""Around the start, the freeze (at three or four hours) and the end."""

MOMENTS = tuple(moment(contest_time) for contest_time in ("0:10:00.000", "3:30:00.000", "5:10:00.000"))

FITTING: dict[type[msgspec.Struct], dict[str, SearchStrategy[Any]]] = {
    Subtask: {"ordinals": st.lists(st.integers(1, 3), min_size=1, unique=True)},
    CmsTask: {
        "submission_format": st.sampled_from([None, ["a.%l"], ["a.txt", "b.txt"]]),
        "allowed_languages": st.sampled_from([None, [], ["cpp"]]),
        "subtasks": st.sampled_from([None, [], [Subtask(name="1", max_score=40, ordinals=[1, 2], rule="min")]]),
    },
    AnalysisMode: {"start": st.just(MOMENTS[1]), "stop": st.sampled_from(MOMENTS[1:])},
}
"""Lists that name nothing twice, and of which some are not empty; an interval that does not end before it begins."""

Objects = dict[str, dict[str, ContestObject]]
Structure = TypeVar("Structure", bound=msgspec.Struct)


class World:
    """The objects so far, and what may be done with them without breaking a reference."""

    def __init__(self, changes: list[ObjectChange]) -> None:
        self.objects: Objects = {name: {} for name in OBJECT_TYPES}
        self.changes: list[ObjectChange] = []
        for change in changes:
            self.take(change)

    def take(self, change: ObjectChange) -> None:
        """Let a change happen."""
        self.changes.append(change)
        if change.instance is None:
            del self.objects[change.type][change.id]
        else:
            self.objects[change.type][change.id] = change.instance

    def put(self, instance: ContestObject) -> None:
        """Let an object be created or replaced."""
        row = TYPE_OF_STRUCTURE[type(instance)]
        self.take(ObjectChange(row.name, object_key(row, instance), instance))

    def ids(self, type_name: str) -> list[str]:
        """The ids of all objects of a type."""
        return list(self.objects[type_name])

    def one(self, draw: DrawFn, type_name: str) -> ContestObject | None:
        """Any object of a type, None when there is none."""
        members = list(self.objects[type_name].values())
        return draw(st.sampled_from(members)) if members else None

    def creatable(self) -> list[str]:
        """The types of which there may be more: what they must name exists."""
        return [
            name
            for name, row in OBJECT_TYPES.items()
            if not row.singleton
            and all(self.objects[reference.target] for reference in row.references if reference.required)
        ]

    def deletable(self) -> list[Key]:
        """The objects that nothing else names. The contest and its state stay."""
        named = {
            target
            for name, members in self.objects.items()
            for identifier, instance in members.items()
            for target in named_by(OBJECT_TYPES[name], instance)
            if target != (name, identifier)
        }
        return [
            (name, identifier)
            for name, members in self.objects.items()
            if not OBJECT_TYPES[name].singleton
            for identifier in members
            if (name, identifier) not in named
        ]

    def answerable(self, identifier: str) -> list[str]:
        """The clarifications that this one may be a reply to without replying to itself over a detour."""
        return [other for other in self.objects["clarifications"] if identifier not in self._thread(other)]

    def _thread(self, identifier: str) -> Iterator[str]:
        instance = self.objects["clarifications"].get(identifier)
        while isinstance(instance, Clarification):
            yield instance.id
            instance = self.objects["clarifications"].get(instance.reply_to_id or "")


def parts(hint: Any) -> list[Any]:
    """The members of a union, without those that say that there is no value."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [member for member in members if member is not UnsetType]


@cache
def values(hint: Any) -> SearchStrategy[Any]:
    """Values of a property that names nothing, from its type."""
    return st.one_of([_value(part) for part in parts(hint)])


def _value(part: Any) -> SearchStrategy[Any]:
    if get_origin(part) is Annotated:
        return _marked(*get_args(part))
    if get_origin(part) is Literal:
        return st.sampled_from(get_args(part))
    if get_origin(part) is list:
        return st.lists(values(get_args(part)[0]), max_size=2)
    plain: dict[Any, SearchStrategy[Any]] = {
        NoneType: st.none(),
        str: st.sampled_from(TEXTS),
        bool: st.booleans(),
        int: st.integers(0, 3),
        float: st.sampled_from([0.25, 1.5, 3.0]),
    }
    if part in plain:
        return plain[part]
    hints = get_type_hints(part, include_extras=True)
    drawn = {name: values(hint) for name, hint in hints.items()}
    if issubclass(part, Extension):
        return st.one_of([_saying_something(part, drawn, namespace) for namespace in drawn])
    return st.builds(part, **drawn | FITTING.get(part, {}))


def _saying_something(
    structure: type[Extension], drawn: dict[str, SearchStrategy[Any]], namespace: str
) -> SearchStrategy[Extension]:
    """An extension that has one namespace at least."""
    return st.builds(structure, **drawn | {namespace: drawn[namespace].filter(lambda part: part is not None)})


def _marked(base: Any, mark: Any) -> SearchStrategy[Any]:
    match mark:
        case Time():
            return st.sampled_from(MOMENTS)
        case RelativeTime():
            return st.sampled_from(CONTEST_TIMES)
        case Files():
            return st.lists(_files(mark), max_size=2)
        case msgspec.Meta(pattern=str(pattern)):
            fitting = st.from_regex(pattern.replace("$", r"\Z"), fullmatch=True)
            return fitting.filter(lambda text: mark.max_length is None or len(text) <= mark.max_length)
        case msgspec.Meta():
            return values(base).filter(lambda value: _is_within(value, mark))
        case _:
            return values(base)


def _is_within(value: Any, mark: msgspec.Meta) -> bool:
    """Whether a value keeps the least number or length that is asked for; the greatest are out of reach here."""
    return value >= mark.ge if mark.ge is not None else len(value) >= mark.min_length if mark.min_length else True


def _files(mark: Files) -> SearchStrategy[FileReference]:
    kept = st.builds(
        FileReference,
        filename=st.sampled_from(["files.zip", "ä b?.png"]),
        mime=st.sampled_from(mark.mimes or ("text/plain",)),
        width=st.just(64) if mark.image else st.none(),
        height=st.just(64) if mark.image else st.none(),
        content=st.sampled_from(["a" * 64, "b" * 64]),
    )
    elsewhere = st.just(FileReference(filename="live", mime="video/m2ts", href="https://cam/live"))
    return st.one_of(kept, elsewhere) if mark.streams else kept


@cache
def fields(structure: type[msgspec.Struct]) -> dict[str, tuple[Any, bool]]:
    """Each property with its type and whether it is required."""
    hints = get_type_hints(structure, include_extras=True)
    return {field.name: (hints[field.name], field.required) for field in msgspec.structs.fields(structure)}


def draw_property(draw: DrawFn, world: World, hint: Any, identifier: str) -> Any:
    """A value for a property: ids of what exists where it names something."""
    for part in parts(hint):
        if get_origin(part) is Annotated and isinstance(mark := get_args(part)[1], References):
            return _draw_reference(draw, world, mark, identifier, nullable=NoneType in get_args(hint), part=part)
        if get_origin(part) is list and isinstance(get_args(part)[0], type) and _names_something(get_args(part)[0]):
            (member,) = get_args(part)
            return [draw_structure(draw, world, member, "") for _ in range(draw(st.integers(0, 2)))]
    return draw(values(hint))


def _draw_reference(
    draw: DrawFn, world: World, mark: References, identifier: str, *, nullable: bool, part: Any
) -> list[str] | str | None:
    ids = world.answerable(identifier) if mark.when_hidden == "strip" and mark.target == "clarifications" else None
    ids = world.ids(mark.target) if ids is None else ids
    if get_origin(get_args(part)[0]) is list:
        chosen = draw(st.lists(st.sampled_from(ids), max_size=2, unique=True)) if ids else []
        return None if nullable and draw(st.booleans()) else chosen
    if not ids or (nullable and draw(st.booleans())):
        return None
    return draw(st.sampled_from(ids))


def _names_something(structure: type[msgspec.Struct]) -> bool:
    return any(isinstance(mark, References) for _, mark, _ in marks(structure))


def draw_structure(draw: DrawFn, world: World, structure: type[Structure], identifier: str) -> Structure:
    """A structure that names only what exists; properties that may be absent sometimes are."""
    drawn = {
        name: draw_property(draw, world, hint, identifier)
        for name, (hint, required) in fields(structure).items()
        if name != "id" and (required or draw(st.booleans()))
    }
    return structure(**drawn, **({"id": identifier} if "id" in fields(structure) else {}))


SAMPLES: dict[Any, Any] = {str: "x", int: 1, float: 1.5, bool: True}
SAMPLE_TEXTS = {
    "^#[A-Fa-f0-9]{3}([A-Fa-f0-9]{3})?$": "#ff8800",
    "^[A-Z]{3}$": "NLD",
    "^[A-Z]{2}-[A-Z0-9]{1,3}$": "NL-UT",
    "^[a-z0-9][a-z0-9_-]{0,35}$": "codeforces",
    "^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$(?!\n)": "pt_BR",
    r"^(?!\.{1,2}$)(?![A-Za-z]:)[^/\\]+$": "sum.%l",
}


def sample(hint: Any) -> Any:
    """One value of a type, never null, without chance."""
    part = next(part for part in parts(hint) if part is not NoneType)
    if get_origin(part) is Annotated:
        return _marked_sample(*get_args(part))
    if get_origin(part) is Literal:
        return get_args(part)[0]
    if get_origin(part) is list:
        return [sample(get_args(part)[0])]
    if part in SAMPLES:
        return SAMPLES[part]
    return part(**{name: sample(inner) for name, (inner, _) in fields(part).items()})


def _marked_sample(base: Any, mark: Any) -> Any:
    match mark:
        case Files():
            return [FileReference(filename="sample", mime=(*mark.mimes, "text/plain")[0], content="d" * 64)]
        case Time():
            return MOMENTS[0]
        case RelativeTime():
            return CONTEST_TIMES[2]
        case msgspec.Meta(pattern=str(pattern)):
            return SAMPLE_TEXTS[pattern]
        case _:
            return sample(base)


def filled(instance: ContestObject) -> ContestObject:
    """The object with a value in every property that is null and names nothing, so that nothing merely lacks."""
    row = TYPE_OF_STRUCTURE[type(instance)]
    names = {reference.property for reference in row.references}
    return msgspec.structs.replace(
        instance,
        **{
            name: sample(hint)
            for name, (hint, _) in fields(row.structure).items()
            if name not in names and getattr(instance, name) in (None, msgspec.UNSET)
        },
    )
