"""TIME and RELTIME of the JSON format: reading every spelling in the wild, writing one.

Inside the program a point in time is integer milliseconds since the Unix epoch, a relative time is
integer milliseconds; on the wire both carry exactly three decimals. This module must not know the clock.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)[T ](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)\Z",
    re.ASCII,
)
_RELATIVE_TIME = re.compile(
    r"(?P<sign>-?)(?P<hours>\d{1,9}):(?P<minutes>[0-5]\d):(?P<seconds>[0-5]\d)(?:\.(?P<fraction>\d+))?\Z",
    re.ASCII,
)

_CANONICAL_TIME = re.compile(
    r"[1-8]\d{3}-\d\d-\d\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}(Z|\+([01]\d|2[0-3]):[0-5]\d|-(0[1-9]|1\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)
_CANONICAL_RELATIVE_TIME = re.compile(r"(0|[1-9]\d{0,8}):[0-5]\d:[0-5]\d\.\d{3}\Z", re.ASCII)
"""Nearly all that are canonical already, as the server writes them itself."""

ZONES_KEPT_MAX = 256
"""Times whose zone is remembered: the zone of a contest is that of its start, and asked for with every moment."""

MOMENTS_KEPT_MAX = 1_024
"""Moments that are remembered in either form: what many write in the same millisecond is read again when it is kept."""

KEPT_CHARACTERS_MAX = 32
"""Longer texts are not remembered: a fraction may have any number of digits."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

ZONE_BELOW = timedelta(days=1)
"""No zone is a whole day or more away from UTC."""

TIME_MS_MIN = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
TIME_MS_MAX = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
"""The moments that a TIME can hold in UTC: the years 1 to 9999."""


def parse_time_ms(text: str) -> int:
    """Milliseconds since the epoch of a TIME; further decimals are cut off. Raises ValueError."""
    if _CANONICAL_TIME.match(text):
        return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    return _parse_time(text)[0]


def canonical_time(text: str) -> str:
    """The same TIME with three decimals, in its own zone, which is spelled `Z` or with hours and minutes.

    Raises ValueError.
    """
    if _CANONICAL_TIME.match(text):
        datetime.fromisoformat(text)  # There is such a day.
        return text
    time_ms, zone = _parse_time(text)
    written = format_time(time_ms, zone)
    return written if text.endswith("Z") else written.replace("Z", "+00:00")


def format_time(time_ms: int, zone: timezone = UTC) -> str:
    """A TIME with three decimals in the given zone; UTC is written `Z`.

    A moment before the first or behind the last that a TIME can hold is written as that one; at these edges a zone
    in which it would be of another millennium gives way to UTC.
    """
    return _written_time(time_ms, zone)


@lru_cache(maxsize=ZONES_KEPT_MAX)
def zone_of(text: str) -> timezone:
    """The zone in which a TIME is written. Raises ValueError."""
    return _parse_time(text)[1]


def parse_relative_time_ms(text: str) -> int:
    """Milliseconds of a RELTIME, negative before the start; zero-padded hours are read too. Raises ValueError."""
    return _known_relative_time_ms(text) if len(text) <= KEPT_CHARACTERS_MAX else _read_relative_time_ms(text)


def canonical_relative_time(text: str) -> str:
    """The same RELTIME with three decimals and hours without padding. Raises ValueError."""
    if _CANONICAL_RELATIVE_TIME.match(text):
        return text
    return format_relative_time(parse_relative_time_ms(text))


def format_relative_time(relative_time_ms: int) -> str:
    """A RELTIME with three decimals: `h:mm:ss.sss`, with `-` in front before the start."""
    return _written_relative_time(relative_time_ms)


@lru_cache(maxsize=MOMENTS_KEPT_MAX)
def _written_time(time_ms: int, zone: timezone) -> str:
    moment = _EPOCH + timedelta(milliseconds=min(max(time_ms, TIME_MS_MIN), TIME_MS_MAX))
    try:
        moment = moment.astimezone(zone)
    except OverflowError:
        moment = moment.astimezone(UTC)
    text = moment.isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _read_relative_time_ms(text: str) -> int:
    match = _RELATIVE_TIME.match(text)
    if match is None:
        raise ValueError(f"not a relative time (h:mm:ss.sss): {text!r}")
    sign, hours, minutes, seconds, fraction = match.groups()
    magnitude_ms = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1000 + _fraction_ms(fraction)
    return -magnitude_ms if sign else magnitude_ms


_known_relative_time_ms = lru_cache(maxsize=MOMENTS_KEPT_MAX)(_read_relative_time_ms)


@lru_cache(maxsize=MOMENTS_KEPT_MAX)
def _written_relative_time(relative_time_ms: int) -> str:
    sign = "-" if relative_time_ms < 0 else ""
    seconds, milliseconds = divmod(abs(relative_time_ms), 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"{sign}{hours}:{minute:02}:{second:02}.{milliseconds:03}"


def _parse_time(text: str) -> tuple[int, timezone]:
    match = _TIME.match(text)
    if match is None:
        raise ValueError(f"not a time (yyyy-mm-ddThh:mm:ss.sss+hh:mm): {text!r}")
    zone = _parse_zone(match["zone"])
    whole = datetime.fromisoformat(f"{match['date']}T{match['clock']}").replace(tzinfo=zone)
    time_ms = (whole - _EPOCH) // _MILLISECOND + _fraction_ms(match["fraction"])
    if not TIME_MS_MIN <= time_ms <= TIME_MS_MAX:
        raise ValueError(f"not in the years 1 to 9999 of UTC: {text!r}")
    return time_ms, zone


def _parse_zone(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    digits = text[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    if offset >= ZONE_BELOW:
        raise ValueError(f"there is no time zone {text}")
    return timezone(sign * offset) if offset else UTC


def _fraction_ms(digits: str | None) -> int:
    return int(digits[:3].ljust(3, "0")) if digits else 0
