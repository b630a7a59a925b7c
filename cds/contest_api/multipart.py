"""Submissions as a form: plain source files in `multipart/form-data` (RFC 7578), packed by us.

Texts of the form become the properties that a JSON body would have. The whole form is read within the limits of
every body first, so taking it apart is a matter of bytes. This module must not know what the properties mean.
"""

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

import msgspec
from aiohttp import hdrs, web

from cds.archives import ENTRIES_MAX, checked_path
from cds.commands.decision import Refused
from cds.contest_api.bodies import read_body
from cds.contest_api.errors import bad_request

PARTS_MAX = 2 * ENTRIES_MAX
"""Parts of one form; how many files may be among them is the archive's to say."""

TEXT_BYTES_MAX = 4 * 1024
"""One text of a form."""

HEADER_BYTES_MAX = 4 * 1024
"""All headers of one part."""

QUOTED_CHARACTERS_MAX = 40
"""As much of a name is repeated in an error."""

_BLANK_LINE = b"\r\n\r\n"
_BOUNDARY = re.compile(
    r"""multipart/form-data\s*(?:;.*)?;\s*boundary=(?:"([^"\\\r\n]{1,70})"|([^\s;,"()<>@\\/\[\]]{1,70}))\s*(?:;.*)?""",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"""\s*([A-Za-z0-9_-]+\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))\s*(?:;|$)""")
_QUOTED_PAIR = re.compile(r"""\\(["\\])""")
_EXTENDED_VALUE = re.compile(r"utf-8'[A-Za-z0-9-]*'(.*)", re.IGNORECASE)
_PROPERTY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PLAIN_ENCODINGS = ("", "7bit", "8bit", "binary")

_ZIPPED_AT = (1980, 1, 1, 0, 0, 0)
_ZIPPED_ON_UNIX = 3
_ZIPPED_MODE = 0o100644 << 16


class SourceFile(msgspec.Struct, frozen=True):
    """A file of a form under its name, which is a path within an archive."""

    filename: str
    content: bytes


class Part(msgspec.Struct, frozen=True):
    """A part of a form; `filename` is None for a text."""

    name: str
    filename: str | None
    content: bytes


def is_form(request: web.Request) -> bool:
    """Whether the body of a request says that it is a form."""
    return request.content_type == "multipart/form-data"


async def read_submission_form(
    request: web.Request, limit_bytes: int
) -> tuple[dict[str, msgspec.Raw], list[SourceFile]]:
    """The texts of a form as JSON properties, and its files, in the order in which they stand there.

    Raises Failure: as read_body does, and 400 for what is no form that can be taken apart without a doubt.
    """
    boundary = boundary_of(request.headers.get(hdrs.CONTENT_TYPE, ""))
    return parse_form(await read_body(request, limit_bytes), boundary)


def parse_form(body: bytes, boundary: bytes) -> tuple[dict[str, msgspec.Raw], list[SourceFile]]:
    """As read_submission_form, of a body that has been read. Raises Failure (400)."""
    properties: dict[str, msgspec.Raw] = {}
    files: dict[str, SourceFile] = {}
    for part in parts_of(body, boundary):
        if part.filename is None:
            if part.name in properties:
                raise bad_request(f"the form has the property {part.name} twice")
            properties[part.name] = _json_text(part)
        elif part.filename or part.content:
            # Browsers send an empty part where no file was chosen.
            source = SourceFile(_checked_filename(part.filename), part.content)
            if files.setdefault(source.filename, source) is not source:
                raise bad_request(f"the form has two files with the name {_shown(source.filename)}")
    return properties, list(files.values())


def zipped(files: Sequence[SourceFile]) -> bytes:
    """The files as a zip archive, the same bytes for the same files; an archive alone is itself."""
    if len(files) == 1 and _is_archive(files[0]):
        return files[0].content
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.filename, _ZIPPED_AT)
            entry.create_system = _ZIPPED_ON_UNIX
            entry.external_attr = _ZIPPED_MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.content)
    return packed.getvalue()


def _is_archive(file: SourceFile) -> bool:
    return file.filename.lower().endswith(".zip") and zipfile.is_zipfile(io.BytesIO(file.content))


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts of a form, by the Content-Type that it came with. Raises Failure (400)."""
    found = _BOUNDARY.fullmatch(content_type.strip())
    if found is None or not content_type.isascii():
        raise bad_request("the content type must be multipart/form-data with a boundary of 1 to 70 characters")
    return (found[1] or found[2]).encode("ascii")


def parts_of(body: bytes, boundary: bytes) -> Iterator[Part]:
    """The parts of a form, in their order. Raises Failure (400), also in the middle."""
    opening, *sections = (b"\r\n" + body).split(b"\r\n--" + boundary, PARTS_MAX + 2)
    if opening.strip() or not sections:
        raise bad_request("the form does not begin with its boundary")
    if len(sections) > PARTS_MAX + 1:
        raise bad_request(f"the form has more than {PARTS_MAX} parts")
    closing = sections.pop()
    if not closing.startswith(b"--") or closing[2:].strip():
        raise bad_request("the form does not end with its boundary")
    for number, section in enumerate(sections, 1):
        padding, line_end, part = section.partition(b"\r\n")
        if padding.strip(b" \t") or not line_end:
            raise bad_request(f"part {number} of the form does not begin on a line of its own")
        yield _part(number, part)


def _part(number: int, part: bytes) -> Part:
    head, blank_line, content = part.partition(_BLANK_LINE)
    if not blank_line or len(head) > HEADER_BYTES_MAX:
        raise bad_request(f"part {number} of the form has no headers, or more than {HEADER_BYTES_MAX} bytes of them")
    headers = _headers(number, head)
    if headers.get("content-transfer-encoding", "").lower() not in _PLAIN_ENCODINGS:
        raise bad_request(f"part {number} of the form has a transfer encoding, which forms do not use any more")
    parameters = _disposition(number, headers.get("content-disposition", ""))
    name = parameters.get("name")
    if name is None:
        raise bad_request(f"part {number} of the form has no name")
    return Part(name, _filename(number, parameters), content)


def _headers(number: int, head: bytes) -> dict[str, str]:
    try:
        lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise bad_request(f"the headers of part {number} of the form are not UTF-8") from error
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        key = name.lower()
        if not colon or not name.isascii() or name != name.strip() or key in headers or not _is_clean(value):
            raise bad_request(f"part {number} of the form has a header that cannot be read")
        headers[key] = value.strip()
    return headers


def _is_clean(value: str) -> bool:
    return all(character.isprintable() or character == "\t" for character in value)


def _disposition(number: int, header: str) -> dict[str, str]:
    """The parameters of a Content-Disposition (RFC 7578, section 4.2)."""
    kind, _, rest = header.partition(";")
    parameters: dict[str, str] = {}
    position = 0
    while position < len(rest):
        found = _PARAMETER.match(rest, position)
        if found is None or found[1].lower() in parameters:
            raise bad_request(f"the Content-Disposition of part {number} of the form cannot be read")
        quoted = found[2]
        parameters[found[1].lower()] = found[3] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)
        position = found.end()
    if kind.strip().lower() != "form-data":
        raise bad_request(f"the Content-Disposition of part {number} of the form is not form-data")
    return parameters


def _filename(number: int, parameters: dict[str, str]) -> str | None:
    extended = parameters.get("filename*")
    if extended is None:
        return parameters.get("filename")
    found = _EXTENDED_VALUE.fullmatch(extended)
    try:
        if found is not None:
            return unquote(found[1], errors="strict")
    except UnicodeDecodeError as error:
        raise bad_request(f"the file name of part {number} of the form is not UTF-8") from error
    raise bad_request(f"the file name of part {number} of the form is not UTF-8")


def _checked_filename(filename: str) -> str:
    try:
        return checked_path(filename)
    except Refused as refused:
        raise bad_request(refused.reason) from refused


def _json_text(part: Part) -> msgspec.Raw:
    if not _PROPERTY.fullmatch(part.name):
        raise bad_request(f"the form has a text under the name {_shown(part.name)}, which is no property")
    if len(part.content) > TEXT_BYTES_MAX:
        raise bad_request(f"the property {part.name} has more than {TEXT_BYTES_MAX} bytes")
    try:
        text = part.content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad_request(f"the property {part.name} is not UTF-8") from error
    if "\0" in text:
        raise bad_request(f"the property {part.name} holds the character NUL")
    return msgspec.Raw(msgspec.json.encode(text))


def _shown(text: str) -> str:
    return repr(text if len(text) <= QUOTED_CHARACTERS_MAX else f"{text[:QUOTED_CHARACTERS_MAX]}…")
