"""GET of collections and of single objects, for every type of table one by the same few functions.

This module must not know any particular type, nor who may see what.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from weakref import ref

from aiohttp import web

from cds.contest_api.answers import Answer, AnswerCache, respond
from cds.contest_api.errors import Failure, not_found
from cds.contest_api.past import moment_asked, past_collection, past_object, past_of_each, time_of_all
from cds.contest_api.service import asked, service_of, viewer_of
from cds.contest_api.strict import version_asked
from cds.live_contest import LiveContest
from cds.platform_api.last_synced import last_synced_at, with_last_synced
from projections.filtering import Filter, candidates, filters_of, matching
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType
from schemas.viewers import PUBLIC, Viewer

MATCHED_AT_ONCE = 500
"""Objects that filters are held against before others have their turn."""


async def get_collection(request: web.Request, row: ObjectType, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """All objects of one type that the viewer may see, or those that match the filters in the query (or `at`)."""
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    require_offered(viewer, row)
    if (moment := await moment_asked(request, contest, viewer, version)) is not None:
        then = as_array(await past_collection(request, contest, viewer, row, version, moment))
        return await respond(request, service_of(request).answers.passing(then), private=not viewer.anonymous)
    filters = filters_of(viewer.role, row, request.query.items(), version) if request.query_string else []
    audience = await contest.ready_audience(viewer.role, version)
    if not filters:
        whole = _whole_collection(request, contest, viewer, row, version)
        return await respond(request, whole, private=not viewer.anonymous)
    shown = [
        data
        for identifier in candidates(contest.state, row, filters)
        if (data := audience.object((row.name, identifier), viewer.team_id)) is not None
    ]
    body = as_array(await matching_in_pieces(row, filters, shown, version))
    return await respond(request, service_of(request).answers.passing(body), private=not viewer.anonymous)


async def get_object(request: web.Request, row: ObjectType, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """One object, the very one found in the collection; 404 when it does not exist or is hidden.

    A contest that is synced with a platform says besides when that was last done, to those who may know; not of a
    past moment (see `past`).
    """
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    require_offered(viewer, row)
    identifier = SINGLETON_ID if row.singleton else request.match_info["id"]
    moment = await moment_asked(request, contest, viewer, version)
    if moment is None:
        audience = await contest.ready_audience(viewer.role, version)
        data = audience.object((row.name, identifier), viewer.team_id)
    else:
        data = await past_object(request, contest, viewer, row, identifier, version, moment)
    if data is None:
        raise not_found(f"{row.endpoint} {identifier}".strip())
    service, body = service_of(request), data
    if row.name == "contest" and moment is None:
        body = with_last_synced(data, await last_synced_at(service, contest, viewer, version))
    return await respond(request, service.answers.passing(body, tagged=data), private=not viewer.anonymous)


async def get_contests(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """Every contest, each as the viewer sees it there: an account of one contest is public in the others."""
    version = version_asked(request, version)
    row = OBJECT_TYPES["contest"]
    anonymous = True
    shown: list[bytes] = []
    await viewer_of(request, None)
    await service_of(request).contests.fresh()
    # What there is now: while passwords are looked at, contests may be made.
    contests = list(service_of(request).contests)
    then = time_of_all(request, len(contests))
    for contest in contests:
        viewer = await _viewer_in(request, contest)
        anonymous = anonymous and viewer.anonymous
        if then:
            shown.extend(await past_of_each(request, contest, viewer, row, version))
            continue
        filters = filters_of(viewer.role, row, request.query.items(), version) if request.query_string else []
        audience = await contest.ready_audience(viewer.role, version)
        data = audience.object((row.name, SINGLETON_ID), viewer.team_id)
        if data is not None:
            shown.extend(matching(row, filters, (data,), version) if filters else (data,))
    body = as_array(shown)
    return await respond(request, service_of(request).answers.passing(body), private=not anonymous)


async def _viewer_in(request: web.Request, contest: LiveContest) -> Viewer:
    """Who asks, one contest of many being concerned: whom that one does not let in is public there, and no worse.

    Raises what `viewer_of` raises, but for 401: that the credentials are good somewhere is settled before.
    """
    try:
        return await viewer_of(request, contest)
    except Failure as failure:
        if failure.status is not HTTPStatus.UNAUTHORIZED:
            raise
        return PUBLIC


def require_offered(viewer: Viewer, row: ObjectType) -> None:
    """Raise Failure (404) for a type that is not in the viewer's `access`."""
    if not role_view(viewer.role).types[row.name].offered:
        raise not_found(f"endpoint {row.endpoint}")


def as_array(items: Iterable[bytes]) -> bytes:
    """A JSON array of encoded objects, one on each line."""
    return b"[" + b",\n".join(items) + b"]"


async def matching_in_pieces(
    row: ObjectType, filters: list[Filter], shown: Sequence[bytes], version: ServedVersion = DRAFT
) -> list[bytes]:
    """Those of the encoded objects for which all filters hold, without holding others up."""
    found: list[bytes] = []
    for start in range(0, len(shown), MATCHED_AT_ONCE):
        if start:
            await asyncio.sleep(0)
        found += matching(row, filters, shown[start : start + MATCHED_AT_ONCE], version)
    return found


def whole_collection(
    answers: AnswerCache, asked: object, stamp: object, objects: Callable[[], Iterable[bytes]]
) -> Answer:
    """The answer with all objects of a type, made anew when the stamp of what was asked is another one."""
    answer = answers.present(asked, stamp)
    return answers.keep(asked, stamp, as_array(objects())) if answer is None else answer


def _whole_collection(
    request: web.Request, contest: LiveContest, viewer: Viewer, row: ObjectType, version: ServedVersion
) -> Answer:
    audience = contest.audience(viewer.role, version)
    asked = (contest.contest_id, viewer.role, viewer.team_id, row.name, version.name)
    # Not the number of the audience: another may have it once this one is gone.
    stamp = (ref(audience), audience.changes[row.name])
    return whole_collection(
        service_of(request).answers,
        asked,
        stamp,
        lambda: audience.collection(contest.state, row.name, viewer.team_id),
    )
