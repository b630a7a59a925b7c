"""What a version of the Contest API is to a server whose own words are those of the draft.

A version is told apart by how the objects that a viewer sees are spelled there, by which of them it has, by what it
says of one object that follows from another, and by how its scoreboard reads. Everything is pure: the view of the role
comes first, its translation second, so a version can never show what the draft does not show the same viewer.
This module must not know any version but our own.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property

import msgspec
from msgspec import UNSET

from projections.contest import Change, ContestState
from projections.integrity import Key
from schemas.aggregates import Scoreboard
from schemas.extensions import EXTENSION
from schemas.object_types import OBJECT_TYPES, marks
from schemas.objects import ContestObject
from schemas.properties import References

Translate = Callable[[ContestState, str | None, msgspec.Struct], msgspec.Struct | None]
"""What stands for an object as a viewer sees it (a team, or None: not a team, or not as the owner); None: nothing."""

Dependents = Callable[[ContestState, Change], Iterable[Key]]
"""The objects that look different because an aspect has changed; some may be named twice, or look as before."""


def as_it_is(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> msgspec.Struct | None:
    """Nothing is translated."""
    return shown


class TypeInVersion(msgspec.Struct, frozen=True, kw_only=True, eq=False, dict=True):
    """One object type in the words of a version.

    `structure` is what goes over the wire, its properties in their order. `in_place_of` says which properties stand
    for one of ours: none where the version has nothing to say it with; one that is not named here stands for itself.
    """

    structure: type[msgspec.Struct]
    in_place_of: Mapping[str, tuple[str, ...]] = {}
    translate: Translate = as_it_is

    def properties(self, ours: Iterable[str]) -> list[str]:
        """The properties that stand for some of ours, in the order of the version."""
        found = {name for property in ours for name in self.in_place_of.get(property, (property,))}
        return [name for name in self.structure.__struct_fields__ if name in found]

    @cached_property
    def filter_properties(self) -> tuple[str, ...]:
        """Properties of type ID or `ID ?` (Contest API, "Filtering")."""
        return tuple(n for n, mark, many in marks(self.structure) if isinstance(mark, References) and not many)

    @cached_property
    def decoder(self) -> msgspec.json.Decoder[msgspec.Struct]:
        """Reads what goes over the wire."""
        return msgspec.json.Decoder(self.structure)

    def then(self, later: "TypeInVersion") -> "TypeInVersion":
        """The type after two translations: this one, and one of its words."""
        ours = dict.fromkeys((*self.in_place_of, *later.in_place_of))
        return TypeInVersion(
            structure=later.structure,
            in_place_of={
                property: tuple(
                    name
                    for between in self.in_place_of.get(property, (property,))
                    for name in later.in_place_of.get(between, (between,))
                )
                for property in ours
            },
            translate=_one_after_the_other(self.translate, later.translate),
        )


class ServedVersion(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A version of the Contest API as it is served.

    `revision` is raised when the same log gives other lines than before, so that older tokens are answered with 400.
    `for_writing`: who speaks it may write. `types` are those that the version has. `dependents` says, by aspect
    (`projections.contest.FURTHER_ASPECTS`), what else looks different there. `scoreboard` turns the JSON of a board
    into that of the version.
    """

    name: str
    version_url: str
    revision: int = 1
    for_writing: bool = False
    types: Mapping[str, TypeInVersion]
    dependents: Mapping[str, Dependents] = {}
    scoreboard: Callable[[bytes], bytes]

    def told(
        self, state: ContestState, team_id: str | None, type_name: str, shown: msgspec.Struct
    ) -> msgspec.Struct | None:
        """An object that a viewer sees in the words of the version; None where it has none for it."""
        of_type = self.types.get(type_name)
        return None if of_type is None else of_type.translate(state, team_id, shown)


OURS: dict[str, TypeInVersion] = {name: TypeInVersion(structure=row.structure) for name, row in OBJECT_TYPES.items()}

DRAFT = ServedVersion(
    name="draft",
    version_url="https://ccs-specs.icpc.io/draft/contest_api",
    for_writing=True,
    types=OURS,
    scoreboard=lambda board: board,
)
"""Our own version: everything as it is shown."""


def leaving_out(structure: type[ContestObject], *properties: str) -> TypeInVersion:
    """A type without some of its properties, each of which may be null."""

    def translate(_state: ContestState, _team_id: str | None, shown: msgspec.Struct) -> msgspec.Struct | None:
        present = [property for property in properties if getattr(shown, property) is not None]
        return msgspec.structs.replace(shown, **dict.fromkeys(present)) if present else shown

    return TypeInVersion(structure=structure, in_place_of=dict.fromkeys(properties, ()), translate=translate)


def without_extensions(board: bytes) -> bytes:
    """The JSON of a board whose rows say nothing beyond the JSON format."""
    if b'"ext":' not in board:
        return board
    read = _boards.decode(board)
    rows = [msgspec.structs.replace(row, ext=UNSET) for row in read.rows]
    return msgspec.json.encode(msgspec.structs.replace(read, rows=rows))


_boards = msgspec.json.Decoder(Scoreboard)

STRICT = ServedVersion(
    name="strict",
    version_url=DRAFT.version_url,
    for_writing=True,
    types={
        name: leaving_out(row.structure, EXTENSION) if EXTENSION in row.properties else OURS[name]
        for name, row in OBJECT_TYPES.items()
    },
    scoreboard=without_extensions,
)
"""Our own version without `ext`, for who asks with `strict=1`: nothing in it is beyond the specification."""


def all_of(*type_names: str) -> Dependents:
    """Every object of some types."""

    def keys(state: ContestState, _change: Change) -> Iterable[Key]:
        return ((name, identifier) for name in type_names for identifier in state.objects[name])

    return keys


def _one_after_the_other(first: Translate, second: Translate) -> Translate:
    if first is as_it_is or second is as_it_is:
        return second if first is as_it_is else first

    def translate(state: ContestState, team_id: str | None, shown: msgspec.Struct) -> msgspec.Struct | None:
        between = first(state, team_id, shown)
        return None if between is None else second(state, team_id, between)

    return translate
