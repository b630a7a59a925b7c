"""GET of collections and of single objects at an edge, out of a view, with the bytes and entity tags of the core.

This module must not know any particular type, nor who may see what.
"""

from weakref import ref

from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found
from cds.contest_api.objects import require_offered, whole_collection
from cds.edge.served import Served
from cds.platform_api.last_synced import SEEN_BY
from projections.filtering import filters_of
from schemas.object_types import SINGLETON_ID, ObjectType

CONTEST = "contest"
SYNCED = b'"sync":'


async def collection(request: web.Request, served: Served, row: ObjectType) -> web.StreamResponse:
    """All objects of a type, or those that match the filters in the query. Raises Failure (404, 503)."""
    viewer, view = served.viewer, served.audience.view
    require_offered(viewer, row)
    filters = filters_of(viewer.role, row, request.query.items()) if request.query_string else []
    if filters:
        answer = await served.filtering.answer(served.audience, served.answers, row, filters, viewer)
    else:
        answer = whole_collection(
            served.answers,
            (served.audience.contest_id, viewer.role, viewer.team_id, row.name),
            (ref(view), view.changes[row.name]),
            lambda: view.collection(row.name, viewer.team_id),
        )
    return await respond(request, answer, private=not viewer.anonymous)


async def one_object(request: web.Request, served: Served, row: ObjectType) -> web.StreamResponse | None:
    """One object; None where the core has more to say of it. Raises Failure (404)."""
    viewer = served.viewer
    require_offered(viewer, row)
    identifier = SINGLETON_ID if row.singleton else request.match_info["id"]
    data = served.audience.view.object((row.name, identifier), viewer.team_id)
    if data is None:
        raise not_found(f"{row.endpoint} {identifier}".strip())
    if row.name == CONTEST and viewer.role in SEEN_BY and SYNCED in data:
        return None
    return await respond(request, served.answers.passing(data, tagged=data), private=not viewer.anonymous)
