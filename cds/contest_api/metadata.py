"""The metadata endpoints: API information, access, and the caller's own account.

This module must not know the types of objects; access is read off the tables.
"""

import msgspec
from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found
from cds.contest_api.service import asked, service_of, viewer_of
from projections.access import access_of
from schemas.metadata import ApiInformation, Provider
from schemas.objects import Account, ContestObject

API_VERSION = "draft"
API_VERSION_URL = "https://ccs-specs.icpc.io/draft/contest_api"
PROVIDER_NAME = "contest data server"


def api_information(version: str) -> bytes:
    """The API information object as JSON; `version` is the server's own, a semantic version."""
    return msgspec.json.encode(
        ApiInformation(
            version=API_VERSION,
            version_url=API_VERSION_URL,
            provider=Provider(name=PROVIDER_NAME, version=version),
        )
    )


async def get_api_information(request: web.Request) -> web.StreamResponse:
    """What this API is and who provides it."""
    viewer = await viewer_of(request, None)
    service = service_of(request)
    answer = service.answers.passing(api_information(service.version))
    return await respond(request, answer, private=not viewer.anonymous)


async def get_access(request: web.Request) -> web.StreamResponse:
    """What the viewer may see and do in a contest."""
    _, viewer = await asked(request)
    answer = service_of(request).answers.passing(msgspec.json.encode(access_of(viewer.role)))
    return await respond(request, answer, private=not viewer.anonymous)


async def get_account(request: web.Request) -> web.StreamResponse:
    """The account that asks; 404 for those who have none here (requirements A31, roles.md)."""
    contest, viewer = await asked(request)
    account: ContestObject | None = None
    if viewer.server_username is not None:
        account = Account(id=viewer.server_username, username=viewer.server_username, type=viewer.role)
    elif viewer.account_id is not None and viewer.role != "public":
        account = contest.state.objects["accounts"].get(viewer.account_id)
    if account is None:
        raise not_found("account")
    return await respond(request, service_of(request).answers.passing(msgspec.json.encode(account)), private=True)
