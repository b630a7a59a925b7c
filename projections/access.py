"""The access answer of a role, read off table two: it depends neither on data nor on the phase of the contest.

This module must not know who asks.
"""

from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from projections.visibility_table import CAPABILITIES
from schemas.metadata import Access, AccessEndpoint
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import Role


def access_of(role: Role, version: ServedVersion = DRAFT) -> Access:
    """What a role may do and see (Contest API, "Access"); objects inside objects are listed with their parts.

    Whoever wants to write speaks our own version: in the others there is nothing that anybody may do.
    """
    view = role_view(role)
    return Access(
        capabilities=list(CAPABILITIES[role]) if version is DRAFT else [],
        endpoints=[
            AccessEndpoint(type=name, properties=_with_parts(name, of_type.properties(view.types[name].properties)))
            for name, of_type in version.types.items()
            if view.types[name].offered
        ],
    )


def _with_parts(type_name: str, properties: list[str]) -> list[str]:
    nested = OBJECT_TYPES[type_name].nested_properties
    return [
        listed
        for property in properties
        for listed in (property, *(part for part in nested if part.split(".")[0] == property))
    ]
