"""The access answer of a role, read off table two: but for extensions it depends neither on data nor on the phase.

What is listed must be there to be seen (Contest API, "Access"), and most contests have nothing beyond the format: so
`ext` of a type is listed only where an object that the viewer is shown has it, with the namespaces that occur.
This module must not know who asks.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import cast

from projections.contest import ContestState
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from projections.visibility_table import CAPABILITIES
from schemas.extensions import EXTENSION, Extension, namespaces_of
from schemas.metadata import Access, AccessEndpoint
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import Role

Extended = Mapping[str, Collection[str]]
"""The namespaces that occur, by type."""

NOWHERE: Extended = {}


def access_of(role: Role, version: ServedVersion = DRAFT, extended: Extended = NOWHERE) -> Access:
    """What a role may do and see (Contest API, "Access"); objects inside objects are listed with their parts.

    `extended` is what the viewer is shown of extensions (`extensions_shown`). Whoever wants to write speaks our own
    version: in the earlier ones there is nothing that anybody may do.
    """
    view = role_view(role)
    return Access(
        capabilities=list(CAPABILITIES[role]) if version.for_writing else [],
        endpoints=[
            AccessEndpoint(
                type=name, properties=list(_listed(name, of_type.properties(view.types[name].properties), extended))
            )
            for name, of_type in version.types.items()
            if view.types[name].offered
        ],
    )


def extensions_shown(role: Role, state: ContestState, team_id: str | None) -> dict[str, frozenset[str]]:
    """The namespaces of `ext` in what a viewer is shown, by type; the types without any are left out."""
    found = {name: _namespaces_shown(role, state, team_id, name) for name, members in state.extended.items() if members}
    return {name: namespaces for name, namespaces in found.items() if namespaces}


def _namespaces_shown(role: Role, state: ContestState, team_id: str | None, type_name: str) -> frozenset[str]:
    """The namespaces of one type; no more objects are looked at than it takes to see them all."""
    view, members = role_view(role).types[type_name], state.objects[type_name]
    found: set[str] = set()
    for identifier in state.extended[type_name]:
        shown = view.of(state, team_id, members[identifier])
        extension = cast("Extension | None", getattr(shown, EXTENSION, None))
        if extension is not None:
            found.update(namespaces_of(extension))
            if len(found) == len(extension.__struct_fields__):
                break
    return frozenset(found)


def _listed(type_name: str, properties: list[str], extended: Extended) -> Iterator[str]:
    for property in properties:
        if property != EXTENSION:
            yield from (property, *_parts(type_name, property))
        elif namespaces := extended.get(type_name):
            yield property
            yield from (part for part in _parts(type_name, property) if part.split(".")[1] in namespaces)


def _parts(type_name: str, property: str) -> list[str]:
    return [part for part in OBJECT_TYPES[type_name].nested_properties if part.split(".")[0] == property]
