"""Laws of what teams are told of their submissions, over random histories of score contests.

The answer has the properties of its state and no others; the score of the task is that of the scoreboard; the details
can always be read; and what happens in private test cases changes nothing of what is told before it may be.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cds.cms_api.details import details_fragment
from cds.cms_api.details_content import details_content
from cds.cms_api.status import rounded_score, status_object
from projections.scoring.subtasks import is_public, subtasks_of
from schemas.objects import Judgement, Problem, Run, Submission
from tests.cds.cms_api.fragments import Fragment
from tests.projections.scoreboard_builders import Boards
from tests.projections.scoring_histories import score_history

SEEDS = range(60)
LENGTH = 40

PRIVATE_SCORES = (None, 0, 1, 20)
"""Shares and points: what a private run is scored on must not change what others are worth."""

OF_TASK = {
    "task_public_score",
    "task_tokened_score",
    "task_score_is_partial",
    "task_public_score_message",
    "task_tokened_score_message",
}
PUBLIC = {"public_score", "public_score_message"}
PRIVATE = {"score", "score_message"}
MAXIMA = {"max_public_score", "max_score"}


def told_submissions(boards: Boards) -> Iterator[tuple[Submission, Problem]]:
    """The submissions of which somebody may be told something, with their problems."""
    for submission in boards.state.objects["submissions"].values():
        assert isinstance(submission, Submission)
        problem = boards.state.objects["problems"].get(submission.problem_id)
        if isinstance(problem, Problem) and submission.team_id in boards.state.objects["teams"]:
            yield submission, problem


def status_of(boards: Boards, submission: Submission, *, shows_private: bool) -> dict[str, Any]:
    told = status_object(boards.state, boards.live, submission, shows_private=shows_private)
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return answer


def fragment_of(boards: Boards, submission: Submission, *, shows_private: bool) -> str:
    return details_fragment(details_content(boards.state, boards.live, submission, shows_private=shows_private))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_answer_has_the_properties_of_its_state(seed: int) -> None:
    boards = Boards(score_history(seed, LENGTH))
    cells = {
        (row["team_id"], cell["problem_id"]): cell
        for row in json.loads(boards.live.scoreboard())["rows"]
        for cell in row["problems"]
    }
    for submission, problem in told_submissions(boards):
        for shows_private in (False, True):
            answer = status_of(boards, submission, shows_private=shows_private)
            keys = answer.keys() - {"status", "status_text"} - MAXIMA
            if answer["status"] in (1, 3, 4):
                assert answer.keys() == {"status", "status_text"}
            elif answer["status"] == 2:
                assert keys == OF_TASK
            else:
                assert OF_TASK <= keys <= OF_TASK | PUBLIC | PRIVATE
                assert keys & (PUBLIC | (PRIVATE if shows_private else set()))
                assert ("max_score" in answer) is (keys >= PRIVATE) or not shows_private
            assert shows_private or not keys & PRIVATE
            cell = cells.get((submission.team_id or "", problem.id))
            all_public = all(map(is_public, subtasks_of(problem)))
            if keys >= OF_TASK and cell is not None and all_public and "score" in cell:
                assert answer["task_public_score"] == rounded_score(problem, cell["score"])
                assert answer["task_score_is_partial"] or not cell["num_pending"]
            Fragment(fragment_of(boards, submission, shows_private=shows_private))


def test_private_test_cases_change_nothing_of_what_is_told_before_it_may_be() -> None:
    """Every run of a test case that is in private subtasks alone goes the other way, and so does the verdict on all."""
    met: Counter[str] = Counter()
    for seed in SEEDS:
        boards = Boards(score_history(seed, LENGTH))
        for submission, problem in list(told_submissions(boards)):
            flipped = list(private_runs(boards, submission, problem))
            if not flipped:
                continue
            hidden = (
                status_of(boards, submission, shows_private=False),
                fragment_of(boards, submission, shows_private=False),
            )
            whole = (
                status_of(boards, submission, shows_private=True),
                fragment_of(boards, submission, shows_private=True),
            )
            for score in PRIVATE_SCORES:
                for each in flipped:
                    verdict = "WA" if each.judgement_type_id == "AC" else "AC"
                    other = msgspec.structs.replace(each, judgement_type_id=verdict, score=score)
                    boards.apply(("runs", each.id, other))
                assert hidden == (
                    status_of(boards, submission, shows_private=False),
                    fragment_of(boards, submission, shows_private=False),
                )
            for judgement in list(boards.state.judgements_of(submission.id)):
                if judgement.verdict in ("AC", "WA") and boards.state.objects["judgement-types"].keys() >= {"AC", "WA"}:
                    verdict = "WA" if judgement.verdict == "AC" else "AC"
                    changed = msgspec.structs.replace(judgement, judgement_type_id=verdict)
                    boards.apply(("judgements", judgement.id, changed))
            assert hidden == (
                status_of(boards, submission, shows_private=False),
                fragment_of(boards, submission, shows_private=False),
            )
            met["runs"] += 1
            met["told later"] += whole != (
                status_of(boards, submission, shows_private=True),
                fragment_of(boards, submission, shows_private=True),
            )
    assert min(met["runs"], met["told later"]) > 10


def private_runs(boards: Boards, submission: Submission, problem: Problem) -> Iterator[Run]:
    """The runs of a submission in private test cases alone."""
    contest = boards.state.contest
    if contest is None or contest.scoreboard_type != "score":
        return
    public = {ordinal for each in subtasks_of(problem) if is_public(each) for ordinal in each.ordinals}
    private = {ordinal for each in subtasks_of(problem) for ordinal in each.ordinals} - public
    for run in list(boards.state.objects["runs"].values()):
        assert isinstance(run, Run)
        judgement = boards.state.objects["judgements"].get(run.judgement_id)
        of_submission = isinstance(judgement, Judgement) and judgement.submission_id == submission.id
        if of_submission and run.ordinal in private:
            yield run
