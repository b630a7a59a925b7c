"""What a translation yields: changes, warnings, or a refusal.

This module knows how a place in a source is named to a reader. It must not know any dialect.
"""

import msgspec

from schemas.objects import ContestObject

MESSAGE_CHARACTERS_MAX = 500
"""A refusal or warning is cut off here: it quotes the source, and the source may be long."""


class SourceRefused(Exception):
    """The source cannot be taken. The text is one line that names file, line, object and property where known."""


class Place(msgspec.Struct, frozen=True):
    """Where something stands in a source; lines count from 1, None where there are none."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Warned(msgspec.Struct, frozen=True):
    """One repair or omission. `id` is empty for objects that exist once, `property` where a whole object is meant."""

    file: str
    line: int | None
    type: str
    id: str
    property: str
    message: str

    def __str__(self) -> str:
        subject = _subject(self.type, self.id, self.property)
        return one_line(f"{Place(self.file, self.line)}{' ' if subject else ''}{subject}: {self.message}")


class Change(msgspec.Struct, frozen=True):
    """One object after a change; `id` is empty for objects that exist once, `instance` None for a deletion."""

    type: str
    id: str
    instance: ContestObject | None


class Notices:
    """The warnings of one translation. The same words about the same property of the same object count once."""

    def __init__(self) -> None:
        self.warnings: list[Warned] = []
        self._said: set[tuple[str, str, str, str]] = set()

    def warn(self, place: Place, type_name: str, identifier: str, property_name: str, message: str) -> None:
        """Keep a warning, unless the object has it already."""
        words = (type_name, identifier, property_name, message)
        if words not in self._said:
            self._said.add(words)
            self.warnings.append(Warned(place.file, place.line, type_name, identifier, property_name, message))

    def take(self) -> list[Warned]:
        """The warnings since the last call."""
        taken, self.warnings = self.warnings, []
        return taken


def refusal(
    place: Place, message: str, *, type_name: str = "", identifier: str = "", property_name: str = ""
) -> SourceRefused:
    """The refusal of what stands at a place."""
    subject = _subject(type_name, identifier, property_name)
    return SourceRefused(one_line(f"{place}: {subject}{' ' if subject else ''}{message}"))


def quoted(value: object) -> str:
    """A value of the source as it may stand in a message: short, and without line breaks."""
    text = repr(value)
    return text if len(text) <= _QUOTED_CHARACTERS_MAX else f"{text[:_QUOTED_CHARACTERS_MAX]}…"


def one_line(text: str) -> str:
    """The text without line breaks and control characters, cut off at a readable length."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    if len(printable) <= MESSAGE_CHARACTERS_MAX:
        return printable
    return f"{printable[:MESSAGE_CHARACTERS_MAX]}…"


_QUOTED_CHARACTERS_MAX = 80


def _subject(type_name: str, identifier: str, property_name: str) -> str:
    name = f"{type_name}/{identifier}" if identifier else type_name
    return " ".join(part for part in (name, property_name) if part)
