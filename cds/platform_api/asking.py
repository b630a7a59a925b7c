"""Who asks about the sync, and for what: checked in the order of the contract (requirements-000, 3.13).

Login, role, platform, body, limit; whether the platform is enabled comes last. This module must not know what a run
does.
"""

import time
from collections.abc import Iterable
from http import HTTPStatus
from math import ceil

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.bodies import parsed_object, read_body
from cds.contest_api.errors import Failure, bad_request, unauthorized
from cds.contest_api.service import Service, service_of, viewer_of
from cds.contest_api.writing import refuse_foreign_form
from cds.platform_api.request_budget import RequestBudget
from cds.platforms.adapters.codeforces import contest_number
from cds.platforms.questions import PLATFORMS, Platform
from schemas.viewers import Viewer

BODY_BYTES_MAX = 16 * 1024
CONTEST_ID = "contestId"

BUDGET = web.AppKey("sync budget", RequestBudget)

PLATFORM_BY_NAME: dict[str, Platform] = {str(platform): platform for platform in PLATFORMS}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The body: `contest_id` is the platform's id of the one contest that is wanted with its results."""

    force_sync: bool = False
    contest_id: str | None = None


async def administrator(request: web.Request) -> tuple[Service, Viewer]:
    """Who asks, an administrator of the server or the platform. Raises Failure (401, 403)."""
    service = service_of(request)
    viewer = await viewer_of(request, None)
    if viewer.unproven:
        raise unauthorized("syncing needs a login")
    if not viewer.administers_platform:
        raise Failure(HTTPStatus.FORBIDDEN, "syncing is for administrators of the server")
    return service, viewer


def actor_of(viewer: Viewer) -> str:
    """Who an administrator is, as the log names them."""
    return f"server:{viewer.server_username}" if viewer.user_id is None else f"user:{viewer.user_id}"


def platform_of(request: web.Request) -> Platform:
    """The platform that the path names, in this very spelling. Raises Failure (400)."""
    platform = PLATFORM_BY_NAME.get(request.match_info["platform"])
    if platform is None:
        raise bad_request(f"Invalid platform. Must be one of: {', '.join(PLATFORMS)}")
    return platform


async def wanted_of(request: web.Request, *, singly: bool) -> Wanted:
    """What the body asks for; none, and an empty object, ask for the usual. Raises Failure (400, 403, 413).

    `singly`: whether a single contest of the platform can be asked for.
    """
    refuse_foreign_form(request)
    body = await read_body(request, BODY_BYTES_MAX)
    if not body.strip():
        return Wanted()
    properties = await parsed_object(body)
    force_sync: object = msgspec.json.decode(properties.get("forceSync", b"false"))
    if not isinstance(force_sync, bool):
        raise bad_request("forceSync must be a boolean")
    _refuse_other_spellings(properties)
    if CONTEST_ID not in properties:
        return Wanted(force_sync=force_sync)
    if not singly:
        raise bad_request(f"{CONTEST_ID} is not offered for this platform")
    return Wanted(force_sync=force_sync, contest_id=_contest_number(properties[CONTEST_ID]))


def _refuse_other_spellings(properties: Iterable[str]) -> None:
    """Raise Failure (400) for a `contest_id`.

    Properties that are not known are ignored, as the seed's server does. But this one is no property of the seed, so
    whoever writes it nearly right means one contest, and must not get thousands.
    """
    for name in properties:
        if name != CONTEST_ID and name.replace("_", "").replace("-", "").casefold() == CONTEST_ID.casefold():
            raise bad_request(f"{name[:20]} is spelled {CONTEST_ID}")


def _contest_number(raw: msgspec.Raw) -> str:
    """The number of a contest, as a number or a text of digits. Raises Failure (400)."""
    value: object = msgspec.json.decode(raw)
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    number = contest_number(text)
    if number is None:
        raise bad_request(f"{CONTEST_ID} must be the number of a contest")
    return number


def charge(request: web.Request, service: Service, viewer: Viewer) -> None:
    """Count a request of an account. Raises Failure (429) when it has asked too often."""
    if not service.rate_limits:
        return
    wait_s = request.app[BUDGET].take(actor_of(viewer), time.monotonic())
    if wait_s > 0:
        raise Failure(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many requests, please try again later",
            {hdrs.RETRY_AFTER: str(ceil(wait_s))},
        )


def uncharge(request: web.Request, service: Service, viewer: Viewer) -> None:
    """What was skipped asked nobody, and does not count."""
    if service.rate_limits:
        request.app[BUDGET].give_back(actor_of(viewer))
