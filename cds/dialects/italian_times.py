"""Moments as the Italian format writes them: seconds since 1970, or a date in the time zone of the contest.

This module knows spellings of time; it must not know what happens then. Which zone a name means is an argument.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from schemas.times import TIME_MS_MAX, TIME_MS_MIN, format_time

Zones = Callable[[str], tzinfo | None]
"""The time zone of a name such as Europe/Rome, None where it is not known."""

_SECONDS = re.compile(r"[+-]?\d{1,15}(\.\d{1,9})?")
_SPACE_BEFORE_ZONE = re.compile(r"(?<=\d)\s+(?=(Z|[+-]\d\d(:?\d\d)?)$)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class NoMoment(Exception):
    """A text is no moment; the message says why."""


class Calendar:
    """The moments of a contest. Its zone is that of dates which say none (None: not known), and of what is written."""

    def __init__(self, zone: tzinfo | None) -> None:
        self._zone = zone

    def moment_ms(self, text: str) -> int:
        """Milliseconds since the epoch. Raises NoMoment."""
        if _SECONDS.fullmatch(text):
            time_ms = round(float(text) * 1000)
        else:
            time_ms = (_date(text, self._zone) - _EPOCH) // _MILLISECOND
        if not TIME_MS_MIN <= time_ms <= TIME_MS_MAX:
            raise NoMoment("is not in the years 1 to 9999")
        return time_ms

    def written(self, time_ms: int) -> str:
        """A TIME, in the zone of the contest as it is at that moment; in UTC where that cannot be said."""
        try:
            offset = (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(self._zone or UTC).utcoffset()
        except OverflowError:
            offset = None
        if not offset or offset % timedelta(minutes=1):
            return format_time(time_ms)
        return format_time(time_ms, timezone(offset))


def _date(text: str, zone: tzinfo | None) -> datetime:
    try:
        moment = datetime.fromisoformat(_SPACE_BEFORE_ZONE.sub("", text))
    except ValueError:
        raise NoMoment("is neither seconds since 1970 nor a date (yyyy-mm-dd hh:mm:ss)") from None
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise NoMoment("is a date without a zone, and the time zone of the contest is not known")
    return moment.replace(tzinfo=zone)
