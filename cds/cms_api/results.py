"""What has become of a submission: the scoring information, and its details in HTML (requirements 2.6 and 2.7).

Somebody else's submission is as if it were not there. This module must not know how scores come about, nor what the
details look like.
"""

import asyncio
from typing import cast

from aiohttp import hdrs, web

from cds.cms_api.answers import json_answer, not_found
from cds.cms_api.details import CONTENT_SECURITY_POLICY, details_fragment
from cds.cms_api.details_content import details_content
from cds.cms_api.participant import Participant
from cds.cms_api.status import status_object
from cds.commands.participation import Phase
from cds.live_contest import LiveContest
from projections.scoreboard import Board
from schemas.objects import Submission

SHOWS_PRIVATE = frozenset({Phase.ANALYSIS, Phase.FINISHED})
"""The phases in which everything is told: with the analysis, or where there is none with the end."""

DETAILS_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    hdrs.CACHE_CONTROL: "no-store",
    "Referrer-Policy": "no-referrer",
}


async def get_submission(request: web.Request, participant: Participant) -> web.StreamResponse:
    """The scoring information of one of the participant's submissions. Raises Failure (404)."""
    board = await _ready_board(participant.contest)
    submission = _own_submission(request, participant)
    shows_private = participant.standing.phase in SHOWS_PRIVATE
    return json_answer(status_object(participant.state, board, submission, shows_private=shows_private))


async def get_submission_details(request: web.Request, participant: Participant) -> web.StreamResponse:
    """The details of one of the participant's submissions. Raises Failure (404)."""
    board = await _ready_board(participant.contest)
    submission = _own_submission(request, participant)
    shows_private = participant.standing.phase in SHOWS_PRIVATE
    content = details_content(participant.state, board, submission, shows_private=shows_private)
    text = details_fragment(content)
    return web.Response(text=text, content_type="text/html", charset="utf-8", headers=DETAILS_HEADERS)


def _own_submission(request: web.Request, participant: Participant) -> Submission:
    """The submission that the path names, of the participant and for the task. Raises Failure (404)."""
    problem = participant.problem(request.match_info["task"])
    submission = cast("Submission | None", participant.state.objects["submissions"].get(request.match_info["id"]))
    if problem is None or submission is None:
        raise not_found()
    if submission.team_id != participant.team_id or submission.problem_id != problem.id:
        raise not_found()
    return submission


async def _ready_board(contest: LiveContest) -> Board:
    """The board that knows no freeze; where much has happened since anybody looked, others are not held up by it."""
    board = contest.live_board()
    if board.far_behind:
        for _ in board.catching_up():
            await asyncio.sleep(0)
    return board
