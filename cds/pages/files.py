"""Files of the pages: templates with places to fill in, and what is sent as it stands.

What is filled in is escaped here, once, so that no name of a contest can become markup. This module must not know what
the pages say.
"""

import gzip
from collections.abc import Mapping
from functools import cache, lru_cache
from hashlib import blake2b
from html import escape
from http import HTTPStatus
from importlib.resources import files
from string import Template

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.answers import GZIP_FROM_BYTES, GZIP_SUFFIX, has_already
from cds.contest_api.negotiation import accepts_gzip

ENTITY_TAG_BYTES = 12
COMPRESSED_MAX = 64
"""Pages whose compressed form is kept; a whole audience asks for the same few."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'"
)
"""Nothing comes from elsewhere, and nothing inside a page is a script or a style."""

HEADERS = {
    hdrs.CACHE_CONTROL: "public, no-cache",
    hdrs.VARY: "Accept-Encoding",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
}
"""Every file is asked about again before it is used, and sent again only when its entity tag has changed."""

SCRIPT = "scoreboard.js"
"""Where the script of a scoreboard begins; it imports the modules beside it."""

SCRIPT_MODULES = (
    "appearance.js",
    "awards.js",
    "board.js",
    "cells.js",
    "contest.js",
    "elements.js",
    "following.js",
    "head.js",
    "times.js",
)

STATIC_TYPES = {
    "icon.svg": "image/svg+xml",
    "pages.css": "text/css",
    "dark.css": "text/css",
    **dict.fromkeys((SCRIPT, *SCRIPT_MODULES), "text/javascript"),
}
"""What is sent as it stands, and what it is."""


class PageFile(msgspec.Struct, frozen=True):
    """A file that is sent: its bytes, their media type and their entity tag."""

    body: bytes
    media_type: str
    entity_tag: str


def page_file(body: bytes, media_type: str) -> PageFile:
    """A file of these bytes."""
    return PageFile(body, media_type, blake2b(body, digest_size=ENTITY_TAG_BYTES).hexdigest())


@cache
def static_file(name: str) -> PageFile:
    """A file that is sent as it stands; `name` is one of STATIC_TYPES."""
    return page_file(files("cds.pages").joinpath("static", name).read_bytes(), STATIC_TYPES[name])


def filled(template: str, texts: Mapping[str, str], markup: Mapping[str, str] | None = None) -> str:
    """A template with its places filled in: `texts` are escaped, `markup` comes from other templates."""
    escaped = {name: escape(text, quote=True) for name, text in texts.items()}
    return _template(template).substitute(escaped | dict(markup or {}))


def respond(request: web.Request, file: PageFile, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """The file as a response: 304 where the client has it already, compressed where it accepts that."""
    packed = len(file.body) >= GZIP_FROM_BYTES and accepts_gzip(request)
    headers = {**HEADERS, hdrs.ETAG: f'"{file.entity_tag}{GZIP_SUFFIX if packed else ""}"'}
    if status == HTTPStatus.OK and has_already(request, file.entity_tag):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    if packed:
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    body = _compressed(file.body) if packed else file.body
    return web.Response(status=status, body=body, content_type=file.media_type, charset="utf-8", headers=headers)


@lru_cache(COMPRESSED_MAX)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


@cache
def _template(name: str) -> Template:
    return Template(files("cds.pages").joinpath("templates", f"{name}.html").read_text(encoding="utf-8"))
