"""Filters on collections: which objects, as a viewer sees them, match (Contest API, "Filtering").

A filter looks at what is shown and at nothing else, so it can tell nothing about what is hidden.
This module must not know how parameters travel.
"""

from collections.abc import Iterable, Iterator

import msgspec

from projections.contest import ContestState
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES, ObjectType
from schemas.viewers import Role

Filter = tuple[str, str | None]
"""A property and the value it must have; None matches null and absent."""

INDEXED_EXCEPT = ("judgement-types",)
"""Targets whose references are shown altered (simplified), so that the index of references says too little."""

_decoders = {name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()}


def filters_of(role: Role, row: ObjectType, parameters: Iterable[tuple[str, str]]) -> list[Filter]:
    """The filters among some query parameters: those on ID properties that the role may see; others are ignored."""
    offered = role_view(role).types[row.name].properties
    usable = [property for property in row.filter_properties if property in offered]
    return [(name, value or None) for name, value in parameters if name in usable]


def candidates(state: ContestState, row: ObjectType, filters: Iterable[Filter]) -> Iterable[str]:
    """The ids that can match, in the order of the collection; found by the index of references where it serves."""
    collection = state.objects[row.name]
    targets = {reference.property: reference.target for reference in row.references}
    for property, value in filters:
        if value is not None and targets[property] not in INDEXED_EXCEPT:
            referring = set(state.referrers.of_type((targets[property], value), row.name))
            return [identifier for identifier in collection if identifier in referring]
    return collection


def matching(row: ObjectType, filters: list[Filter], shown: Iterable[bytes]) -> Iterator[bytes]:
    """Those of the encoded objects for which all filters hold."""
    decoder = _decoders[row.name]
    for data in shown:
        instance = decoder.decode(data)
        if all(getattr(instance, property) == value for property, value in filters):
            yield data
