"""Filters on collections: which objects, as a viewer sees them, match (Contest API, "Filtering").

A filter looks at what is shown and at nothing else, so it can tell nothing about what is hidden.
This module must not know how parameters travel.
"""

from collections.abc import Iterable, Iterator

from projections.contest import ContestState
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from schemas.object_types import ObjectType
from schemas.viewers import Role

Filter = tuple[str, str | None]
"""A property and the value it must have; None matches null and absent."""

INDEXED_EXCEPT = ("judgement-types", None)
"""Targets whose references are shown altered (simplified), so that the index of references says too little; and those
of references that we do not have, other than a version of the API."""


def filters_of(
    role: Role, row: ObjectType, parameters: Iterable[tuple[str, str]], version: ServedVersion = DRAFT
) -> list[Filter]:
    """The filters among some query parameters: those on ID properties that the role may see; others are ignored."""
    of_type = version.types[row.name]
    offered = of_type.properties(role_view(role).types[row.name].properties)
    usable = [property for property in of_type.filter_properties if property in offered]
    return [(name, value or None) for name, value in parameters if name in usable]


def candidates(state: ContestState, row: ObjectType, filters: Iterable[Filter]) -> Iterable[str]:
    """The ids that can match, in the order of the collection; found by the index of references where it serves."""
    collection = state.objects[row.name]
    targets = {reference.property: reference.target for reference in row.references}
    for property, value in filters:
        if value is not None and targets.get(property) not in INDEXED_EXCEPT:
            referring = set(state.referrers.of_type((targets[property], value), row.name))
            return [identifier for identifier in collection if identifier in referring]
    return collection


def matching(
    row: ObjectType, filters: list[Filter], shown: Iterable[bytes], version: ServedVersion = DRAFT
) -> Iterator[bytes]:
    """Those of the encoded objects, in the words of a version, for which all filters hold."""
    decoder = version.types[row.name].decoder
    for data in shown:
        instance = decoder.decode(data)
        if all(getattr(instance, property) == value for property, value in filters):
            yield data
