"""Codeforces: its contests, and what it says of one handle or one contest (upstream-formats.md §1).

Every answer is an envelope: `{"status":"OK","result":…}` or `{"status":"FAILED","comment":…}`, the latter mostly with
HTTP status 400; so the body is read before the status. This module is pure; it must not know who asks, or when.
"""

from typing import Annotated, Literal

import msgspec

from cds.platforms.adapters.answers import OK, Rows, decoded, one_line, refuse_status, retry_after_s
from cds.platforms.adapters.listed import ListedContest, Phase, platform_contest, rated_by_name
from cds.platforms.questions import (
    LARGE_TOTAL_S,
    LARGEST_TOTAL_S,
    USUAL_TOTAL_S,
    Asking,
    FetchedContests,
    PlatformContest,
    PlatformFailed,
    Question,
    Reply,
)

CODEFORCES: Literal["codeforces"] = "codeforces"

SUBMISSIONS_MAX = 10_000
"""As many submissions of one handle are asked for as the platform gives at once (requirements-001 §1.4)."""

CONTEST_DIGITS_MAX = 9
"""Digits of the number of a contest; those of the platform and of its gym have up to six."""

GYM_ID_MIN = 100_000
"""From this id on a contest is in the gym: it is not listed with the others, and can be asked for by itself."""

LIMIT_COMMENT = "call limit exceeded"
NOT_FOUND_COMMENT = "not found"
PASSING_COMMENT = "temporarily"
"""Parts of comments. Of all refusals only that one passes by itself, besides the limit."""

PHASES = {
    "BEFORE": Phase(name="BEFORE", started=False, ended=False),
    "CODING": Phase(name="CODING", started=True, ended=False),
    "PENDING_SYSTEM_TEST": Phase(name="PENDING_SYSTEM_TEST", started=True, ended=True),
    "SYSTEM_TEST": Phase(name="SYSTEM_TEST", started=True, ended=True),
    "FINISHED": Phase(name="FINISHED", started=True, ended=True, final=True),
}


class CodeforcesUser(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One handle (user.info). Who is not rated has no rank and no ratings."""

    handle: str
    rank: str | None = None
    rating: int | None = None
    max_rank: str | None = None
    max_rating: int | None = None


class RatingChanges(msgspec.Struct, frozen=True, kw_only=True):
    """All rating changes of a handle, oldest first (user.rating). `raw` is the list as the platform wrote it, JSON."""

    count: int
    raw: bytes


class HandleSubmissions(msgspec.Struct, frozen=True, kw_only=True):
    """The newest submissions of a handle, newest first (user.status). `raw` as for rating changes.

    `last_accepted_s`: when the newest one with the verdict OK was made, in seconds since 1970; None without any.
    """

    count: int
    last_accepted_s: int | None
    raw: bytes


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    status: Literal["OK", "FAILED"]
    comment: str | None = None
    result: msgspec.Raw = msgspec.Raw()

    @property
    def has_result(self) -> bool:
        return bytes(self.result) not in (b"", b"null")


class _Contest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: Annotated[int, msgspec.Meta(ge=1)]
    name: str
    type: str
    phase: str
    frozen: bool | None = None
    duration_seconds: int
    freeze_duration_seconds: int | None = None
    start_time_seconds: int | None = None


class _RatingChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    contest_id: int
    new_rating: int


MOMENT_S_MAX = 253_402_300_799
"""The last second of the year 9999, in seconds since 1970."""


class _Submission(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    id: int
    creation_time_seconds: Annotated[int, msgspec.Meta(ge=0, le=MOMENT_S_MAX)]
    verdict: str | None = None


def contest_number(said: str) -> str | None:
    """The number of a contest that somebody has written, as the platform writes it; None for what is none."""
    if not (said.isascii() and said.isdigit() and len(said) <= CONTEST_DIGITS_MAX):
        return None
    return said.lstrip("0") or None


def contests(now_ms: int) -> Asking[FetchedContests]:
    """All contests but those of gyms; the platform does not page them."""
    reply = yield _question("contest.list", ("gym", "false"), ("lang", "en"))
    rows = Rows()
    rows.take(
        (bytes(raw) for raw in decoded(_result(reply), list[msgspec.Raw], CODEFORCES)),
        lambda raw: contest_from(raw, now_ms),
    )
    return rows.fetched([reply.body], CODEFORCES)


def contest_from(raw: bytes, now_ms: int) -> PlatformContest:
    """A Contest object of the API, JSON. Raises ValueError."""
    row = msgspec.json.decode(raw, type=_Contest)
    phase = PHASES.get(row.phase)
    if phase is not None and row.frozen is not None:
        phase = msgspec.structs.replace(phase, frozen=row.frozen)
    rated, rated_range = rated_by_name(row.name)
    return platform_contest(
        ListedContest(
            platform=CODEFORCES,
            key=str(row.id),
            name=row.name,
            start_s=row.start_time_seconds,
            duration_s=row.duration_seconds,
            freeze_s=row.freeze_duration_seconds,
            pass_fail=row.type == "ICPC",
            type=row.type,
            phase=phase,
            url=f"https://codeforces.com/{'gym' if row.id >= GYM_ID_MIN else 'contest'}/{row.id}",
            rated=rated,
            rated_range=rated_range,
        ),
        now_ms,
    )


def user_info(handle: str) -> Asking[CodeforcesUser]:
    """One handle, in the platform's own spelling. Whoever else the answer is about is not taken for them."""
    reply = yield _question("user.info", ("handles", handle))
    users = decoded(_result(reply), list[CodeforcesUser], CODEFORCES)
    if len(users) != 1:
        raise PlatformFailed(f"{CODEFORCES}: {len(users)} users for one handle", kind="malformed")
    if users[0].handle.casefold() != handle.casefold():
        # Handles that were given up lead to their owners' new ones; the other two questions know the new one alone.
        raise PlatformFailed(f"{CODEFORCES}: a user of another handle", kind="malformed", permanent=True)
    return users[0]


def user_rating(handle: str) -> Asking[RatingChanges]:
    """The rating changes of a handle."""
    reply = yield _question("user.rating", ("handle", handle))
    raw = _result(reply)
    return RatingChanges(count=len(decoded(raw, list[_RatingChange], CODEFORCES)), raw=raw)


def user_status(handle: str) -> Asking[HandleSubmissions]:
    """The newest submissions of a handle, of whatever kind: practice and virtual contests count."""
    reply = yield _question(
        "user.status",
        ("handle", handle),
        ("from", "1"),
        ("count", str(SUBMISSIONS_MAX)),
        total_s=LARGE_TOTAL_S,
    )
    raw = _result(reply)
    submissions = decoded(raw, list[_Submission], CODEFORCES)
    accepted = (each.creation_time_seconds for each in submissions if each.verdict == "OK")
    return HandleSubmissions(count=len(submissions), last_accepted_s=max(accepted, default=None), raw=raw)


def standings(contest_id: int) -> Asking[bytes]:
    """The result of contest.standings, JSON: the whole table, as anonymous callers may give no other parameter."""
    reply = yield _question("contest.standings", ("contestId", str(contest_id)), total_s=LARGEST_TOTAL_S)
    return _result(reply)


def status(contest_id: int, first: int, count: int) -> Asking[bytes]:
    """The result of contest.status, JSON: so many submissions, newest first, from the one numbered `first` (from 1)."""
    reply = yield _question(
        "contest.status",
        ("contestId", str(contest_id)),
        ("from", str(first)),
        ("count", str(count)),
        total_s=LARGE_TOTAL_S,
    )
    return _result(reply)


def check(reply: Reply) -> None:
    """Raise PlatformFailed for a reply that is no envelope, or one that says FAILED."""
    try:
        envelope = msgspec.json.decode(reply.body, type=_Envelope)
    except (ValueError, OverflowError, RecursionError) as error:
        # The envelope of a refusal has any status, so only what has no envelope is judged by its status.
        if reply.status == OK:
            raise PlatformFailed(f"{CODEFORCES}: {one_line(str(error))}", kind="malformed") from error
        refuse_status(reply, CODEFORCES)
        return
    if envelope.status == "OK" and envelope.has_result and reply.status == OK:
        return
    if envelope.status == "OK":
        refuse_status(reply, CODEFORCES)
        raise PlatformFailed(f"{CODEFORCES}: OK without a result", kind="malformed")
    raise _refusal(reply, one_line(envelope.comment or "FAILED without a comment"))


def _refusal(reply: Reply, comment: str) -> PlatformFailed:
    said = f"{CODEFORCES}: {comment}"
    if LIMIT_COMMENT in comment.casefold():
        return PlatformFailed(said, kind="limited", retry_after_s=retry_after_s(reply))
    if NOT_FOUND_COMMENT in comment.casefold():
        return PlatformFailed(said, kind="not_found", permanent=True)
    return PlatformFailed(said, kind="refused", permanent=PASSING_COMMENT not in comment.casefold())


def _question(method: str, *query: tuple[str, str], total_s: float = USUAL_TOTAL_S) -> Question:
    return Question(host=CODEFORCES, path=f"/api/{method}", query=query, total_s=total_s, check=check)


def _result(reply: Reply) -> bytes:
    """The result of a reply that has been checked."""
    return bytes(decoded(reply.body, _Envelope, CODEFORCES).result)
