"""The stand-ins for AtCoder, whose contests stand on pages, and for kenkoooo, who collects the past ones.

This module must not know who asks.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from html import escape

import msgspec

from tests.platform_servers.faults import Answer
from tests.platform_servers.server import Asked, PlatformServer, Row, nothing_here, page, said, whole_number

JAPAN = timezone(timedelta(hours=9))
ARCHIVE_ROWS = 50

TABLE_HEAD = (
    '<table class="table table-default table-striped table-hover table-condensed table-bordered small">\n'
    '<thead><tr><th width="17%" class="text-center">Start Time</th><th>Contest Name</th>'
    '<th width="8%" class="text-center">Duration</th><th width="15%" class="text-center">Rated Range</th>'
    "</tr></thead>\n"
    "<tbody>\n"
)
TABLE_END = "</tbody></table>"


class AtCoderContest(msgspec.Struct, frozen=True, kw_only=True):
    """A contest as a row of a table shows it."""

    id: str
    name: str
    start_s: int
    duration_minutes: int = 100
    heuristic: bool = False
    rated: str = " - 1999"

    @property
    def row(self) -> str:
        """The row, with the marks that the real one has."""
        start = datetime.fromtimestamp(self.start_s, UTC).astimezone(JAPAN)
        symbol, kind = ("Ⓗ", "Heuristic") if self.heuristic else ("Ⓐ", "Algorithm")
        hours, minutes = divmod(self.duration_minutes, 60)
        return (
            "<tr>\n"
            '<td class="text-center"><a href=\'http://www.timeanddate.com/worldclock/fixedtime.html?'
            f"iso={start:%Y%m%dT%H%M}&p1=248' target='blank'><time class='fixtime fixtime-full'>"
            f"{start:%Y-%m-%d %H:%M:%S%z}</time></a></td>\n"
            "<td >\n"
            f"<span aria-hidden='true' data-toggle='tooltip' data-placement='top' title=\"{kind}\">{symbol}</span>\n"
            '<span class="user-blue">◉</span>\n'
            f'<a href="/contests/{escape(self.id)}">{escape(self.name)}</a>\n'
            "</td>\n"
            f'<td class="text-center">{hours:02}:{minutes:02}</td>\n'
            f'<td class="text-center">{escape(self.rated)}</td>\n'
            "</tr>\n"
        )


class AtCoderServer(PlatformServer):
    """The tables of its page by name; a table without rows is left out, as the real page does."""

    def __init__(self, tables: Mapping[str, Sequence[AtCoderContest]]) -> None:
        """Its tables are action, upcoming, daily and recent; the permanent contests are always there."""
        super().__init__()
        self.tables: dict[str, list[AtCoderContest]] = {name: list(rows) for name, rows in tables.items()}
        self.broken_rows: dict[str, list[str]] = {}
        """More rows of a table, as HTML."""
        self.archive: list[AtCoderContest] = []
        self.has_tables = True
        """Whether its page has any table at all."""

    def answer(self, asked: Asked) -> Answer:
        """A page."""
        match asked.path.rstrip("/"):
            case "/contests":
                return page(self._contests())
            case "/contests/archive":
                return page(self._archived(whole_number(asked.query.get("page"), 1)))
        return nothing_here()

    def _contests(self) -> str:
        tables = "".join(
            f'<div id="contest-table-{name}">\n<h3>{name.title()} Contests</h3>\n'
            f'<div class="panel panel-default"><div class="table-responsive">\n{TABLE_HEAD}'
            f"{''.join(each.row for each in self.tables.get(name, ()))}{''.join(self.broken_rows.get(name, ()))}"
            f"{TABLE_END}</div></div></div>\n"
            for name in ("action", "permanent", "upcoming", "daily", "recent")
            if name != "permanent" and (self.tables.get(name) or self.broken_rows.get(name))
        )
        permanent = (
            '<div id="contest-table-permanent"><h3>Permanent Contests</h3><table class="table"><thead><tr>'
            '<th>Contest Name</th><th class="text-center">Rated Range</th></tr></thead><tbody>\n'
            '<tr>\n<td ><a href="/contests/practice">practice contest</a></td>\n'
            '<td class="text-center">-</td>\n</tr>\n</tbody></table></div>\n'
        )
        return _document("Contests", permanent + tables if self.has_tables else "<p>Something else</p>")

    def _archived(self, number: int) -> str:
        rows = self.archive[(number - 1) * ARCHIVE_ROWS : number * ARCHIVE_ROWS]
        return _document("Contest Archive", f"{TABLE_HEAD}{''.join(each.row for each in rows)}{TABLE_END}")


class KenkooooServer(PlatformServer):
    """The collection of past and permanent contests of AtCoder, in no particular order."""

    def __init__(self, contests: Sequence[Row] = ()) -> None:
        """It answers well."""
        super().__init__()
        self.contests: list[Row] = list(contests)

    def answer(self, asked: Asked) -> Answer:
        """The collection."""
        return said([*self.contests]) if asked.path == "/atcoder/resources/contests.json" else nothing_here()


def _document(title: str, body: str) -> str:
    return (
        f"<!DOCTYPE html>\n<html><head><title>{title} - AtCoder</title></head>"
        f'<body><div id="main-container">\n{body}</div></body></html>\n'
    )
