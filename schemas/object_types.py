"""TABLE ONE: the object types. Routes, validation, access, filters, integrity, feed types and packages are read off it.

A new object type is one structure in `objects`, one row here and one line per role in table two
(projections/visibility_table.py). This module must not know any role, wire or database.
"""

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, UnsetType

from schemas import objects
from schemas.objects import ContestObject
from schemas.properties import FileReference, Files, References, RelativeTime, Time

Kind = Literal["configuration", "live"]
Mark = References | Files | Time | RelativeTime


class Reference(msgspec.Struct, frozen=True):
    """A property through which an object names others: `path` leads to the id, through lists where there are any."""

    path: tuple[str, ...]
    target: str
    many: bool
    required: bool
    when_hidden: Literal["hide", "strip"]

    @property
    def property(self) -> str:
        """The property at the top of the object."""
        return self.path[0]


class FileProperty(msgspec.Struct, frozen=True):
    """A property that is a list of file references."""

    property: str
    mimes: tuple[str, ...]
    image: bool
    streams: bool


class ObjectType(msgspec.Struct, frozen=True, kw_only=True):
    """One row: what there is to know of an object type outside the rules of visibility.

    `name` is the notification type, `endpoint` the segment of the URL (they differ for contest alone).
    `shapes_views` lists the properties on which the visibility of the object itself or of its referrers rests.
    """

    name: str
    endpoint: str
    structure: type[ContestObject]
    kind: Kind
    singleton: bool = False
    yaml_allowed: bool = False
    shapes_views: tuple[str, ...] = ()
    properties: tuple[str, ...] = ()
    nested_properties: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()
    references: tuple[Reference, ...] = ()
    file_properties: tuple[FileProperty, ...] = ()
    time_properties: tuple[str, ...] = ()
    relative_time_properties: tuple[str, ...] = ()

    @property
    def filter_properties(self) -> tuple[str, ...]:
        """Properties of type ID or `ID ?` at the top of the object, but `id` (Contest API, "Filtering")."""
        return tuple(r.property for r in self.references if not r.many and len(r.path) == 1)

    @property
    def package_file(self) -> str:
        """The name of its file in a contest package, without the suffix."""
        return self.name if self.singleton else self.endpoint

    def package_path(self, identifier: str, filename: str) -> str:
        """Where a contest package keeps a file: `contest/<filename>`, `<endpoint>/<id>/<filename>`."""
        return "/".join((self.package_file, filename) if self.singleton else (self.endpoint, identifier, filename))


def marks(structure: type[msgspec.Struct]) -> Iterator[tuple[str, Mark, bool]]:
    """Each marked property of a structure with its mark, and whether the mark is on the members of a list."""
    for name, hint in get_type_hints(structure, include_extras=True).items():
        for part in _union_members(hint):
            if get_origin(part) is Annotated:
                base, *extras = get_args(part)
                for mark in extras:
                    if isinstance(mark, References | Files | Time | RelativeTime):
                        yield name, mark, get_origin(base) is list


def _row(
    name: str,
    structure: type[ContestObject],
    kind: Kind,
    *,
    endpoint: str | None = None,
    singleton: bool = False,
    yaml_allowed: bool = False,
    shapes_views: tuple[str, ...] = (),
) -> ObjectType:
    fields = msgspec.structs.fields(structure)
    return ObjectType(
        name=name,
        endpoint=endpoint or name,
        structure=structure,
        kind=kind,
        singleton=singleton,
        yaml_allowed=yaml_allowed,
        shapes_views=shapes_views,
        properties=tuple(field.name for field in fields),
        nested_properties=tuple(path for path in _paths(structure) if "." in path),
        required=frozenset(field.name for field in fields if field.required),
        references=tuple(_references(structure)),
        file_properties=tuple(
            FileProperty(property=property, mimes=mark.mimes, image=mark.image, streams=mark.streams)
            for property, mark, _ in marks(structure)
            if isinstance(mark, Files)
        ),
        time_properties=tuple(p for p, mark, _ in marks(structure) if isinstance(mark, Time)),
        relative_time_properties=tuple(p for p, mark, _ in marks(structure) if isinstance(mark, RelativeTime)),
    )


def _references(structure: type[msgspec.Struct]) -> Iterator[Reference]:
    required = {field.name for field in msgspec.structs.fields(structure) if field.required}
    for name, mark, many in marks(structure):
        if isinstance(mark, References):
            yield Reference(
                path=(name,), target=mark.target, many=many, required=name in required, when_hidden=mark.when_hidden
            )
    for name, hint in get_type_hints(structure).items():
        for nested in _structures_in_lists(hint):
            for reference in _references(nested):
                yield Reference(
                    path=(name, *reference.path),
                    target=reference.target,
                    many=True,
                    required=False,
                    when_hidden=reference.when_hidden,
                )


def _paths(structure: type[msgspec.Struct]) -> Iterator[str]:
    """The properties of a structure, each with those of the structure that it holds behind it."""
    for name, hint in get_type_hints(structure).items():
        yield name
        for part in _union_members(hint):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                yield from (f"{name}.{inner}" for inner in _paths(part))


def _structures_in_lists(hint: Any) -> Iterator[type[msgspec.Struct]]:
    for part in _union_members(hint):
        if get_origin(part) is list:
            (member,) = get_args(part)
            if isinstance(member, type) and issubclass(member, msgspec.Struct) and member is not FileReference:
                yield member


def _union_members(hint: Any) -> tuple[Any, ...]:
    if get_origin(hint) in (Union, UnionType):
        return tuple(member for member in get_args(hint) if member not in (type(None), UnsetType))
    return (hint,)


OBJECT_TYPES: dict[str, ObjectType] = {
    row.name: row
    for row in (
        _row("contest", objects.Contest, "configuration", endpoint="contests", singleton=True, yaml_allowed=True),
        _row("judgement-types", objects.JudgementType, "configuration"),
        _row("languages", objects.Language, "configuration"),
        _row("problems", objects.Problem, "configuration", yaml_allowed=True),
        _row("groups", objects.Group, "configuration"),
        _row("organizations", objects.Organization, "configuration"),
        _row("teams", objects.Team, "configuration", shapes_views=("group_ids",)),
        _row("persons", objects.Person, "configuration", shapes_views=("roles",)),
        _row("accounts", objects.Account, "configuration", yaml_allowed=True),
        _row("state", objects.State, "live", singleton=True),
        _row(
            "submissions",
            objects.Submission,
            "live",
            shapes_views=("team_id", "problem_id", "contest_time"),
        ),
        _row("judgements", objects.Judgement, "live", shapes_views=("submission_id",)),
        _row("runs", objects.Run, "live"),
        _row(
            "clarifications",
            objects.Clarification,
            "live",
            shapes_views=("from_team_id", "to_team_ids", "to_group_ids", "reply_to_id", "problem_id"),
        ),
        _row("awards", objects.Award, "live"),
        _row("commentary", objects.Commentary, "live"),
    )
}
"""In the order in which a contest is built up: what is named comes before what names it."""

TYPE_ORDER: dict[str, int] = {name: order for order, name in enumerate(OBJECT_TYPES)}
TYPE_OF_ENDPOINT: dict[str, ObjectType] = {row.endpoint: row for row in OBJECT_TYPES.values()}
TYPE_OF_STRUCTURE: dict[type[ContestObject], ObjectType] = {row.structure: row for row in OBJECT_TYPES.values()}

SINGLETON_ID = ""
"""The id under which an object that exists once stands in the log and in a state."""


def object_key(row: ObjectType, instance: ContestObject) -> str:
    """The id under which an object is kept: its own, or SINGLETON_ID."""
    if row.singleton:
        return SINGLETON_ID
    identifier: str = getattr(instance, "id")  # noqa: B009 - only singletons lack it, which no type can say
    return identifier


def referenced_ids(reference: Reference, instance: msgspec.Struct) -> tuple[str, ...]:
    """The ids that an object names through one reference."""
    value = getattr(instance, reference.path[0])
    if value is None or value is UNSET:
        return ()
    if len(reference.path) > 1:
        nested = Reference(
            path=reference.path[1:], target=reference.target, many=False, required=False, when_hidden="hide"
        )
        return tuple(identifier for member in value for identifier in referenced_ids(nested, member))
    return tuple(value) if reference.many else (value,)
