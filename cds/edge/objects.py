"""GET of collections and of single objects at an edge, out of a view, with the bytes and entity tags of the core.

This module must not know any particular type, nor who may see what.
"""

from collections.abc import Iterable, Iterator
from weakref import ref

import msgspec
from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found
from cds.contest_api.objects import as_array, require_offered, whole_collection
from cds.edge.served import Served
from cds.platform_api.last_synced import SEEN_BY
from projections.filtering import Filter, filters_of, matching
from schemas.object_types import SINGLETON_ID, ObjectType

CONTEST = "contest"
SYNCED = b'"sync":'


async def collection(request: web.Request, served: Served, row: ObjectType) -> web.StreamResponse:
    """All objects of a type, or those that match the filters in the query. Raises Failure (404)."""
    viewer, view = served.viewer, served.audience.view
    require_offered(viewer, row)
    filters = filters_of(viewer.role, row, request.query.items()) if request.query_string else []
    if filters:
        shown = _candidates(view.collection(row.name, viewer.team_id), filters)
        answer = served.answers.passing(as_array(matching(row, filters, shown)))
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


def _candidates(shown: Iterable[bytes], filters: list[Filter]) -> Iterator[bytes]:
    """Those that can match: what is asked for stands in them somewhere."""
    wanted = [f'"{name}":'.encode() + msgspec.json.encode(value) for name, value in filters if value is not None]
    return (data for data in shown if all(text in data for text in wanted))
