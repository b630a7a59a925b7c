"""From contest time in milliseconds to the texts that objects carry.

A simulated contest has no removed intervals: contest time is wall-clock time since the start.
"""

from schemas.times import format_relative_time, format_time, parse_time_ms, zone_of

_MINUTE_MS = 60_000


class Moments:
    """Writes TIME and RELTIME texts of one contest.

    A contest of a million objects writes a million times, most of them within the same few thousand minutes;
    so everything up to the minute is written once and kept.
    """

    def __init__(self, start_time: str) -> None:
        """`start_time` is the TIME of contest time 0; its zone is kept."""
        self._start_ms = parse_time_ms(start_time)
        self._zone = zone_of(start_time)
        self._minutes: dict[int, tuple[str, str]] = {}

    def time(self, contest_time_ms: int) -> str:
        """The TIME of a contest time, which may be negative."""
        minute, rest_ms = divmod(self._start_ms + contest_time_ms, _MINUTE_MS)
        parts = self._minutes.get(minute)
        if parts is None:
            whole = format_time(minute * _MINUTE_MS, self._zone)
            # yyyy-mm-ddThh:mm: is 17 characters, 00.000 six more; the zone is what follows.
            parts = self._minutes[minute] = (whole[:17], whole[23:])
        return f"{parts[0]}{rest_ms // 1000:02}.{rest_ms % 1000:03}{parts[1]}"

    @staticmethod
    def contest_time(contest_time_ms: int) -> str:
        """The RELTIME of a contest time."""
        return format_relative_time(contest_time_ms)
