"""A comparison as a page: one HTML document that needs neither script nor anything from elsewhere.

Everything that comes from a contest is escaped here. This module must not know how the differences were found.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files

from cds.comparing.words import (
    NOTHING,
    Captions,
    cell_text,
    how_matched,
    more,
    not_compared,
    not_ended,
    sides,
    standing_text,
    summary,
    title,
    value_texts,
    verdict_text,
)
from projections.comparison_results import (
    AwardDifference,
    Comparison,
    Judged,
    Listed,
    RowDifference,
    SubmissionDifference,
)

STYLE = files(__package__).joinpath("page.css").read_text(encoding="utf-8")

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

LINKABLE = ("http://", "https://")


def comparison_page(comparison: Comparison, captions: Captions, root: str = "") -> str:
    """The whole page. `root` leads from it to where the addresses of submissions count from."""
    return "".join(_Page(comparison, captions, root).parts())


class _Page:
    """The parts of one page."""

    def __init__(self, comparison: Comparison, captions: Captions, root: str) -> None:
        self._comparison = comparison
        self._captions = captions
        self._root = root
        a, b = sides(comparison)
        self._sides = (escape(a), escape(b))
        self._anchors: dict[tuple[str | None, str], str] = {}
        for number, each in enumerate(comparison.submissions.shown, start=1):
            self._anchors.setdefault((each.team_id, each.problem_id), _anchor(number))

    def parts(self) -> Iterator[str]:
        """The page from its beginning to its end."""
        heading = escape(title(self._comparison))
        yield (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            f"<title>{heading}</title>"
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}</style></head>\n<body><h1>{heading}</h1>\n"
        )
        yield self._result()
        yield self._verdicts()
        yield self._submissions()
        yield self._missing()
        yield self._properties()
        yield self._board()
        yield self._awards("Awards", self._comparison.awards)
        yield self._awards("Awards by the scoreboards", self._comparison.computed_awards)
        yield "</body></html>\n"

    def _result(self) -> str:
        told_first = (*summary(self._comparison), *not_ended(self._comparison))
        sentences = "".join(f"<li>{escape(each)}</li>" for each in told_first)
        kind = "result equal" if self._comparison.equal else "result"
        told = " ".join((how_matched(self._comparison), not_compared(self._comparison))).strip()
        return f'<div class="{kind}"><ul>{sentences}</ul></div>\n<p class="quiet">{escape(told)}</p>\n'

    def _verdicts(self) -> str:
        verdicts = self._comparison.verdicts
        counts = {(each.a, each.b): each.count for each in verdicts}
        columns = sorted({each.b for each in verdicts})
        rows = []
        for verdict in sorted({each.a for each in verdicts}):
            cells = (_count_cell(counts.get((verdict, column)), same=verdict == column) for column in columns)
            rows.append(f'<tr><th scope="row">{escape(verdict)}</th>{"".join(cells)}</tr>')
        a, b = self._sides
        return _section("Verdicts", _table((f"{a} ↓ {b} →", *map(escape, columns)), rows)) if rows else ""

    def _submissions(self) -> str:
        submissions = self._comparison.submissions
        rows = [self._submission(number, each) for number, each in enumerate(submissions.shown, start=1)]
        heads = ("submission", "team", "problem", "language", "contest time", *self._sides, "changes a cell")
        return _section("Judged otherwise", _table(heads, rows) + _more(submissions)) if rows else ""

    def _submission(self, number: int, each: SubmissionDifference) -> str:
        names = self._link(each.a)
        if each.b.id != each.a.id or each.b.href is not None:
            names += f" / {self._link(each.b)}"
        texts = (
            self._captions.team(each.team_id),
            self._captions.problem(each.problem_id),
            each.language_id,
            each.contest_time,
            verdict_text(each.a),
            verdict_text(each.b),
            "yes" if each.matters else "no",
        )
        return f'<tr id="{_anchor(number)}"><td>{names}</td>{_cells(texts)}</tr>'

    def _link(self, judged: Judged) -> str:
        text = escape(judged.id)
        if judged.href is None:
            return text
        href = judged.href if judged.href.startswith(LINKABLE) else self._root + judged.href
        return f'<a href="{escape(href)}">{text}</a>'

    def _missing(self) -> str:
        a, b = self._sides
        rows = [
            f"<tr><td>{escape(each.type)}</td><td>{_ids(each.missing)}</td><td>{_ids(each.unknown)}</td></tr>"
            for each in self._comparison.missing
        ]
        return (
            _section("On one side alone", _table(("type", f"missing in {b}", f"unknown to {a}"), rows)) if rows else ""
        )

    def _properties(self) -> str:
        properties = self._comparison.properties
        rows = []
        for each in properties.shown:
            other = f" / {each.other_id}" if each.other_id is not None else ""
            values = "".join(f"<td><code>{escape(text)}</code></td>" for text in value_texts(each.a, each.b))
            rows.append(f"<tr>{_cells((each.type, each.id + other, each.property))}{values}</tr>")
        heads = ("type", "id", "property", *self._sides)
        return _section("Properties", _table(heads, rows) + _more(properties)) if rows else ""

    def _board(self) -> str:
        board = self._comparison.scoreboard.rows
        rows = [row for each in board.shown for row in self._row(each)]
        return _section("Scoreboard", _table(("team", "problem", *self._sides), rows) + _more(board)) if rows else ""

    def _row(self, row: RowDifference) -> Iterator[str]:
        """The place of a team, and below it its cells that differ; these lead to a submission that is the reason."""
        texts = (self._captions.team(row.team_id), "", standing_text(row.a), standing_text(row.b))
        yield f'<tr class="row-head">{_cells(texts)}</tr>'
        for cell in row.cells:
            problem = escape(self._captions.problem(cell.problem_id))
            anchor = self._anchors.get((row.team_id, cell.problem_id))
            shown = problem if anchor is None else f'<a href="#{anchor}">{problem}</a>'
            yield f"<tr><td></td><td>{shown}</td>{_cells((cell_text(cell.a), cell_text(cell.b)))}</tr>"

    def _awards(self, heading: str, awards: Listed[AwardDifference]) -> str:
        a, b = self._sides
        rows = []
        for each in awards.shown:
            citations = (
                each.citation_a if each.citation_a == each.citation_b else f"{each.citation_a} / {each.citation_b}"
            )
            teams = (self._teams(each.teams_a), self._teams(each.teams_b))
            rows.append(f"<tr>{_cells((each.id, citations, *teams))}</tr>")
        heads = ("award", "citation", f"only {a}", f"only {b}")
        return _section(heading, _table(heads, rows) + _more(awards)) if rows else ""

    def _teams(self, team_ids: Iterable[str]) -> str:
        return ", ".join(map(self._captions.team, team_ids)) or NOTHING


def _anchor(number: int) -> str:
    """Where the row of a submission is on the page."""
    return f"submission-{number}"


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{heading}</h2>{body}</section>\n"


def _table(heads: Iterable[str], rows: Sequence[str]) -> str:
    """A table; heads and rows are markup already."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in texts)


def _count_cell(count: int | None, *, same: bool) -> str:
    if count is None:
        return '<td class="count"></td>'
    return f'<td class="count {"same" if same else "other"}">{count}</td>'


def _ids(listed: Listed[str]) -> str:
    told = more(listed, len(listed.shown))
    return escape(", ".join((*listed.shown, told) if told else listed.shown) or NOTHING)


def _more(listed: Listed[object]) -> str:
    told = more(listed, len(listed.shown))
    return f'<p class="quiet">{told}</p>' if told else ""
