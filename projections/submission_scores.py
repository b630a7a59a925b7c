"""What submissions count for, and what their judgements bring, read off the state of a contest; see `scoring.subtasks`.

Only score contests have scores, and most judgements say theirs: the runs are looked at where they have a say. This
module must not know scoreboards, freezes or viewers.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

import msgspec

from projections.contest import ContestState
from projections.scoring.subtasks import JudgementScore, max_score, mode_of, rests_on_runs, score_of, subtasks_of
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, ContestObject, Judgement, JudgementType, Problem, Run, Submission
from schemas.times import parse_time_ms


class Scored(msgspec.Struct, frozen=True):
    """What a judgement contributes to a board; `run_ms` is the time of the last run that had a say, None for none.

    `parts` is what it brings in each subtask, where the mode of the problem asks for it.
    """

    score: int | float | None
    parts: tuple[Fraction, ...] = ()
    run_ms: int | None = None


NO_SCORE = Scored(None)

SCORE_DUST = 1e-6
"""By so much a score may be beyond a maximum: a judge that adds up binary fractions (six sixths of 100) is right."""

ZONE_AT = len("2031-05-17T15:00:00.000")
"""Where the zone begins in a TIME in its one form."""


class ScoringBasis(msgspec.Struct, frozen=True):
    """What decides about the scores of all judgements of a score contest: its problems, and what its verdicts say."""

    problems: dict[str, Problem]
    solved: dict[str, bool]


def official_of(submission: Submission) -> bool | None:
    """What is said of whether a submission counts, None where nothing is."""
    cms = None if submission.ext is None else submission.ext.cms
    return None if cms is None else cms.official


def score_max(objects: Mapping[str, Mapping[str, ContestObject]], judgement: Judgement) -> int | float | None:
    """The most that a judgement may bring; None where nothing counts scores, or nobody says it.

    `objects` are those of a contest by type, as far as they are there.
    """
    contest = cast("Contest | None", objects["contest"].get(SINGLETON_ID))
    submission = cast("Submission | None", objects["submissions"].get(judgement.submission_id))
    if contest is None or contest.scoreboard_type != "score" or submission is None:
        return None
    problem = cast("Problem | None", objects["problems"].get(submission.problem_id))
    return None if problem is None else max_score(problem)


def is_beyond(score: float | None, most: float | None) -> bool:
    """Whether a score is more than the most that there is, and by more than the dust of binary fractions."""
    return score is not None and most is not None and score > most + SCORE_DUST


def scoring_basis(state: ContestState) -> ScoringBasis | None:
    """What the scores of a contest rest on at present; None where there are none."""
    if state.contest is None or state.contest.scoreboard_type != "score":
        return None
    types = cast("Mapping[str, JudgementType]", state.objects["judgement-types"])
    problems = cast("Mapping[str, Problem]", state.objects["problems"])
    return ScoringBasis(dict(problems), {identifier: each.solved for identifier, each in types.items()})


def contribution(
    state: ContestState, basis: ScoringBasis | None, problem_id: str, judgement: Judgement | None
) -> Scored:
    """What a judgement (None: there is none) of a submission to a problem contributes."""
    problem = None if basis is None else basis.problems.get(problem_id)
    if judgement is None or basis is None or problem is None:
        return NO_SCORE if judgement is None else Scored(judgement.score)
    if not rests_on_runs(problem, judgement):
        return Scored(score_of(problem, judgement, (), basis.solved).score)
    runs = runs_of(state, judgement.id)
    brought = score_of(problem, judgement, runs, basis.solved)
    by_subtask = mode_of(problem) == "max_subtask" and bool(subtasks_of(problem))
    return Scored(
        score=brought.score,
        parts=tuple(each.points for each in brought.parts) if by_subtask else (),
        run_ms=_latest_ms(run.time for run in runs),
    )


def _latest_ms(times: Iterable[str]) -> int | None:
    """The latest of some times in their one form: in the same zone a later one is the greater text, too."""
    latest: dict[str, str] = {}
    for text in times:
        zone = text[ZONE_AT:]
        if text > latest.get(zone, ""):
            latest[zone] = text
    return max(map(parse_time_ms, latest.values()), default=None)


def run_has_a_say(state: ContestState, basis: ScoringBasis, judgement_id: str) -> str | None:
    """The submission to whose score the runs of a judgement contribute; None when they do not."""
    judgement = cast("Judgement | None", state.objects["judgements"].get(judgement_id))
    if judgement is None:
        return None
    submission = state.objects["submissions"].get(judgement.submission_id)
    problem = basis.problems.get(getattr(submission, "problem_id", ""))
    return judgement.submission_id if problem is not None and rests_on_runs(problem, judgement) else None


def runs_of(state: ContestState, judgement_id: str) -> list[Run]:
    """The runs of a judgement, in the order in which they began to name it."""
    runs = cast("Mapping[str, Run]", state.objects["runs"])
    return [runs[identifier] for identifier in state.referrers.of_type(("judgements", judgement_id), "runs")]


def judgement_score(state: ContestState, problem_id: str, judgement: Judgement) -> JudgementScore:
    """All that a judgement of a submission to a problem brings, subtask by subtask."""
    problem = cast("Problem | None", state.objects["problems"].get(problem_id))
    if problem is None:
        return JudgementScore(score=judgement.score, public_score=judgement.score)
    types = cast("Mapping[str, JudgementType]", state.objects["judgement-types"])
    solved = {identifier: each.solved for identifier, each in types.items()}
    return score_of(problem, judgement, runs_of(state, judgement.id), solved)
