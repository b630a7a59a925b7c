"""LeetCode: its contests, from one GraphQL query that nobody has documented (upstream-formats.md §2).

This module is pure; it must not know who asks, or when.
"""

from typing import Literal
from urllib.parse import quote

import msgspec

from cds.platforms.adapters.answers import Rows, decoded, one_line, refuse_status
from cds.platforms.adapters.listed import ListedContest, platform_contest, rated_by_name
from cds.platforms.questions import Asking, FetchedContests, PlatformContest, PlatformFailed, Question, Reply

LEETCODE: Literal["leetcode"] = "leetcode"
ORIGIN = "https://leetcode.com"

QUERY = (
    "query allContests { allContests "
    "{ title titleSlug startTime duration originStartTime isVirtual cardImg description } }"
)
HEADERS = (
    ("Content-Type", "application/json"),
    # Without these the platform takes the question for a forgery and answers 403.
    ("Origin", ORIGIN),
    ("Referer", f"{ORIGIN}/contest/"),
)

TYPES = {"weekly-contest-": "weekly", "biweekly-contest-": "biweekly"}
"""How the slug of a contest begins → what kind of contest it is. The platform says it nowhere else."""


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    message: str = "an error without a message"


class _Data(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    all_contests: list[msgspec.Raw] | None = None


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    data: _Data | None = None
    errors: list[_Message] | None = None


class _Contest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    title: str
    title_slug: str
    start_time: int | None = None
    duration: int
    origin_start_time: int | None = None


class _Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    operation_name: str
    variables: dict[str, str]
    query: str


def contests(now_ms: int) -> Asking[FetchedContests]:
    """All contests since the first; the platform does not page them."""
    reply = yield Question(
        host=LEETCODE,
        method="POST",
        path="/graphql",
        headers=HEADERS,
        body=msgspec.json.encode(_Body(operation_name="allContests", variables={}, query=QUERY)),
        check=check,
    )
    rows = Rows()
    rows.take((bytes(raw) for raw in _listed(reply)), lambda raw: contest_from(raw, now_ms))
    return rows.fetched([reply.body], LEETCODE)


def contest_from(raw: bytes, now_ms: int) -> PlatformContest:
    """A ContestNode of the GraphQL API, JSON. Raises ValueError."""
    row = msgspec.json.decode(raw, type=_Contest)
    rated, rated_range = rated_by_name(row.title)
    return platform_contest(
        ListedContest(
            platform=LEETCODE,
            key=row.title_slug,
            name=row.title,
            # The start of a contest that is held again as a virtual one moves; the original one does not.
            start_s=row.start_time if row.origin_start_time is None else row.origin_start_time,
            duration_s=row.duration,
            type=next((type for beginning, type in TYPES.items() if row.title_slug.startswith(beginning)), None),
            url=f"{ORIGIN}/contest/{quote(row.title_slug, safe='')}",
            rated=rated,
            rated_range=rated_range,
        ),
        now_ms,
    )


def check(reply: Reply) -> None:
    """Raise PlatformFailed for a reply without a list of contests: an error, a page of Cloudflare."""
    refuse_status(reply, LEETCODE)
    _listed(reply)


def _listed(reply: Reply) -> list[msgspec.Raw]:
    answer = decoded(reply.body, _Answer, LEETCODE)
    if answer.errors:
        raise PlatformFailed(f"{LEETCODE}: {one_line(answer.errors[0].message)}", kind="refused")
    if answer.data is None or answer.data.all_contests is None:
        # Nothing is not the same as no contests: it would look as if all had gone (requirements-000 §3.9).
        raise PlatformFailed(f"{LEETCODE}: an answer without allContests", kind="malformed")
    return answer.data.all_contests
