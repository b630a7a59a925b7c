"""The report of a comparison, as a page and on the terminal: it has everything, and no name becomes markup."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.comparing.page import comparison_page
from cds.comparing.text import print_report
from cds.comparing.words import VALUE_CHARACTERS_MAX, cell_text, value_text
from projections.comparison import compared
from projections.comparison_properties import FILES, WHOLE, without
from projections.comparison_verdicts import side_of
from schemas.aggregates import ProblemCell
from schemas.objects import Team
from tests.cds.comparing.reports import WellFormedPage, compared_with_changes
from tests.cds.contest_api.real_contests import needs_shared_data
from tests.projections.changed_contests import EVIL_NAME, state_of
from tests.projections.test_comparison import finals, simulated

CHANGES = st.tuples(st.integers(0, 10**6), st.integers(1, 40))
FORBIDDEN_TAGS = {"script", "img", "iframe", "object", "form", "b"}


@given(changes=CHANGES, kind=st.sampled_from(["pass-fail", "score"]))
def test_every_difference_stands_on_a_page_that_is_well_formed(changes: tuple[int, int], kind: str) -> None:
    after, comparison, captions = compared_with_changes(simulated(kind), *changes, lambda each: f"s/{each}")
    page = WellFormedPage(comparison_page(comparison, captions, "../"))
    assert {f"../s/{submission_id}" for submission_id in after.verdicts} == {
        link for link in page.links if link.startswith("../s/")
    }
    assert len([anchor for anchor in page.anchors if anchor.startswith("submission-")]) == len(after.verdicts)
    assert {link[1:] for link in page.links if link.startswith("#")} <= page.anchors
    for type_name, identifier, property in after.properties:
        assert f"{type_name}{identifier}{property}" in page.text
    assert not page.tags & FORBIDDEN_TAGS
    assert "<b>second</b>" in page.text
    renamed = any(type_name == "teams" for type_name, _, _ in after.properties)
    assert renamed == (EVIL_NAME in page.text.replace('\\"', '"'))


@needs_shared_data
def test_the_page_of_the_world_finals_has_every_flip() -> None:
    after, comparison, captions = compared_with_changes(finals(), 3, 40, lambda each: f"https://example.org/{each}")
    page = WellFormedPage(comparison_page(comparison, captions))
    assert len(after.verdicts) > 10
    assert {f"https://example.org/{each}" for each in after.verdicts} <= set(page.links)


def test_equal_contests_make_a_short_page() -> None:
    objects = simulated("pass-fail")
    a, b = (side_of(name, state_of(objects), lambda _: None) for name in ("a", "b"))
    comparison = compared(a, b, without(WHOLE, FILES))
    _, _, captions = compared_with_changes(objects, 1, 1)
    page = WellFormedPage(comparison_page(comparison, captions))
    assert "No differences." in page.text
    assert "Not compared: files." in page.text
    assert page.links == []


@pytest.mark.parametrize("kind", ["pass-fail", "score"])
def test_the_terminal_shows_names_as_they_are(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    after, comparison, captions = compared_with_changes(simulated(kind), 4, 40)
    print_report(comparison, captions)
    out = capsys.readouterr().out
    assert "[bold]" in out
    assert "\x1b" not in out
    for submission_id in after.verdicts:
        assert re.search(rf"│{submission_id}\s*│", out)


def test_long_lists_are_cut_off_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    objects = simulated("pass-fail")
    judged = {identifier: each for identifier, each in objects["judgements"].items() if identifier.endswith("1")}
    fewer = {**objects, "judgements": judged, "runs": {}}
    a, b = side_of("a", state_of(objects), lambda _: None), side_of("b", state_of(fewer), lambda _: None)
    _, _, captions = compared_with_changes(objects, 1, 1)
    print_report(compared(a, b), captions)
    assert re.search(r"and \d+ more \(--html or --json\)", capsys.readouterr().out)


def test_values_and_cells_in_words() -> None:
    team = next(iter(simulated("pass-fail")["teams"].values()))
    assert isinstance(team, Team)
    long = compared_with_changes(simulated("pass-fail"), 4, 40)[1].properties.shown[0]
    assert len(value_text(long.a)) <= VALUE_CHARACTERS_MAX + 1
    solved = ProblemCell(problem_id="a", num_judged=2, num_pending=0, solved=True, time="0:45:00.000")
    assert cell_text(solved) == "solved at 0:45:00, 2 judged"
    assert cell_text(ProblemCell(problem_id="a", num_judged=0, num_pending=1, solved=False)) == "0 judged, 1 pending"
    assert cell_text(None) == "no such problem"
