"""An order of ids into which others can be put at any place, and from which any can be taken, however many there are.

This module must not know what the ids stand for.
"""

from collections.abc import Iterator

BEGIN = ""
"""Stands before the first id and behind the last; no id is empty."""


class ToldOrder:
    """Ids in order."""

    def __init__(self) -> None:
        """No ids yet."""
        self._next = {BEGIN: BEGIN}
        self._previous = {BEGIN: BEGIN}

    def __contains__(self, identifier: str) -> bool:
        """Whether an id has a place."""
        return identifier != BEGIN and identifier in self._next

    def __iter__(self) -> Iterator[str]:
        """All ids in order. They may not be changed meanwhile."""
        following = self._next
        identifier = following[BEGIN]
        while identifier != BEGIN:
            yield identifier
            identifier = following[identifier]

    def append(self, identifier: str) -> None:
        """Put an id that has no place behind all others."""
        self.insert(identifier, self._previous[BEGIN])

    def insert(self, identifier: str, behind: str) -> None:
        """Put an id that has no place behind another one, or (BEGIN) before all. Raises KeyError without that one."""
        following = self._next[behind]
        self._next[behind] = self._previous[following] = identifier
        self._next[identifier], self._previous[identifier] = following, behind

    def remove(self, identifier: str) -> None:
        """Take the place from an id. Raises KeyError for one that has none."""
        following, previous = self._next.pop(identifier), self._previous.pop(identifier)
        self._next[previous], self._previous[following] = following, previous
