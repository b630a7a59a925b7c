"""When a call is made again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.webhooks.retrying import PAUSE_S_MAX, RETRY_AFTER_S_MAX, pause_s, retry_after_s

NOON = datetime(2031, 5, 17, 12, 0, 0, tzinfo=UTC)


def test_the_first_call_again_comes_within_a_second_and_the_later_ones_ever_later() -> None:
    assert 0 < pause_s(1, 0.0) < pause_s(1, 1.0) <= 1.0
    longest = [pause_s(failures, 1.0) for failures in range(1, 12)]
    assert longest[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert longest == sorted(longest)
    assert longest[-1] == PAUSE_S_MAX


@given(failures=st.integers(1, 10**9), chance=st.floats(0, 1), asked_s=st.none() | st.floats(0, 1e12))
def test_a_pause_is_never_longer_than_the_limits(failures: int, chance: float, asked_s: float | None) -> None:
    pause = pause_s(failures, chance, asked_s)
    assert 0 < pause <= max(PAUSE_S_MAX, 0 if asked_s is None else RETRY_AFTER_S_MAX)
    assert asked_s is None or pause >= min(asked_s, RETRY_AFTER_S_MAX)


@pytest.mark.parametrize(
    ("header", "expected_s"),
    [
        (None, None),
        ("120", 120.0),
        (" 0 ", 0.0),
        ("9" * 400, 9_999_999_999.0),
        ("Sat, 17 May 2031 12:01:30 GMT", 90.0),
        ("Sat, 17 May 2031 11:00:00 GMT", 0.0),
        ("Sat, 17 May 2031 12:00:01 -0000", 1.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("²", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 2031 00:00:00 -99999999999999", None),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
    ],
)
def test_what_a_receiver_asks_for_is_read(header: str | None, expected_s: float | None) -> None:
    assert retry_after_s(header, NOON) == expected_s


@given(header=st.text() | st.from_regex(r"Mon, \d{1,30} Jan \d{1,30} \d{1,9}:\d{1,9}:\d{1,9} [+-]?\d{0,30}"))
def test_no_header_is_too_strange(header: str) -> None:
    asked_s = retry_after_s(header, NOON)
    assert asked_s is None or asked_s >= 0
