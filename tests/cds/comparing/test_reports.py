"""The report of a comparison, as a page and on the terminal: it has everything, and no name becomes markup."""

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.comparing.page import comparison_page
from cds.comparing.text import print_report
from cds.comparing.words import (
    VALUE_CHARACTERS_MAX,
    captions_of,
    cell_text,
    number_text,
    standing_text,
    value_texts,
    verdict_text,
)
from projections.comparison import compared
from projections.comparison_properties import FILES, WHOLE, without
from projections.comparison_results import Judged, Standing
from projections.comparison_verdicts import side_of
from schemas.aggregates import ProblemCell, Score
from schemas.objects import Award, ContestObject, Team
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


def test_what_a_terminal_obeys_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Names, citations and ids come from anywhere."""
    evil = "\x1b]0;owned\x07\x1b[2J\x9b2J\r\x00Evil"
    objects = simulated("pass-fail")
    teams = {
        identifier: msgspec.structs.replace(each, name=evil, display_name=evil)
        for identifier, each in objects["teams"].items()
        if isinstance(each, Team)
    }
    awards: dict[str, ContestObject] = {"one": Award(id="one", citation="One", team_ids=[])}
    evil_awards: dict[str, ContestObject] = {"one": Award(id="one", citation=evil, team_ids=[])}
    a = side_of(evil, state_of({**objects, "teams": {**teams}, "awards": awards}), lambda _: None)
    b = side_of("b", state_of({**objects, "judgements": {}, "runs": {}, "awards": evil_awards}), lambda _: None)
    print_report(compared(a, b), captions_of(a.state, b.state))
    out = capsys.readouterr().out
    assert "Evil" in out
    assert {each for each in out if unicodedata.category(each) == "Cc"} == {"\n"}


@pytest.mark.parametrize(
    ("number", "text"),
    [(100, "100"), (100.0, "100"), (100.00001, "100.00001"), (1234567, "1234567"), (0.1, "0.1"), (1e300, "1e+300")],
)
def test_scores_are_written_out_exactly(number: float, text: str) -> None:
    assert number_text(number) == text
    assert verdict_text(Judged(id="1", verdict="AC", score=number)) == f"AC {text}"
    assert cell_text(ProblemCell(problem_id="a", num_judged=1, num_pending=0, score=number)) == f"{text}, 1 judged"
    assert standing_text(Standing(1, Score(score=number, time=None))) == f"1. with {text} points"


@given(a=st.floats(0, 1e18), b=st.floats(0, 1e18))
def test_scores_that_differ_look_different(a: float, b: float) -> None:
    assert (number_text(a) == number_text(b)) == (a == b)


JSON_TEXTS = st.text(alphabet="ab", min_size=0, max_size=3 * VALUE_CHARACTERS_MAX)


@given(same=JSON_TEXTS, a=JSON_TEXTS, b=JSON_TEXTS)
def test_long_values_that_differ_are_shown_where_they_do(same: str, a: str, b: str) -> None:
    values = tuple(msgspec.json.encode(same + rest) for rest in (a, b))
    shown = value_texts(*map(msgspec.Raw, values))
    assert (shown[0] == shown[1]) == (a == b)
    assert max(map(len, shown)) <= VALUE_CHARACTERS_MAX + 2
    for value, text in zip(values, shown, strict=True):
        assert text.strip("…") in value.decode()
        assert text.startswith("…") or value.decode().startswith(text.rstrip("…"))
        assert text.endswith("…") or value.decode().endswith(text.lstrip("…"))


def test_values_and_cells_in_words() -> None:
    assert value_texts(msgspec.Raw(b"null"), msgspec.Raw(b'"x"')) == ("–", '"x"')
    solved = ProblemCell(problem_id="a", num_judged=2, num_pending=0, solved=True, time="0:45:00.000")
    assert cell_text(solved) == "solved at 0:45:00, 2 judged"
    assert cell_text(ProblemCell(problem_id="a", num_judged=0, num_pending=1, solved=False)) == "0 judged, 1 pending"
    assert cell_text(None) == "no such problem"
