"""Fetching one file that an upstream names: its bytes, looked at and compared with what is said of them.

This module must not know which file is wanted when, nor where it is kept.
"""

import asyncio
import hashlib
import re
from http import HTTPStatus

import aiohttp
import msgspec
from aiohttp import hdrs

from cds.packages.images import HEAD_BYTES, look_at
from cds.upstream.addresses import UpstreamAddress
from cds.upstream.connection import asked, reason_of, refusal_of
from cds.upstream.fetched_files import HTML, Expectation, FileId
from cds.upstream.options import SourceOptions
from cds.upstream.session import HostRefused, Outage, UpstreamSession
from eventstore.addressing import file_address
from schemas.source_records import File

FILE_BYTES_MAX = 128 * 1024 * 1024
"""The largest file that is fetched."""

FILE_S_MAX = 600.0
"""The longest time that one file may take."""

VALIDATOR_CHARACTERS_MAX = 1_000
"""A longer entity tag or date is not kept."""

CHUNK_BYTES = 256 * 1024
LASTING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What is likely to be answered once more to whoever asks once more."""

OF_THE_FILE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What says nothing of the other files of the same host."""

_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_IMAGE = "image/"
NO_IMAGES = ("text/", "application/json", "application/problem+json")
"""How the types of answers begin that are no pictures, unless they look like one; many name no type that is right."""


class FetchFailed(Exception):
    """A file could not be had.

    `lasting`: its host answers, and asking again is likely to be in vain; `of_host`: other files of that host are
    likely to fare the same.
    """

    def __init__(self, reason: str, *, lasting: bool, of_host: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting
        self.of_host = of_host


class Fetched(msgspec.Struct, frozen=True):
    """The bytes of a file, and what there is to say of them; None where it is the one that we have."""

    content: bytes | None
    file: File


class _Answer(msgspec.Struct, frozen=True):
    """An answer that is the file, None for its bytes where they are those that we have."""

    content: bytes | None
    mime: str
    etag: str | None
    last_modified: str | None


async def fetch(session: UpstreamSession, options: SourceOptions, file_id: FileId, expectation: Expectation) -> Fetched:
    """The file; one that we have had is sent only where it is another by now. Raises FetchFailed."""
    failure = FetchFailed("is no address that could be asked", lasting=True)
    for url in urls_of(options.address, file_id):
        try:
            async with asyncio.timeout(FILE_S_MAX):
                answer = await _answer(session, options, url, expectation.known)
        except (aiohttp.ClientError, Outage, OSError, ValueError) as error:
            reason = str(error) if isinstance(error, Outage) else reason_of(error)
            failure = FetchFailed(reason, lasting=isinstance(error, HostRefused), of_host=True)
        except FetchFailed as failed:
            failure = failed
        else:
            return await _looked_at(answer, file_id, expectation)
        if not failure.lasting:
            break
    raise failure


def urls_of(address: UpstreamAddress, file_id: FileId) -> list[str]:
    """Where a file may be, the likeliest first; none where it names no address."""
    urls = (address.resolved(file_id[0]), address.alternative(file_id[0]))
    return list(dict.fromkeys(url for url in urls if url is not None))


async def _answer(session: UpstreamSession, options: SourceOptions, url: str, known: File | None) -> _Answer:
    conditions = {} if known is None else _conditions(known)
    async with asked(session, options.address, options.login, url, headers=conditions) as response:
        etag, last_modified = (_validator(response.headers.get(name)) for name in (hdrs.ETAG, hdrs.LAST_MODIFIED))
        if response.status == HTTPStatus.NOT_MODIFIED and conditions:
            return _Answer(None, "", etag, last_modified)
        if response.status != HTTPStatus.OK:
            lasting, of_host = response.status in LASTING, response.status not in OF_THE_FILE
            raise FetchFailed(await refusal_of(response), lasting=lasting, of_host=of_host)
        content = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            content += chunk
            if len(content) > FILE_BYTES_MAX:
                raise FetchFailed(f"is larger than {FILE_BYTES_MAX} bytes", lasting=True)
        return _Answer(bytes(content), response.content_type, etag, last_modified)


def _conditions(known: File) -> dict[str, str]:
    """What asks for a file only where it is another by now (RFC 9110, section 13.1)."""
    conditions = {hdrs.IF_NONE_MATCH: known.etag, hdrs.IF_MODIFIED_SINCE: known.last_modified}
    return {name: value for name, value in conditions.items() if value is not None}


def _validator(text: str | None) -> str | None:
    good = text is not None and len(text) <= VALIDATOR_CHARACTERS_MAX and text.isascii() and text.isprintable()
    return text if good else None


async def _looked_at(answer: _Answer, file_id: FileId, expectation: Expectation) -> Fetched:
    content, known = answer.content, expectation.known
    if content is None and known is not None:
        etag, last_modified = answer.etag or known.etag, answer.last_modified or known.last_modified
        return Fetched(None, msgspec.structs.replace(known, etag=etag, last_modified=last_modified))
    content, (href, said_hash) = content or b"", file_id
    md5 = await asyncio.to_thread(lambda: hashlib.md5(content, usedforsecurity=False).hexdigest())
    is_sealed = bool(_MD5.fullmatch(said_hash))
    if is_sealed and said_hash.lower() != md5:
        raise FetchFailed(f"its MD5 is {md5} and not {said_hash}, as is said", lasting=True)
    look = await asyncio.to_thread(look_at, content[:HEAD_BYTES])
    # Without a hash nothing tells the file from an answer that says what is wrong, but that this is no picture.
    is_image = (look.mime or "").startswith(_IMAGE)
    if not is_sealed and expectation.image and not is_image and answer.mime.startswith(NO_IMAGES):
        raise FetchFailed(f"is {answer.mime} and no image", lasting=True)
    if not is_sealed and not is_image and answer.mime == HTML and not expectation.html:
        raise FetchFailed("is a page in HTML, and not what is said", lasting=True)
    file = File(
        href=href,
        said_hash=said_hash,
        address=await file_address(content),
        md5=md5,
        size_bytes=len(content),
        mime=look.mime,
        width=look.width,
        height=look.height,
        etag=None if is_sealed else answer.etag,
        last_modified=None if is_sealed else answer.last_modified,
    )
    return Fetched(content, file)
