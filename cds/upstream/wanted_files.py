"""Which objects still lack a file, and what the source said of them, so that they can be told again with it.

This module is pure; it must not know what became of any file.
"""

from collections.abc import Iterator

import msgspec

from cds.dialects.json_values import JsonObject
from cds.dialects.references import Key
from cds.upstream.fetched_files import FileId
from schemas.object_types import ObjectType


class Wanting(msgspec.Struct, frozen=True):
    """An object as the source said it last, at a position of its stream, and the files that are lacking."""

    row: ObjectType
    source: JsonObject
    position: int
    file_ids: tuple[FileId, ...]


class WantedFiles:
    """What is lacking in one reading of a source."""

    def __init__(self) -> None:
        """Nothing is."""
        self.news: list[FileId] = []
        """Files that have come to be lacking since somebody emptied this."""
        self._wanting: dict[Key, Wanting] = {}
        self._wanted: dict[FileId, dict[Key, None]] = {}

    def __iter__(self) -> Iterator[FileId]:
        """The files that are lacking, in the order in which they were named."""
        return iter(self._wanted)

    def __contains__(self, file_id: FileId) -> bool:
        """Whether a file is lacking."""
        return file_id in self._wanted

    def __len__(self) -> int:
        """How many are lacking."""
        return len(self._wanted)

    def keys_of(self, type_name: str) -> set[Key]:
        """The objects of a type that lack a file."""
        return {key for key in self._wanting if key[0] == type_name}

    def note(self, key: Key, wanting: Wanting | None) -> None:
        """An object was said once more; None: nothing is lacking of it, or it is gone."""
        before = self._wanting.pop(key, None)
        for file_id in before.file_ids if before is not None else ():
            self._forget(file_id, key)
        if wanting is None:
            return
        self._wanting[key] = wanting
        for file_id in wanting.file_ids:
            if file_id not in self._wanted:
                self._wanted[file_id] = {}
                self.news.append(file_id)
            self._wanted[file_id][key] = None

    def of(self, file_id: FileId) -> list[tuple[Key, Wanting]]:
        """The objects that lack a file."""
        return [(key, self._wanting[key]) for key in self._wanted.get(file_id, ())]

    def settle(self, file_id: FileId) -> None:
        """A file is there: nobody lacks it any more."""
        for key in self._wanted.pop(file_id, ()):
            wanting = self._wanting.pop(key)
            left = tuple(each for each in wanting.file_ids if each != file_id)
            if left:
                self._wanting[key] = msgspec.structs.replace(wanting, file_ids=left)

    def _forget(self, file_id: FileId, key: Key) -> None:
        keys = self._wanted.get(file_id)
        if keys is not None:
            keys.pop(key, None)
            if not keys:
                del self._wanted[file_id]
