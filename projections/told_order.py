"""An order of ids into which others can be put at any place, and from which any can be taken, however many there are.

Whoever compares ids by their places has the order number them; from then on each that comes gets a number between those
of its neighbours. This module must not know what the ids stand for.
"""

from collections.abc import Iterator

BEGIN = ""
"""Stands before the first id and behind the last; no id is empty."""

NUMBERS_APART = 1 << 32
"""Between the numbers of neighbours, at first."""

STEP = 1 << 16
"""What comes between two gets the number of the one before it and so much more where there is room: most often the next
comes right behind it."""


class ToldOrder:
    """Ids in order. `numbered_anew` counts how often all of them got other numbers."""

    def __init__(self, *, numbered: bool = False) -> None:
        """No ids yet. `numbered`: each gets its number when it comes, so that nobody waits while all are numbered."""
        self.numbered_anew = 0
        self._numbers: dict[str, int] | None = {} if numbered else None
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
        if self._numbers is not None:
            self._give_number(self._numbers, identifier)

    def remove(self, identifier: str) -> None:
        """Take the place from an id. Raises KeyError for one that has none."""
        following, previous = self._next.pop(identifier), self._previous.pop(identifier)
        self._next[previous], self._previous[following] = following, previous
        if self._numbers is not None:
            del self._numbers[identifier]

    def number(self, identifier: str) -> int:
        """The number of an id: the lower one comes first. It stays until `numbered_anew`. Raises KeyError."""
        if self._numbers is None:
            self._numbers = self._numbered()
        return self._numbers[identifier]

    def _numbered(self) -> dict[str, int]:
        return {identifier: NUMBERS_APART * place for place, identifier in enumerate(self)}

    def _give_number(self, numbers: dict[str, int], identifier: str) -> None:
        low, high = numbers.get(self._previous[identifier]), numbers.get(self._next[identifier])
        if low is None:
            numbers[identifier] = 0 if high is None else high - NUMBERS_APART
        elif high is None:
            numbers[identifier] = low + NUMBERS_APART
        elif high - low > 1:
            numbers[identifier] = low + min(STEP, (high - low) // 2)
        else:
            self._numbers = self._numbered()
            self.numbered_anew += 1
