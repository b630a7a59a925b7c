"""GET of x-source: how it stands with the upstreams that a contest is followed from.

Not part of the Contest API. This module must not know how a source is followed.
"""

import msgspec
from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found, unauthorized
from cds.contest_api.past import refuse_at
from cds.contest_api.service import service_of, viewer_of
from cds.upstream.options import source_stream
from cds.upstream.status import kept_statuses
from schemas.viewers import Role

ENDPOINT = "x-source"

SOURCE_SEEN_BY: tuple[Role, ...] = ("staff", "admin")


async def get_sources(request: web.Request) -> web.StreamResponse:
    """The sources of the contest and of its second systems, none where nobody is followed. Raises Failure.

    A contest of which its source has told nothing yet is not there; how that is going is worth knowing all the more.
    """
    service, contest_id = service_of(request), request.match_info["contest_id"]
    contest = await service.contests.found(contest_id)
    viewer = await viewer_of(request, contest)
    entitled = viewer.role in SOURCE_SEEN_BY
    if contest is None and not entitled:
        raise not_found(f"contest {contest_id}")
    if viewer.anonymous:
        raise unauthorized("this needs a login")
    if not entitled:
        raise not_found(f"endpoint {ENDPOINT}")
    refuse_at(request, "how following stands is told as it is now")
    found = await kept_statuses(service.store, source_stream(contest_id, None), service.circumstances.now_us())
    if contest is None and not found:
        raise not_found(f"contest {contest_id}")
    return await respond(request, service.answers.passing(msgspec.json.encode(found)), private=True)
