"""Dates of the League of Code API: what is taken, and what is shown (requirements-003, 6.10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.loc_api.dates import read_date, shown_date

NEW_YEAR_2017_MS = 1_483_228_800_000
LATEST_MS = 253_402_300_799_999


@pytest.mark.parametrize(
    "text",
    [
        "2017-01-01 00:00",
        "2017-01-01 00:00:00",
        "2017-01-01T00:00",
        "2017-01-01T00:00:00Z",
        "2017-01-01 00:00:00.000",
        "2017-01-01 00:00:00.999",
        "2017-01-01 01:00+01:00",
        "2017-01-01 01:00 +01:00",
        "2017-01-01T01:00:00+0100",
        "2016-12-31T23:30:00.000-00:30",
    ],
)
def test_one_moment_in_every_spelling(text: str) -> None:
    assert read_date(text) == NEW_YEAR_2017_MS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2017-01-01",
        "2017-13-01 00:00",
        "2017-02-29 00:00",
        "2017-01-01 24:01",
        "17-01-01 00:00",
        "2017-01-01 00:00 CET",
        "2017-01-01 00:00\n",
        "0001-01-01 00:00+01:00",
        "٢٠١٧-01-01 00:00",
        "1483228800",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|month|day|range|hour|calendar"):
        read_date(text)


def test_seconds_are_shown_where_there_are_any() -> None:
    assert shown_date(NEW_YEAR_2017_MS) == "2017-01-01 00:00"
    assert shown_date(NEW_YEAR_2017_MS + 30_999) == "2017-01-01 00:00:30"


@given(st.integers(0, LATEST_MS))
def test_what_is_shown_is_read_as_the_same_second(moment_ms: int) -> None:
    assert read_date(shown_date(moment_ms)) == moment_ms // 1_000 * 1_000


def test_a_time_before_the_epoch_loses_its_parts_of_a_second_too() -> None:
    assert read_date("1969-12-31 23:59:59.500") == -1_000
    assert shown_date(-1_000) == "1969-12-31 23:59:59"
