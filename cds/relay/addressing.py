"""Which address of the upstream a path of the relay stands for, and which contest it is about.

The relay has the API at `/api` and the pages beside it, wherever the upstream has them. This module must not know what
is asked for.
"""

import string
from http import HTTPStatus
from urllib.parse import quote, unquote

import msgspec
from aiohttp import web
from yarl import URL

from cds.configuration import API_PREFIX
from cds.contest_api.errors import Failure
from schemas.object_types import OBJECT_TYPES

CONTESTS = "contests"
DOTS = frozenset({".", ".."})

VIEWS = frozenset({"", "access", "scoreboard", *(row.endpoint for row in OBJECT_TYPES.values())})
"""What follows a contest in a path and shows a view of it, which its feed tells of whenever it changes."""


class ContestPath(msgspec.Struct, frozen=True):
    """A path below the API that is about a contest: the version that it names, and what follows the contest."""

    version: str | None
    contest_id: str
    endpoint: str

    @property
    def is_view(self) -> bool:
        """Whether what is there changes with the feed of the contest alone."""
        return self.endpoint in VIEWS


def upstream_url(base: URL, request: web.BaseRequest) -> URL | None:
    """What a request asks for at the upstream, as it was written; None where the upstream has nothing like it."""
    path = as_sent(request.rel_url.raw_path)
    query = as_sent(request.rel_url.raw_query_string)
    whole = str(base)
    if DOTS & set(unquote(path).split("/")):
        return None
    if path == API_PREFIX or path.startswith(API_PREFIX + "/"):
        there = whole + path.removeprefix(API_PREFIX)
    elif whole.endswith(API_PREFIX):
        there = whole.removesuffix(API_PREFIX) + path
    else:
        return None
    return URL(f"{there}?{query}" if query else there, encoded=True)


def as_sent(text: str) -> str:
    """A path or query as it was written; bytes of it that are no text (surrogates, here) are percent-encoded."""
    return text if text.isascii() else quote(text.encode("utf-8", "surrogateescape"), safe=string.printable)


def nothing_there(request: web.Request) -> Failure:
    """What is answered where the upstream has nothing like it, in its words (404)."""
    path = request.path.encode("utf-8", "replace").decode()
    return Failure(HTTPStatus.NOT_FOUND, f"there is nothing at {path}")


def contest_path(path: str) -> ContestPath | None:
    """What a path of the relay, as it was written, says of a contest; None where it is about none."""
    if not path.startswith(API_PREFIX + "/"):
        return None
    first, *rest = (unquote(segment) for segment in as_sent(path).removeprefix(API_PREFIX + "/").split("/"))
    version = None
    if first != CONTESTS:
        version, first, rest = first, rest[0] if rest else "", rest[1:]
    if first != CONTESTS or not rest or not rest[0]:
        return None
    return ContestPath(version, rest[0], rest[1] if len(rest) > 1 else "")
