"""One team on a board: its submissions by problem, and what they come to under the terms of the contest.

A sheet remembers what it computed until a submission changes or the terms do. This module must not know other
teams, ranks, or where submissions come from.
"""

import msgspec

from projections.scoring import CellResult
from projections.scoring.attempts import NOTHING, Attempts, Outcome
from projections.scoring.terms import Order, Submitted, Terms
from schemas.aggregates import ScoreboardRow
from schemas.objects import Problem

_ENCODER = msgspec.json.Encoder()
_FIRST_RANK = b'{"rank":1'


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """One team and problem: the result, the first solve, the first that is pending, the last time known of."""

    result: CellResult
    first_solve: Order | None
    first_pending: Order | None
    known_ms: int | None


class Computed(msgspec.Struct, frozen=True, kw_only=True):
    """A team as the board shows it: its cells by problem, its order among others, and its row but for the rank.

    `known_ms` is the last time (milliseconds since the epoch) that anything on the row tells of.
    """

    team_id: str
    cells: dict[str, Cell]
    order: tuple[int | float, ...]
    known_ms: int | None
    encoded_after_rank: bytes

    def row(self, rank: int) -> bytes:
        """The encoded row at a rank."""
        return b'{"rank":%d%b' % (rank, self.encoded_after_rank)


class Sheet:
    """All submissions of a team by problem, and what has been computed of them so far."""

    def __init__(self, team_id: str) -> None:
        """The sheet of a team without submissions."""
        self._team_id = team_id
        self._attempts: dict[str, Attempts] = {}
        self._cells: dict[str, Cell] = {}
        self._computed: Computed | None = None

    @property
    def stale(self) -> bool:
        """Whether the team has to be computed when next asked for."""
        return self._computed is None

    def replace(self, problem_id: str, submission_id: str, after: Submitted | None) -> None:
        """Put in a submission of this problem, or take it out."""
        attempts = self._attempts.get(problem_id)
        if attempts is None:
            attempts = self._attempts[problem_id] = Attempts()
        attempts.replace(submission_id, after)
        self._cells.pop(problem_id, None)
        self._computed = None

    def forget_computed(self) -> None:
        """Forget what was computed under other terms."""
        for attempts in self._attempts.values():
            attempts.forget_computed()
        self._cells.clear()
        self._computed = None

    def computed(self, terms: Terms) -> Computed:
        """The team under these terms; only cells that have changed are computed anew."""
        if self._computed is None:
            for problem in terms.problems:
                if problem.id not in self._cells:
                    attempts = self._attempts.get(problem.id)
                    self._cells[problem.id] = _cell(problem, attempts.outcome(terms) if attempts else NOTHING, terms)
            self._computed = _computed(self._team_id, dict(self._cells), terms)
        return self._computed


def _cell(problem: Problem, outcome: Outcome, terms: Terms) -> Cell:
    return Cell(
        result=terms.rules.cell(problem, outcome.tally, terms.penalty_ms),
        first_solve=outcome.first_solve,
        first_pending=outcome.first_pending,
        known_ms=outcome.known_ms,
    )


def _computed(team_id: str, cells: dict[str, Cell], terms: Terms) -> Computed:
    results = [cells[problem.id].result for problem in terms.problems]
    team = terms.rules.team(results)
    row = ScoreboardRow(rank=1, team_id=team_id, score=team.score, problems=[each.cell for each in results])
    return Computed(
        team_id=team_id,
        cells=cells,
        order=team.order,
        known_ms=max((cell.known_ms for cell in cells.values() if cell.known_ms is not None), default=None),
        encoded_after_rank=_ENCODER.encode(row).removeprefix(_FIRST_RANK),
    )
