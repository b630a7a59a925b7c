"""How contests are scored: what the rules of every kind of contest see, and what they answer.

The rules know the attempts of one team in their order. They must not know freezes, groups, ranks or
encodings: an attempt whose verdict is hidden comes to them without one.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Protocol

import msgspec

from schemas.aggregates import ProblemCell, Score
from schemas.extensions import ScoreMode
from schemas.objects import JudgementType, Problem

COMPILE_ERRORS = frozenset({"CE", "CTL"})
"""The judgement types of the list in the JSON format that say that nothing was run."""


class Attempt(msgspec.Struct, frozen=True):
    """One submission that counts, as the rules see it; `verdict` None counts as pending.

    `parts` is what it brings in each subtask, where the mode of the problem asks for them.
    """

    contest_time_ms: int
    verdict: JudgementType | None
    score: int | float | None
    parts: tuple[Fraction, ...] = ()
    mode: ScoreMode = "max"

    @property
    def solved(self) -> bool:
        """Whether the attempt was accepted."""
        return self.verdict is not None and self.verdict.solved


class Reached(msgspec.Struct, frozen=True, gc=False):
    """The best that was reached in a subtask, exactly, and the contest time at which it first was."""

    points: Fraction
    time_ms: int


class Tally(msgspec.Struct, frozen=True, gc=False):
    """What attempts in a row add up to, so far that those before and behind them can be added.

    `best` is the best that was reached, `time_ms` the contest time at which it first was, None as long as nothing
    was. A tally that is `closed` stays as it is, whatever follows; what went before one that `replaces` it counts no
    more for its best. `parts` is the best of each subtask, empty where none was looked at.
    """

    num_judged: int = 0
    num_pending: int = 0
    num_penalised: int = 0
    best: int | float = 0
    time_ms: int | None = None
    closed: bool = False
    replaces: bool = False
    parts: tuple[Reached, ...] = ()

    def followed_by(self, later: "Tally") -> "Tally":
        """These attempts, and then others."""
        if self.closed:
            return self
        improvement = later if later.replaces or later.best > self.best else self
        return Tally(
            self.num_judged + later.num_judged,
            self.num_pending + later.num_pending,
            self.num_penalised + later.num_penalised,
            improvement.best,
            improvement.time_ms,
            later.closed,
            later.replaces or self.replaces,
            _best_of_each(self.parts, later.parts) if later.parts else self.parts,
        )


def _best_of_each(earlier: tuple[Reached, ...], later: tuple[Reached, ...]) -> tuple[Reached, ...]:
    if not earlier:
        return later
    return tuple(b if b.points > a.points else a for a, b in zip(earlier, later, strict=True))


NO_ATTEMPTS = Tally()


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

    def tally(self, attempt: Attempt) -> Tally:
        """What one attempt counts for; tallies of several are added in their order."""
        ...

    def cell(self, problem: Problem, tally: Tally, penalty_ms: int, /) -> CellResult:
        """What all attempts on a problem come to; `penalty_ms` is that of one rejection."""
        ...

    def team(self, cells: Sequence[CellResult]) -> TeamResult:
        """What the cells of a team come to."""
        ...


def last_improvement_ms(cells: Sequence[CellResult]) -> int | None:
    """The latest contest time at which any of the cells improved, None when none did."""
    return max((cell.time_ms for cell in cells if cell.time_ms is not None), default=None)
