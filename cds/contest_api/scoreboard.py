"""GET of the scoreboard (Contest API, "Scoreboard").

This module must not know how a scoreboard is computed.
"""

from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found
from cds.contest_api.service import asked, service_of
from projections.scoreboard import UnknownGroup


async def get_scoreboard(request: web.Request) -> web.StreamResponse:
    """The scoreboard as the viewer may see it: of `group_id`, and frozen when asked (`frozen=true`)."""
    contest, viewer = await asked(request)
    group_id = request.query.get("group_id")
    frozen = request.query.get("frozen", "false").lower() in ("true", "1", "yes")
    if group_id is not None and contest.audience(viewer.role).object(("groups", group_id), viewer.team_id) is None:
        raise not_found(f"group_id {group_id}")
    try:
        body = contest.scoreboard(viewer.role, frozen=frozen, group_id=group_id)
    except UnknownGroup:
        raise not_found(f"group_id {group_id}") from None
    answers = service_of(request).answers
    request_key = (contest.contest_id, "scoreboard", viewer.role, frozen, group_id)
    answer = answers.present(request_key, body) or answers.keep(request_key, body, body)
    return await respond(request, answer, private=not viewer.anonymous)
