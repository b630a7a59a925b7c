"""Downloads of the files that objects refer to.

Whoever is shown a reference may download the file, with the same credentials, and nobody else: the file is looked
up in the object as this viewer sees it. This module must not know which properties hold files.
"""

from urllib.parse import quote

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.answers import has_already
from cds.contest_api.errors import not_found
from cds.contest_api.objects import require_offered
from cds.contest_api.past import refuse_at
from cds.contest_api.service import asked, service_of
from cds.live_contest import LiveContest
from projections.served_versions import DRAFT, ServedVersion
from projections.visibility import role_view
from schemas.object_types import SINGLETON_ID, FileProperty, ObjectType
from schemas.properties import FileReference
from schemas.viewers import Viewer

PUBLIC_CACHE_CONTROL = "public, max-age=3600, s-maxage=18000"
PRIVATE_CACHE_CONTROL = "private, max-age=3600"
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


async def get_file(
    request: web.Request, row: ObjectType, file_property: FileProperty, version: ServedVersion = DRAFT
) -> web.StreamResponse:
    """The bytes of a file, by the property that names it and its filename (the first one without a filename)."""
    contest, viewer = await asked(request)
    require_offered(viewer, row)
    refuse_at(request, "files are given as they are now")
    reference = _reference(request, contest, viewer, row, file_property, version)
    service = service_of(request)
    entity_tag = service.answers.passing((reference.content or "").encode()).entity_tag
    anonymous_too = _shown_to_everybody(contest, row, _identifier(request, row), file_property)
    headers = file_headers(reference, f'"{entity_tag}"', anonymous_too=anonymous_too)
    if has_already(request, entity_tag):
        return web.Response(status=304, headers=headers)
    content = await service.store.file(reference.content or "")
    if content is None:
        raise not_found(f"file {reference.filename}")
    return web.Response(body=content, content_type=reference.mime, headers=headers)


def file_headers(reference: FileReference, entity_tag: str, *, anonymous_too: bool) -> dict[str, str]:
    """What stands around a file, also where the client has it; `anonymous_too`: everybody is shown it."""
    return {
        hdrs.ETAG: entity_tag,
        hdrs.CACHE_CONTROL: PUBLIC_CACHE_CONTROL if anonymous_too else PRIVATE_CACHE_CONTROL,
        hdrs.VARY: "Authorization",
        hdrs.CONTENT_DISPOSITION: f"inline; filename*=UTF-8''{quote(reference.filename, safe='')}",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }


def _reference(
    request: web.Request,
    contest: LiveContest,
    viewer: Viewer,
    row: ObjectType,
    file_property: FileProperty,
    version: ServedVersion,
) -> FileReference:
    """The stored reference that the path names, if the viewer is shown it in that version. Raises Failure (404)."""
    identifier = _identifier(request, row)
    filename = request.match_info.get("filename")
    instance = contest.state.objects[row.name].get(identifier)
    shown = None
    if instance is not None:
        seen = role_view(viewer.role).of(contest.state, viewer.team_id, row.name, instance)
        shown = None if seen is None else version.told(contest.state, viewer.team_id, row.name, seen)
    if instance is not None and shown is not None and getattr(shown, file_property.property):
        stored: list[FileReference] = getattr(instance, file_property.property)
        for reference in stored:
            if reference.content is not None and filename in (None, reference.filename):
                return reference
    raise not_found(f"file {filename or file_property.property}")


def _identifier(request: web.Request, row: ObjectType) -> str:
    return SINGLETON_ID if row.singleton else request.match_info["id"]


def _shown_to_everybody(contest: LiveContest, row: ObjectType, identifier: str, file_property: FileProperty) -> bool:
    """Whether the file is public, so that shared caches may keep it."""
    instance = contest.state.objects[row.name].get(identifier)
    shown = role_view("public").of(contest.state, None, row.name, instance) if instance is not None else None
    return isinstance(shown, msgspec.Struct) and bool(getattr(shown, file_property.property))
