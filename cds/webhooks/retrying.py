"""When a call that failed is made again: soon at first, then ever more rarely, and never all at the same moment.

This module is pure: chance and clock are arguments.
"""

from datetime import datetime
from email.utils import parsedate_to_datetime

FIRST_PAUSE_S = 0.5
GROWTH = 2.0
PAUSE_S_MAX = 60.0
RETRY_AFTER_S_MAX = 300.0
"""The longest pause that a receiver may ask for."""

DOUBLINGS_MAX = 32


def pause_s(failures: int, chance: float, retry_after_s: float | None = None) -> float:
    """Seconds until the next call after so many failures in a row (from 1); `chance` is from 0 to 1.

    Half of the pause is left to chance, so that receivers that came back together are not called together. What the
    receiver asked for (`Retry-After`) is the least, within limits.
    """
    whole_s = min(FIRST_PAUSE_S * GROWTH ** min(failures - 1, DOUBLINGS_MAX), PAUSE_S_MAX)
    chosen_s = whole_s * (1 + chance) / 2
    return chosen_s if retry_after_s is None else max(chosen_s, min(retry_after_s, RETRY_AFTER_S_MAX))


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for (RFC 9110, section 10.2.3), None where it says nothing readable."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # More digits than this are more than the limit in any case.
        return float(text[:10])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # Years and zones of any size can be written down; those that no date can have are ones nobody can mean.
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=now.tzinfo)
    return max((moment - now).total_seconds(), 0.0)
