"""One team on a board: its submissions by problem, and what they come to under the terms of the contest.

A sheet remembers what it computed until a submission changes or the terms do. This module knows what counts,
what is hidden and what is pending; it must not know other teams, ranks, or where submissions come from.
"""

from collections.abc import Iterable

import msgspec

from projections.scoring import Attempt, CellResult, ScoringRules
from projections.scoring.pass_fail import PassFailRules
from projections.scoring.score import ScoreRules
from schemas.aggregates import ScoreboardRow
from schemas.objects import JudgementType, Problem

RULES: dict[str, ScoringRules] = {"pass-fail": PassFailRules(), "score": ScoreRules()}
"""The rules for every `scoreboard_type`."""

JUDGING_ERROR = "JE"
"""The judgement type that counts as no judgement yet (json-format-facts, "Scoreboard computation")."""

Order = tuple[int, int]
"""The place of a submission: its contest time in milliseconds, then its place in the log."""

_ENCODER = msgspec.json.Encoder()
_FIRST_RANK = b'{"rank":1'


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides how submissions are scored, and is the same for every team.

    `penalty_ms` is that of one rejection, `embargo_ms` the contest time from which verdicts are hidden, None on a
    live board and after thaw; `problems` are by ordinal.
    """

    scoreboard_type: str
    penalty_ms: int
    duration_ms: int | None
    embargo_ms: int | None
    problems: tuple[Problem, ...]
    judgement_types: dict[str, JudgementType]

    @property
    def rules(self) -> ScoringRules:
        """The rules of this kind of contest."""
        return RULES[self.scoreboard_type]

    def counts(self, submitted: "Submitted") -> bool:
        """Whether a submission lies in the contest: not before its start, and before its end."""
        contest_time_ms = submitted.order[0]
        return contest_time_ms >= 0 and (self.duration_ms is None or contest_time_ms < self.duration_ms)

    def hides(self, submitted: "Submitted") -> bool:
        """Whether the verdict of a submission, and when it came, is hidden from this board."""
        return self.embargo_ms is not None and submitted.order[0] >= self.embargo_ms

    def verdict(self, submitted: "Submitted") -> JudgementType | None:
        """The judgement type that counts, None for what counts as pending."""
        if self.hides(submitted) or submitted.judgement_type_id in (None, JUDGING_ERROR):
            return None
        return self.judgement_types.get(submitted.judgement_type_id or "")


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a submission: its place, the end of its last judgement, and the current verdict.

    `time_ms` and `judged_ms` are in milliseconds since the epoch.
    """

    team_id: str
    problem_id: str
    order: Order
    time_ms: int
    judged_ms: int | None
    judgement_type_id: str | None
    score: int | float | None


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
        self._submitted: dict[str, dict[str, Submitted]] = {}
        self._cells: dict[str, Cell] = {}
        self._computed: Computed | None = None

    @property
    def stale(self) -> bool:
        """Whether the team has to be computed when next asked for."""
        return self._computed is None

    def replace(self, problem_id: str, submission_id: str, after: Submitted | None) -> None:
        """Put in a submission of this problem, or take it out."""
        submitted = self._submitted.setdefault(problem_id, {})
        if after is None:
            submitted.pop(submission_id, None)
        else:
            submitted[submission_id] = after
        self._cells.pop(problem_id, None)
        self._computed = None

    def forget_computed(self) -> None:
        """Forget what was computed under other terms."""
        self._cells.clear()
        self._computed = None

    def computed(self, terms: Terms) -> Computed:
        """The team under these terms; only cells that have changed are computed anew."""
        if self._computed is None:
            for problem in terms.problems:
                if problem.id not in self._cells:
                    submitted = self._submitted.get(problem.id, {}).values()
                    self._cells[problem.id] = _cell(problem, submitted, terms)
            self._computed = _computed(self._team_id, dict(self._cells), terms)
        return self._computed


def _cell(problem: Problem, submitted: Iterable[Submitted], terms: Terms) -> Cell:
    counted = sorted((each for each in submitted if terms.counts(each)), key=lambda each: each.order)
    attempts = [Attempt(each.order[0], terms.verdict(each), each.score) for each in counted]
    judged = list(zip(counted, attempts, strict=True))
    return Cell(
        result=terms.rules.cell(problem, attempts, terms.penalty_ms),
        first_solve=next((each.order for each, attempt in judged if attempt.solved), None),
        first_pending=next((each.order for each, attempt in judged if attempt.verdict is None), None),
        known_ms=max((_known_ms(each, terms) for each in counted), default=None),
    )


def _known_ms(submitted: Submitted, terms: Terms) -> int:
    """The last thing that those who see the board know of a submission: its judgement, or that it was made."""
    if submitted.judged_ms is None or terms.hides(submitted):
        return submitted.time_ms
    return max(submitted.time_ms, submitted.judged_ms)


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
