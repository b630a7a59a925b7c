"""GET of x-source: how it stands with the upstreams that a contest is followed from.

Not part of the Contest API. This module must not know how a source is followed.
"""

import msgspec
from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found, unauthorized
from cds.contest_api.service import asked, service_of
from cds.upstream.options import source_stream
from cds.upstream.status import kept_statuses
from schemas.viewers import Role

ENDPOINT = "x-source"

SOURCE_SEEN_BY: tuple[Role, ...] = ("staff", "admin")


async def get_sources(request: web.Request) -> web.StreamResponse:
    """The sources of the contest and of its second systems, none where nobody is followed. Raises Failure."""
    contest, viewer = await asked(request)
    if viewer.anonymous:
        raise unauthorized("this needs a login")
    if viewer.role not in SOURCE_SEEN_BY:
        raise not_found(f"endpoint {ENDPOINT}")
    service = service_of(request)
    stream = source_stream(contest.contest_id, None)
    found = await kept_statuses(service.store, stream, service.circumstances.now_us())
    return await respond(request, service.answers.passing(msgspec.json.encode(found)), private=True)
