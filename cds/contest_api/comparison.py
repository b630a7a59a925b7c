"""GET of x-comparison: a contest against a second system's judging of it, or against another contest.

As JSON, or as a page for browsers. This module must not know what counts as a difference.
"""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from cds.comparing.live import Comparisons, Found, LiveSide, TooManyComparisons
from cds.comparing.page import CONTENT_SECURITY_POLICY, comparison_page
from cds.comparing.sources import link_below, quoted
from cds.contest_api.answers import VARY, Answer, has_already, respond
from cds.contest_api.errors import RETRY_AFTER_S, Failure, bad_request, not_found, unauthorized
from cds.contest_api.negotiation import HTML, wants_page
from cds.contest_api.past import refuse_at
from cds.contest_api.service import asked, service_of, viewer_of
from cds.live_contest import LiveContest
from cds.shadows import address_of
from projections.comparison_properties import FILES, MEASURED, WHOLE, Scope, UnknownProperty, without
from projections.visibility import role_view
from schemas.viewers import Role, Viewer

COMPARISON_SEEN_BY: tuple[Role, ...] = ("staff", "admin")
"""Those who see every verdict as it is given. What a role does not see elsewhere, it does not learn here."""

COMPARISONS = web.AppKey("comparisons", Comparisons)

ENDPOINT = "x-comparison"
VARY_BY_FORM = f"{VARY}, Accept"
PAGE_HEADERS = {
    hdrs.CACHE_CONTROL: "private, no-cache",
    hdrs.VARY: VARY_BY_FORM,
    hdrs.CONTENT_TYPE: f"{HTML}; charset=utf-8",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
}


async def get_comparison(request: web.Request) -> web.StreamResponse:
    """The contest against `with` (a second system; without it the only one there is), or `with-contest`.

    `ignore` names types and properties to leave out. Raises Failure (400, 401, 404, 503).
    """
    contest, viewer = await asked(request)
    _require_seen(viewer)
    refuse_at(request, "contests are compared as they are now; `cds export --at` writes them as they were")
    other, scope = await _other(request, contest, viewer)
    scope = _narrowed(scope, _ignored(request))
    side = LiveSide(contest.contest_id, contest, link_below(_address(contest)))
    try:
        found = await request.app[COMPARISONS].found(side, other, scope)
    except TooManyComparisons as waiting:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE, f"{waiting}; try again", {hdrs.RETRY_AFTER: str(RETRY_AFTER_S)}
        ) from None
    answers = service_of(request).answers
    if wants_page(request):
        page = await asyncio.to_thread(_page_of, request.path, found)
        return _as_page(request, answers.passing(page))
    return await respond(
        request, answers.passing(msgspec.json.encode(found.comparison)), private=True, vary=VARY_BY_FORM
    )


async def _other(request: web.Request, contest: LiveContest, viewer: Viewer) -> tuple[LiveSide, Scope]:
    """The other side, and what of it and of the contest may be compared."""
    name, contest_id = request.query.get("with"), request.query.get("with-contest")
    if len([*request.query.getall("with", ()), *request.query.getall("with-contest", ())]) > 1:
        raise bad_request("with and with-contest: one of them is meant, once")
    if contest_id is None:
        shadow = await _shadow(request, contest.contest_id, name)
        return shadow, without(_seen_by(viewer.role, WHOLE), (*MEASURED, *FILES))
    other = await service_of(request).contests.found(contest_id)
    other_viewer = await viewer_of(request, other)
    if other is None or other_viewer.role not in COMPARISON_SEEN_BY:
        raise not_found(f"contest {contest_id}")
    side = LiveSide(contest_id, other, link_below(_address(other)))
    return side, _seen_by(other_viewer.role, _seen_by(viewer.role, WHOLE))


async def _shadow(request: web.Request, contest_id: str, name: str | None) -> LiveSide:
    shadows = service_of(request).shadows
    if name is None:
        names = await shadows.names(contest_id)
        if len(names) > 1:
            raise bad_request(f"there are several second systems, name one with `with`: {', '.join(names)}")
        name = names[0] if names else None
    shadow = None if name is None else await shadows.found(contest_id, name)
    if shadow is None:
        raise not_found("a second system to compare with" if name is None else f"second system {name}")
    name = name or ""
    return LiveSide(name, shadow, link_below(await address_of(service_of(request).store, contest_id, name)))


def _require_seen(viewer: Viewer) -> None:
    """Whoever has not logged in is asked to; for all others who may not see it there is no such endpoint."""
    if viewer.role in COMPARISON_SEEN_BY:
        return
    if viewer.anonymous:
        raise unauthorized("this needs a login")
    raise not_found(f"endpoint {ENDPOINT}")


def _seen_by(role: Role, scope: Scope) -> Scope:
    """The scope as far as a role is ever shown the types and properties."""
    types = role_view(role).types
    return {
        name: tuple(property for property in properties if property in types[name].properties)
        for name, properties in scope.items()
        if types[name].offered
    }


def _ignored(request: web.Request) -> Sequence[str]:
    return [each.strip() for text in request.query.getall("ignore", ()) for each in text.split(",") if each.strip()]


def _narrowed(scope: Scope, ignored: Sequence[str]) -> Scope:
    try:
        return without(scope, ignored)
    except UnknownProperty as unknown:
        raise bad_request(f"ignore: {unknown}") from None


def _address(contest: LiveContest) -> str:
    """The address of a contest, relative to the base URL as those of files are."""
    return f"contests/{quoted(contest.contest_id)}"


def _page_of(path: str, found: Found) -> bytes:
    """The page, whose links lead to the base URL by relative steps, so that they hold behind any proxy."""
    root = "../../../" if path.endswith("/") else "../../"
    return comparison_page(found.comparison, found.captions, root).encode()


def _as_page(request: web.Request, answer: Answer) -> web.Response:
    """The page as a response: 304 where the client has it already."""
    tag = f'"{answer.entity_tag}"'
    if has_already(request, answer.entity_tag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers={**PAGE_HEADERS, hdrs.ETAG: tag})
    return web.Response(body=answer.body, headers={**PAGE_HEADERS, hdrs.ETAG: tag})
