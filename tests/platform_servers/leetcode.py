"""The stand-in for LeetCode: one GraphQL query. This module must not know who asks."""

import json
from collections.abc import Sequence

from tests.platform_servers.faults import Answer
from tests.platform_servers.server import Asked, PlatformServer, Row, nothing_here, page, said


class LeetCodeServer(PlatformServer):
    """What it knows may be changed at any time."""

    def __init__(self, contests: Sequence[Row] = ()) -> None:
        """It answers well."""
        super().__init__()
        self.contests: list[Row] = list(contests)
        self.errors: list[str] = []
        """Errors with which it answers, with status 200 and without data."""
        self.has_all_contests = True
        """Whether its answers have a list of contests at all."""

    def answer(self, asked: Asked) -> Answer:
        """The answer to a query; a question that does not look like one of its own pages is refused."""
        if asked.path != "/graphql":
            return nothing_here()
        if asked.method != "POST" or "referer" not in asked.headers:
            return page("CSRF verification failed. Request aborted.", 403)
        if not asked.headers.get("content-type", "").startswith("application/json"):
            return said({"errors": [{"message": "Must provide query string."}]}, 400)
        if self.errors:
            return said({"errors": [{"message": message} for message in self.errors], "data": None})
        if "allContests" not in json.loads(asked.body)["query"]:
            return said({"errors": [{"message": "Cannot query this field on type 'Query'."}]}, 400)
        return said({"data": {"allContests": [*self.contests]} if self.has_all_contests else {}})
