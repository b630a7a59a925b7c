"""GET of the scoreboard, as JSON or as server-sent events (Contest API, "Scoreboard").

This module must not know how a scoreboard is computed, nor how it is streamed.
"""

from aiohttp import web

from cds.contest_api.answers import VARY, Answer, AnswerCache, respond
from cds.contest_api.errors import not_found
from cds.contest_api.negotiation import wants_event_stream
from cds.contest_api.past import moment_asked, past_scoreboard, refuse_at
from cds.contest_api.scoreboard_stream import stream_scoreboard
from cds.contest_api.service import asked, service_of
from cds.contest_api.strict import version_asked
from projections.scoreboard import UnknownGroup
from projections.served_versions import DRAFT, ServedVersion

VARY_BY_FORM = f"{VARY}, Accept"


async def get_scoreboard(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """The scoreboard as the viewer may see it: of `group_id`, and frozen when asked (`frozen=true`).

    With `Accept: text/event-stream` it is followed as it changes; as it was (see `past`) it is told once.
    """
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    group_id, frozen = board_asked(request)
    if wants_event_stream(request):
        refuse_at(request, "a stream tells of the present")
    if (moment := await moment_asked(request, contest, viewer, version)) is not None:
        then = await past_scoreboard(request, contest, viewer, moment, frozen=frozen, group_id=group_id)
        passing = service_of(request).answers.passing(version.scoreboard(then))
        return await respond(request, passing, private=not viewer.anonymous, vary=VARY_BY_FORM)
    if group_id is not None:
        audience = await contest.ready_audience(viewer.role)
        if audience.object(("groups", group_id), viewer.team_id) is None:
            raise not_found(f"group_id {group_id}")
    try:
        body = await contest.ready_scoreboard(viewer.role, frozen=frozen, group_id=group_id)
    except UnknownGroup:
        raise not_found(f"group_id {group_id}") from None
    if wants_event_stream(request):
        return await stream_scoreboard(request, contest, viewer, version, frozen=frozen, group_id=group_id)
    asked_for = (contest.contest_id, "scoreboard", viewer.role, frozen, group_id, version.name)
    answer = board_answer(service_of(request).answers, asked_for, body, version)
    return await respond(request, answer, private=not viewer.anonymous, vary=VARY_BY_FORM)


def board_asked(request: web.Request) -> tuple[str | None, bool]:
    """The group (None: the main one) whose board is asked for, and whether it is to be frozen."""
    if not request.query_string:
        return None, False
    return request.query.get("group_id"), request.query.get("frozen", "false").lower() in ("true", "1", "yes")


def board_answer(answers: AnswerCache, asked_for: object, body: bytes, version: ServedVersion) -> Answer:
    """The answer with a board, in the words of a version; the same one for as long as the board is the same."""
    return answers.present(asked_for, body) or answers.keep(asked_for, body, version.scoreboard(body))
