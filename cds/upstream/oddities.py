"""What is odd in what an upstream says: numbered from 1, all counted, the last of them remembered.

This module is pure; it must not know what makes something odd.
"""

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import msgspec

from cds.dialects.results import Warned, one_line

SHOWN_MAX = 200
"""Oddities that can be looked at; older ones are counted only, and stand in the source's stream."""

UNTOLD_MAX = 1_000
"""Oddities that wait to be told in the log of the server; beyond that only their number is."""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """One oddity. `line` is its position in the stream of the source; `id` and `property` are empty where none is."""

    number: int
    line: int
    type: str
    id: str
    property: str
    text: str


class Noting(Protocol):
    """Takes oddities."""

    def note(self, line: int, text: str, *, type_name: str = "", identifier: str = "", property_name: str = "") -> None:
        """One more."""
        ...

    def note_all(self, line: int, warnings: Iterable[Warned]) -> None:
        """The repairs and omissions of a translation; those without a line of their own are those of `line`."""
        ...


class Oddities:
    """The oddities of one source."""

    def __init__(self) -> None:
        """None yet."""
        self.count = 0
        self._digests: set[int] = set()
        self.last: deque[Numbered] = deque(maxlen=SHOWN_MAX)
        self._untold: deque[Numbered] = deque(maxlen=UNTOLD_MAX)

    def note(self, line: int, text: str, *, type_name: str = "", identifier: str = "", property_name: str = "") -> None:
        """One more."""
        self.count += 1
        self._digests.add(hash((type_name, identifier, property_name, text)))
        each = Numbered(
            number=self.count,
            line=line,
            type=type_name,
            id=identifier,
            property=property_name,
            text=one_line(text),
        )
        self.last.append(each)
        self._untold.append(each)

    def note_all(self, line: int, warnings: Iterable[Warned]) -> None:
        """The repairs and omissions of a translation; those without a line of their own are those of `line`."""
        for each in warnings:
            self.note(
                each.line or line,
                each.message,
                type_name=each.type,
                identifier=each.id,
                property_name=each.property,
            )

    def holds(self, text: str, *, type_name: str = "", identifier: str = "", property_name: str = "") -> bool:
        """Whether the same has been noted of the same, at any line."""
        return hash((type_name, identifier, property_name, text)) in self._digests

    def untold(self) -> list[Numbered]:
        """Those since the last call, the last ones where there were many."""
        taken = list(self._untold)
        self._untold.clear()
        return taken


class NewOddities:
    """Notes what has not been noted before: a source that says everything again is as odd as it was, and no odder."""

    def __init__(self, oddities: Oddities) -> None:
        """Into these."""
        self._oddities = oddities

    def note(self, line: int, text: str, *, type_name: str = "", identifier: str = "", property_name: str = "") -> None:
        """One more, if it is new."""
        told = {"type_name": type_name, "identifier": identifier, "property_name": property_name}
        if not self._oddities.holds(text, **told):
            self._oddities.note(line, text, **told)

    def note_all(self, line: int, warnings: Iterable[Warned]) -> None:
        """Those that are new."""
        self._oddities.note_all(
            line,
            [
                each
                for each in warnings
                if not self._oddities.holds(
                    each.message, type_name=each.type, identifier=each.id, property_name=each.property
                )
            ],
        )
