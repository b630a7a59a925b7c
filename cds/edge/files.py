"""Files at an edge: whoever is shown one is given it from disk, where it is kept by its hash.

A view tells the hash of every file that it shows, so what is kept is right exactly while that hash is the one shown,
and the core need not be asked whether it still is. It is asked once for each file, with the credentials that were
brought. The directory is this process's alone. Where nothing can be written there, files are passed on. This module
must not know which properties hold files.
"""

import asyncio
import os
import tempfile
from collections import OrderedDict
from contextlib import suppress
from hashlib import md5
from http import HTTPStatus
from pathlib import Path

import msgspec
import structlog
from aiohttp import hdrs, web
from yarl import URL

from cds import metrics
from cds.contest_api.answers import has_already
from cds.contest_api.errors import not_found
from cds.contest_api.files import file_headers
from cds.contest_api.objects import require_offered
from cds.edge.contests import EAGER_ROLE, EdgeContests
from cds.edge.limits import DISK_PAUSE_S, EdgeLimits
from cds.edge.served import Served
from cds.relay.addressing import upstream_url
from cds.relay.futures import seen
from cds.relay.kept_answers import bare_entity_tag
from cds.relay.passing_on import TAKEN_S_MAX
from cds.relay.upstream import Asker, Incoming, Unreachable, Upstream
from projections.integrity import Key
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID, ObjectType
from schemas.properties import FileReference

PIECE_BYTES = 256 * 1024

log = structlog.get_logger(__name__)

_decoders = {name: msgspec.json.Decoder(row.structure) for name, row in OBJECT_TYPES.items()}


class FileId(msgspec.Struct, frozen=True):
    """Which file it is: where it is found, and the MD5 of its bytes.

    The place belongs to it, since for MD5 anybody can make two files that look like one.
    """

    url: str
    md5: str


class KeptFile(msgspec.Struct, frozen=True):
    """A file on disk, with the entity tag that the core gives it."""

    path: Path
    size_bytes: int
    entity_tag: str


class EdgeFiles:
    """Answers requests for files."""

    def __init__(self, upstream: Upstream, contests: EdgeContests, directory: Path, limits: EdgeLimits) -> None:
        """Nothing is kept yet. `directory` is empty."""
        self._upstream = upstream
        self._contests = contests
        self._directory = directory
        self._limits = limits
        self._kept: OrderedDict[FileId, KeptFile] = OrderedDict()
        self._fetching: dict[FileId, asyncio.Task[KeptFile | None]] = {}
        self._bytes = 0
        """What is kept, and what is being fetched to be."""
        self._unwritten_at_s: float | None = None
        """When something could not be written last, by the loop's clock; None once something could."""

    async def answer(
        self, request: web.Request, served: Served, row: ObjectType, property_name: str, asker: Asker
    ) -> web.StreamResponse | None:
        """A file that an object refers to; None where the core has to give it. Raises Unreachable and Failure (404)."""
        require_offered(served.viewer, row)
        key: Key = (row.name, SINGLETON_ID if row.singleton else request.match_info["id"])
        filename = request.match_info.get("filename")
        shown = served.audience.view.object(key, served.viewer.team_id)
        reference = _reference(row, property_name, shown, filename)
        if reference is None:
            raise not_found(f"file {filename or property_name}")
        url = upstream_url(self._upstream.base, request)
        if url is None or reference.hash is None:
            return None
        anonymous_too = await self._is_shown_to_everybody(served.audience.contest_id, key, row, property_name)
        url, origin = url.with_query(None), "kept"
        file_id = FileId(str(url), reference.hash.lower())
        kept = self._kept.get(file_id)
        if kept is None:
            if request.method == hdrs.METH_HEAD:
                return None
            kept, origin = await self._fetched(file_id, url, asker), "asked"
        if kept is None:
            return None
        if file_id in self._kept:
            self._kept.move_to_end(file_id)
        metrics.EDGE_ANSWERS.labels(f"file {origin}").inc()
        headers = file_headers(reference, kept.entity_tag, anonymous_too=anonymous_too)
        if has_already(request, bare_entity_tag(kept.entity_tag)):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        response = await _told(request, kept, {**headers, hdrs.CONTENT_TYPE: reference.mime})
        if response is None and self._kept.get(file_id) is kept:
            self._give_up(file_id)
        return response

    async def _is_shown_to_everybody(self, contest_id: str, key: Key, row: ObjectType, property_name: str) -> bool:
        """Whether the public is shown files there, so that shared caches may keep them."""
        try:
            everybody = await self._contests.audience(contest_id, EAGER_ROLE)
        except Unreachable:
            return False
        return _reference(row, property_name, everybody.view.object(key, None), None) is not None

    async def _fetched(self, file_id: FileId, url: URL, asker: Asker) -> KeptFile | None:
        """The file as the core gives it, asked once for all who wait for it; None where it cannot be kept.

        Raises Unreachable.
        """
        fetching = self._fetching.get(file_id)
        if fetching is None:
            fetching = asyncio.create_task(self._fetch(file_id, url, asker), name="fetch a file")
            self._fetching[file_id] = fetching
            fetching.add_done_callback(seen)
            fetching.add_done_callback(lambda _: self._fetching.pop(file_id, None))
        return await asyncio.shield(fetching)

    async def _fetch(self, file_id: FileId, url: URL, asker: Asker) -> KeptFile | None:
        if self._unwritten_at_s is not None and _now_s() - self._unwritten_at_s < DISK_PAUSE_S:
            return None
        async with self._upstream.answer(hdrs.METH_GET, url, asker, {}) as incoming:
            length = int(incoming.headers.get(hdrs.CONTENT_LENGTH, -1))
            fits = hdrs.ETAG in incoming.headers and 0 <= length <= self._limits.file_bytes_max
            if incoming.status != HTTPStatus.OK or not fits or not self._made_room(length):
                return None
            self._bytes += length
            made = None
            try:
                made = await self._written(file_id, incoming)
            except OSError as failure:
                self._note_unwritten(failure)
            finally:
                self._bytes += (0 if made is None else made.size_bytes) - length
        if made is not None:
            self._unwritten_at_s = None
            self._kept[file_id] = made
        return made

    async def _written(self, file_id: FileId, incoming: Incoming) -> KeptFile | None:
        """A body, on disk; None for one that is not the file that is shown. Raises Unreachable, OSError for the disk's.

        No failure of a connection is an OSError here: those are Unreachable.
        """
        digest, size_bytes = md5(usedforsecurity=False), 0
        descriptor, name = await asyncio.to_thread(tempfile.mkstemp, dir=self._directory)
        path, whole = Path(name), False
        try:
            with os.fdopen(descriptor, "wb") as file:
                async for piece in incoming.pieces():
                    digest.update(piece)
                    size_bytes += len(piece)
                    await asyncio.to_thread(file.write, piece)
            whole = digest.hexdigest() == file_id.md5
        finally:
            if not whole:
                _delete(path)
        return KeptFile(path, size_bytes, incoming.headers[hdrs.ETAG]) if whole else None

    def _made_room(self, size_bytes: int) -> bool:
        """Give up those that nobody has asked for the longest; whether there is room for so much then."""
        if size_bytes > self._limits.files_bytes_max:
            return False
        while self._kept and self._bytes + size_bytes > self._limits.files_bytes_max:
            self._give_up(next(iter(self._kept)))
        return self._bytes + size_bytes <= self._limits.files_bytes_max

    def _give_up(self, file_id: FileId) -> None:
        given_up = self._kept.pop(file_id)
        self._bytes -= given_up.size_bytes
        _delete(given_up.path)

    def _note_unwritten(self, failure: OSError) -> None:
        """Tell, once while it lasts, that a file could not be written; it is passed on."""
        metrics.EDGE_FILES_UNWRITTEN.inc()
        if self._unwritten_at_s is None:
            log.error("edge_files_unwritten", directory=str(self._directory), reason=str(failure))
        self._unwritten_at_s = _now_s()


def _delete(path: Path) -> None:
    """Delete a file, if it is there; whoever reads it may read it to its end."""
    with suppress(OSError):
        path.unlink()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _told(request: web.Request, kept: KeptFile, headers: dict[str, str]) -> web.StreamResponse | None:
    """A file from disk; None where it cannot be had from there, or has just been given up."""
    try:
        file = kept.path.open("rb")
    except OSError:
        return None
    response = web.StreamResponse(headers=headers)
    response.content_length = kept.size_bytes
    with file:
        await response.prepare(request)
        while request.method != hdrs.METH_HEAD and (piece := await asyncio.to_thread(file.read, PIECE_BYTES)):
            async with asyncio.timeout(TAKEN_S_MAX):
                await response.write(piece)
    await response.write_eof()
    return response


def _reference(row: ObjectType, property_name: str, shown: bytes | None, filename: str | None) -> FileReference | None:
    """The first reference of an object that the path can mean."""
    if shown is None:
        return None
    references: list[FileReference] = getattr(_decoders[row.name].decode(shown), property_name) or []
    return next((each for each in references if filename in (None, each.filename)), None)
