"""`at=`: collections, objects, `access` and the scoreboard as they were at a past moment.

A moment is a token of the viewer's own feed, a time, or a contest time. What is answered then is what the viewer's feed
had told by that moment, in the view of the role that the viewer has now. This module must not know how the past is
found.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import structlog
from aiohttp import hdrs, web

from cds.contest_api.errors import RETRY_AFTER_S, Failure, bad_request, not_found
from cds.contest_api.service import Service, service_of
from cds.decoding import UnreadableEvent
from cds.live_contest import LiveContest
from cds.past.asking import NOTHING_KNOWN
from cds.past.pasts import GroupUnseen
from cds.past.states import Moment
from cds.past.turns import TooManyWaiting
from cds.view_names import view_name
from eventstore.store import StoreUnavailable
from projections.contest import ContestState
from projections.filtering import candidates, filters_of, matching
from projections.past_moments import AskedTime, AskedToken, asked_moment, latest_moment_ms
from projections.served_versions import ServedVersion
from projections.tokens import TokenRefused
from schemas.object_types import ObjectType
from schemas.viewers import Viewer

AT_PARAMETER = "at"
NO_TYPES = 0
"""A token of a feed that is limited to any types will do: it stands for a moment, not for what was sent."""

MICROSECONDS_PER_MILLISECOND = 1_000
OF_FEED = "the feed is all of the past; begin it behind a token with since_token"
"""Why a feed has no past."""

CONTESTS_MAX = 200
"""With more contests than that their list as it was is not worked out: each has to be looked at."""


log = structlog.get_logger(__name__)


def wants_past(request: web.Request) -> bool:
    """Whether a request asks for a past moment."""
    return bool(request.query_string) and AT_PARAMETER in request.query


def refuse_at(request: web.Request, reason: str) -> None:
    """Raise Failure (400) where a past moment is asked for of what has none."""
    if wants_past(request):
        raise bad_request(f"{AT_PARAMETER}: {reason}")


def refuse_to_write_the_past(request: web.Request) -> None:
    """Raise Failure (400) for who wants to change what was."""
    refuse_at(request, "the past is for reading; what is written is written now")


async def moment_asked(
    request: web.Request, contest: LiveContest, viewer: Viewer, version: ServedVersion
) -> Moment | None:
    """The moment that a request asks for, None for the present. Raises Failure (400, 500, 503), StoreUnavailable."""
    if not wants_past(request):
        return None
    _require_one_moment(request)
    with past_refusals_as_failures():
        return await _moment(service_of(request), contest, viewer, version, request.query[AT_PARAMETER])


async def past_collection(
    request: web.Request, contest: LiveContest, viewer: Viewer, row: ObjectType, version: ServedVersion, moment: Moment
) -> Iterator[bytes]:
    """The objects of a type at a moment that match the filters in the query. Raises Failure (500, 503)."""
    with past_refusals_as_failures():
        past = await service_of(request).pasts.collection(contest, moment, viewer.role, version, row.name)
    filters = filters_of(viewer.role, row, request.query.items(), version)
    if not filters:
        return past.audience.collection(past.state, row.name, viewer.team_id)
    shown = (
        data
        for identifier in candidates(past.state, row, filters)
        if (data := past.audience.object((row.name, identifier), viewer.team_id)) is not None
    )
    return matching(row, filters, shown, version)


async def past_object(
    request: web.Request,
    contest: LiveContest,
    viewer: Viewer,
    row: ObjectType,
    identifier: str,
    version: ServedVersion,
    moment: Moment,
) -> bytes | None:
    """One object at a moment, None when it was not shown. Raises Failure (500, 503)."""
    with past_refusals_as_failures():
        return await service_of(request).pasts.object(contest, moment, viewer, version, (row.name, identifier))


async def past_state(request: web.Request, contest: LiveContest, viewer: Viewer, moment: Moment) -> ContestState:
    """All that the log had come to at a moment. Raises Failure (500, 503)."""
    with past_refusals_as_failures():
        return await service_of(request).pasts.state(contest, moment, viewer.role)


async def past_scoreboard(
    request: web.Request, contest: LiveContest, viewer: Viewer, moment: Moment, *, frozen: bool, group_id: str | None
) -> bytes:
    """The scoreboard at a moment, in our own words. Raises Failure (404, 500, 503)."""
    with past_refusals_as_failures():
        return await service_of(request).pasts.scoreboard(contest, moment, viewer, frozen=frozen, group_id=group_id)


def time_of_all(request: web.Request, contests: int) -> bool:
    """Whether the list of so many contests is asked for as it was. Raises Failure (400) where it cannot be told."""
    if not wants_past(request):
        return False
    _require_one_moment(request)
    try:
        asked = asked_moment(request.query[AT_PARAMETER])
    except ValueError as refused:
        raise bad_request(f"{AT_PARAMETER}: {refused}") from None
    if not isinstance(asked, AskedTime):
        raise bad_request(f"{AT_PARAMETER}: tokens and contest times are those of one contest; ask for a time")
    if contests > CONTESTS_MAX:
        raise bad_request(f"{AT_PARAMETER}: there are more than {CONTESTS_MAX} contests here; ask for one of them")
    return True


async def past_of_each(
    request: web.Request, contest: LiveContest, viewer: Viewer, row: ObjectType, version: ServedVersion
) -> Iterator[bytes]:
    """The contest as it was, for the list of all: nothing where nothing was known of it yet. Raises Failure."""
    with past_refusals_as_failures():
        moment = await _moment_or_none(service_of(request), contest, viewer, version, request.query[AT_PARAMETER])
    if moment is None:
        return iter(())
    return await past_collection(request, contest, viewer, row, version, moment)


@contextmanager
def past_refusals_as_failures() -> Iterator[None]:
    """Turn what keeps the past from being looked at into an answer."""
    try:
        yield
    except TooManyWaiting:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too many past moments are being asked for; try again",
            {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)},
        ) from None
    except UnreadableEvent as unreadable:
        log.exception("past_unreadable", reason=str(unreadable))
        raise Failure(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            f"{AT_PARAMETER}: what the contest was then cannot be read; the server's log says why",
        ) from None
    except GroupUnseen as unseen:
        raise not_found(f"group_id {unseen}") from None


def _require_one_moment(request: web.Request) -> None:
    if len(request.query.getall(AT_PARAMETER)) > 1 or "since_token" in request.query:
        raise bad_request(f"{AT_PARAMETER}: one moment is meant, and no since_token")


async def _moment(service: Service, contest: LiveContest, viewer: Viewer, version: ServedVersion, text: str) -> Moment:
    moment = await _moment_or_none(service, contest, viewer, version, text)
    if moment is None:
        raise bad_request(f"{AT_PARAMETER}: {NOTHING_KNOWN}")
    return moment


async def _moment_or_none(
    service: Service, contest: LiveContest, viewer: Viewer, version: ServedVersion, text: str
) -> Moment | None:
    """None before the first event. Raises Failure (400), TooManyWaiting, UnreadableEvent, and StoreUnavailable."""
    now_ms = service.circumstances.now_us() // MICROSECONDS_PER_MILLISECOND
    try:
        asked = asked_moment(text)
        if isinstance(asked, AskedToken):
            return await _of_token(service, contest, view_name(contest, viewer, version), asked.token)
        found_ms = (
            asked.time_ms
            if isinstance(asked, AskedTime)
            else latest_moment_ms(contest.state.timeline, asked.contest_time_ms)
        )
    except ValueError as refused:
        raise bad_request(f"{AT_PARAMETER}: {refused}") from None
    time_ms, end = now_ms if found_ms is None else found_ms, contest.position
    told = None if isinstance(asked, AskedTime) else await service.pasts.told_times(contest, viewer.role)
    if time_ms > (now_ms if told is None else told.reaching_ms(now_ms)):
        raise bad_request(f"{AT_PARAMETER}: that is still to come")
    if told is None:
        position = await service.pasts.position_at(contest, time_ms, viewer.role)
    else:
        position = told.last_position(time_ms, end)
    return Moment(position) if position else None


async def _of_token(service: Service, contest: LiveContest, view: str, token: str) -> Moment:
    """Raises Failure (400), and StoreUnavailable."""
    try:
        place = service.tokens.read(token, view, NO_TYPES)
        if place.position > contest.position:
            # Another server on the same database may have handed it out, as for the event feed.
            await contest.fresh()
            if place.position > contest.position and not service.store.reachable:
                raise StoreUnavailable(f"whether {AT_PARAMETER} is of this log cannot be read now")
        contest.check_place(place)
    except TokenRefused as refused:
        raise bad_request(str(refused).replace("since_token", AT_PARAMETER, 1)) from None
    return Moment(place.position, place.index)
