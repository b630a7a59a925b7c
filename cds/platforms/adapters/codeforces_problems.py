"""The problems of one contest of Codeforces, each in its column of the table (mapping.md §4).

A problem that makes no sense fails alone, and its column stays: results of a row stand in the order of the problems.
This module is pure; it must not know who has solved what.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from cds.platforms.adapters.answers import Untranslatable, one_line
from cds.platforms.adapters.listed import START_S_MAX, name_if_shown, one_line_name
from cds.platforms.adapters.naming import identifier
from cds.platforms.questions import FailedRow
from schemas.objects import Problem

PROBLEMS_MAX = 200
LABEL_CHARACTERS_MAX = 20

PlatformId = Annotated[int, msgspec.Meta(ge=1, lt=1 << 53)]
WholeSeconds = Annotated[int, msgspec.Meta(ge=-START_S_MAX, le=START_S_MAX)]
Number = Annotated[int, msgspec.Meta(ge=-(1 << 53), le=1 << 53)] | Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]


class _Problem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    index: str
    name: str | None = None
    contest_id: PlatformId | None = None
    points: Number | None = None


class _Named(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """As much of a problem as its id is made of."""

    index: str
    contest_id: PlatformId | None = None


class Problems(msgspec.Struct, frozen=True, kw_only=True):
    """The problems by the platform's index, in their order; `columns`: the index of each, None where it failed."""

    by_index: dict[str, Problem]
    columns: list[str | None]
    failed: list[FailedRow]


def problems_from(rows: Sequence[msgspec.Raw], contest_number: int, *, scores: bool) -> Problems:
    """The problems of a table; `scores`: they have points. Raises Untranslatable when none of them makes sense."""
    if len(rows) > PROBLEMS_MAX:
        raise Untranslatable(f"{len(rows)} problems")
    found = Problems(by_index={}, columns=[], failed=[])
    labels: set[str] = set()
    for ordinal, row in enumerate(rows):
        raw = bytes(row)
        try:
            problem = msgspec.json.decode(raw, type=_Problem)
            label = one_line_name(problem.index)
            if len(label) > LABEL_CHARACTERS_MAX or label in labels:
                raise Untranslatable(f"a problem {label[:50]!r}, which is too long or there twice")
        except (ValueError, OverflowError, RecursionError) as error:
            found.columns.append(None)
            identifier_here = _id_of(raw, contest_number)
            found.failed.append(
                FailedRow(key=identifier_here, reason=one_line(str(error)), type="problems", id=identifier_here)
            )
            continue
        labels.add(label)
        found.columns.append(problem.index)
        found.by_index[problem.index] = Problem(
            id=_id(problem.contest_id or contest_number, label),
            label=label,
            name=name_if_shown(problem.name) or label,
            ordinal=ordinal,
            test_data_count=0,
            max_score=known_number(problem.points) if scores else None,
        )
    if found.failed and not found.by_index:
        raise Untranslatable(found.failed[0].reason)
    return found


def number(value: float) -> int | float:
    """A number as it is told: whole ones as integers."""
    whole = int(value)
    return whole if whole == value else value


def known_number(value: float | None) -> int | float | None:
    """The same for one that may not be known."""
    return None if value is None else number(value)


def _id(contest_number: int, label: str) -> str:
    return identifier(f"{contest_number}{label}")


def _id_of(raw: bytes, contest_number: int) -> str | None:
    """The id of a problem that failed, as far as it can be read."""
    try:
        named = msgspec.json.decode(raw, type=_Named)
        return _id(named.contest_id or contest_number, one_line_name(named.index))
    except (ValueError, OverflowError, RecursionError):
        return None
