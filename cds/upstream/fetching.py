"""Fetching one file that an upstream names: its bytes, looked at and compared with the hash that is said of them.

This module must not know which file is wanted when, nor where it is kept.
"""

import asyncio
import hashlib
import re
from http import HTTPStatus

import aiohttp
import msgspec

from cds.packages.images import HEAD_BYTES, look_at
from cds.upstream.addresses import UpstreamAddress
from cds.upstream.connection import Outage, asked, reason_of, refusal_of
from cds.upstream.fetched_files import FileId
from cds.upstream.options import UpstreamLogin
from eventstore.addressing import file_address
from schemas.source_records import File

FILE_BYTES_MAX = 128 * 1024 * 1024
"""The largest file that is fetched."""

FILE_S_MAX = 600.0
"""The longest time that one file may take."""

CHUNK_BYTES = 256 * 1024
LASTING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


class FetchFailed(Exception):
    """A file could not be had; `lasting`: its upstream answers, and asking again is likely to be in vain."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Fetched(msgspec.Struct, frozen=True):
    """The bytes of a file, and what there is to say of them."""

    content: bytes
    file: File


async def fetch(
    session: aiohttp.ClientSession, address: UpstreamAddress, login: UpstreamLogin | None, file_id: FileId
) -> Fetched:
    """The file. Raises FetchFailed."""
    href, said_hash = file_id
    urls = [url for url in (address.resolved(href), address.alternative(href)) if url is not None]
    failure = FetchFailed("is no address that could be asked", lasting=True)
    for url in dict.fromkeys(urls):
        try:
            async with asyncio.timeout(FILE_S_MAX):
                content = await _content(session, address, login, url)
        except (aiohttp.ClientError, Outage, OSError, ValueError) as error:
            reason = str(error) if isinstance(error, Outage) else reason_of(error)
            failure = FetchFailed(reason, lasting=False)
        except FetchFailed as failed:
            failure = failed
        else:
            return await _looked_at(content, file_id, said_hash)
        if not failure.lasting:
            break
    raise failure


async def _content(
    session: aiohttp.ClientSession, address: UpstreamAddress, login: UpstreamLogin | None, url: str
) -> bytes:
    async with asked(session, address, login, url) as response:
        if response.status != HTTPStatus.OK:
            raise FetchFailed(await refusal_of(response), lasting=response.status in LASTING)
        content = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            content += chunk
            if len(content) > FILE_BYTES_MAX:
                raise FetchFailed(f"is larger than {FILE_BYTES_MAX} bytes", lasting=True)
        return bytes(content)


async def _looked_at(content: bytes, file_id: FileId, said_hash: str) -> Fetched:
    md5 = await asyncio.to_thread(lambda: hashlib.md5(content, usedforsecurity=False).hexdigest())
    if _MD5.fullmatch(said_hash) and said_hash.lower() != md5:
        raise FetchFailed(f"its MD5 is {md5} and not {said_hash}, as is said", lasting=True)
    look = await asyncio.to_thread(look_at, content[:HEAD_BYTES])
    file = File(
        href=file_id[0],
        said_hash=said_hash,
        address=await file_address(content),
        md5=md5,
        size_bytes=len(content),
        mime=look.mime,
        width=look.width,
        height=look.height,
    )
    return Fetched(content, file)
