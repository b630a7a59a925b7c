"""What the server says of itself to clients of the League of Code API (requirements-003, 1): no JSend (6.21).

This module must not know any other endpoint.
"""

import msgspec
from aiohttp import web

from cds.contest_api.service import service_of
from cds.loc_api.answers import json_response

DESCRIPTION = "Contest data server: the League of Code API"
VERSIONS = ("v1",)


class ServerInformation(msgspec.Struct, frozen=True, kw_only=True):
    """The versions of the API, and of the program."""

    api: tuple[str, ...]
    description: str
    version: str


async def get_information(request: web.Request) -> web.StreamResponse:
    """What the server says of itself."""
    version = service_of(request).version
    return json_response(ServerInformation(api=VERSIONS, description=DESCRIPTION, version=version))
