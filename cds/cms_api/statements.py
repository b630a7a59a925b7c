"""`GET /tasks/{task}/statements/{lang}`: the statement of a task as a PDF (CMS ContestWebServer API, 2.5).

This module must not know which statements a task has.
"""

import re
from http import HTTPStatus
from urllib.parse import quote

from aiohttp import hdrs, web

from cds.cms_api.answers import AUTHORIZATION, not_found
from cds.cms_api.partial_content import NotSatisfiable, range_asked
from cds.cms_api.participant import Participant
from cds.cms_api.tasks import PDF, PDF_EXTENSION, statements_of
from cds.commands.participation import contest_rules
from cds.contest_api.answers import has_already
from cds.contest_api.errors import Failure
from cds.contest_api.files import CONTENT_SECURITY_POLICY

_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
"""File names that need no coding."""


async def get_statement(request: web.Request, participant: Participant) -> web.StreamResponse:
    """The statement in a language, or the part of it that is asked for. Raises Failure (404, 416)."""
    problem = participant.problem(request.match_info["task"])
    language = request.match_info["lang"]
    found = {} if problem is None else statements_of(problem, contest_rules(participant.state))
    reference = found.get(language)
    if problem is None or reference is None or reference.content is None:
        raise not_found()
    service = participant.service
    entity_tag = service.answers.passing(reference.content.encode()).entity_tag
    headers = {
        hdrs.ETAG: f'"{entity_tag}"',
        hdrs.CACHE_CONTROL: "private, no-cache",
        hdrs.VARY: AUTHORIZATION,
        hdrs.ACCEPT_RANGES: "bytes",
        hdrs.CONTENT_DISPOSITION: _inline(f"{problem.id}.{language}{PDF_EXTENSION}"),
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    }
    if has_already(request, entity_tag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    content = await service.store.file(reference.content)
    if content is None:
        raise not_found()
    return _whole_or_part(request, content, entity_tag, headers)


def _whole_or_part(request: web.Request, content: bytes, entity_tag: str, headers: dict[str, str]) -> web.Response:
    try:
        asked = range_asked(request, len(content), entity_tag)
    except NotSatisfiable:
        behind: dict[str, str] = {hdrs.CONTENT_RANGE: f"bytes */{len(content)}"}
        sentence = f"the statement has {len(content)} bytes"
        raise Failure(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, sentence, behind) from None
    if asked is None:
        return web.Response(body=content, content_type=PDF, headers=headers)
    headers[hdrs.CONTENT_RANGE] = f"bytes {asked.first}-{asked.last}/{len(content)}"
    part = content[asked.first : asked.last + 1]
    return web.Response(status=HTTPStatus.PARTIAL_CONTENT, body=part, content_type=PDF, headers=headers)


def _inline(filename: str) -> str:
    """The disposition of a file that is shown, and kept under this name."""
    if _PLAIN.fullmatch(filename):
        return f'inline; filename="{filename}"'
    return f"inline; filename*=UTF-8''{quote(filename, safe='')}"
