"""What decides how submissions are scored, and what is known of one of them.

This module knows what counts and what is hidden; it must not know teams, ranks, or where submissions come from.
"""

from fractions import Fraction
from functools import cached_property

import msgspec

from projections.scoring import Attempt, ScoringRules
from projections.scoring.pass_fail import PassFailRules
from projections.scoring.score import ScoreRules
from projections.scoring.subtasks import mode_of
from projections.timeline import submission_counts
from schemas.extensions import ScoreMode
from schemas.objects import JudgementType, Problem

RULES: dict[str, ScoringRules] = {"pass-fail": PassFailRules(), "score": ScoreRules()}
"""The rules for every `scoreboard_type`."""

JUDGING_ERROR = "JE"
"""The judgement type that counts as no judgement yet (json-format-facts, "Scoreboard computation")."""

Order = tuple[int, int]
"""The place of a submission: its contest time in milliseconds, then its place in the log."""


class Submitted(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a submission: its place, the end of its last judgement, and the current verdict.

    `time_ms` and `judged_ms` are in milliseconds since the epoch. `official` is what somebody says of whether it counts
    (None: nobody does), `parts` what it brings in each subtask, where that is asked for.
    """

    team_id: str
    problem_id: str
    order: Order
    time_ms: int
    judged_ms: int | None
    judgement_type_id: str | None
    score: int | float | None
    parts: tuple[Fraction, ...] = ()
    official: bool | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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

    @cached_property
    def modes(self) -> dict[str, ScoreMode]:
        """What of several submissions to a problem counts, by problem."""
        return {problem.id: mode_of(problem) for problem in self.problems}

    def attempt(self, submitted: Submitted) -> Attempt:
        """A submission as the rules see it."""
        verdict, mode = self.verdict(submitted), self.modes.get(submitted.problem_id, "max")
        return Attempt(submitted.order[0], verdict, submitted.score, submitted.parts, mode)

    def counts(self, submitted: Submitted) -> bool:
        """Whether a submission counts; see `submission_counts`."""
        return submission_counts(submitted.order[0], self.duration_ms, official=submitted.official)

    def hides(self, submitted: Submitted) -> bool:
        """Whether the verdict of a submission, and when it came, is hidden from this board."""
        return self.embargo_ms is not None and submitted.order[0] >= self.embargo_ms

    def verdict(self, submitted: Submitted) -> JudgementType | None:
        """The judgement type that counts, None for what counts as pending."""
        if self.hides(submitted) or submitted.judgement_type_id in (None, JUDGING_ERROR):
            return None
        return self.judgement_types.get(submitted.judgement_type_id or "")
