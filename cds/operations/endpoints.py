"""The names of endpoints in logs and metrics: the pattern of the route, never the path, so that they are few.

This module must not know which endpoints there are.
"""

import re

from aiohttp import web

from cds.configuration import API_PREFIX

ROOT = "/"
OTHER = "other"
"""What no route leads to."""

ROUTES_KNOWN_MAX = 4_096
"""Routes whose name is remembered; there are a few hundred, and no request makes one."""

_parameter = re.compile(r"\{slash\}|\{slash:[^}]*\}")


class EndpointNames:
    """Names of endpoints below any of the prefixes under which the API is served."""

    def __init__(self, prefixes: tuple[str, ...]) -> None:
        """`prefixes` have no slash at their end, such as `/api`."""
        self._prefixes = sorted(prefixes, key=len, reverse=True)
        self._known: dict[web.AbstractRoute, str] = {}

    def name(self, match: web.UrlMappingMatchInfo) -> str:
        """The name of what a request was led to, such as `/api/contests/{contest_id}/teams`, under any prefix."""
        known = self._known.get(match.route)
        if known is not None:
            return known
        name = self._named(match.route)
        # What leads nowhere has a route made for the one request, which must not be kept.
        if name != OTHER and len(self._known) < ROUTES_KNOWN_MAX:
            self._known[match.route] = name
        return name

    def _named(self, route: web.AbstractRoute) -> str:
        if route.resource is None:
            return OTHER
        pattern = _parameter.sub("", route.resource.canonical)
        for prefix in self._prefixes:
            if pattern == prefix or pattern.startswith(prefix + "/"):
                return API_PREFIX + pattern.removeprefix(prefix)
        return pattern or ROOT
