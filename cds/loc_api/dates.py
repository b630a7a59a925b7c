"""Dates on the wire of the League of Code API: in UTC, without an offset (requirements-003, 6.10).

Pure. This module must not know what happens at a date.
"""

import re
from datetime import UTC, datetime, timedelta

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}[ Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)? ?(?:[Zz]|[+-]\d{2}:?\d{2})?", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

MS_PER_S = 1_000


class Instant:
    """A moment that was sent, in milliseconds since the Unix epoch, of whole seconds."""

    __slots__ = ("ms",)

    def __init__(self, ms: int) -> None:
        """A moment."""
        self.ms = ms


def read_date(text: str) -> int:
    """Milliseconds since the Unix epoch: `YYYY-MM-DD HH:MM[:SS]`, with a space or `T`, in UTC or with an offset.

    Parts of a second are dropped: no answer shows them, and a form that sends back what it was shown changes nothing.
    Raises ValueError for anything else, and for a date that there is not.
    """
    if not _DATE.fullmatch(text):
        raise ValueError("no date of the form YYYY-MM-DD HH:MM[:SS]")
    read = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "").upper())
    try:
        moment = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError("no date that the calendar has") from None
    return (moment - _EPOCH) // _SECOND * MS_PER_S


def shown_date(moment_ms: int) -> str:
    """`YYYY-MM-DD HH:MM`, and seconds where there are any; parts of one are dropped."""
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    return moment.replace(tzinfo=None).isoformat(" ", "seconds" if moment.second else "minutes")
