"""Moments of the past as they are asked for, and as the log knows them.

A moment is asked for by a token of a feed, by a time, or by a contest time; the log knows positions, and when each was
written. This module must not know who asks, nor where the log is kept.
"""

import re
from array import array
from bisect import bisect_right

import msgspec

from projections.timeline import Timeline
from projections.tokens import TOKEN_CHARACTERS
from schemas.records import ORDINARY_PACE_PERMILLE
from schemas.times import parse_relative_time_ms, parse_time_ms

_CONTEST_TIME = re.compile(r"-?\d+:\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]", re.ASCII)
_LOST_PLUS = re.compile(r" (\d\d(?::?\d\d)?)\Z", re.ASCII)
"""What stands for the `+` of a time zone where a query was written without escaping it."""

MICROSECONDS = 1_000


class AskedToken(msgspec.Struct, frozen=True):
    """Just after the line of that token."""

    token: str


class AskedTime(msgspec.Struct, frozen=True):
    """At a time, to the millisecond: milliseconds since the epoch."""

    time_ms: int


class AskedContestTime(msgspec.Struct, frozen=True):
    """At a contest time, to the millisecond; negative before the start."""

    contest_time_ms: int


Asked = AskedToken | AskedTime | AskedContestTime


def asked_moment(text: str) -> Asked:
    """The moment that a text asks for. Raises ValueError, with one sentence for who has written it."""
    if _CONTEST_TIME.match(text):
        return AskedContestTime(parse_relative_time_ms(text))
    if _TIME.match(text):
        return AskedTime(parse_time_ms(_LOST_PLUS.sub(r"+\1", text)))
    if len(text) == TOKEN_CHARACTERS:
        return AskedToken(text)
    raise ValueError("neither a token of the feed, nor a time (2031-05-17T15:00:00Z), nor a contest time (1:23:45)")


def latest_moment_ms(timeline: Timeline, contest_time_ms: int) -> int | None:
    """The latest moment that has a contest time, in milliseconds since the epoch; None while the clock stands there.

    Within a removed interval contest time stands still, so the moment is that at which it goes on. Raises ValueError
    where the contest has no start time.
    """
    if timeline.start_ms is None:
        raise ValueError("the contest has no start time, so it has no contest times")
    lasting_ms = ((contest_time_ms + 1) * ORDINARY_PACE_PERMILLE - 1) // timeline.pace_permille
    moment_ms = timeline.start_ms + lasting_ms
    for start_ms, end_ms, _ in timeline.removed:
        if moment_ms < start_ms:
            break
        if end_ms is None:
            return None
        moment_ms += end_ms - start_ms
    return moment_ms


class RecordedTimes:
    """Where a stream stood at any time, by when its events were recorded.

    Clocks are set back now and then. So an event counts when there is no later one that was recorded earlier: of what
    is kept, times and positions grow together.
    """

    def __init__(self) -> None:
        """No events yet."""
        self.position = 0
        self._positions = array("q")
        self._times_us = array("q")

    def take(self, recorded_at_us: int) -> None:
        """Take the time (microseconds since the epoch) of the event at the next position."""
        self.position += 1
        while self._times_us and self._times_us[-1] >= recorded_at_us:
            self._times_us.pop()
            self._positions.pop()
        self._times_us.append(recorded_at_us)
        self._positions.append(self.position)

    def last_position(self, time_ms: int) -> int:
        """The last position whose event was recorded at this millisecond or before it, 0 when there is none."""
        found = bisect_right(self._times_us, time_ms * MICROSECONDS + MICROSECONDS - 1)
        return self._positions[found - 1] if found else 0
