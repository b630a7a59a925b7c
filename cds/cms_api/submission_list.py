"""What a participant has handed in to a task (CMS ContestWebServer API, 2.4 and 4.8).

This module must not know how any of it was judged.
"""

from typing import cast

import msgspec
from aiohttp import web

from cds.cms_api.answers import json_answer, not_found
from cds.cms_api.participant import Participant
from projections.contest import ContestState
from projections.integrity import Key
from schemas.objects import Submission
from schemas.times import parse_time_ms

SUBMISSIONS = "submissions"


class ListedSubmission(msgspec.Struct, frozen=True):
    """A submission, as the list has it."""

    id: str


class SubmissionList(msgspec.Struct, frozen=True):
    """The answer: the oldest submission first."""

    list: tuple[ListedSubmission, ...]


async def get_submission_list(request: web.Request, participant: Participant) -> web.StreamResponse:
    """All submissions of the participant's team to the task, by whatever API they came."""
    problem = participant.problem(request.match_info["task"])
    if problem is None:
        raise not_found()
    own = own_submissions(participant.state, participant.team_id, problem.id)
    return json_answer(SubmissionList(tuple(ListedSubmission(each.id) for each in own)))


def own_submissions(state: ContestState, team_id: str, problem_id: str) -> list[Submission]:
    """The submissions of a team to a problem, by their times, and those of one time as the log has them. Pure."""
    found = (
        cast("Submission", state.objects[SUBMISSIONS][identifier])
        for identifier in state.referrers.of_type(("teams", team_id), SUBMISSIONS)
    )
    return sorted((each for each in found if each.problem_id == problem_id), key=lambda each: _moment(state, each))


def _moment(state: ContestState, submission: Submission) -> tuple[int, int]:
    """The time of a submission (milliseconds since the epoch), and its position in the log."""
    key: Key = (SUBMISSIONS, submission.id)
    return parse_time_ms(submission.time), state.versions[key]
