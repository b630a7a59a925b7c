"""Files at an edge: asked of the core with the credentials that were brought, and kept on disk by what they are.

What is kept is given without asking only to whoever is shown the file, and then for a moment, or while the core is
away; else the core is asked whether it still is the same. The directory is this process's alone. This module must not
know which properties hold files.
"""

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import msgspec
from aiohttp import hdrs, web

from cds import metrics
from cds.contest_api.answers import has_already
from cds.contest_api.errors import not_found
from cds.edge.limits import EdgeLimits
from cds.edge.served import Served
from cds.relay.addressing import upstream_url
from cds.relay.askers import asker_of
from cds.relay.kept_answers import bare_entity_tag, without_body
from cds.relay.passing_on import passed_on, pour
from cds.relay.upstream import Incoming, Unreachable, Upstream
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType
from schemas.properties import FileReference

GOOD_S = 10.0
"""How long what is kept is given without asking the core."""

PIECE_BYTES = 256 * 1024

_decoders = {name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()}


class KeptFile(msgspec.Struct):
    """A file on disk with the headers that it came with; `at_s` is when the core was asked last."""

    headers: Mapping[str, str]
    path: Path
    size_bytes: int
    at_s: float

    @property
    def entity_tag(self) -> str:
        """The entity tag, bare."""
        return bare_entity_tag(self.headers[hdrs.ETAG])


class EdgeFiles:
    """Answers requests for files."""

    def __init__(self, upstream: Upstream, directory: Path, limits: EdgeLimits) -> None:
        """Nothing is kept yet. `directory` is empty."""
        self._upstream = upstream
        self._directory = directory
        self._limits = limits
        self._kept: OrderedDict[str, KeptFile] = OrderedDict()
        """By address; what came first goes first."""
        self._bytes = 0

    async def answer(
        self, request: web.Request, served: Served, row: ObjectType, property_name: str
    ) -> web.StreamResponse:
        """A file in a property of an object that the path names. Raises Unreachable, and Failure (404)."""
        url = upstream_url(self._upstream.base, request)
        if url is None:
            raise not_found(request.path)
        asked, now_s = str(url.with_query(None)), asyncio.get_running_loop().time()
        kept = self._kept.get(asked) if _is_listed(request, served, row, property_name) else None
        if kept is not None and now_s - kept.at_s < GOOD_S:
            return await self._told(request, kept, "kept")
        headers: dict[str, str] = {} if kept is None else {hdrs.IF_NONE_MATCH: kept.headers[hdrs.ETAG]}
        try:
            async with self._upstream.answer(request.method, url, asker_of(request), headers) as incoming:
                return await self._taken(request, asked, incoming, kept, now_s)
        except Unreachable:
            if kept is None:
                raise
            return await self._told(request, kept, "kept")

    async def _taken(
        self, request: web.Request, asked: str, incoming: Incoming, kept: KeptFile | None, now_s: float
    ) -> web.StreamResponse:
        if kept is not None and incoming.status == HTTPStatus.NOT_MODIFIED:
            kept.at_s = now_s
            return await self._told(request, kept, "asked")
        headers = passed_on(incoming.headers)
        length = int(incoming.headers.get(hdrs.CONTENT_LENGTH, -1))
        fits = incoming.status == HTTPStatus.OK and hdrs.ETAG in headers and 0 <= length <= self._limits.file_bytes_max
        if not fits or request.method == hdrs.METH_HEAD:
            return await _through(request, incoming, headers)
        made = await self._written(asked, incoming, headers, now_s)
        return await self._told(request, made, "asked")

    async def _written(self, asked: str, incoming: Incoming, headers: Mapping[str, str], now_s: float) -> KeptFile:
        """Keep what comes. Raises Unreachable when it is cut off."""
        digest, size_bytes = sha256(), 0
        descriptor, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._directory)
        file = os.fdopen(descriptor, "wb")
        try:
            with file:
                async for piece in incoming.pieces():
                    digest.update(piece)
                    size_bytes += len(piece)
                    await asyncio.to_thread(file.write, piece)
            final = self._directory / digest.hexdigest()
            await asyncio.to_thread(os.replace, name, final)
        except BaseException:
            await asyncio.to_thread(Path(name).unlink, missing_ok=True)
            raise
        made = KeptFile(headers, final, size_bytes, now_s)
        self._forget(asked)
        self._kept[asked] = made
        self._bytes += size_bytes
        while self._bytes > self._limits.files_bytes_max and len(self._kept) > 1:
            self._forget(next(iter(self._kept)))
        return made

    def _forget(self, asked: str) -> None:
        kept = self._kept.pop(asked, None)
        if kept is None:
            return
        self._bytes -= kept.size_bytes
        if all(each.path != kept.path for each in self._kept.values()):
            kept.path.unlink(missing_ok=True)

    async def _told(self, request: web.Request, kept: KeptFile, origin: str) -> web.StreamResponse:
        metrics.EDGE_ANSWERS.labels(f"file {origin}").inc()
        if has_already(request, kept.entity_tag):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=without_body(kept.headers))
        response = web.StreamResponse(headers=kept.headers)
        response.content_length = kept.size_bytes
        with kept.path.open("rb") as file:
            await response.prepare(request)
            while request.method != hdrs.METH_HEAD and (piece := await asyncio.to_thread(file.read, PIECE_BYTES)):
                await response.write(piece)
        await response.write_eof()
        return response


def _is_listed(request: web.Request, served: Served, row: ObjectType, property_name: str) -> bool:
    """Whether whoever asks is shown the file."""
    identifier = SINGLETON_ID if row.singleton else request.match_info["id"]
    shown = served.audience.view.object((row.name, identifier), served.viewer.team_id)
    if shown is None:
        return False
    references: list[FileReference] = getattr(_decoders[row.name].decode(shown), property_name) or []
    filename = request.match_info.get("filename")
    return any(filename in (None, each.filename) for each in references)


async def _through(request: web.Request, incoming: Incoming, headers: Mapping[str, str]) -> web.StreamResponse:
    """What is not kept, as it comes. Raises Unreachable before anything is sent."""
    response = web.StreamResponse(status=incoming.status, headers=headers)
    if hdrs.CONTENT_LENGTH in incoming.headers:
        response.content_length = int(incoming.headers[hdrs.CONTENT_LENGTH])
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        await pour(request, incoming, response)
    await response.write_eof()
    return response
