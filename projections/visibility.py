"""A view: what one role sees of one object, computed from table two.

Beyond the table one rule holds everywhere: nobody is shown a reference to what they cannot see. An object that
names something hidden is hidden too, except where the mark of the reference says that the property is left out.
This module must not know any particular role or type.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import cast
from urllib.parse import quote

import msgspec

from projections.award_order import listed
from projections.conditions import Condition, always, frozen, unaltered
from projections.contest import ContestState
from projections.visibility_table import SEES_PROBLEMS_BEFORE_START, VISIBILITY, Cell, Row
from schemas.object_types import OBJECT_TYPES, FileProperty, ObjectType, Reference, object_key, referenced_ids
from schemas.objects import ContestObject
from schemas.properties import FileReference
from schemas.viewers import Role

VIEW_VERSION = 1
"""Raised when the same log gives other views than before, so that older tokens are answered with 400."""

QUOTED_KEPT_MAX = 4_096
"""Segments of paths that are remembered with their spelling in a URL."""

FIRST_TO_SOLVE = "first-to-solve-"


class TypeView:
    """What one role sees of one type: the cell of table two, prepared for speed."""

    def __init__(self, role_view: "RoleView", row: ObjectType, cell: Cell) -> None:
        """Prepare the cell; `role_view` answers whether what an object names is visible."""
        self.offered = cell.offered
        self.properties = tuple(
            property
            for property in row.properties
            if property in cell.properties and not _names_unoffered(role_view.table_row, row, property)
        )
        self._row = row
        self._is_award = row.name == "awards"
        self._objects = cell.objects
        self._altered = cell.altered
        self._role_view = role_view
        blank = {field.name: _blank(field) for field in msgspec.structs.fields(row.structure)}
        self._blanks = {property: blank[property] for property in row.properties if property not in self.properties}
        self._conditional = tuple(self._by_condition(cell, blank))
        self._files = tuple(file for file in row.file_properties if file.property in self.properties)
        hideable = [r for r in row.references if r.property in self.properties and _can_hide(role_view.table_row, r)]
        hiding = [r for r in hideable if r.when_hidden == "hide"]
        self._hiding_by_one = tuple((r.property, r.target) for r in hiding if not r.many)
        self._hiding_by_many = tuple(r for r in hiding if r.many)
        self._stripping = tuple(r for r in hideable if r.when_hidden == "strip")
        self._always_visible = cell.objects is always and self._altered is not frozen and not hiding

    def instance(self, state: ContestState, identifier: str) -> ContestObject | None:
        """The object of that id, if there is one for this role.

        For those behind the freeze an award that was withdrawn in it is there until thaw.
        """
        instance = state.objects[self._row.name].get(identifier)
        if instance is None and self._altered is frozen:
            return state.withdrawn_awards().get(identifier)
        return instance

    def identifiers(self, state: ContestState) -> Iterable[str]:
        """The ids of all objects that there may be for this role, in the order in which they are listed."""
        present = state.objects[self._row.name]
        if not self._is_award:
            return present
        gone = state.withdrawn_awards() if self._altered is frozen else ()
        return listed(self._row.name, (*present, *gone))

    def visible(self, state: ContestState, team_id: str | None, instance: ContestObject) -> bool:
        """Whether the object is shown at all."""
        if self._always_visible:
            return True
        if self._altered is frozen:
            return self._shown(state, team_id, instance) is not None
        return self._objects(state, team_id, instance) and self._names_visible(state, team_id, instance)

    def of(self, state: ContestState, team_id: str | None, instance: ContestObject) -> ContestObject | None:
        """The object as it is shown, None when it is hidden."""
        shown = self._shown(state, team_id, instance)
        if shown is None:
            return None
        changed = self._blanks.copy()
        for condition, blanks in self._conditional:
            if not condition(state, team_id, shown):
                changed |= blanks
        for reference in self._stripping:
            if not self._all_visible(state, team_id, reference, shown):
                changed[reference.property] = None
        for file_property in self._files:
            references = getattr(shown, file_property.property)
            if references and file_property.property not in changed:
                changed[file_property.property] = wire_files(state, self._row, shown, file_property)
        return msgspec.structs.replace(shown, **changed) if changed else shown

    def _by_condition(self, cell: Cell, blank: Mapping[str, object]) -> Iterator[tuple[Condition, dict[str, object]]]:
        """The conditions under which properties are shown, each with what stands in their places where it fails."""
        for condition in dict.fromkeys(cell.properties[property] for property in self.properties):
            if condition is not always:
                of_condition = (each for each in self.properties if cell.properties[each] is condition)
                yield condition, {property: blank[property] for property in of_condition}

    def _shown(self, state: ContestState, team_id: str | None, instance: ContestObject) -> ContestObject | None:
        """The object before its properties are looked at."""
        if self._always_visible and self._altered is unaltered and not self._is_award:
            return instance
        if not self._objects(state, team_id, instance):
            return None
        shown = instance if self._altered is unaltered else self._altered(state, team_id, instance)
        if shown is None or not self._names_visible(state, team_id, shown):
            return None
        if self._is_award and not self._role_view.may_see_award(state, object_key(self._row, shown)):
            return None
        return shown

    def _names_visible(self, state: ContestState, team_id: str | None, instance: ContestObject) -> bool:
        """Whether the viewer sees everything that this object may not be shown without. Runs for every view."""
        types = self._role_view.types
        for property, target in self._hiding_by_one:
            identifier = getattr(instance, property)
            if identifier is not None:
                named = state.objects[target].get(identifier)
                if named is None or not types[target].visible(state, team_id, named):
                    return False
        return not self._hiding_by_many or all(
            self._all_visible(state, team_id, reference, instance) for reference in self._hiding_by_many
        )

    def _all_visible(
        self, state: ContestState, team_id: str | None, reference: Reference, instance: ContestObject
    ) -> bool:
        return all(
            self._role_view.visible(state, team_id, reference.target, identifier)
            for identifier in referenced_ids(reference, instance)
        )


class RoleView:
    """What one role sees: a TypeView for each type."""

    def __init__(self, role: Role) -> None:
        """Prepare a row of table two."""
        self.role = role
        self.table_row = VISIBILITY[role]
        self._sees_problems_before_start = SEES_PROBLEMS_BEFORE_START[role]
        self.types = {name: TypeView(self, row, self.table_row[name]) for name, row in OBJECT_TYPES.items()}

    def of(
        self, state: ContestState, team_id: str | None, type_name: str, instance: ContestObject
    ) -> ContestObject | None:
        """The object as this role (and team) sees it, None when it is hidden."""
        return self.types[type_name].of(state, team_id, instance)

    def visible(self, state: ContestState, team_id: str | None, type_name: str, identifier: str) -> bool:
        """Whether an object exists and is shown."""
        instance = state.objects[type_name].get(identifier)
        return instance is not None and self.types[type_name].visible(state, team_id, instance)

    def may_see_award(self, state: ContestState, award_id: str) -> bool:
        """An award `first-to-solve-ID` would give a problem away before the start (roles.md)."""
        revealed = self._sees_problems_before_start or state.timeline.started
        return revealed or not award_id.startswith(FIRST_TO_SOLVE)


@cache
def role_view(role: Role) -> RoleView:
    """The view of a role; made once."""
    return RoleView(role)


def wire_files(
    state: ContestState, row: ObjectType, instance: ContestObject, file_property: FileProperty
) -> list[FileReference]:
    """The references of one property as they go over the wire: with href, without the address of the content."""
    contest_id = state.contest.id if state.contest else ""
    identifier = object_key(row, instance)
    references = cast("list[FileReference]", getattr(instance, file_property.property))
    return [
        reference
        if reference.content is None
        else msgspec.structs.replace(
            reference, content=None, href=href(contest_id, row, identifier, file_property, reference.filename)
        )
        for reference in references
    ]


def href(contest_id: str, row: ObjectType, identifier: str, file_property: FileProperty, filename: str) -> str:
    """Where a file is offered, relative to the base URL and without a leading slash.

    A property of which there is exactly one file is the end of the path, as in the specification's
    `contests/wf14/submissions/187/files`; others are told apart by their file names.
    """
    path = ["contests", contest_id, *(() if row.singleton else (row.endpoint, identifier)), file_property.property]
    if not is_single_archive(file_property):
        path.append(filename)
    return "/".join(map(_quoted, path))


@lru_cache(maxsize=QUOTED_KEPT_MAX)
def _quoted(segment: str) -> str:
    return quote(segment, safe="")


def is_single_archive(file_property: FileProperty) -> bool:
    """Whether the property is by specification exactly one archive."""
    return file_property.mimes == ("application/zip",)


def _names_unoffered(row: Row, object_type: ObjectType, property: str) -> bool:
    """A property whose objects the role is never offered is not offered either (Contest API, "Access")."""
    return any(
        reference.property == property and not row[reference.target].offered for reference in object_type.references
    )


def _can_hide(row: Row, reference: Reference) -> bool:
    """Whether an object that is named may be hidden from the role while it exists."""
    target = row[reference.target]
    return target.objects is not always or any(
        r.target != reference.target and _can_hide(row, r) for r in OBJECT_TYPES[reference.target].references
    )


def _blank(field: msgspec.structs.FieldInfo) -> object:
    """What stands in an object for a property that the viewer may not see."""
    return field.default
