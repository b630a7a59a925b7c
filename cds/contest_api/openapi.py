"""The OpenAPI document and the page to read it, on the wire.

This module must not know what stands in either.
"""

import asyncio

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.answers import Answer, has_already, is_compressed, respond
from cds.contest_api.service import Service, service_of
from cds.openapi.document import encoded_document
from cds.openapi.page import CONTENT_SECURITY_POLICY, documentation_page

DOCUMENT = "openapi.json"
PAGE_TYPE = "text/html; charset=utf-8"
PAGE_HEADERS = {
    hdrs.CACHE_CONTROL: "public, no-cache",
    hdrs.VARY: "Accept-Encoding",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
}


async def get_openapi_document(request: web.Request, prefix: str) -> web.StreamResponse:
    """The document of the API below a prefix; the same for everybody."""
    service = service_of(request)
    asked = ("openapi document", prefix)
    answer = service.answers.present(asked, service.version)
    if answer is None:
        document = await asyncio.to_thread(_document, service, prefix)
        answer = service.answers.keep(asked, service.version, document)
    return await respond(request, answer, private=False)


async def get_documentation(request: web.Request, prefix: str) -> web.StreamResponse:
    """The page. Its link to the document is relative, so that it holds behind any proxy."""
    service = service_of(request)
    href = f"../{DOCUMENT}" if request.path.endswith("/") else DOCUMENT
    asked = ("openapi page", prefix, href)
    answer = service.answers.present(asked, service.version)
    if answer is None:
        page = await asyncio.to_thread(_page, service, prefix, href)
        answer = service.answers.keep(asked, service.version, page)
    return await _as_page(request, answer)


def _document(service: Service, prefix: str) -> bytes:
    return encoded_document(service.version, prefix, service.base_url)


def _page(service: Service, prefix: str, href: str) -> bytes:
    return documentation_page(msgspec.json.decode(_document(service, prefix)), href).encode()


async def _as_page(request: web.Request, answer: Answer) -> web.Response:
    """The answer as `respond` gives it, in everything but its headers a page."""
    compressed = is_compressed(request, answer)
    if has_already(request, answer.entity_tag):
        headers = answer.unchanged_headers(private=False, compressed=compressed) | PAGE_HEADERS
        return web.Response(status=304, headers=headers)
    headers = answer.headers(private=False, compressed=compressed) | PAGE_HEADERS | {hdrs.CONTENT_TYPE: PAGE_TYPE}
    body = await answer.compressed() if compressed else answer.body
    return web.Response(body=body, headers=headers)
