"""The form that a request brings: texts and files under their field names, urlencoded or in parts (RFC 7578).

It is read once, within limits, and remembered with the request. This module must not know what any field means.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec
from aiohttp import hdrs, web

from cds.contest_api.bodies import read_body
from cds.contest_api.errors import bad_request
from cds.contest_api.multipart import boundary_of, is_form, parts_of

URLENCODED = "application/x-www-form-urlencoded"

FIELDS_MAX = 128
"""Fields of an urlencoded form."""

TEXT_BYTES_MAX = 4 * 1024
"""One text of a form in parts."""


class FormFile(msgspec.Struct, frozen=True):
    """A file of a form; `name` is the field, `filename` what the file is called where it comes from."""

    name: str
    filename: str
    content: bytes


class Form(msgspec.Struct, frozen=True):
    """What a form holds. Of a text that comes twice the last counts; files stand in their order, all of them."""

    texts: Mapping[str, str]
    files: tuple[FormFile, ...] = ()


NO_FORM = Form(texts={})

_FORM = web.RequestKey("form", Form)


async def form_of(request: web.Request, limit_bytes: int) -> Form:
    """The form of a request; a body of any other type is none, and is not read.

    Raises Failure: 400 for what is no form that can be taken apart without a doubt, 413 for more than `limit_bytes`,
    and as read_body.
    """
    known = request.get(_FORM)
    if known is None:
        known = request[_FORM] = await _read(request, limit_bytes)
    return known


async def _read(request: web.Request, limit_bytes: int) -> Form:
    if is_form(request):
        boundary = boundary_of(request.headers.get(hdrs.CONTENT_TYPE, ""))
        return form_in_parts(await read_body(request, limit_bytes), boundary)
    if request.content_type == URLENCODED:
        return urlencoded_form(await read_body(request, limit_bytes))
    return NO_FORM


def urlencoded_form(body: bytes) -> Form:
    """The form that a body of names and values is. Raises Failure (400)."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise bad_request("the form cannot be read") from None
    return Form(texts=dict(pairs))


def form_in_parts(body: bytes, boundary: bytes) -> Form:
    """The form that a body in parts is. Raises Failure (400)."""
    texts: dict[str, str] = {}
    files: list[FormFile] = []
    for part in parts_of(body, boundary):
        if part.filename is None:
            texts[part.name] = _text(part.name, part.content)
        elif part.filename or part.content:
            # Browsers send an empty part where no file was chosen.
            files.append(FormFile(part.name, part.filename, part.content))
    return Form(texts=texts, files=tuple(files))


def _text(name: str, content: bytes) -> str:
    if len(content) > TEXT_BYTES_MAX:
        raise bad_request(f"the field {name[:40]!r} has more than {TEXT_BYTES_MAX} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise bad_request(f"the field {name[:40]!r} is not UTF-8") from None
