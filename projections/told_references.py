"""Who is shown with which id in which property: what filters ask for, without a look at every object.

It goes by what one role is shown and by nothing else, as filters do. Where single teams are shown something else than
all others, an object stands under what any of them is shown. This module must not know who is connected.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from projections.integrity import Key
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES
from schemas.viewers import Role

NOBODY: AbstractSet[str] = frozenset()

Values = tuple[str | None, ...]
"""What an object has in the properties of its type that filters know; None for null and for what is absent."""


class ToldReferences:
    """The ids of objects by type, property and value."""

    def __init__(self, role: Role) -> None:
        """Nothing is shown yet to the holders of a role."""
        types = role_view(role).types
        self._types = {
            row.name: _OfType([name for name in row.filter_properties if name in types[row.name].properties])
            for row in OBJECT_TYPES.values()
            if row.filter_properties and not row.singleton
        }

    def replace(self, key: Key, before: Sequence[bytes], after: Sequence[bytes]) -> None:
        """Take note of what an object was shown as, to one or the other, and is now. Raises ValueError."""
        of_type = self._types.get(key[0])
        if of_type is not None:
            of_type.replace(key[1], before, after)

    def naming(self, type_name: str, property: str, value: str | None) -> AbstractSet[str] | None:
        """The ids of those that may be shown with a value, None where that is not known of the property."""
        of_type = self._types.get(type_name)
        return None if of_type is None else of_type.naming(property, value)


class _OfType:
    def __init__(self, properties: list[str]) -> None:
        self._places = {name: place for place, name in enumerate(properties)}
        self._ids: tuple[dict[str | None, set[str]], ...] = tuple({} for _ in properties)
        fields = [(name, str | None, None) for name in properties]
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Named", fields, frozen=True, gc=False))

    def replace(self, identifier: str, before: Sequence[bytes], after: Sequence[bytes]) -> None:
        if not before and len(after) == 1:  # nearly all that is ever told
            for ids, value in zip(self._ids, self._values(after[0]), strict=True):
                _add(ids, value, identifier)
            return
        had, has = set(map(self._values, before)), set(map(self._values, after))
        for place, ids in enumerate(self._ids):
            old, new = {values[place] for values in had}, {values[place] for values in has}
            for value in old - new:
                _discard(ids, value, identifier)
            for value in new - old:
                _add(ids, value, identifier)

    def naming(self, property: str, value: str | None) -> AbstractSet[str] | None:
        place = self._places.get(property)
        return None if place is None else self._ids[place].get(value, NOBODY)

    def _values(self, data: bytes) -> Values:
        try:
            return msgspec.structs.astuple(self._decoder.decode(data))
        except msgspec.MsgspecError as fault:
            raise ValueError(f"this is no object: {fault}") from None


def _add(ids: dict[str | None, set[str]], value: str | None, identifier: str) -> None:
    of_value = ids.get(value)
    if of_value is None:
        ids[value] = {identifier}
    else:
        of_value.add(identifier)


def _discard(ids: dict[str | None, set[str]], value: str | None, identifier: str) -> None:
    of_value = ids[value]
    of_value.discard(identifier)
    if not of_value:
        del ids[value]
