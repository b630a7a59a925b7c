"""The stand-in for Codeforces: contest.list, user.info, user.rating, user.status, contest.standings, contest.status.

It answers as the API does (envelopes, refusals with status 400, 1-based paging). This module must not know who asks.
"""

from collections.abc import Mapping, Sequence

import msgspec

from tests.platform_servers.faults import Answer
from tests.platform_servers.server import Asked, JsonValue, PlatformServer, Row, nothing_here, said, whole_number

ANONYMOUS_STANDINGS = (
    "contestId: Non-gym contest standings for non-admin users are available only via anonymous GET requests "
    "with no extra parameters"
)


class Handle(msgspec.Struct, kw_only=True):
    """What there is of one handle: a User, its RatingChanges oldest first, its Submissions newest first."""

    user: Row
    rating_changes: list[Row]
    submissions: list[Row]


class Results(msgspec.Struct, kw_only=True):
    """What there is of one contest: the result of contest.standings, and all Submissions, newest first."""

    standings: Row
    submissions: list[Row]


class CodeforcesServer(PlatformServer):
    """What it knows may be changed at any time."""

    def __init__(self, contests: Sequence[Row] = ()) -> None:
        """It knows no handles."""
        super().__init__()
        self.contests: list[Row] = list(contests)
        self.handles: dict[str, Handle] = {}
        self.results: dict[int, Results] = {}
        self.submissions_at_once: int | None = None
        """No more are given, however many are asked for."""

    def add_handle(self, handle: Handle) -> None:
        """Know one more; case does not tell handles apart."""
        self.handles[str(handle.user["handle"]).casefold()] = handle

    def answer(self, asked: Asked) -> Answer:
        """The answer of a method of the API."""
        match asked.path:
            case "/api/contest.list":
                return _ok([*self.contests])
            case "/api/user.info":
                return self._info(asked.query)
            case "/api/user.rating" | "/api/user.status":
                return self._of_handle(asked)
            case "/api/contest.standings" | "/api/contest.status":
                return self._of_contest(asked)
        return nothing_here()

    def limit_answer(self) -> Answer:
        """Who asks too often gets an envelope."""
        return _failed("Call limit exceeded")

    def _info(self, query: Mapping[str, str]) -> Answer:
        users: list[JsonValue] = []
        for name in query.get("handles", "").split(";"):
            known = self.handles.get(name.casefold())
            if known is None:
                return _failed(f"handles: User with handle {name} not found")
            users.append(known.user)
        return _ok(users)

    def _of_handle(self, asked: Asked) -> Answer:
        name = asked.query.get("handle", "")
        known = self.handles.get(name.casefold())
        if known is None:
            return _failed(f"handle: User with handle {name} not found")
        if asked.path == "/api/user.rating":
            return _ok([*known.rating_changes])
        return _ok(_part(known.submissions, asked.query))

    def _of_contest(self, asked: Asked) -> Answer:
        contest_id = whole_number(asked.query.get("contestId"), -1)
        known = self.results.get(contest_id)
        if known is None:
            listed = any(contest["id"] == contest_id for contest in self.contests)
            return _failed(f"contestId: Contest with id {contest_id} {'has not started' if listed else 'not found'}")
        if asked.path == "/api/contest.status":
            return _ok(_part(known.submissions, asked.query)[: self.submissions_at_once])
        if set(asked.query) - {"contestId", "lang"}:
            return _failed(ANONYMOUS_STANDINGS)
        return _ok(known.standings)


def _part(submissions: Sequence[Row], query: Mapping[str, str]) -> list[JsonValue]:
    first = whole_number(query.get("from"), 1)
    return [*submissions[first - 1 : first - 1 + whole_number(query.get("count"), len(submissions))]]


def _ok(result: JsonValue) -> Answer:
    return said({"status": "OK", "result": result})


def _failed(comment: str) -> Answer:
    return said({"status": "FAILED", "comment": comment}, 400)
