"""GET of the scoreboard, as JSON or as server-sent events (Contest API, "Scoreboard").

This module must not know how a scoreboard is computed, nor how it is streamed.
"""

from aiohttp import web

from cds.contest_api.answers import VARY, respond
from cds.contest_api.errors import not_found
from cds.contest_api.negotiation import wants_event_stream
from cds.contest_api.scoreboard_stream import stream_scoreboard
from cds.contest_api.service import asked, service_of
from cds.contest_api.strict import version_asked
from projections.scoreboard import UnknownGroup
from projections.served_versions import DRAFT, ServedVersion

VARY_BY_FORM = f"{VARY}, Accept"


async def get_scoreboard(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """The scoreboard as the viewer may see it: of `group_id`, and frozen when asked (`frozen=true`).

    With `Accept: text/event-stream` it is followed as it changes.
    """
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    group_id, frozen = None, False
    if request.query_string:
        group_id = request.query.get("group_id")
        frozen = request.query.get("frozen", "false").lower() in ("true", "1", "yes")
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
    answers = service_of(request).answers
    request_key = (contest.contest_id, "scoreboard", viewer.role, frozen, group_id, version.name)
    answer = answers.present(request_key, body) or answers.keep(request_key, body, version.scoreboard(body))
    return await respond(request, answer, private=not viewer.anonymous, vary=VARY_BY_FORM)
