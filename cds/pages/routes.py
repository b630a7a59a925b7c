"""Where the pages are: `/`, `/contests/ID` and their files, beside every place where the API is.

All addresses inside a page are relative, so that it works below any path and behind any proxy. The pages ask nobody
who he is and show everybody the same. This module must not know how a page looks.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.errors import RETRY_AFTER_S
from cds.contest_api.service import SLOT, Service
from cds.live_contest import LiveContest
from cds.pages.contest_list import contests_page, listed
from cds.pages.files import SCRIPT_MODULES, STATIC_TYPES, filled, page_file, respond, static_file
from schemas.object_types import SINGLETON_ID
from schemas.objects import Contest, State

HTML = "text/html"
ONE_SEGMENT = r"[^\x2f]+"
NOTHING_HAPPENED = State()

Seen = TypeVar("Seen", Contest, State)


def page_routes(prefixes: Sequence[str]) -> list[web.RouteDef]:
    """The routes of the pages; `prefixes` are those of the API, each without a slash at its end."""
    places: dict[str, str] = {}
    for prefix in prefixes:
        root, _, api = prefix.rpartition("/")
        places.setdefault(root, f"{api}/")
    return [route for root, api in places.items() for route in _routes_at(root, api)]


def _routes_at(root: str, api: str) -> Iterable[web.RouteDef]:
    """The routes below a path; `api` is the address of the API relative to it."""
    yield web.get(f"{root}/", partial(_get_contests, api=api))
    if root:
        yield web.get(root, partial(_get_elsewhere, suffix="/"))
    contest = f"{root}/contests/{{contest_id:{ONE_SEGMENT}}}"
    yield web.get(contest, partial(_get_contest, api=api))
    yield web.get(f"{contest}/", partial(_get_elsewhere, suffix=""))
    for name in STATIC_TYPES:
        yield web.get(f"{root}/static/{name}", partial(_get_static, name=name))


async def _get_contests(request: web.Request, api: str) -> web.Response:
    """Every contest, with its state and its links."""
    service = request.app[SLOT].service
    if service is None:
        return _starting(request, here="./")
    await service.contests.fresh()
    now_ms = service.circumstances.now_us() // 1000
    entries = []
    for contest in service.contests:
        shown = _shown(contest, "contest", Contest)
        if shown is not None:
            entries.append(listed(shown, _shown(contest, "state", State) or NOTHING_HAPPENED, now_ms))
    return _html(request, contests_page(entries, api))


async def _get_contest(request: web.Request, api: str) -> web.Response:
    """The scoreboard of one contest for spectators."""
    service = request.app[SLOT].service
    if service is None:
        return _starting(request, here="../")
    contest_id = request.match_info["contest_id"]
    shown = await _found(service, contest_id)
    if shown is None:
        texts = {"title": "No such contest", "text": f"There is no contest {contest_id} here.", "here": "../"}
        return _html(request, filled("message", texts, {"refresh": ""}), HTTPStatus.NOT_FOUND)
    texts = {
        "api": f"../{api}",
        "here": "../",
        "contest_id": contest_id,
        "contest_path": quote(contest_id, safe=""),
        "name": shown.formal_name or shown.name,
    }
    modules = "\n".join(filled("module", {"here": "../", "name": name}).rstrip() for name in SCRIPT_MODULES)
    return _html(request, filled("contest", texts, {"modules": modules}))


async def _get_static(request: web.Request, name: str) -> web.Response:
    """A file of the pages."""
    return respond(request, static_file(name))


async def _get_elsewhere(request: web.Request, suffix: str) -> web.Response:
    """Lead to the same address with or without a slash at its end, by a relative address."""
    last = request.rel_url.raw_path.rstrip("/").rpartition("/")[2]
    location = f"../{last}" if not suffix else f"{last}{suffix}"
    query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
    return web.Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={hdrs.LOCATION: location + query})


async def _found(service: Service, contest_id: str) -> Contest | None:
    contest = await service.contests.found(contest_id)
    return None if contest is None else _shown(contest, "contest", Contest)


def _shown(contest: LiveContest, type_name: str, structure: type[Seen]) -> Seen | None:
    """A single object of a contest as the public sees it."""
    data = contest.audience("public").object((type_name, SINGLETON_ID), None)
    return None if data is None else msgspec.json.decode(data, type=structure)


def _starting(request: web.Request, here: str) -> web.Response:
    """What is told while the log is being read."""
    texts = {"title": "Starting", "text": "The server is starting; this page looks again by itself.", "here": here}
    refresh = f'<meta http-equiv="refresh" content="{RETRY_AFTER_S}">'
    response = _html(request, filled("message", texts, {"refresh": refresh}), HTTPStatus.SERVICE_UNAVAILABLE)
    response.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER_S)
    return response


def _html(request: web.Request, text: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return respond(request, page_file(text.encode(), HTML), status)
