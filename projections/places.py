"""The places of objects of one type in the log, in the order in which they were created.

This module must not know what the objects are.
"""

from collections.abc import Collection


class Places:
    """The place of every object of a type in the log: where it was created, again after a deletion."""

    def __init__(self, identifiers: Collection[str]) -> None:
        """The places of objects that are there already, in their order."""
        self._places = {identifier: place for place, identifier in enumerate(identifiers)}
        self._next = len(identifiers)

    def copy(self) -> "Places":
        """The same places, on which nothing rests that happens here."""
        copied = Places(())
        copied._places, copied._next = dict(self._places), self._next
        return copied

    def note(self, identifier: str, *, present: bool) -> None:
        """Give an object that is new its place, and forget one that is gone."""
        if not present:
            self._places.pop(identifier, None)
        elif identifier not in self._places:
            self._places[identifier] = self._next
            self._next += 1

    def has(self, identifier: str) -> bool:
        """Whether an object is there and was noted."""
        return identifier in self._places

    def of(self, identifier: str) -> int:
        """The place of an object that was noted."""
        return self._places[identifier]
