"""Finding the route of a path below a contest.

The router of aiohttp tries the patterns of all routes that begin alike, one after the other; below a contest that
would be nearly a hundred for every request. Here the endpoint in the path leads to the few routes that it has, and
those match as ever. This module must not know which endpoints there are.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from aiohttp import web

SEPARATOR = "/"
PARAMETER = "{"

PATHS_KNOWN_MAX = 4_096
"""Paths whose route is remembered; clients ask for the same few again and again."""


class ContestPaths(web.DynamicResource):
    """Everything at and below a contest, by endpoint; the contest itself has the empty one."""

    def __init__(self, path: str, definitions: Mapping[str, Sequence[web.RouteDef]]) -> None:
        """`path` is that of a contest and ends in its parameter; `definitions` are those of its routes, by endpoint."""
        super().__init__(path)
        self._place = path.count(SEPARATOR) + 1
        self._definitions = definitions
        self._routers: dict[str, web.UrlDispatcher] = {}
        self._found: dict[tuple[str, str], tuple[dict[str, str], web.AbstractRoute]] = {}

    async def resolve(self, request: web.Request) -> tuple[web.UrlMappingMatchInfo | None, set[str]]:
        """The route of a request, if there is one, and otherwise the methods that its path has."""
        asked = (request.method, request.rel_url.path_safe)
        known = self._found.get(asked)
        if known is not None:
            parameters, route = known
            return web.UrlMappingMatchInfo(dict(parameters), route), set()
        segments = asked[1].split(SEPARATOR, self._place + 1)
        router = self._router(segments[self._place] if len(segments) > self._place else "")
        if router is None:
            return None, set()
        found = await router.resolve(request)
        failure = found.http_exception
        if failure is None:
            if len(self._found) >= PATHS_KNOWN_MAX:
                self._found.clear()
            self._found[asked] = (dict(found), found.route)
            return found, set()
        return None, failure.allowed_methods if isinstance(failure, web.HTTPMethodNotAllowed) else set()

    def __len__(self) -> int:
        """The number of routes."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[web.ResourceRoute]:
        """All routes."""
        for endpoint in self._definitions:
            router = self._router(endpoint)
            if router is not None:
                yield from cast("Iterator[web.ResourceRoute]", iter(router.routes()))

    def _router(self, endpoint: str) -> web.UrlDispatcher | None:
        """The router of an endpoint, if there is such an endpoint.

        It is made when somebody first asks: a server has a thousand routes in all its versions, most of which nobody
        asks for, and would start later for them.
        """
        if endpoint not in self._routers and endpoint in self._definitions:
            router = web.UrlDispatcher()
            router.add_routes(self._definitions[endpoint])
            self._routers[endpoint] = router
        return self._routers.get(endpoint)


class ContestPathsDefinition(web.AbstractRouteDef):
    """The routes of contests, to be registered beside others, and in any number of routers."""

    def __init__(self, path: str, routes: Sequence[web.RouteDef]) -> None:
        """`path` is that of a contest and ends in its parameter; the paths of all routes begin with it."""
        self._path = path
        self._definitions: dict[str, list[web.RouteDef]] = {}
        for route in routes:
            self._definitions.setdefault(_fixed_segment(route.path.removeprefix(path)), []).append(route)

    def register(self, router: web.UrlDispatcher) -> list[web.AbstractRoute]:
        """Put them into a router. Names none of them: those of an endpoint are made when somebody asks for it."""
        router.register_resource(ContestPaths(self._path, self._definitions))
        return []


def _fixed_segment(rest: str) -> str:
    """The first segment of a pattern, empty where a parameter stands there."""
    return rest.partition(PARAMETER)[0].lstrip(SEPARATOR).partition(SEPARATOR)[0]
