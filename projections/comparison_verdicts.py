"""Which submissions the two sides judge otherwise, and whether that matters for the scoreboard.

This module knows verdicts; it must not know how submissions were found to be the same.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import cast

import msgspec

from projections.comparison_results import NO_SUBMISSION, PENDING, Judged, SubmissionDifference, VerdictCount
from projections.contest import ContestState
from projections.scoreboard import Board, teams_on_board
from projections.scoring import NO_ATTEMPTS, Attempt, CellResult, Tally
from projections.scoring.subtasks import subtasks_of
from schemas.objects import Judgement, JudgementType, Submission
from schemas.times import parse_relative_time_ms

Link = Callable[[str], str | None]
"""The address of a submission, None where there is none."""


class Side(msgspec.Struct, frozen=True):
    """One of two contests: how it is called, what it is, its live board, and where its submissions can be seen.

    `counting` are the judgements that count, by submission.
    """

    name: str
    state: ContestState
    board: Board
    link: Link
    counting: Mapping[str, Judgement]

    @property
    def submissions(self) -> Mapping[str, Submission]:
        """The submissions by id."""
        return cast("Mapping[str, Submission]", self.state.objects["submissions"])

    def verdict(self, submission_id: str) -> str:
        """The judgement type that counts for a submission, PENDING as long as there is none."""
        judgement = self.counting.get(submission_id)
        return PENDING if judgement is None else judgement.verdict or PENDING

    def score(self, submission_id: str) -> int | float | None:
        """What a submission brings: what counts on the board, or what its judgement says where no board knows it."""
        judgement, known = self.counting.get(submission_id), self.board.submitted().get(submission_id)
        if known is not None:
            return known.score
        return None if judgement is None else judgement.score

    def judged(self, submission_id: str) -> Judged:
        """A submission as this side tells of it."""
        verdict = self.verdict(submission_id)
        judgement_type = cast("JudgementType | None", self.state.objects["judgement-types"].get(verdict))
        return Judged(
            id=submission_id,
            verdict=verdict,
            solved=None if judgement_type is None else judgement_type.solved,
            score=self.score(submission_id),
            href=self.link(submission_id),
        )


def side_of(name: str, state: ContestState, link: Link) -> Side:
    """A side made of a state that does not change any more."""
    board = Board(state, frozen=False)
    counting = ((each, board.judgement_that_counts(each)) for each in state.objects["submissions"])
    return Side(name, state, board, link, {each: judgement for each, judgement in counting if judgement is not None})


def verdict_matrix(
    a: Side, b: Side, pairs: Mapping[str, str], only_a: Iterable[str], only_b: Iterable[str]
) -> tuple[VerdictCount, ...]:
    """How many submissions have each pair of verdicts, in the order of the verdicts of `a`, then of `b`."""
    counts = Counter((a.verdict(mine), b.verdict(other)) for mine, other in pairs.items())
    counts.update((a.verdict(mine), NO_SUBMISSION) for mine in only_a)
    counts.update((NO_SUBMISSION, b.verdict(other)) for other in only_b)
    return tuple(VerdictCount(mine, other, count) for (mine, other), count in sorted(counts.items()))


def submission_differences(a: Side, b: Side, pairs: Mapping[str, str]) -> Iterator[SubmissionDifference]:
    """The submissions whose verdict or score differs, in the order of contest time."""
    differing = [(mine, other) for mine, other in pairs.items() if _outcome(a, mine) != _outcome(b, other)]
    differing.sort(key=lambda pair: (parse_relative_time_ms(a.submissions[pair[0]].contest_time), pair))
    cells = _Cells(a, [mine for mine, _ in differing])
    for mine, other in differing:
        submission = a.submissions[mine]
        yield SubmissionDifference(
            team_id=submission.team_id,
            problem_id=submission.problem_id,
            language_id=submission.language_id,
            contest_time=submission.contest_time,
            a=a.judged(mine),
            b=b.judged(other),
            matters=cells.would_change(mine, b, other),
        )


def _outcome(side: Side, submission_id: str) -> tuple[str | None, float | None]:
    judgement = side.counting.get(submission_id)
    return (None, None) if judgement is None else (judgement.verdict, side.score(submission_id))


_Cell = tuple[str | None, str]
"""A team and a problem."""


class _Cells:
    """Some cells of a side's board, with all attempts in them, to see what another verdict would make of them."""

    def __init__(self, side: Side, submission_ids: Iterable[str]) -> None:
        """The cells of these submissions."""
        self._terms = side.board.terms
        self._submitted = side.board.submitted()
        self._teams = {team.id for team in teams_on_board(side.state)}
        self._problems = {problem.id: problem for problem in self._terms.problems}
        wanted = {self._cell_of(identifier) for identifier in submission_ids if identifier in self._submitted}
        self._attempts: defaultdict[_Cell, list[str]] = defaultdict(list)
        for identifier in sorted(self._submitted, key=lambda each: self._submitted[each].order) if wanted else ():
            cell = self._cell_of(identifier)
            if cell in wanted and self._terms.counts(self._submitted[identifier]):
                self._attempts[cell].append(identifier)
        self._tallies = {
            identifier: self._terms.rules.tally(self._attempt(identifier))
            for attempts in self._attempts.values()
            for identifier in attempts
        }

    def would_change(self, submission_id: str, other: Side, other_id: str) -> bool:
        """Whether the cell of a submission would be another if its verdict were that of the other side."""
        theirs = other.board.submitted().get(other_id)
        if theirs is None or submission_id not in self._tallies:
            return False
        cell = self._cell_of(submission_id)
        team_id, problem_id = cell
        if team_id not in self._teams or problem_id not in self._problems:
            return False
        attempt = msgspec.structs.replace(
            self._attempt(submission_id),
            verdict=other.board.terms.verdict(theirs),
            score=theirs.score,
            parts=theirs.parts if len(theirs.parts) == len(subtasks_of(self._problems[problem_id])) else (),
        )
        changed = {submission_id: self._terms.rules.tally(attempt)}
        return self._result(cell, self._tallies) != self._result(cell, {**self._only(cell), **changed})

    def _only(self, cell: _Cell) -> dict[str, Tally]:
        return {identifier: self._tallies[identifier] for identifier in self._attempts[cell]}

    def _result(self, cell: _Cell, tallies: Mapping[str, Tally]) -> CellResult:
        total = reduce(Tally.followed_by, (tallies[each] for each in self._attempts[cell]), NO_ATTEMPTS)
        return self._terms.rules.cell(self._problems[cell[1]], total, self._terms.penalty_ms)

    def _attempt(self, submission_id: str) -> Attempt:
        return self._terms.attempt(self._submitted[submission_id])

    def _cell_of(self, submission_id: str) -> _Cell:
        submitted = self._submitted[submission_id]
        return submitted.team_id, submitted.problem_id
