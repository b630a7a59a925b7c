"""A list of students as a CSV file: a row for each, under a row with the names of the properties.

This module knows the form of such files; it must not know who else is a student.
"""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO

import msgspec

from cds.commands.decision import Refused
from cds.commands.properties import raw
from cds.commands.students import REQUIRED, Enrolment, LinesRefused, read_enrolment

ROWS_MAX = 5_000
"""Students of one list."""

LIST_BYTES_MAX = 4 * 1024 * 1024

LINES_TOLD_MAX = 100
"""Of the lines of a list that are wrong so many are told."""

HEADER_LINE = 1

_COLUMNS = {name.casefold(): name for name in REQUIRED}


class ListedStudent(msgspec.Struct, frozen=True, kw_only=True):
    """A student of a list, and the line on which the row ends, counted from 1."""

    line: int
    enrolment: Enrolment


def read_student_list(content: bytes) -> list[ListedStudent]:
    """The students of a list in UTF-8. Columns may come in any order, and others are left out.

    Raises Refused for what is no such file, and LinesRefused for the rows that are wrong.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(f"the list is not UTF-8 (byte {error.start})") from None
    rows = _rows(text)
    _, header = next(rows, (HEADER_LINE, ()))
    columns = _columns(header)
    students: list[ListedStudent] = []
    refused: list[tuple[int, Refused]] = []
    for line, row in rows:
        try:
            students.append(ListedStudent(line=line, enrolment=_enrolment(row, columns)))
        except Refused as refusal:
            refused.append((line, refusal))
        if len(students) + len(refused) > ROWS_MAX:
            raise Refused(f"a list may have at most {ROWS_MAX} students")
    if refused:
        raise LinesRefused(refused)
    if not students:
        raise Refused("the list holds no student")
    return students


def told_lines(refused: LinesRefused, listed: Sequence[ListedStudent]) -> tuple[str, ...]:
    """What is wrong with a list, line by line.

    `listed`: the students of the list where it could be read; who is refused beside others is numbered by place then.
    """
    return tuple(
        f"line {listed[number].line if listed else number}: {refusal.reason}"
        for number, refusal in refused.lines[:LINES_TOLD_MAX]
    )


def _rows(text: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The rows that are not blank, with their lines. Raises Refused."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, row
    except csv.Error as error:
        raise Refused(f"line {reader.line_num}: {error}") from None


def _columns(header: Sequence[str]) -> dict[str, int]:
    """The place of each property. Raises Refused where one is missing or comes twice."""
    places: dict[str, int] = {}
    for place, cell in enumerate(header):
        name = _COLUMNS.get(cell.strip().replace("_", "").replace(" ", "").casefold())
        if name in places:
            raise Refused(f"line {HEADER_LINE}: the column {name} comes twice", name)
        if name is not None:
            places[name] = place
    for name in REQUIRED:
        if name not in places:
            raise Refused(f"line {HEADER_LINE}: the column {name} is missing", name)
    return places


def _enrolment(row: Sequence[str], columns: dict[str, int]) -> Enrolment:
    return read_enrolment({name: raw(row[place] if place < len(row) else "") for name, place in columns.items()})
