"""How it stands with a source while it is followed: what its parts share, and what is measured of it.

This module must not know how anything is done.
"""

import asyncio
from itertools import islice

import msgspec

from cds import metrics
from cds.circumstances import Circumstances
from cds.upstream.following import Following
from cds.upstream.options import SourceOptions
from cds.upstream.status import (
    AWAITED_SHOWN_MAX,
    AwaitedStatus,
    FilesStatus,
    SourceStatus,
    State,
    TokenStatus,
    WaitingStatus,
    WarningsStatus,
)


class Standing:
    """One source, followed by this process."""

    def __init__(self, options: SourceOptions, circumstances: Circumstances) -> None:
        """Not connected yet."""
        self.options = options
        self.following = Following(
            options.contest_id,
            options.address,
            # Nobody is ever given the files of a second system.
            keeps_files=options.shadow is None,
        )
        self.state: State = "connecting"
        self.since_us = circumstances.now_us()
        self.outages = 0
        self.last_error: str | None = None
        self.last_heard_us: int | None = None
        self.lag_s: float | None = None
        self.events = 0
        self.refused: tuple[str, ...] = ()
        self.servers: tuple[str, ...] = ()
        self.changed = asyncio.Event()
        self._circumstances = circumstances
        self._told_oddities = 0
        self._told_lines = 0
        # So that they are seen to be none, and not missing.
        for counter in (metrics.SOURCE_OUTAGES, metrics.SOURCE_LINES, metrics.SOURCE_WARNINGS):
            counter.labels(options.stream).inc(0)

    def be(self, state: State) -> None:
        """From now on it is so."""
        if state != self.state:
            self.state, self.since_us = state, self._circumstances.now_us()
        metrics.SOURCE_CONNECTED.labels(self.options.stream).set(state in ("following", "reading anew"))
        self.changed.set()

    def heard(self) -> None:
        """Something has come."""
        self.last_heard_us = self._circumstances.now_us()
        metrics.SOURCE_LAST_HEARD_S.labels(self.options.stream).set(self.last_heard_us / 1_000_000)

    def failed(self, reason: str) -> None:
        """The upstream could not be heard."""
        self.outages += 1
        self.last_error = reason
        metrics.SOURCE_OUTAGES.labels(self.options.stream).inc()
        self.be("waiting")

    def restored(self) -> None:
        """What was known before is known again: it is not counted once more."""
        self._told_lines, self._told_oddities = self.following.lines, self.following.oddities.count
        self.took()

    def took(self) -> None:
        """Something was written: count what is new."""
        following, stream = self.following, self.options.stream
        metrics.SOURCE_LINES.labels(stream).inc(following.lines - self._told_lines)
        metrics.SOURCE_WARNINGS.labels(stream).inc(following.oddities.count - self._told_oddities)
        metrics.SOURCE_FILES.labels(stream).set(len(following.files))
        self._told_lines, self._told_oddities = following.lines, following.oddities.count
        self.changed.set()

    def lagged(self, lag_s: float) -> None:
        """The last lines took so long from their arrival to being in the contest."""
        self.lag_s = lag_s
        metrics.SOURCE_LAG_S.observe(lag_s)

    def status(self) -> SourceStatus:
        """All of it, for whoever asks."""
        following, options = self.following, self.options
        pending, failed = len(following.lacking_files()), len(following.files.given_up)
        return SourceStatus(
            contest_id=options.contest_id,
            shadow=options.shadow,
            url=options.address.url,
            state=self.state,
            since_us=self.since_us,
            updated_us=self._circumstances.now_us(),
            position=following.position,
            lines=following.lines,
            events=self.events,
            token=TokenStatus(present=following.reading.resume is not None, position=following.reading.resume_position),
            warnings=WarningsStatus(count=following.oddities.count, last=tuple(following.oddities.last)),
            waiting_references=self._waiting(),
            files=FilesStatus(fetched=len(following.files), pending=pending, failed=failed),
            refused=self.refused,
            lag_s=self.lag_s,
            last_heard_us=self.last_heard_us,
            outages=self.outages,
            last_error=self.last_error,
            servers=self.servers,
        )

    def _waiting(self) -> WaitingStatus:
        reading = self.following.reading
        first = tuple(
            AwaitedStatus(type=key[0], id=key[1], awaits_type=awaited[0], awaits_id=awaited[1])
            for key, awaited in islice(reading.translator.awaited(), AWAITED_SHOWN_MAX)
        )
        return WaitingStatus(count=reading.waiting, first=first)


def same_but_for_time(one: SourceStatus | None, other: SourceStatus) -> bool:
    """Whether two statuses tell the same, whenever they were written down."""
    if one is None:
        return False
    timeless = msgspec.structs.replace(one, updated_us=other.updated_us, last_heard_us=other.last_heard_us)
    return timeless == other
