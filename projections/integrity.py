"""Who names whom: the index of references, in both directions.

Derived from the marks of table one alone. This module must not know any particular object type.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from schemas.object_types import OBJECT_TYPES, ObjectType, referenced_ids
from schemas.objects import ContestObject

Key = tuple[str, str]
"""An object: its type name, and its id (SINGLETON_ID for those that exist once)."""

_NAMING = {
    name: tuple((each.property, each.target, each if each.many else None) for each in row.references)
    for name, row in OBJECT_TYPES.items()
}
"""The references of each type: the property, what it leads to, and the reference itself where it may name several."""

NO_REFERRERS: dict[Key, None] = {}


class Referrers(Protocol):
    """What an index may stand on: who names whom already."""

    def of(self, key: Key) -> Iterable[Key]:
        """The objects that name this one."""
        ...

    def targets(self) -> Iterable[Key]:
        """Every object that may be named; all that are."""
        ...


class ReferrerIndex:
    """For every object that is named: the objects that name it, in the order in which they began to.

    It may stand on another one, which it leaves alone: it keeps what was added to that and what was taken away. So a
    change costs the same however many name the same object.
    """

    def __init__(self, below: Referrers | None = None) -> None:
        """An index of nothing, or of what another one says; that one must not change any more while this is in use."""
        self._below = below
        self._added: dict[Key, dict[Key, None]] = {}
        self._forgotten: dict[Key, set[Key]] = {}

    def draft(self) -> "ReferrerIndex":
        """An index that begins as this one is now; what changes in it leaves this one alone."""
        return ReferrerIndex(self)

    def replace(self, key: Key, before: ContestObject | None, after: ContestObject | None) -> None:
        """Take note that the object under `key` was `before` and is `after`."""
        row = OBJECT_TYPES[key[0]]
        old = named_by(row, before) if before is not None else ()
        new = named_by(row, after) if after is not None else ()
        if old == new:
            return
        had = frozenset(old)
        if had:
            has = frozenset(new)
            for target in dict.fromkeys(old):  # an object may name another twice
                if target not in has:
                    self._forget(target, key)
        for target in new:
            if target not in had:
                self._added.setdefault(target, {})[key] = None

    def of(self, key: Key) -> Iterable[Key]:
        """The objects that name this one."""
        added = self._added.get(key, NO_REFERRERS)
        if self._below is None:
            return added
        below, forgotten = self._below.of(key), self._forgotten.get(key)
        if forgotten:
            below = [referrer for referrer in below if referrer not in forgotten]
        return (*below, *added) if added else below

    def targets(self) -> Iterable[Key]:
        """Every object that may be named; all that are."""
        return self._added if self._below is None else dict.fromkeys((*self._below.targets(), *self._added))

    def of_type(self, key: Key, referrer_type: str) -> Iterator[str]:
        """The ids of the objects of one type that name this one."""
        return (referrer[1] for referrer in self.of(key) if referrer[0] == referrer_type)

    def _forget(self, target: Key, referrer: Key) -> None:
        added = self._added.get(target)
        if added is not None and referrer in added:
            del added[referrer]
            if not added:
                del self._added[target]
        else:
            self._forgotten.setdefault(target, set()).add(referrer)


def named_by(row: ObjectType, instance: ContestObject) -> tuple[Key, ...]:
    """The objects that this one names, in the order of its properties."""
    named: list[Key] = []
    for property, target, many in _NAMING[row.name]:
        if many is not None:
            named.extend((target, identifier) for identifier in referenced_ids(many, instance))
        elif (identifier := getattr(instance, property)) is not None:
            named.append((target, identifier))
    return tuple(named)


def dangling(
    objects: Mapping[str, Mapping[str, ContestObject]], row: ObjectType, instance: ContestObject
) -> Iterator[Key]:
    """The objects that this one names and that do not exist."""
    for target_type, identifier in named_by(row, instance):
        if identifier not in objects[target_type]:
            yield target_type, identifier
