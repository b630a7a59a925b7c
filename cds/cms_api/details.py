"""The details of a submission as a piece of HTML, and what goes with it over the wire (requirements 2.7, 4.16).

Whatever anybody has written, names of subtasks and verdicts above all, is escaped; what a program of a team has put out
is not in it at all. The style stands inside, so that nothing comes from elsewhere, and touches nothing of a page into
which a script puts the piece. Pure; this module must not know contests.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from html import escape
from string import Template

from cds.cms_api.details_content import DetailsContent, Grade, SubtaskResult, TestCase, TestCases

STYLE = """
.submission-details { color-scheme: light dark; font: 1rem/1.4 system-ui, sans-serif; }
.submission-details table { border-collapse: collapse; margin-block: 1rem; }
.submission-details caption { font-weight: bold; text-align: start; padding-block: .25rem; }
.submission-details th, .submission-details td { border: 1px solid; padding: .2rem .6rem; text-align: start; }
.submission-details .number { text-align: end; font-variant-numeric: tabular-nums; }
.submission-details .correct { border-inline-start: .4rem solid #2e7d32; }
.submission-details .partial { border-inline-start: .4rem solid #b26a00; }
.submission-details .wrong { border-inline-start: .4rem solid #c62828; }
.submission-details .unknown { border-inline-start: .4rem solid #757575; }
"""
"""What a result is, is said in words; the colour beside it is for the eye alone."""

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Nothing is loaded and nothing runs; the one style that counts is ours, by its hash."""

RESULTS: Mapping[Grade, str] = {
    "correct": "Correct",
    "partial": "Partially correct",
    "wrong": "Not correct",
    "unknown": "Not known",
}

UNTOLD = "Not shown during the contest"
NOTHING_SAID = "\N{EN DASH}"
SCORE_DECIMALS = 9

_DETAILS = Template(
    """<style>$style</style>
<section class="submission-details" lang="en" aria-label="Details of submission $submission_id">
<p>$outcome</p>
$tables</section>
"""
)
_TABLE = Template(
    """<table>
<caption dir="auto">$caption</caption>
<thead><tr>$head</tr></thead>
<tbody>
$rows</tbody>
</table>
"""
)


def details_fragment(content: DetailsContent) -> str:
    """The details as a piece of HTML."""
    tables = [_subtasks(content.subtasks)] if content.subtasks else []
    tables += [_test_cases(each) for each in content.test_cases]
    said = (content.outcome, content.verdict, content.score)
    outcome = "; ".join(f'<span dir="auto">{escape(each)}</span>' for each in said if each is not None)
    return _DETAILS.substitute(
        style=STYLE, submission_id=escape(content.submission_id), outcome=outcome, tables="".join(tables)
    )


def _subtasks(results: Iterable[SubtaskResult]) -> str:
    rows = [
        _row(
            f'<th scope="row" class="{each.grade}" dir="auto">{escape(each.name)}</th>',
            f"<td>{RESULTS[each.grade] if each.told else UNTOLD}</td>",
            _number(each.score),
        )
        for each in results
    ]
    return _table("Subtasks", ("Subtask", "Result", "Score"), rows)


def _test_cases(group: TestCases) -> str:
    scored = any(case.score is not None for case in group.cases)
    head = ("Test case", "Result", "Time", *(("Score",) if scored else ()))
    return _table(group.name, head, [_test_case(case, scored=scored) for case in group.cases])


def _test_case(case: TestCase, *, scored: bool) -> str:
    cells = [
        f'<th scope="row" class="number {case.grade}">{case.ordinal}</th>',
        f'<td dir="auto">{escape(case.result)}</td>',
        _number(None if case.run_time_s is None else f"{case.run_time_s:.3f} s"),
    ]
    if scored:
        cells.append(_number(None if case.score is None else _plain(case.score)))
    return _row(*cells)


def _table(caption: str, head: Iterable[str], rows: Iterable[str]) -> str:
    titles = "".join(f'<th scope="col">{each}</th>' for each in head)
    return _TABLE.substitute(caption=escape(caption), head=titles, rows="".join(rows))


def _row(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>\n"


def _number(text: str | None) -> str:
    return f'<td class="number">{NOTHING_SAID if text is None else escape(text)}</td>'


def _plain(score: float) -> str:
    if float(score).is_integer():
        return str(int(score))
    return f"{score:.{SCORE_DECIMALS}f}".rstrip("0").rstrip(".")
