"""Filters on collections: which objects, as a viewer sees them, match (Contest API, "Filtering").

A filter looks at what is shown and at nothing else, so it can tell nothing about what is hidden.
This module must not know how parameters travel.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from functools import partial, reduce
from operator import and_

from projections.contest import ContestState
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from schemas.object_types import ObjectType
from schemas.viewers import Role

Filter = tuple[str, str | None]
"""A property and the value it must have; None matches null and absent."""

Naming = Callable[[str, str | None], AbstractSet[str] | None]
"""The ids of the objects of a type that can have a value in a property; None where nothing tells, so that all can."""

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


def possible(filters: Iterable[Filter], naming: Naming) -> AbstractSet[str] | None:
    """The ids of the objects that can match, in no order; None where all can. They may not be changed meanwhile."""
    known = [found for property, value in filters if (found := naming(property, value)) is not None]
    return reduce(and_, sorted(known, key=len)) if known else None


def candidates(state: ContestState, row: ObjectType, filters: Iterable[Filter]) -> Iterable[str]:
    """The ids that can match, in the order of the collection; found by the index of references where it serves."""
    collection = state.objects[row.name]
    found = possible(filters, partial(_naming, state, row))
    return collection if found is None else [identifier for identifier in collection if identifier in found]


def matching(
    row: ObjectType, filters: list[Filter], shown: Iterable[bytes], version: ServedVersion = DRAFT
) -> Iterator[bytes]:
    """Those of the encoded objects, in the words of a version, for which all filters hold."""
    decoder = version.types[row.name].decoder
    for data in shown:
        instance = decoder.decode(data)
        if all(getattr(instance, property) == value for property, value in filters):
            yield data


def _naming(state: ContestState, row: ObjectType, property: str, value: str | None) -> AbstractSet[str] | None:
    """Those that name something, by the index of references, which tells nothing of those that name nothing."""
    target = next((each.target for each in row.references if each.property == property), None)
    if value is None or target is None or target in INDEXED_EXCEPT:
        return None
    return set(state.referrers.of_type((target, value), row.name))
