"""When things happened by the words of a log itself, beside when they were recorded.

Most contests are recorded as they happen. One that is played faster than it happens is not, nor one whose feed was read
in at once: there contest times count by what the objects say of themselves. This module must not know where the log is
kept, nor who asks.
"""

from array import array
from bisect import bisect_right

from projections.timeline import moment_ms
from schemas.objects import ContestObject, Submission

STATE, SUBMISSIONS = "state", "submissions"
TELLING: dict[str, tuple[str, ...]] = {
    STATE: ("started", "frozen", "ended", "thawed", "finalized", "end_of_updates"),
    SUBMISSIONS: ("time",),
    "judgements": ("start_time", "end_time"),
    "runs": ("time",),
    "clarifications": ("time",),
    "commentary": ("time",),
}
"""The properties, by type, in which objects say when something happened to them."""

EARLY_MS_MAX = 10_000
LATE_MS_MAX = 300_000
"""A submission that was recorded so much earlier or later than it says was recorded as it happened: clocks differ, and
whoever sends it may have been away."""

DISORDER_MS = 600_000
DISORDERED_PART_MAX = 1 / 3
"""A log is in the order in which things happened when no larger part of it tells of what was so long before something
that it has told of already: rejudgings, and the verdicts that a thaw brings. One in the order of types tells nearly all
so late."""


def recorded_as_it_happened(submission: Submission, recorded_ms: int) -> bool:
    """Whether the first submission of a log was recorded when it was made."""
    late_ms = recorded_ms - (moment_ms(submission.time) or 0)
    return -EARLY_MS_MAX <= late_ms <= LATE_MS_MAX


def told_ms_of(type_name: str, instance: ContestObject | None) -> int | None:
    """The latest moment that an object tells of, None where it tells of none."""
    times_ms = (moment_ms(getattr(instance, name, None)) for name in TELLING.get(type_name, ()))
    return max((time_ms for time_ms in times_ms if time_ms is not None), default=None)


class Marks:
    """How far a contest has come at any position of its log."""

    def __init__(self) -> None:
        """No events yet."""
        self.latest_ms: int | None = None
        self._positions = array("q")
        self._times_ms = array("q")

    def note(self, position: int, told_ms: int) -> None:
        """Take what an event tells. Positions never fall."""
        if self.latest_ms is None or told_ms > self.latest_ms:
            self.latest_ms = told_ms
            self._positions.append(position)
            self._times_ms.append(told_ms)

    def reaching_ms(self, now_ms: int) -> int:
        """Until when the contest has come, given what time it is."""
        return now_ms if self.latest_ms is None else max(self.latest_ms, now_ms)

    def time_ms(self, position: int) -> int | None:
        """Until when the contest has come with the event at a position; None before it says so."""
        told = bisect_right(self._positions, position)
        return self._times_ms[told - 1] if told else None

    def last_position(self, time_ms: int, end: int) -> int:
        """The last position before anything is told that happened after a time; `end` when there is nothing later."""
        later = bisect_right(self._times_ms, time_ms)
        return self._positions[later] - 1 if later < len(self._positions) else end


class ToldTimes:
    """How far a contest has come by what objects say (`everything` that is taken)."""

    def __init__(self) -> None:
        """No events yet."""
        self.everything = Marks()
        self._telling = 0
        self._disordered = 0

    @property
    def in_order(self) -> bool:
        """Whether the log is in the order in which things happened, so that its positions mean contest times."""
        return self._disordered <= self._telling * DISORDERED_PART_MAX

    def take(self, position: int, type_name: str, instance: ContestObject | None) -> None:
        """Take what an event tells; only those of TELLING types matter. Positions never fall."""
        told_ms = told_ms_of(type_name, instance)
        if told_ms is None:
            return
        self._telling += 1
        latest_ms = self.everything.latest_ms
        self._disordered += latest_ms is not None and latest_ms - told_ms > DISORDER_MS
        self.everything.note(position, told_ms)
