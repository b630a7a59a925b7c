"""The details of a submission: what they say, and that nothing anybody wrote becomes markup (requirements 4.16)."""

import re
from base64 import b64encode
from hashlib import sha256

import msgspec
import pytest

from cds.cms_api.details import CONTENT_SECURITY_POLICY, details_fragment
from cds.cms_api.details_content import details_content
from schemas.extensions import CmsTask, Subtask
from schemas.objects import JudgementType, Run, Submission
from tests.cds.cms_api.fragments import Fragment
from tests.cds.cms_api.test_status import LARGE, PRIVATE, SMALL, SUBMITTED, boards
from tests.projections.scoreboard_builders import Boards, Event, judged, judgement, moment
from tests.projections.scoring_histories import run

EVIL = "\"'><script>alert(1)</script>&<img src=x onerror=alert(1)>"


def fragment_of(of: Boards, *, shows_private: bool = False) -> str:
    """The details of the one submission."""
    instance = of.state.objects["submissions"]["1"]
    assert isinstance(instance, Submission)
    return details_fragment(details_content(of.state, of.live, instance, shows_private=shows_private))


def read(of: Boards, *, shows_private: bool = False) -> Fragment:
    return Fragment(fragment_of(of, shows_private=shows_private))


def evaluated(
    *runs: Event, verdict: str = "WA", score: float | None = None, subtasks: list[Subtask] | None = None
) -> Boards:
    """A submission that was judged, with these runs."""
    submitted = judged("1", "t1", "a", "0:10:00.000", verdict, score=score)
    return boards(*submitted, *runs, said=CmsTask(subtasks=subtasks))


@pytest.mark.parametrize(
    ("events", "paragraph"),
    [
        ([], "Compiling..."),
        ([judgement("j", "1", None)], "Compiling..."),
        ([judgement("j", "1", "CE")], "Compilation failed; CE"),
        ([judgement("j", "1", "WA")], "Scoring...; WA"),
        ([judgement("j", "1", "WA", score=40)], "Evaluated; WA; 40 / 100"),
    ],
)
def test_without_runs_the_result_alone_is_told(events: list[Event], paragraph: str) -> None:
    found = read(boards(SUBMITTED, *events))
    assert (found.paragraphs, found.tables) == ([paragraph], [])


def test_runs_are_told_while_they_come() -> None:
    found = read(boards(SUBMITTED, judgement("j", "1", None), run("r1", "j", 1), run("r2", "j", 2, "WA")))
    assert found.paragraphs == ["Evaluating..."]
    (table,) = found.tables
    assert (table.caption, table.head) == ("Test cases", ["Test case", "Result", "Time"])
    assert table.rows == [["1", "AC", "–"], ["2", "WA", "–"]]


def test_a_subtask_tells_what_it_brings_and_each_test_case_how_it_went() -> None:
    runs = [run(f"r{each}", "j1", each, verdict) for each, verdict in ((1, "AC"), (2, "AC"), (3, "WA"), (4, "AC"))]
    found = read(evaluated(*runs, subtasks=[SMALL, LARGE]))
    assert found.paragraphs == ["Evaluated; WA; 70 / 100"]
    subtasks, small, large = found.tables
    assert (subtasks.caption, subtasks.head) == ("Subtasks", ["Subtask", "Result", "Score"])
    assert subtasks.rows == [["Small", "Correct", "40 / 40"], ["Large", "Partially correct", "30 / 60"]]
    assert (small.caption, [row[:2] for row in small.rows]) == ("Small", [["1", "AC"], ["2", "AC"]])
    assert (large.caption, [row[:2] for row in large.rows]) == ("Large", [["3", "WA"], ["4", "AC"]])


def test_a_test_case_that_has_not_run_says_so() -> None:
    found = read(evaluated(run("r1", "j1", 1), subtasks=[SMALL, LARGE]))
    assert found.tables[0].rows == [["Small", "Not correct", "0 / 40"], ["Large", "Not correct", "0 / 60"]]
    assert found.tables[1].rows == [["1", "AC", "–"], ["2", "not run", "–"]]


def test_times_and_scores_of_runs_are_told_where_there_are_any() -> None:
    _, _, timed = run("r1", "j1", 1, "WA", 0.25)
    assert isinstance(timed, Run)
    found = read(
        evaluated(("runs", "r1", msgspec.structs.replace(timed, run_time=0.0375)), run("r2", "j1", 2), score=10)
    )
    assert found.tables[0].head == ["Test case", "Result", "Time", "Score"]
    assert found.tables[0].rows == [["1", "WA", "0.037 s", "0.25"], ["2", "AC", "–", "–"]]


def test_of_two_runs_of_a_test_case_the_latest_is_told() -> None:
    _, _, late = run("r0", "j1", 1, "WA")
    assert isinstance(late, Run)
    later = ("runs", "r0", msgspec.structs.replace(late, time=moment("4:59:59.000")))
    found = read(evaluated(later, run("r1", "j1", 1, "AC"), score=10))
    assert found.tables[0].rows == [["1", "WA", "–"]]


def test_what_is_private_is_told_once_it_may_be() -> None:
    """Neither the result nor the test cases of the subtask, nor the verdict, which tells of all of them."""
    runs = [run(f"r{each}", "j1", each, verdict) for each, verdict in ((1, "AC"), (2, "AC"), (3, "WA"), (4, "AC"))]
    of = evaluated(*runs, subtasks=[SMALL, PRIVATE])
    found = read(of)
    assert found.paragraphs == ["Evaluated; 40 / 40"]
    assert [table.caption for table in found.tables] == ["Subtasks", "Small"]
    assert found.tables[0].rows == [
        ["Small", "Correct", "40 / 40"],
        ["Large", "Not shown during the contest", "–"],
    ]
    found = read(of, shows_private=True)
    assert found.paragraphs == ["Evaluated; WA; 70 / 100"]
    assert [table.caption for table in found.tables] == ["Subtasks", "Small", "Large"]
    assert found.tables[0].rows[1] == ["Large", "Partially correct", "30 / 60"]


def test_a_private_test_case_that_is_in_a_public_subtask_too_is_told_there() -> None:
    overlapping = msgspec.structs.replace(PRIVATE, ordinals=[2, 3])
    found = read(evaluated(run("r1", "j1", 1), run("r2", "j1", 2), run("r3", "j1", 3), subtasks=[SMALL, overlapping]))
    assert [[row[0] for row in table.rows] for table in found.tables[1:]] == [["1", "2"]]


def test_test_cases_of_no_subtask_are_told_last() -> None:
    found = read(evaluated(*(run(f"r{each}", "j1", each) for each in range(1, 7)), subtasks=[SMALL, LARGE]))
    assert found.tables[-1].caption == "Other test cases"
    assert [row[0] for row in found.tables[-1].rows] == ["5", "6"]


def test_in_a_contest_without_scores_all_test_cases_are_together() -> None:
    """A task that has subtasks, private ones among them, for another kind of contest has none of them in this one."""
    said = CmsTask(subtasks=[SMALL, PRIVATE])
    of = boards(*judged("1", "t1", "a", "0:10:00.000", "AC"), run("r1", "j1", 4), said=said, kind="pass-fail")
    found = read(of)
    assert found.paragraphs == ["Evaluated; AC; 1 / 1"]
    assert [(table.caption, table.rows) for table in found.tables] == [("Test cases", [["4", "AC", "–"]])]


def test_hundreds_of_test_cases_are_all_told() -> None:
    subtasks = [
        Subtask(name=f"Part {each}", max_score=1, ordinals=[*range(each, 900, 9)], rule="sum") for each in range(1, 10)
    ]
    found = read(evaluated(*(run(f"r{each}", "j1", each) for each in range(1, 900)), subtasks=subtasks))
    assert sorted(int(row[0]) for table in found.tables[1:] for row in table.rows) == [*range(1, 900)]


def test_nothing_that_anybody_wrote_becomes_markup() -> None:
    """The reader refuses every element and attribute that is not of the details."""
    evil_type = JudgementType(id="EVIL", name=EVIL, solved=False, penalty=False)
    runs = [run("r1", "j1", 1, "EVIL"), run("r2", "j1", 2, EVIL)]
    of = boards(
        ("judgement-types", "EVIL", evil_type),
        *judged("1", "t1", "a", "0:10:00.000", "EVIL"),
        *runs,
        said=CmsTask(subtasks=[msgspec.structs.replace(SMALL, name=EVIL)]),
    )
    found = read(of)
    assert EVIL in found.paragraphs[0]
    assert [table.caption for table in found.tables] == ["Subtasks", EVIL]
    assert found.tables[0].rows[0][0] == EVIL
    assert [row[1] for row in found.tables[1].rows] == [EVIL, EVIL]
    assert "<script" not in fragment_of(of)


def test_the_style_counts_by_its_hash_and_nothing_else_does() -> None:
    """No element has a style of its own, which the policy would not let count."""
    fragment = fragment_of(evaluated(run("r1", "j1", 1), subtasks=[SMALL, LARGE]))
    assert "style=" not in fragment
    style = Fragment(fragment).style
    hashed = b64encode(sha256(style.encode()).digest()).decode()
    directives = dict(each.strip().split(" ", 1) for each in CONTENT_SECURITY_POLICY.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["style-src"] == f"'sha256-{hashed}'"
    assert not re.search(r"url\(|@import|https?:", fragment)
