"""The endpoints of the sync (requirements-000, 1): runs asked for, their history, when contests were last synced.

This module must not know how a platform is asked, nor what a run does.
"""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.errors import Failure, bad_request
from cds.contest_api.refusals import refusals_as_failures
from cds.contest_api.service import Service
from cds.platform_api.answers import (
    AllCompleted,
    PlatformStatus,
    RunCounts,
    SyncedContests,
    SyncedContestStatus,
    completed,
    counts_of,
    failed_counts,
    history,
    status,
)
from cds.platform_api.asking import (
    actor_of,
    administrator,
    charge,
    platform_of,
    uncharge,
    wanted_of,
)
from cds.platforms.adapters.naming import contest_id
from cds.platforms.questions import PLATFORMS, Platform
from cds.platforms.syncing import Order, PlatformDisabled, SyncFailed
from projections.sync_runs import SyncRuns

PLATFORM_SYNC_FAILED = "Platform sync failed."
"""All that is told of a platform that failed: what it said may hold addresses (requirements-000, 3.6)."""

HISTORY_LIMIT = 20
HISTORY_LIMIT_MAX = 200
CONTESTS_LIMIT = 500
CONTESTS_LIMIT_MAX = 5_000
OFFSET_MAX = 10**9

S = TypeVar("S", bound=msgspec.Struct)


async def post_sync(request: web.Request) -> web.StreamResponse:
    """Sync one platform now, or import one of its contests with the results."""
    service, viewer = await administrator(request)
    platform = platform_of(request)
    platforms = service.platforms
    wanted = await wanted_of(request, singly=platform in platforms.importers)
    charge(request, service, viewer)
    order = Order(trigger="request", actor=actor_of(viewer), forced=wanted.force_sync)
    try:
        if wanted.contest_id is None:
            run = await platforms.syncing.sync(platform, order)
        else:
            import_one = partial(platforms.importers[platform], wanted.contest_id, order)
            with refusals_as_failures():
                run = await platforms.syncing.sync_one(platform, wanted.contest_id, order, import_one)
    except PlatformDisabled as disabled:
        raise Failure(HTTPStatus.INTERNAL_SERVER_ERROR, str(disabled)) from None
    except SyncFailed:
        raise Failure(HTTPStatus.INTERNAL_SERVER_ERROR, PLATFORM_SYNC_FAILED) from None
    if run is None:
        uncharge(request, service, viewer)
    return _answer(completed(platform, run))


async def post_sync_of_all(request: web.Request) -> web.StreamResponse:
    """Sync every platform that is enabled, one after the other; one that fails says so in the results."""
    service, viewer = await administrator(request)
    wanted = await wanted_of(request, singly=False)
    charge(request, service, viewer)
    order = Order(trigger="request", actor=actor_of(viewer), forced=wanted.force_sync)
    syncing = service.platforms.syncing
    results: dict[Platform, RunCounts] = {}
    for platform in syncing.enabled:
        try:
            results[platform] = counts_of(await syncing.sync(platform, order))
        except SyncFailed:
            results[platform] = failed_counts(PLATFORM_SYNC_FAILED)
    if all(counts.skipped for counts in results.values()):
        uncharge(request, service, viewer)
    return _answer(AllCompleted(message="Sync completed for all platforms", results=results))


async def get_platforms(request: web.Request) -> web.StreamResponse:
    """Every platform: whether it is enabled, when it was last synced."""
    service, _ = await administrator(request)
    shown = [
        _status(service, platform, await service.platforms.syncing.histories[platform].fresh())
        for platform in PLATFORMS
    ]
    return _encoded(msgspec.json.encode(shown))


async def get_history(request: web.Request) -> web.StreamResponse:
    """The runs of a platform, the newest first (`offset` and `limit` choose the page), and the first of its contests.

    With `contestId`, when that contest was last synced instead.
    """
    service, _ = await administrator(request)
    platform = platform_of(request)
    runs = await service.platforms.syncing.histories[platform].fresh()
    if "contestId" in request.query:
        return _answer(_contest_status(service, platform, request.query["contestId"]))
    offset, limit = _page(request, HISTORY_LIMIT, HISTORY_LIMIT_MAX)
    contests = _contest_statuses(service, platform, runs.contests()[:CONTESTS_LIMIT])
    return _answer(history(_status(service, platform, runs), runs, contests, offset=offset, limit=limit))


async def get_contests_of_platform(request: web.Request) -> web.StreamResponse:
    """When each contest of a platform was last synced, in the order of the platform's ids, page by page."""
    service, _ = await administrator(request)
    platform = platform_of(request)
    runs = await service.platforms.syncing.histories[platform].fresh()
    offset, limit = _page(request, CONTESTS_LIMIT, CONTESTS_LIMIT_MAX)
    found, after = runs.contests(), offset + limit
    page = _contest_statuses(service, platform, found[offset:after])
    return _answer(SyncedContests(platform=platform, contests=page, next=after if after < len(found) else None))


def _status(service: Service, platform: Platform, runs: SyncRuns) -> PlatformStatus:
    platforms = service.platforms
    enabled, every_s = platform in platforms.syncing.enabled, platforms.settings.every_s
    return status(platform, runs, enabled=enabled, every_s=every_s)


def _contest_statuses(
    service: Service, platform: Platform, platform_ids: Sequence[str]
) -> tuple[SyncedContestStatus, ...]:
    return tuple(_contest_status(service, platform, platform_id) for platform_id in platform_ids)


def _contest_status(service: Service, platform: Platform, platform_id: str) -> SyncedContestStatus:
    identifier = contest_id(platform, platform_id)
    here = service.contests.find(identifier) is not None
    last_synced_at = service.platforms.syncing.histories[platform].state.last_synced(platform_id)
    return SyncedContestStatus(contest_id=platform_id, id=identifier if here else None, last_synced_at=last_synced_at)


def _page(request: web.Request, usual: int, greatest: int) -> tuple[int, int]:
    """`offset` and `limit` of a page. Raises Failure (400)."""
    return _number(request, "offset", 0, 0, OFFSET_MAX), _number(request, "limit", usual, 1, greatest)


def _number(request: web.Request, name: str, usual: int, least: int, greatest: int) -> int:
    text = request.query.get(name)
    if text is None:
        return usual
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(greatest)) and least <= int(text) <= greatest):
        raise bad_request(f"{name} must be a whole number from {least} to {greatest}")
    return int(text)


def _answer(body: S) -> web.Response:
    return _encoded(msgspec.json.encode(body))


def _encoded(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json", headers={hdrs.CACHE_CONTROL: "no-store"})
