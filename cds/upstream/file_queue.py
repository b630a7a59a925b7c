"""The files that are to be asked for now, in a fair order.

Places take turns, and within one those come first that have not been refused: that one file cannot be had must not
keep us from learning whether another can. However many wait for a place that is left alone, they cost nothing. This
module is pure; it must not know how anything is fetched.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from cds.upstream.fetched_files import FileId
from cds.upstream.file_places import FilePlace


class _Waiting(msgspec.Struct, frozen=True):
    """The files of one place: those that were not asked for in vain yet, and those that were."""

    new: deque[FileId]
    again: deque[FileId]


class FileQueue:
    """Files by place."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[FilePlace, _Waiting] = {}

    def add(self, place: FilePlace, file_id: FileId, *, again: bool) -> None:
        """Queue a file; `again`: it was asked for in vain."""
        waiting = self._waiting.setdefault(place, _Waiting(deque(), deque()))
        (waiting.again if again else waiting.new).append(file_id)

    def next(self, is_open: Callable[[FilePlace], bool], *, all_new: bool = False) -> tuple[FilePlace, FileId] | None:
        """The file whose turn it is, with its place; None when nobody who waits may be asked.

        `is_open` tells whether a place may be asked; `all_new`: every place may be for what was not asked for in vain.
        """
        for place, waiting in self._waiting.items():
            if waiting.new and (all_new or is_open(place)):
                return place, self._taken(place, waiting.new)
            if waiting.again and is_open(place):
                return place, self._taken(place, waiting.again)
        return None

    def _taken(self, place: FilePlace, files: deque[FileId]) -> FileId:
        """The first of these; its place comes behind all others."""
        file_id, waiting = files.popleft(), self._waiting.pop(place)
        if waiting.new or waiting.again:
            self._waiting[place] = waiting
        return file_id
