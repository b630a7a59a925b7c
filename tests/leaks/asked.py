"""Everything that can be asked of a server: all its routes, with ids that are seen, hidden and not there at all.

The routes are those of the router itself, so none can be forgotten. This module must not know what the answers are.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import cast
from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from cds.served_versions import EARLIER_VERSIONS
from projections.contest import ContestState
from schemas.object_types import OBJECT_TYPES, ObjectType
from tests.cds.contest_api.serving import Running

UNKNOWN = "nothing"
"""An id of nothing."""

SLASH = "{slash}"
ASKS_ANOTHER_SERVER = "/codeforces/sync/{handle}"
"""What would go out to a platform; what it tells does not come from a contest."""

LOCAL = "/metrics"
"""What programs on this machine may read without a login; it is asked as if from elsewhere."""

HEADER_OF_CMS = "X-CMS-Authorization"
AT_ROOT = ("/api/task_list", "/api/{task}/submission_list")
"""Where the API of CMS is served beside ours."""

FIXED_PLACES: Mapping[str, tuple[str, ...]] = {
    "lang": ("en",),
    "platform": ("codeforces",),
    "filename": ("files.zip", "other.zip"),
}
WRITING = ("POST", "PUT", "PATCH", "DELETE")
JSON = (hdrs.CONTENT_TYPE, "application/json")
ELSEWHERE = "https://elsewhere.example"
STREAM = "text/event-stream"
LONG_AGO = "Thu, 01 Jan 1970 00:00:01 GMT"
NO_MOMENTS = ("0:00:00", "-100:00:00", "9999:00:00", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon")
"""Behind `at=`: the start, and what nothing was known at, is still to come, or is no moment at all."""


class Asked(msgspec.Struct, frozen=True):
    """One request; `path` is absolute."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None

    @property
    def named(self) -> str:
        """As it is named where something differs."""
        return f"{self.method} {self.path}" + "".join(f" [{name}: {value}]" for name, value in self.headers)


def routes_of(server: Running) -> list[tuple[str, str]]:
    """Method and path of every route, those below contests too; paths without a slash at their ends."""
    runner = server.server._runner
    assert runner is not None
    found: dict[tuple[str, str], None] = {}
    for resource in runner.app.router.resources():
        for route in resource:
            canonical = cast("web.AbstractResource", route.resource).canonical
            found[route.method, canonical.removesuffix(SLASH) or "/"] = None
    return list(found)


class Places:
    """What is put in the places of paths: ids that everybody may know, hidden ones, and ones that are nowhere."""

    def __init__(
        self,
        contest_id: str,
        state: ContestState,
        hidden: Mapping[str, Sequence[str]],
        contest_times: Sequence[str] = (),
    ) -> None:
        """`state` is that of the one side; `hidden` are ids by type of what differs on the other.

        `contest_times` are the past moments that are asked for, contest times and times.
        """
        self.contest_id = contest_id
        self.contest_times = contest_times
        self.students: tuple[str, ...] = ()
        """Ids of students, who are beside all contests."""
        self._ids: dict[str, tuple[str, ...]] = {}
        for name in OBJECT_TYPES:
            known = list(state.objects[name])
            some = [*known[:1], *known[-1:], *hidden.get(name, ())[:1], *hidden.get(name, ())[-1:], UNKNOWN]
            self._ids[name] = tuple(dict.fromkeys(some))

    def ids(self, type_name: str) -> tuple[str, ...]:
        """Ids of a type."""
        return self._ids.get(type_name, (UNKNOWN,))

    def paths(self, canonical: str) -> Iterator[str]:
        """The paths that a pattern comes to."""
        names = [part.partition("}")[0] for part in canonical.split("{")[1:]]
        for chosen in product(*(self._choices(canonical, name) for name in names)):
            places = zip(names, chosen, strict=True)
            yield canonical.format_map({name: quote(place, safe="") for name, place in places})

    def _choices(self, canonical: str, name: str) -> tuple[str, ...]:
        if name == "contest_id":
            return (self.contest_id,)
        if name == "id" and "/students/" in canonical:
            return (*self.students, UNKNOWN)
        if name == "task":
            return self.ids("problems")[:2]
        if name == "id":
            endpoint = canonical.partition("/{id}")[0].rpartition("/")[2]
            if "/tasks/" in canonical:
                endpoint = "submissions"
            return self.ids(next((row.name for row in OBJECT_TYPES.values() if row.endpoint == endpoint), ""))
        return FIXED_PLACES.get(name, (UNKNOWN,))


def thinned(requests: Iterable[Asked], one_in: int, begin: int = 0) -> Iterator[Asked]:
    """One request of so many, the `begin`-th of them being the first."""
    return islice(requests, begin % one_in, None, one_in)


def everything(server: Running, places: Places) -> Iterator[Asked]:
    """All requests whose text is the same on both sides."""
    routes = [(method, canonical) for method, canonical in routes_of(server) if ASKS_ANOTHER_SERVER not in canonical]
    for method, canonical in routes:
        if method == "GET":
            yield from _readings(canonical, places)
    yield from _other_methods(routes, places)
    yield from _filtered(places)
    yield from _of_the_past(places)


def of_cms(server: Running, places: Places) -> Iterator[Asked]:
    """What a participant asks by the ContestWebServer API, everything but to hand in and to begin."""
    for method, canonical in routes_of(server):
        if method == "GET" and (canonical.startswith(("/cms/", "/tasks/")) or canonical in AT_ROOT):
            for path in places.paths(canonical):
                yield Asked("GET", path)


def _other_methods(routes: Sequence[tuple[str, str]], places: Places) -> Iterator[Asked]:
    """What is asked before, and what writes, of what is there, what is hidden and what is not there."""
    offered = set(routes)
    for canonical in dict.fromkeys(canonical for _, canonical in routes):
        if any(f"/{version.name}/" in canonical for version in EARLIER_VERSIONS):
            continue  # They are for reading, and refuse before anything is looked up (test_versions).
        paths = list(places.paths(canonical))
        for path in paths[-2:]:
            yield Asked("OPTIONS", path)
        yield Asked("OPTIONS", paths[-1], ((hdrs.ORIGIN, ELSEWHERE), (hdrs.ACCESS_CONTROL_REQUEST_METHOD, "PUT")))
        for method in WRITING:
            if (method, canonical) in offered or method == "PUT":
                for path in dict.fromkeys((*paths[:1], *paths[-2:])):
                    yield Asked(method, path, (JSON,), b"{}")


def _readings(canonical: str, places: Places) -> Iterator[Asked]:
    if canonical == LOCAL:
        yield Asked("GET", canonical, ((hdrs.X_FORWARDED_FOR, "192.0.2.7"),))
        return
    query = "?stream=false" if canonical.endswith("/event-feed") else ""
    for path in places.paths(canonical):
        yield Asked("GET", path + query)
        yield Asked("HEAD", path + query)
    collection = next(places.paths(canonical))
    yield Asked("GET", f"{collection}/{query}")
    yield Asked("GET", collection + query, ((hdrs.ACCEPT_ENCODING, "gzip"),))
    yield Asked("GET", collection + (query + "&strict=1" if query else "?strict=1"))
    yield Asked("GET", collection + query, ((hdrs.IF_NONE_MATCH, "*"),))
    yield Asked("GET", collection + query, ((hdrs.IF_MODIFIED_SINCE, LONG_AGO), (hdrs.RANGE, "bytes=0-9")))


def _filtered(places: Places) -> Iterator[Asked]:
    """Collections by every filter, and boards and feeds by what they take."""
    base = f"/api/contests/{places.contest_id}"
    for row in OBJECT_TYPES.values():
        for name, target in _filters(row):
            for value in (*places.ids(target), ""):
                yield Asked("GET", f"{base}/{row.endpoint}?{name}={quote(value)}")
    for value in ("true", "false"):
        yield Asked("GET", f"{base}/judgements?current={value}")
        yield Asked("GET", f"{base}/scoreboard?frozen={value}")
    for value in places.ids("groups"):
        yield Asked("GET", f"{base}/scoreboard?group_id={quote(value)}")
    for types in ("judgements,runs", "awards,state", "clarifications", "accounts,commentary", "nothing"):
        yield Asked("GET", f"{base}/event-feed?stream=false&types={types}")
    yield Asked("GET", f"{base}/event-feed?stream=false", ((hdrs.ACCEPT, STREAM),))
    yield Asked("GET", f"{base}/event-feed?stream=false&since_token={'A' * 34}")
    for others in ("x-comparison?with=second", f"x-comparison?with-contest={places.contest_id}"):
        yield Asked("GET", f"{base}/{others}")


def _filters(row: ObjectType) -> Iterator[tuple[str, str]]:
    """The filters of a type, with the type whose ids they take."""
    targets = {each.property: each.target for each in row.references}
    for name in (*row.filter_properties, "id"):
        yield name, targets.get(name, row.name)


def _of_the_past(places: Places) -> Iterator[Asked]:
    """Every collection, some objects and the board, as they were."""
    prefixes = ["/api", *(f"/api/{version.name}" for version in EARLIER_VERSIONS)]
    for contest_time in map(quote, places.contest_times):
        for row in OBJECT_TYPES.values():
            if row.name != "contest":
                yield Asked("GET", f"/api/contests/{places.contest_id}/{row.endpoint}?at={contest_time}")
        for prefix in prefixes:
            base = f"{prefix}/contests/{places.contest_id}"
            for name in ("scoreboard", "access", "awards", "judgements"):
                yield Asked("GET", f"{base}/{name}?at={contest_time}")
            yield Asked("GET", f"{base}?at={contest_time}")
            yield Asked("GET", f"{prefix}/contests?at={contest_time}")
            yield Asked("GET", f"{base}/event-feed?stream=false&at={contest_time}")
        for name in ("judgements", "runs", "awards", "submissions"):
            for identifier in places.ids(name)[-3:]:
                yield Asked("GET", f"/api/contests/{places.contest_id}/{name}/{identifier}?at={contest_time}")
    for text in NO_MOMENTS:
        for name in ("scoreboard", "judgements", "state"):
            yield Asked("GET", f"/api/contests/{places.contest_id}/{name}?at={text}")
