"""What a rejected attempt costs in a contest of Codeforces of the type ICPC, read off its table.

The platform does not say it: 10 minutes in its own rounds, where what fails on the first test costs nothing; often 20
in the gym. But every row has its penalty, the times of its solutions and its rejected attempts: a table tells its rule.
This module is pure; it must not know who stands in a row.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Protocol

import msgspec

from cds.platforms.adapters.codeforces_judging import ON_FIRST_TEST, PENALISED, SOLVED
from cds.platforms.adapters.codeforces_problems import Number, WholeSeconds

MINUTES_MAX = 24 * 60
"""An attempt that costs more than a day is a rule of nobody: then the table is not understood."""

Cell = tuple[str | None, str]
"""A team and one of its problems, by what the caller calls them."""


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A ProblemResult of the API, as far as it is of use."""

    points: Number = 0
    best_submission_time_seconds: WholeSeconds | None = None
    rejected_attempt_count: Annotated[int, msgspec.Meta(ge=0, lt=1 << 31)] = 0


class PenaltyRule:
    """What all rows of a table together say a rejected attempt costs."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self._minutes: set[int] = set()
        self._is_understood = True

    def note(self, penalty: float | None, results: Iterable[Result]) -> None:
        """Take note of one row: its penalty in minutes, None where it is not told, and its problems."""
        if penalty is None:
            return
        solved = [each for each in results if each.points > 0 and each.best_submission_time_seconds is not None]
        rest = penalty - sum((each.best_submission_time_seconds or 0) // 60 for each in solved)
        rejected = sum(each.rejected_attempt_count for each in solved)
        # Where nothing was rejected, nothing may be left over.
        if rest != 0 if rejected == 0 else rest % rejected != 0:
            self._is_understood = False
        elif rejected:
            self._minutes.add(int(rest // rejected))

    @property
    def minutes(self) -> int | None:
        """Minutes for each rejected attempt of a solved problem; None unless all rows come to the same."""
        if not self._is_understood or len(self._minutes) != 1:
            return None
        (minutes,) = self._minutes
        return minutes if 1 <= minutes <= MINUTES_MAX else None


class _Attempts:
    """Rejected attempts before the first solution: those on the first test, and the others."""

    def __init__(self) -> None:
        self.on_first_test = 0
        self.others = 0
        self.solved = False


class Attempt(Protocol):
    """A submission that has been judged."""

    @property
    def cell(self) -> Cell:
        """Whose it is, on what."""
        ...

    @property
    def judgement_type_id(self) -> str | None:
        """What came of it."""
        ...


def first_test_costs(attempts: Iterable[Attempt], results: Mapping[Cell, Result]) -> bool:
    """Whether a table counts what failed on the first test among the rejected attempts, as mirrors may.

    `attempts`: oldest first. What most solved problems say; that it does not count, where they say nothing.
    """
    cells: dict[Cell, _Attempts] = {}
    for attempt in attempts:
        cell = cells.setdefault(attempt.cell, _Attempts())
        if cell.solved:
            continue
        cell.solved = attempt.judgement_type_id in SOLVED
        cell.on_first_test += attempt.judgement_type_id in ON_FIRST_TEST
        cell.others += attempt.judgement_type_id in PENALISED
    counted = free = 0
    for key, cell in cells.items():
        result = results.get(key)
        if cell.solved and cell.on_first_test and result is not None:
            counted += result.rejected_attempt_count == cell.others + cell.on_first_test
            free += result.rejected_attempt_count == cell.others
    return counted > free
