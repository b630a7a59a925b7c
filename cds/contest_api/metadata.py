"""The metadata endpoints: API information, access, and the caller's own account.

This module must not know the types of objects; access is read off the tables.
"""

import msgspec
from aiohttp import web

from cds.contest_api.answers import respond
from cds.contest_api.errors import not_found
from cds.contest_api.past import moment_asked, past_state, refuse_at
from cds.contest_api.service import asked, service_of, viewer_of
from cds.contest_api.strict import version_asked
from cds.platform_api.last_synced import last_synced_at, listed_with_last_synced
from projections.access import access_of, extensions_shown
from projections.served_versions import DRAFT, ServedVersion
from schemas.metadata import ApiInformation, Provider
from schemas.objects import Account, ContestObject

PROVIDER_NAME = "contest data server"


def api_information(program_version: str, version: ServedVersion = DRAFT) -> bytes:
    """The API information object of a version of the API as JSON; `program_version` is a semantic version."""
    return msgspec.json.encode(
        ApiInformation(
            version=version.name,
            version_url=version.version_url,
            provider=Provider(name=PROVIDER_NAME, version=program_version),
        )
    )


async def get_api_information(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """What this API is and who provides it."""
    viewer = await viewer_of(request, None)
    service = service_of(request)
    answer = service.answers.passing(api_information(service.version, version))
    return await respond(request, answer, private=not viewer.anonymous)


async def get_access(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """What the viewer may see and do in a contest; or what of it there was to see at a past moment (see `past`)."""
    contest, viewer = await asked(request)
    service, version = service_of(request), version_asked(request, version)
    moment = await moment_asked(request, contest, viewer, version)
    state = contest.state if moment is None else await past_state(request, contest, viewer, moment)
    access = access_of(viewer.role, version, extensions_shown(viewer.role, state, viewer.team_id))
    if moment is None:
        access = listed_with_last_synced(access, await last_synced_at(service, contest, viewer, version))
    answer = service.answers.passing(msgspec.json.encode(access))
    return await respond(request, answer, private=not viewer.anonymous)


async def get_account(request: web.Request, version: ServedVersion = DRAFT) -> web.StreamResponse:
    """The account that asks; 404 for those who have none here (requirements A31, roles.md)."""
    version = version_asked(request, version)
    contest, viewer = await asked(request)
    refuse_at(request, "who asks is told as it is now")
    account: ContestObject | None = None
    if viewer.server_username is not None:
        account = Account(id=viewer.server_username, username=viewer.server_username, type=viewer.role)
    elif viewer.account_id is not None and viewer.role != "public":
        account = contest.state.objects["accounts"].get(viewer.account_id)
    told = None if account is None else version.told(contest.state, viewer.team_id, "accounts", account)
    if told is None:
        raise not_found("account")
    return await respond(request, service_of(request).answers.passing(msgspec.json.encode(told)), private=True)
