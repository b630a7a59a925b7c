"""The pieces that verifying is cut into, each for one process, and what comes of them.

This module must not know how anything is verified.
"""

from typing import Literal

import msgspec

from eventstore.verifying import Difference, Stretch


class FollowRows(msgspec.Struct, frozen=True, tag="rows"):
    """Follow the rows of a stretch of a stream."""

    stretch: Stretch


class HashFiles(msgspec.Struct, frozen=True, tag="files"):
    """Look at the contents of all files whose addresses lie from `begin` up to, and without, `end`."""

    begin: str
    end: str


Share = Literal["all", "state", "feeds"]
"""What is held against a replay: feeds cost as much again as the state on which they rest."""


class Replay(msgspec.Struct, frozen=True, tag="replay"):
    """Fold contests anew up to these positions, and hold against that what is kept of them.

    `share`: all of it, or one half of what takes long for a very large contest. `thorough`: all snapshots, however
    long it takes.
    """

    streams: tuple[tuple[str, int], ...]
    share: Share = "all"
    thorough: bool = False


Work = FollowRows | HashFiles | Replay


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """So many more of these have been looked at."""

    doing: str
    more: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome"):
    """What came of a piece of work: differences, and what is no difference and worth telling.

    `checkpoints` and `snapshots`: how many were held against a replay.
    """

    differences: list[Difference] = []
    notes: list[str] = []
    checkpoints: int = 0
    snapshots: int = 0


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The database was away, or refused; the text says why."""

    reason: str


Told = Progress | Outcome | Failed

ROWS, FILES, EVENTS = "rows", "files", "events replayed"
"""What is counted."""
