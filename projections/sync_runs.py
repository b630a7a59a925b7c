"""The fold of the runs of one platform: its history, when it was last synced, and when each of its contests was.

This module must not know how a platform is asked, nor what a contest is.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from schemas.sync_records import SyncRun

RUNS_KEPT_MAX = 2_000
"""Runs of which all is remembered, more than a year of four a day; the log has them all."""

_decoder = msgspec.json.Decoder(SyncRun)


class SyncRuns:
    """The runs of one platform up to a position."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self.total = 0
        self.last: SyncRun | None = None
        self.last_success: SyncRun | None = None
        self._runs: deque[SyncRun] = deque(maxlen=RUNS_KEPT_MAX)
        self._listed: set[str] = set()
        self._last_seen: dict[str, str] = {}

    def apply(self, position: int, _type: str, _identifier: str, data: bytes | None, /) -> None:
        """Take in a run. Raises msgspec.DecodeError for one that this program cannot read."""
        run = None if data is None else _decoder.decode(data)
        self.position = position
        if run is None:
            return
        if run.contest is not None:
            self._note_single(run, run.contest)
        else:
            self._note_whole(run)
        self.total += 1
        # Which contests came and went is folded; nobody asks for it again.
        self._runs.append(msgspec.structs.replace(run, added=(), gone=()))

    @property
    def listed(self) -> frozenset[str]:
        """The platform's ids of the contests that the last successful run brought level with it."""
        return frozenset(self._listed)

    def newest(self, skip: int, limit: int) -> list[SyncRun]:
        """Runs that are remembered, the newest first, without which contests came and went."""
        return list(islice(reversed(self._runs), skip, skip + limit))

    @property
    def remembered(self) -> int:
        """How many runs `newest` has."""
        return len(self._runs)

    def last_synced(self, platform_id: str) -> str | None:
        """When a contest was last brought level with the platform, as a TIME; None if it never was."""
        single = self._last_seen.get(platform_id)
        if platform_id not in self._listed or self.last_success is None:
            return single
        # All are written in UTC, so the later one is the greater text.
        return max(single or "", self.last_success.ended)

    def contests(self) -> Sequence[str]:
        """The platform's ids of all contests that were ever synced, in their order."""
        return sorted(self._listed | self._last_seen.keys())

    def __iter__(self) -> Iterator[SyncRun]:
        """The runs that are remembered, the oldest first."""
        return iter(self._runs)

    def _note_single(self, run: SyncRun, platform_id: str) -> None:
        if run.failure is None:
            self._last_seen[platform_id] = run.ended

    def _note_whole(self, run: SyncRun) -> None:
        """Runs of single contests are not among these: they say nothing of when the platform was last synced."""
        self.last = run
        if run.failure is not None:
            return
        if self.last_success is not None:
            for platform_id in run.gone:
                # It may have been imported by itself since.
                self._last_seen[platform_id] = max(self._last_seen.get(platform_id, ""), self.last_success.ended)
        self._listed.difference_update(run.gone)
        self._listed.update(run.added)
        self.last_success = run
