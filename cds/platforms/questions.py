"""What is asked of a platform and what comes back: values, and the form of a conversation.

A conversation is a generator: it yields questions, is sent replies, and returns what it has found out. Whoever carries
it out knows the network; a conversation knows the platform. This module is pure.
"""

from collections.abc import Callable, Generator, Mapping
from typing import Literal, TypeVar

import msgspec

from schemas.objects import Contest, State

Platform = Literal["codeforces", "leetcode", "codechef", "atcoder"]
PLATFORMS: tuple[Platform, ...] = ("codeforces", "leetcode", "codechef", "atcoder")
"""The platforms, in the order in which they are synced and named in messages (seed 000)."""

HostName = Literal["codeforces", "leetcode", "codechef", "atcoder", "kenkoooo"]
"""Whom to ask: each has a base URL and a rate limit of its own. kenkoooo keeps the past contests of AtCoder."""

USUAL_TOTAL_S = 15.0
"""How long the whole answer to a usual question may take (upstream-formats.md §5)."""

LARGE_TOTAL_S = 30.0
"""The same for answers of some megabytes: ten thousand submissions."""

LARGEST_TOTAL_S = 60.0
"""The same for the largest: the whole standings of a contest."""

FailureKind = Literal[
    "unreachable",
    "timeout",
    "too_large",
    "redirected",
    "status",
    "limited",
    "malformed",
    "refused",
    "not_found",
    "untranslatable",
]
"""Classes of failures, for records and metrics.

`unreachable`: no connection, or one that broke. `too_large`: more bytes than are read. `redirected`: to another host.
`status`: an HTTP status that is no answer. `limited`: we asked too often. `malformed`: not the form that this platform
answers in (HTML for JSON, a body cut short). `refused`: the platform understood and said no; `not_found`: because
there is no such handle or contest. `untranslatable`: an answer of the right form in which no row makes sense.
"""

T = TypeVar("T")


class PlatformFailed(Exception):
    """A platform as a whole did not answer as it ought to; nothing is to be changed.

    `reason` is one line for logs, without secrets, and never part of an answer of ours. `permanent`: to ask again would
    bring the same. `retry_after_s`: for so long the platform wants to be left alone.
    """

    def __init__(
        self,
        reason: str,
        *,
        kind: FailureKind,
        permanent: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind: FailureKind = kind
        self.permanent = permanent
        self.retry_after_s = retry_after_s


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer. Names of headers are in lower case; the body is decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `path` begins with `/` and is the platform's own; `query` is not encoded yet.

    `total_s`: seconds from the request to the end of the answer. `check` raises PlatformFailed for a reply that is no
    answer; whether to ask again is decided by what it raises.
    """

    host: HostName
    method: Literal["GET", "POST"] = "GET"
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    total_s: float = USUAL_TOTAL_S
    check: Callable[[Reply], None]


Asking = Generator[Question, Reply, T]
"""A conversation that comes to a T. It may raise PlatformFailed, and is ended by one that a question came to."""


class FailedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of an answer that could not be translated; `key` is the platform's id where it could be read.

    `type` and `id`: the object here that it would have been, where the rows of an answer are of several types; no id
    where not even that could be read.
    """

    key: str | None
    reason: str
    type: str | None = None
    id: str | None = None


class PlatformContest(msgspec.Struct, frozen=True, kw_only=True):
    """A contest of a platform as we show it. `contest` has its id and `ext.sync`.

    `state` is what follows from the times and from what the platform says of its phase; None where no start is known.
    """

    platform: Platform
    platform_id: str
    contest: Contest
    state: State | None


class FetchedContests(msgspec.Struct, frozen=True, kw_only=True):
    """All contests that a platform lists, each once.

    `bodies_sha256`: hexadecimal, of the bodies of all replies one behind another, for the record of the run.
    """

    rows: tuple[PlatformContest, ...]
    failed: tuple[FailedRow, ...]
    bodies_sha256: str
