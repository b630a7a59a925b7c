"""The places that files are fetched from, and which of them are better left alone for a while.

A host that refuses one file after the other is likely to refuse the next one of that kind too (the submitted files,
say, but not the photos), and may have other things to do. So after some failures in a row one file of that kind is
asked for at a time, ever more rarely, until one comes. This module must not know how anything is fetched; times are
arguments.
"""

import msgspec

from cds.upstream.patience import Patience

FAILURES_MAX = 6
"""Failures in a row after which a place is left alone."""


class FilePlace(msgspec.Struct, frozen=True):
    """A host, and the kind of files: the type whose objects name them, and the property, such as `teams.photo`."""

    host: str
    kind: str

    def __str__(self) -> str:
        """As a sentence names it."""
        return f"{self.host} ({self.kind})"


class FilePlaces:
    """What is known of the places of one source's files."""

    def __init__(self, patience: Patience) -> None:
        """Nothing is held against anybody; `patience` says how long is waited."""
        self._patience = patience
        self._failures: dict[FilePlace, int] = {}
        self._until_s: dict[FilePlace, float] = {}
        self._asked: dict[FilePlace, int] = {}
        self._told: set[FilePlace] = set()

    def may_be_asked(self, place: FilePlace, now_s: float) -> bool:
        """Whether a place may be asked for one more file now."""
        if self._failures.get(place, 0) < FAILURES_MAX:
            return True
        return not self._asked.get(place) and self._until_s[place] <= now_s

    def begin(self, place: FilePlace) -> None:
        """A file is asked for."""
        self._asked[place] = self._asked.get(place, 0) + 1

    def end(self, place: FilePlace) -> None:
        """An answer has come, or none."""
        self._asked[place] -= 1
        if not self._asked[place]:
            del self._asked[place]

    def succeeded(self, place: FilePlace) -> None:
        """A file has come."""
        self._failures.pop(place, None)

    def failed(self, place: FilePlace, now_s: float, chance: float) -> bool:
        """A file has not come, and others are likely to fare the same.

        Whether the place is left alone from now on, for the first time: to be told once, however often that comes.
        """
        failures = self._failures[place] = self._failures.get(place, 0) + 1
        if failures < FAILURES_MAX:
            return False
        self._until_s[place] = now_s + self._patience.pause_after_s(failures - FAILURES_MAX + 1, chance)
        is_news = place not in self._told
        self._told.add(place)
        return is_news
