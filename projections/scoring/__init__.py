"""How contests are scored: what the rules of every kind of contest see, and what they answer.

The rules know the attempts of one team in their order. They must not know freezes, groups, ranks or
encodings: an attempt whose verdict is hidden comes to them without one.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from schemas.aggregates import ProblemCell, Score
from schemas.objects import JudgementType, Problem

COMPILE_ERRORS = frozenset({"CE", "CTL"})
"""The judgement types of the list in the JSON format that say that nothing was run."""


class Attempt(msgspec.Struct, frozen=True):
    """One submission within the contest, as the rules see it; `verdict` None counts as pending."""

    contest_time_ms: int
    verdict: JudgementType | None
    score: int | float | None

    @property
    def solved(self) -> bool:
        """Whether the attempt was accepted."""
        return self.verdict is not None and self.verdict.solved


class CellResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the attempts on one problem came to.

    `time_ms` is the contest time of the last improvement, None without one; `penalty_ms` what is added for it
    to the total time.
    """

    cell: ProblemCell
    time_ms: int | None
    penalty_ms: int = 0


class TeamResult(msgspec.Struct, frozen=True):
    """What all problems of a team came to; teams go by `order`, smallest first, and tie when it is equal."""

    score: Score
    order: tuple[int | float, ...]


class ScoringRules(Protocol):
    """The rules of one kind of contest."""

    def cell(self, problem: Problem, attempts: Sequence[Attempt], penalty_ms: int, /) -> CellResult:
        """What the attempts on a problem, in their order, come to; `penalty_ms` is that of one rejection."""
        ...

    def team(self, cells: Sequence[CellResult]) -> TeamResult:
        """What the cells of a team come to."""
        ...


def last_improvement_ms(cells: Sequence[CellResult]) -> int | None:
    """The latest contest time at which any of the cells improved, None when none did."""
    return max((cell.time_ms for cell in cells if cell.time_ms is not None), default=None)
