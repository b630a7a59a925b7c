"""The fold of all students.

This module must not know who may change or see a student, nor anything that is kept beside the log.
"""

from collections.abc import Iterator

import msgspec

from schemas.students import STUDENT, Student

_decoder = msgspec.json.Decoder(Student)


def folded_handle(handle: str) -> str:
    """What two handles have in common that Codeforces takes for the same: their case does not count."""
    return handle.casefold()


class Students:
    """All students at a position of their stream."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self._students: dict[str, Student] = {}
        self._by_handle: dict[str, str] = {}

    def __iter__(self) -> Iterator[Student]:
        """In the order in which they were made."""
        return iter(tuple(self._students.values()))

    def __len__(self) -> int:
        """How many there are."""
        return len(self._students)

    def find(self, identifier: str) -> Student | None:
        """The student of that id, None when there is none."""
        return self._students.get(identifier)

    def of_handle(self, handle: str) -> Student | None:
        """The student of that handle in whatever case, None when there is none (requirements-001, 2.9 and 2.11)."""
        identifier = self._by_handle.get(folded_handle(handle))
        return None if identifier is None else self._students.get(identifier)

    def apply(self, position: int, event_type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position. Raises msgspec.DecodeError for one that cannot be read."""
        if event_type != STUDENT:
            raise msgspec.ValidationError(f"there is no type {event_type!r}")
        student = None if data is None else _decoder.decode(data)
        self.position = position
        before = self._students.get(identifier)
        if before is not None:
            del self._by_handle[folded_handle(before.handle)]
        if student is None:
            self._students.pop(identifier, None)
        else:
            self._students[identifier] = student
            self._by_handle[folded_handle(student.handle)] = identifier
