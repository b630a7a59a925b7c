"""One contest of Codeforces asked for with its results: the standings, and the submissions page by page.

This module is pure; it knows in which order the platform tells of submissions, and must not know what they mean.
"""

from collections.abc import Sequence

import msgspec

from cds.platforms.adapters.answers import decoded
from cds.platforms.adapters.codeforces import CODEFORCES, standings, status
from cds.platforms.adapters.codeforces_results import ContestResults
from cds.platforms.questions import Asking, PlatformFailed

PAGE_SUBMISSIONS = 10_000
"""Submissions that are asked for at once: some megabytes."""

OVERLAP_SUBMISSIONS = 100
OVERLAP_PART = 10
"""A page begins with so many of the last one, or with this part of it: what is deleted meanwhile moves the others
forward, and what moves out of sight would be taken for gone."""

PAGES_MAX = 400
"""Pages that are read of one contest."""

LATE_SUBMISSIONS_MAX = 100_000_000
"""Submissions made after the contest that are passed over."""

LATE_S = 3_600
"""So long after the end a submission may have been made and still count: parties may have begun later."""


class _Made(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    creation_time_seconds: int


def contest_results(contest_number: int, now_ms: int) -> Asking[ContestResults]:
    """The contest with all that was submitted in it; `now_ms`: the present moment, milliseconds since the epoch."""
    results = ContestResults((yield from standings(contest_number)), contest_number, now_ms)
    upto = overlap = 0
    for _ in range(PAGES_MAX):
        rows = yield from _page(contest_number, upto - overlap + 1, PAGE_SUBMISSIONS)
        results.take(rows)
        # How many come at once is the platform's to say, so a short page is not the last one; one with nothing new is.
        reached = upto - overlap + len(rows)
        if overlap and not rows:
            raise PlatformFailed(f"{CODEFORCES}: submissions that were there are not any more", kind="malformed")
        if reached <= upto:
            results.check()
            return results
        upto, overlap = reached, min(OVERLAP_SUBMISSIONS, len(rows) // OVERLAP_PART)
        if _is_late(rows[-1:], results.end_s):
            upto = yield from _last_late(contest_number, upto, results.end_s)
    said = f"{CODEFORCES}: more than {PAGES_MAX} pages of submissions"
    raise PlatformFailed(said, kind="too_large", permanent=True)


def _last_late(contest_number: int, late: int, end_s: int | None) -> Asking[int]:
    """A place in the list up to which all were made after the contest; less than a page of these comes behind it.

    The newest submissions come first, and old contests have millions that were made in practice: so a few single ones
    are asked for, further and further back, and then between. What is made meanwhile only moves the others back.
    """

    def is_late(place: int) -> Asking[bool]:
        return _is_late((yield from _page(contest_number, place, 1)), end_s)

    step = PAGE_SUBMISSIONS
    while (yield from is_late(late + step)):
        late += step
        step *= 2
        if late > LATE_SUBMISSIONS_MAX:
            said = f"{CODEFORCES}: no end of the submissions made in practice"
            raise PlatformFailed(said, kind="too_large", permanent=True)
    within = late + step
    while within - late > PAGE_SUBMISSIONS:
        middle = (late + within) // 2
        if (yield from is_late(middle)):
            late = middle
        else:
            within = middle
    return late


def _page(contest_number: int, first: int, count: int) -> Asking[list[msgspec.Raw]]:
    body = yield from status(contest_number, first, count)
    return decoded(body, list[msgspec.Raw], CODEFORCES)


def _is_late(rows: Sequence[msgspec.Raw], end_s: int | None) -> bool:
    """Whether there is a submission and it was made after the contest. One that cannot be read may be of any time."""
    if not rows or end_s is None:
        return False
    try:
        made = msgspec.json.decode(rows[0], type=_Made)
    except (ValueError, OverflowError, RecursionError):
        return False
    return made.creation_time_seconds > end_s + LATE_S
