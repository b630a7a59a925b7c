"""Who names whom: the index of references, in both directions.

Derived from the marks of table one alone. This module must not know any particular object type.
"""

from collections.abc import Iterable, Iterator, Mapping

from schemas.object_types import OBJECT_TYPES, ObjectType, referenced_ids
from schemas.objects import ContestObject

Key = tuple[str, str]
"""An object: its type name, and its id (SINGLETON_ID for those that exist once)."""

NO_REFERRERS: dict[Key, None] = {}


class ReferrerIndex:
    """For every object that is named: the objects that name it, in the order in which they began to."""

    def __init__(self) -> None:
        """An index of nothing."""
        self._referrers: dict[Key, dict[Key, None]] = {}
        self._below: ReferrerIndex | None = None

    def draft(self) -> "ReferrerIndex":
        """An index that begins as this one is now; what changes in it leaves this one alone."""
        draft = ReferrerIndex()
        draft._below = self
        return draft

    def replace(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> None:
        """Take note that the object under `key` was `before` and is `after`."""
        row = OBJECT_TYPES[key[0]]
        old = named_by(row, before) if before is not None else ()
        new = named_by(row, after) if after is not None else ()
        if old == new:
            return
        if old:
            kept = set(new)
            for target in dict.fromkeys(old):  # an object may name another twice
                if target not in kept:
                    self._forget(target, key)
        for target in new:
            self._own(target)[key] = None

    def of(self, key: Key) -> Iterable[Key]:
        """The objects that name this one."""
        referrers = self._referrers.get(key)
        if referrers is None:
            return NO_REFERRERS if self._below is None else self._below.of(key)
        return referrers

    def of_type(self, key: Key, referrer_type: str) -> Iterator[str]:
        """The ids of the objects of one type that name this one."""
        return (referrer[1] for referrer in self.of(key) if referrer[0] == referrer_type)

    def _own(self, target: Key) -> dict[Key, None]:
        """The referrers of a target as they may be changed here; a draft copies them on the first change."""
        referrers = self._referrers.get(target)
        if referrers is None:
            referrers = self._referrers[target] = {} if self._below is None else dict.fromkeys(self._below.of(target))
        return referrers

    def _forget(self, target: Key, referrer: Key) -> None:
        referrers = self._own(target)
        referrers.pop(referrer, None)
        if not referrers and self._below is None:
            del self._referrers[target]


def named_by(row: ObjectType, instance: ContestObject) -> tuple[Key, ...]:
    """The objects that this one names, in the order of its properties."""
    named: list[Key] = []
    for reference in row.references:
        if reference.many:
            named.extend((reference.target, identifier) for identifier in referenced_ids(reference, instance))
        elif (identifier := getattr(instance, reference.property)) is not None:
            named.append((reference.target, identifier))
    return tuple(named)


def dangling(
    objects: Mapping[str, Mapping[str, ContestObject]], row: ObjectType, instance: ContestObject
) -> Iterator[Key]:
    """The objects that this one names and that do not exist."""
    for target_type, identifier in named_by(row, instance):
        if identifier not in objects[target_type]:
            yield target_type, identifier
