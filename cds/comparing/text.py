"""A comparison as a text report on the terminal.

This module must not know how the differences were found. Names are printed as they are, never as markup, and never as
something that a terminal obeys.
"""

from collections.abc import Iterable, Sequence
from itertools import islice

from rich.console import Console
from rich.table import Table
from rich.text import Text

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
from projections.comparison_results import AwardDifference, Comparison, Listed

SHOWN_MAX = 40
"""Entries of each list on the terminal; pages and JSON have more."""

IDS_SHOWN_MAX = 12
PLAIN_COLUMNS = 160
"""How wide the report is where there is no terminal."""


CONTROL_CHARACTERS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "\N{REPLACEMENT CHARACTER}")
"""What a terminal may obey instead of showing it (Unicode, category Cc), with what stands for it."""


def harmless(text: str, style: str = "") -> Text:
    """A text of a contest: nobody who names a team moves the cursor of whoever reads about it."""
    return Text(text.translate(CONTROL_CHARACTERS), style=style)


def print_report(comparison: Comparison, captions: Captions) -> None:
    """Print it on standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PLAIN_COLUMNS)
    console.print(harmless(title(comparison), style="bold"))
    for sentence in (*summary(comparison), *not_ended(comparison), how_matched(comparison), not_compared(comparison)):
        if sentence:
            console.print(harmless(sentence))
    _print_verdicts(console, comparison)
    _print_submissions(console, comparison, captions)
    _print_missing(console, comparison)
    _print_properties(console, comparison)
    _print_board(console, comparison, captions)
    _print_awards(console, "Awards", comparison.awards, comparison)
    _print_awards(console, "Awards by the scoreboards", comparison.computed_awards, comparison)


def _print_verdicts(console: Console, comparison: Comparison) -> None:
    """The verdict matrix, where anything lies beside its diagonal."""
    if not any(each.differs for each in comparison.verdicts):
        return
    a, b = sides(comparison)
    columns = sorted({each.b for each in comparison.verdicts})
    counts = {(each.a, each.b): each.count for each in comparison.verdicts}
    rows = [
        (verdict, *(str(counts.get((verdict, column), "")) for column in columns))
        for verdict in sorted({each.a for each in comparison.verdicts})
    ]
    _print_table(console, "Verdicts", (f"{a} ↓  {b} →", *columns), rows)


def _print_submissions(console: Console, comparison: Comparison, captions: Captions) -> None:
    if not comparison.submissions.count:
        return
    heads = ("submission", "team", "problem", "contest time", *sides(comparison), "matters")
    rows = (
        (
            each.a.id if each.a.id == each.b.id else f"{each.a.id} = {each.b.id}",
            captions.team(each.team_id),
            captions.problem(each.problem_id),
            each.contest_time,
            verdict_text(each.a),
            verdict_text(each.b),
            "yes" if each.matters else "",
        )
        for each in comparison.submissions.shown
    )
    _print_table(console, "Judged otherwise", heads, rows, comparison.submissions)


def _print_missing(console: Console, comparison: Comparison) -> None:
    if not comparison.missing:
        return
    a, b = sides(comparison)
    heads = ("type", f"missing in {b}", f"unknown to {a}")
    rows = [(each.type, _ids(each.missing), _ids(each.unknown)) for each in comparison.missing]
    _print_table(console, "On one side alone", heads, rows)


def _print_properties(console: Console, comparison: Comparison) -> None:
    if not comparison.properties.count:
        return
    heads = ("object", "property", *sides(comparison))
    rows = (
        (f"{each.type} {each.id}", each.property, *value_texts(each.a, each.b)) for each in comparison.properties.shown
    )
    _print_table(console, "Properties", heads, rows, comparison.properties)


def _print_board(console: Console, comparison: Comparison, captions: Captions) -> None:
    if not comparison.scoreboard.rows.count:
        return
    rows = [
        row
        for each in islice(comparison.scoreboard.rows.shown, SHOWN_MAX)
        for row in (
            (captions.team(each.team_id), "", standing_text(each.a), standing_text(each.b)),
            *(("", captions.problem(cell.problem_id), cell_text(cell.a), cell_text(cell.b)) for cell in each.cells),
        )
    ]
    heads = ("team", "problem", *sides(comparison))
    _print_table(console, "Scoreboard", heads, rows)
    _print_more(console, comparison.scoreboard.rows)


def _print_awards(console: Console, heading: str, awards: Listed[AwardDifference], comparison: Comparison) -> None:
    if not awards.count:
        return
    a, b = sides(comparison)
    heads = ("award", f"only {a}", f"only {b}", "citations")
    rows = (
        (
            each.id,
            ", ".join(each.teams_a) or NOTHING,
            ", ".join(each.teams_b) or NOTHING,
            "" if each.citation_a == each.citation_b else f"{each.citation_a} / {each.citation_b}",
        )
        for each in awards.shown
    )
    _print_table(console, heading, heads, rows, awards)


def _print_table(
    console: Console,
    heading: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    listed: Listed[object] | None = None,
) -> None:
    """A table; of a list no more than SHOWN_MAX rows."""
    table = Table(title=Text(heading, style="bold"), title_justify="left", pad_edge=False)
    for head in heads:
        table.add_column(harmless(head), overflow="fold")
    for row in rows if listed is None else islice(rows, SHOWN_MAX):
        table.add_row(*map(harmless, row))
    console.print()
    console.print(table)
    if listed is not None:
        _print_more(console, listed)


def _print_more(console: Console, listed: Listed[object]) -> None:
    told = more(listed, min(SHOWN_MAX, len(listed.shown)))
    if told:
        console.print(Text(f"{told} (--html or --json)"))


def _ids(listed: Listed[str]) -> str:
    shown = listed.shown[:IDS_SHOWN_MAX]
    told = more(listed, len(shown))
    return ", ".join((*shown, told) if told else shown) or NOTHING
