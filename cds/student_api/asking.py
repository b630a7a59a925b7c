"""Who asks about students, and for what.

This module must not know what becomes of a request.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from math import ceil

import msgspec
from aiohttp import hdrs, web

from cds.addresses import neighbourhood
from cds.contest_api.errors import Failure, unauthorized
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service, client_at, service_of, viewer_of
from cds.contest_api.writing import refuse_foreign_form
from cds.student_api.documents import Selection, selection_of
from cds.student_api.request_buckets import RequestBuckets
from schemas.viewers import Viewer

WHOLE_LISTS_MAX = 8
"""Answers with the long lists of all students that are sent at the same time; each may be hundreds of megabytes."""

RETRY_LIST_AFTER_S = 10


class WholeLists(msgspec.Struct):
    """How many answers with the long lists of all students are being sent."""

    under_way: int = 0


WHOLE_LISTS = web.AppKey("whole lists of students", WholeLists)
BUCKETS = web.AppKey("student sync buckets", RequestBuckets)

FIELDS = "fields"
ENVELOPE = "envelope"


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, and what of a student they are to be shown."""

    service: Service
    viewer: Viewer
    selection: Selection

    @property
    def actor(self) -> str:
        """Who it is, as the log names them."""
        username = self.viewer.server_username
        return "public" if username is None else f"server:{username}"


async def reader(request: web.Request) -> Asker:
    """Somebody who wants to read. Raises Failure (400, 401)."""
    return _asker(request, await viewer_of(request, None))


def _asker(request: web.Request, viewer: Viewer) -> Asker:
    """Raises Failure (400)."""
    with refusals_as_failures():
        selection = selection_of(request.query.get(FIELDS), viewer)
    return Asker(service=service_of(request), viewer=viewer, selection=selection)


async def writer(request: web.Request) -> Asker:
    """An administrator of the server, who may write. Raises Failure (400, 401, 403)."""
    # Whoever may not write is told that, whatever is wrong with the query.
    viewer = await viewer_of(request, None)
    if viewer.unproven:
        raise unauthorized("writing needs a login")
    if viewer.role != "admin" or viewer.server_username is None:
        raise Failure(HTTPStatus.FORBIDDEN, "students are entered, changed and removed by administrators of the server")
    refuse_foreign_form(request)
    return _asker(request, viewer)


async def syncer(request: web.Request) -> Asker:
    """Somebody who wants a handle to be synced now. Raises Failure (400, 401)."""
    asker = await reader(request)
    if asker.service.students.settings.sync_requires_login and asker.viewer.unproven:
        raise unauthorized("syncing needs a login")
    return asker


def wants_envelope(request: web.Request) -> bool:
    """Whether the student is to come as the original sends it, with a message around it (requirements-001, 2.1)."""
    return request.query.get(ENVELOPE, "").lower() in ("1", "true", "yes")


def charge(request: web.Request, service: Service) -> None:
    """Count a request of an address for which Codeforces will be asked. Raises Failure (429)."""
    if not service.rate_limits:
        return
    address = neighbourhood(client_at(request, service).address)
    wait_s = request.app[BUCKETS].take(address, time.monotonic())
    if wait_s > 0:
        raise Failure(
            HTTPStatus.TOO_MANY_REQUESTS,
            "Too many requests, please try again later",
            {hdrs.RETRY_AFTER: str(ceil(wait_s))},
        )


@contextmanager
def one_of_few(request: web.Request) -> Iterator[None]:
    """An answer with the long lists of all students is sent within. Raises Failure (503) where too many are."""
    lists = request.app[WHOLE_LISTS]
    if lists.under_way >= WHOLE_LISTS_MAX:
        raise Failure(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too many lists of all students are being sent; try again, or name the fields that you need",
            {hdrs.RETRY_AFTER: str(RETRY_LIST_AFTER_S)},
        )
    lists.under_way += 1
    try:
        yield
    finally:
        lists.under_way -= 1
