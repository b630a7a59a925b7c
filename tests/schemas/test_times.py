"""TIME and RELTIME: every spelling in the wild is read, one is written (JSON Format, "Types")."""

from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import (
    canonical_relative_time,
    canonical_time,
    format_relative_time,
    format_time,
    parse_relative_time_ms,
    parse_time_ms,
    zone_of,
)

TIMES_MS = st.integers(-(10**12), 4 * 10**12)
RELATIVE_TIMES_MS = st.integers(-(10**10), 10**10)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(TIMES_MS, ZONES)
def test_a_time_survives_writing_and_reading(time_ms: int, zone: timezone) -> None:
    """To the millisecond, in any zone, and the zone with it."""
    text = format_time(time_ms, zone)
    assert parse_time_ms(text) == time_ms
    assert zone_of(text).utcoffset(None) == zone.utcoffset(None)
    assert canonical_time(text) == text


@given(RELATIVE_TIMES_MS)
def test_a_relative_time_survives_writing_and_reading(relative_time_ms: int) -> None:
    text = format_relative_time(relative_time_ms)
    assert parse_relative_time_ms(text) == relative_time_ms
    assert canonical_relative_time(text) == text


@given(st.lists(RELATIVE_TIMES_MS, min_size=2, max_size=2, unique=True))
def test_different_relative_times_are_written_differently(pair: list[int]) -> None:
    assert format_relative_time(pair[0]) != format_relative_time(pair[1])


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2014-06-25T10:00:00+01", "2014-06-25T10:00:00.000+01:00"),
        ("2014-06-25T10:00:00.5+0130", "2014-06-25T10:00:00.500+01:30"),
        ("2014-06-25 10:00:00.123456Z", "2014-06-25T10:00:00.123Z"),
        ("2014-06-25T10:00:00+00", "2014-06-25T10:00:00.000+00:00"),
        ("2014-06-25T10:00:00-00:00", "2014-06-25T10:00:00.000+00:00"),
        ("2014-06-25T10:00:00.999-05", "2014-06-25T10:00:00.999-05:00"),
    ],
)
def test_spellings_of_times(text: str, canonical: str) -> None:
    """Short zones, a blank for T, more or fewer decimals: cut off, never rounded."""
    assert canonical_time(text) == canonical


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("5:00:00", "5:00:00.000"),
        ("05:00:00.1", "5:00:00.100"),
        ("-0:00:01.0009", "-0:00:01.000"),
        ("100:59:59.999", "100:59:59.999"),
        ("-0:00:00.000", "0:00:00.000"),
    ],
)
def test_spellings_of_relative_times(text: str, canonical: str) -> None:
    """Padded hours, any number of decimals, and no negative nothing."""
    assert canonical_relative_time(text) == canonical


@pytest.mark.parametrize("text", ["", "10:00", "2014-06-25", "2014-06-25T10:00:00", "2014-13-25T10:00:00Z", "now", "5"])
def test_what_is_not_a_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_time_ms(text)


@pytest.mark.parametrize("text", ["", "5:00", "5:60:00", "5:00:60", "+1:00:00", "1:0:00", "1:00:00.", "1:00:00 ", "-"])
def test_what_is_not_a_relative_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a relative time"):
        parse_relative_time_ms(text)


def test_utc_is_written_with_z() -> None:
    assert format_time(0) == format_time(0, UTC) == "1970-01-01T00:00:00.000Z"


def test_a_time_before_the_epoch_keeps_its_milliseconds() -> None:
    assert parse_time_ms("1969-12-31T23:59:59.999Z") == -1
