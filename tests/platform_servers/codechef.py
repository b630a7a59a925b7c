"""The stand-in for CodeChef: the list of contests, and the pages of past ones. This module must not know who asks."""

from collections.abc import Sequence

from tests.platform_servers.faults import Answer
from tests.platform_servers.server import Asked, PlatformServer, Row, nothing_here, said, whole_number

PAGE_ROWS = 20


class CodeChefServer(PlatformServer):
    """What it knows may be changed at any time; past contests newest first."""

    def __init__(self, past: Sequence[Row] = (), present: Sequence[Row] = (), future: Sequence[Row] = ()) -> None:
        """It answers well."""
        super().__init__()
        self.past: list[Row] = list(past)
        self.present: list[Row] = list(present)
        self.future: list[Row] = list(future)
        self.practice: list[Row] = []
        self.status = "success"
        """What its answers say of themselves; anything else comes without lists, still with HTTP status 200."""

    def answer(self, asked: Asked) -> Answer:
        """A list."""
        if asked.path not in ("/api/list/contests/all", "/api/list/contests/past"):
            return nothing_here()
        if self.status != "success":
            return said({"status": self.status, "message": "Something went wrong"})
        if asked.path == "/api/list/contests/all":
            return said(
                {
                    "status": "success",
                    "message": "All contests list",
                    "present_contests": [*self.present],
                    "future_contests": [*self.future],
                    "practice_contests": [*self.practice],
                    "past_contests": [*self.past[:PAGE_ROWS]],
                }
            )
        offset = whole_number(asked.query.get("offset"), 0)
        rows = self.past[offset : offset + PAGE_ROWS]
        return said({"status": "success", "message": "past contests list", "contests": [*rows]})
