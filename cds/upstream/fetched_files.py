"""The files that a source names: which of them are to be fetched, which were, and which cannot be had.

A file is known by the address and the hash that the source names, so the same is fetched once, whoever names it. This
module is pure; it must not know how anything is fetched.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from cds.dialects.drafts import FoundFile
from cds.dialects.json_values import JsonObject
from cds.upstream.addresses import UpstreamAddress
from schemas.object_types import FileProperty, ObjectType
from schemas.source_records import File, FileGivenUp

FileId = tuple[str, str]
"""The `href` as the source names it, and the `hash` that it says, empty where it says none."""

FETCHED_STREAMS = frozenset({("submissions", "reaction"), ("teams", "video")})
"""Streams that are files when their own server offers them: what has been recorded. What is live stays there."""

PLAYLIST = "application/vnd.apple.mpegurl"
"""A list of pieces of a stream; by itself it is worth nothing."""


HTML = "text/html"


class Expectation(msgspec.Struct, frozen=True):
    """What is known of a file before it is fetched: whether it is an image, or a page, and what it was last time."""

    image: bool = False
    html: bool = False
    known: File | None = None


class FetchedFiles:
    """The files of one source, as the translation finds them (dialects.drafts.FileFinder)."""

    def __init__(self, address: UpstreamAddress, *, keeps: bool = True) -> None:
        """None yet; `address` says whose references these are. `keeps` false: none is ever fetched, nor missed."""
        self._keeps = keeps
        self.given_up: dict[FileId, str] = {}
        """Files that could not be fetched, with the reason."""
        self._address = address
        self._found: dict[FileId, FoundFile] = {}
        self._unsealed: dict[FileId, File] = {}
        self._tidings: Counter[FileId] = Counter()
        self._by_href: dict[str, FoundFile] = {}

    def __len__(self) -> int:
        """How many were fetched."""
        return len(self._found)

    def add(self, file: File) -> FileId:
        """A file was fetched."""
        file_id = (file.href, file.said_hash)
        self._tidings[file_id] += 1
        self.given_up.pop(file_id, None)
        if not file.said_hash:
            self._unsealed[file_id] = file
        self._found[file_id] = self._by_href[file.href] = FoundFile(
            filename="", address=file.address, md5=file.md5, mime=file.mime, width=file.width, height=file.height
        )
        return file_id

    def give_up(self, file: FileGivenUp) -> FileId:
        """A file cannot be had."""
        file_id = (file.href, file.said_hash)
        self._tidings[file_id] += 1
        if not self.has(file_id):
            self.given_up[file_id] = file.reason
        return file_id

    def has(self, file_id: FileId) -> bool:
        """Whether a file was fetched."""
        return self._fetched(file_id) is not None

    def unsealed(self, file_id: FileId) -> File | None:
        """A file that was fetched and may be another by now, since no hash says which it is; None for all others."""
        return self._unsealed.get(file_id)

    def tidings(self, file_id: FileId) -> int:
        """How often something was told of a file."""
        return self._tidings[file_id]

    def is_to_be_fetched(self, row: ObjectType, files: FileProperty, said: JsonObject) -> bool:
        """Whether a reference is one whose bytes we keep, wherever they are now."""
        if not self._keeps:
            return False
        href = said.get("href")
        url = self._address.resolved(href) if isinstance(href, str) and href else None
        if url is None:
            return False
        if not files.streams:
            return True
        recorded = (row.name, files.property) in FETCHED_STREAMS and said.get("mime") != PLAYLIST
        return recorded and self._address.is_own(url)

    # What the translation asks.

    def find(
        self,
        row: ObjectType,  # noqa: ARG002 - a reference says all
        identifier: str,  # noqa: ARG002 - as above
        filename: str,
        said: JsonObject | None = None,
    ) -> FoundFile | None:
        """The file that a reference names, None when it was not fetched."""
        found = None if said is None else self._fetched(file_id_of(said))
        if found is None:
            return None
        return FoundFile(filename, found.address, found.md5, found.mime, found.width, found.height)

    def is_coming(self, row: ObjectType, files: FileProperty, said: JsonObject) -> bool:
        """Whether a file that was not fetched yet is going to be."""
        if not self._keeps:
            return True
        file_id = file_id_of(said)
        pending = not self.has(file_id) and file_id not in self.given_up
        return pending and self.is_to_be_fetched(row, files, said)

    def _fetched(self, file_id: FileId) -> FoundFile | None:
        """The file of that address and hash; where one of both said no hash, that of the same address will do."""
        href, said_hash = file_id
        last = self._by_href.get(href)
        return last if last is not None and said_hash.lower() in ("", last.md5) else self._found.get(file_id)

    def filenames(self, row: ObjectType, identifier: str) -> Sequence[str]:  # noqa: ARG002 - a protocol
        """Nothing lies with an object but what it names."""
        return ()

    def link(self, href: str) -> str:
        """What is not fetched stays on the upstream, whose base nobody knows who gets the link from us."""
        # Who writes a reference relative to the base with a slash in front cannot be asked which of both is meant.
        return self._address.alternative(href) or self._address.resolved(href) or href


def file_id_of(said: JsonObject) -> FileId:
    """What a file is known by that a reference names."""
    href, said_hash = said.get("href"), said.get("hash")
    return href if isinstance(href, str) else "", said_hash if isinstance(said_hash, str) else ""


def references_of(row: ObjectType, source: JsonObject) -> Iterator[tuple[FileProperty, JsonObject]]:
    """Every reference to a file that an object of a source holds."""
    for files in row.file_properties:
        said = source.get(files.property)
        for each in said if isinstance(said, list) else [said]:
            if isinstance(each, dict):
                yield files, each
