"""CodeChef: its contests, from the lists that its own pages are made of (upstream-formats.md §3).

One list holds what is running, what is to come, and the newest of what is past; all that is past comes in pages.
This module is pure; it must not know who asks, or when.
"""

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote

import msgspec

from cds.platforms.adapters.answers import Rows, decoded, one_line, refuse_status
from cds.platforms.adapters.listed import ListedContest, platform_contest, rated_by_name
from cds.platforms.questions import Asking, FetchedContests, PlatformContest, PlatformFailed, Question, Reply
from schemas.times import parse_time_ms

CODECHEF: Literal["codechef"] = "codechef"

PAGE_ROWS = 20
"""Rows of a page of past contests; one with fewer is the last."""

PAGES_MAX = 2_000
"""Pages of past contests, ten times as many as there are: a platform that never ends them has failed."""

PAGES_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of all pages together, which are kept until the last has come; thirty times as many as there are."""

ORDER = (("sort_by", "START"), ("sorting_order", "desc"))


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """What every answer says of itself."""

    status: str
    message: str | None = None


class _All(_Said, frozen=True, kw_only=True):
    present_contests: list[msgspec.Raw]
    future_contests: list[msgspec.Raw]
    past_contests: list[msgspec.Raw]


class _Past(_Said, frozen=True, kw_only=True):
    contests: list[msgspec.Raw]


class _Contest(msgspec.Struct, frozen=True, kw_only=True):
    contest_code: str
    contest_name: str
    contest_start_date_iso: str
    contest_end_date_iso: str
    distinct_users: int | None = None


def contests(now_ms: int) -> Asking[FetchedContests]:
    """All contests but the practice ones, which have no times: the list, then the pages of past ones to the last."""
    rows = Rows()

    def translate(raw: bytes) -> PlatformContest:
        return contest_from(raw, now_ms)

    reply = yield _question("all", 0, _All)
    listed = decoded(reply.body, _All, CODECHEF)
    rows.take(map(bytes, listed.present_contests + listed.future_contests + listed.past_contests), translate)
    bodies = yield from _past(rows, translate)
    return rows.fetched([reply.body, *bodies], CODECHEF)


def contest_from(raw: bytes, now_ms: int) -> PlatformContest:
    """A row of any of the lists, JSON. Raises ValueError.

    Only the dates in ISO form are read: the others are in a time zone that they do not name.
    """
    row = msgspec.json.decode(raw, type=_Contest)
    start_ms, end_ms = parse_time_ms(row.contest_start_date_iso), parse_time_ms(row.contest_end_date_iso)
    rated, rated_range = rated_by_name(row.contest_name)
    return platform_contest(
        ListedContest(
            platform=CODECHEF,
            key=row.contest_code,
            name=row.contest_name,
            start_s=start_ms // 1000,
            duration_s=(end_ms - start_ms) // 1000,
            pass_fail=True,
            url=f"https://www.codechef.com/{quote(row.contest_code, safe='')}",
            rated=rated,
            rated_range=rated_range,
            participants=row.distinct_users,
        ),
        now_ms,
    )


def _past(rows: Rows, translate: Callable[[bytes], PlatformContest]) -> Asking[list[bytes]]:
    """Take the rows of all pages of past contests; the bodies of the pages come back.

    A contest that ends meanwhile pushes others to the next page, where they come again; none is left out by that.
    """
    bodies: list[bytes] = []
    size_bytes = 0
    seen: set[bytes] = set()
    for page in range(PAGES_MAX):
        reply = yield _question("past", page * PAGE_ROWS, _Past)
        raw_rows = [bytes(raw) for raw in decoded(reply.body, _Past, CODECHEF).contests]
        rows.take(raw_rows, translate, "past")
        bodies.append(reply.body)
        size_bytes += len(reply.body)
        if size_bytes > PAGES_BYTES_MAX:
            raise PlatformFailed(f"{CODECHEF}: more than {PAGES_BYTES_MAX} bytes of past contests", kind="too_large")
        if len(raw_rows) < PAGE_ROWS:
            return bodies
        if seen.issuperset(raw_rows):
            raise PlatformFailed(f"{CODECHEF}: page {page + 1} of past contests holds nothing new", kind="malformed")
        seen.update(raw_rows)
    raise PlatformFailed(f"{CODECHEF}: more than {PAGES_MAX} pages of past contests", kind="malformed")


def _question(which: Literal["all", "past"], offset: int, form: type[_Said]) -> Question:
    def check(reply: Reply) -> None:
        refuse_status(reply, CODECHEF)
        said = decoded(reply.body, _Said, CODECHEF)
        if said.status != "success":
            raise PlatformFailed(f"{CODECHEF}: {one_line(f'{said.status}: {said.message}')}", kind="refused")
        decoded(reply.body, form, CODECHEF)

    return Question(
        host=CODECHEF,
        path=f"/api/list/contests/{which}",
        query=(*ORDER, ("offset", str(offset)), ("mode", "all")),
        check=check,
    )
