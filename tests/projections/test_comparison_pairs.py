"""Which submission of one system is which of another, however that one numbers, rounds, and names things."""

from itertools import combinations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import comparison_moments
from projections.comparison_moments import CLOSE_MS, Placed, paired
from projections.comparison_pairs import NUMBERED, Pairs, pairs_of
from projections.comparison_properties import WHOLE, without
from schemas.objects import Submission
from schemas.times import format_relative_time, format_time
from tests.projections.changed_contests import renumbered
from tests.projections.slow_scoreboard import Objects
from tests.projections.test_comparison import comparison_of, simulated

SECOND_MS = 1_000
MINUTE_MS = 60_000
MOMENTS = st.lists(st.integers(0, 40).map(lambda tenths: tenths * 100), max_size=6).map(sorted)


def submission(identifier: str, at_ms: int, about: str = "t/p/cpp") -> Submission:
    """One of a team, for a problem, in a language."""
    team_id, problem_id, language_id = about.split("/")
    return Submission(
        id=identifier,
        team_id=team_id,
        problem_id=problem_id,
        language_id=language_id,
        contest_time=format_relative_time(at_ms),
        time=format_time(at_ms),
    )


def pairs(a: list[Submission], b: list[Submission]) -> Pairs:
    """Which are the same."""
    in_a, in_b = ({each.id: each for each in side} for side in (a, b))
    return pairs_of("submissions", in_a, in_b, {name: {} for name in NUMBERED})


def test_whoever_keeps_whole_seconds_is_paired_in_the_order_of_arrival() -> None:
    """Ids are numbers, which do not sort as text."""
    a = [submission("s1", 10_100), submission("s2", 10_600)]
    b = [submission("9", 10_000), submission("10", 10_000)]
    assert pairs(a, b).ids == {"s1": "9", "s2": "10"}


def test_the_nearest_are_the_same_when_one_is_missing() -> None:
    a = [submission("s1", 10_000), submission("s2", 10_900)]
    found = pairs(a, [submission("x", 10_900)])
    assert found.ids == {"s2": "x"}
    assert (found.only_a, found.only_b) == (("s1",), ())


def as_placed(moments: list[int], side: str) -> list[Placed]:
    return [(at_ms, f"{side}{number}") for number, at_ms in enumerate(moments)]


def worth(found: list[tuple[Placed, Placed]]) -> tuple[int, int]:
    return len(found), -sum(abs(mine[0] - other[0]) for mine, other in found)


@given(a=MOMENTS, b=MOMENTS)
def test_pairs_are_the_best_of_all_that_do_not_cross(a: list[int], b: list[int]) -> None:
    """Compared with every way of pairing two rows."""
    row_a, row_b = as_placed(a, "a"), as_placed(b, "b")
    ways = (
        list(zip(some_a, some_b, strict=True))
        for count in range(min(len(a), len(b)) + 1)
        for some_a in combinations(row_a, count)
        for some_b in combinations(row_b, count)
    )
    best = max(worth(way) for way in ways if all(abs(mine[0] - other[0]) < CLOSE_MS for mine, other in way))
    by_id = {each[1]: each for each in (*row_a, *row_b)}
    found = [(by_id[mine], by_id[other]) for mine, other in paired(row_a, row_b)]
    assert worth(found) == best
    assert all(abs(mine[0] - other[0]) < CLOSE_MS for mine, other in found)
    assert [row_a.index(mine) for mine, _ in found] == sorted({row_a.index(mine) for mine, _ in found})
    assert [row_b.index(other) for _, other in found] == sorted({row_b.index(other) for _, other in found})


@given(a=MOMENTS, b=MOMENTS)
def test_crowds_are_paired_in_one_walk(a: list[int], b: list[int]) -> None:
    """As many as come close one after the other; nobody is in two pairs."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(comparison_moments, "CROWD_MAX", 0)
        found = list(paired(as_placed(a, "a"), as_placed(b, "b")))
    assert len(dict(found)) == len({other for _, other in found}) == len(found)
    assert len(found) <= min(len(a), len(b))
    assert bool(found) == any(abs(mine - other) < CLOSE_MS for mine in a for other in b)


def otherwise(objects: Objects, **names: str) -> Objects:
    """A copy whose submissions name other teams, problems or languages: each as before, with this before it."""
    submissions = {}
    for identifier, each in objects["submissions"].items():
        assert isinstance(each, Submission)
        changed = {name: f"{before}{getattr(each, name)}" for name, before in names.items()}
        submissions[identifier] = msgspec.structs.replace(each, **changed)
    return {**objects, "submissions": {**submissions}}


@pytest.mark.parametrize(
    "names",
    [
        {"language_id": "lang-"},
        {"problem_id": "problem-"},
        {"team_id": "team-"},
        {"team_id": "team-", "problem_id": "problem-", "language_id": "lang-"},
    ],
    ids=",".join,
)
def test_equal_ids_count_whatever_the_second_system_calls_things(names: dict[str, str]) -> None:
    """Each submission is matched by its id, and tells what is named otherwise."""
    before = simulated("pass-fail")
    comparison = comparison_of(before, otherwise(before, **names))
    count = len(before["submissions"])
    assert (comparison.matched.by_id, comparison.matched.by_content) == (count, 0)
    assert comparison.missing == ()
    assert comparison.submissions.count == 0
    assert not any(each.differs for each in comparison.verdicts)
    assert comparison.properties.count == len(names) * count
    assert {each.property for each in comparison.properties.shown} == names.keys()


def test_languages_may_have_other_names_where_submissions_have_other_numbers() -> None:
    before = simulated("pass-fail")
    other = renumbered(otherwise(before, language_id="lang-"), ("submissions", "judgements", "runs"))
    comparison = comparison_of(before, other, scope=without(WHOLE, ["judgements.start_time"]))
    assert comparison.missing == ()
    assert comparison.submissions.count == 0
    assert {each.property for each in comparison.properties.shown} == {"language_id"}
    assert comparison.properties.count == len(before["submissions"])


def test_who_shares_ids_and_nothing_else_is_not_the_same() -> None:
    """Another contest that counts from 1 too."""
    a = [submission(str(number), number * MINUTE_MS, f"t{number}/p/cpp") for number in range(9)]
    b = [submission(str(number), number * MINUTE_MS + 9 * SECOND_MS, f"u{number}/q/cpp") for number in range(9)]
    assert pairs(a, b).ids == {}


def test_ids_that_were_exchanged_within_one_second_are_found_by_what_they_are_about() -> None:
    """One moment and the same ids are not enough where other ids say the same in full."""
    a = [submission("1", 10_000, "t1/p/cpp"), submission("2", 10_000, "t2/p/cpp")]
    b = [submission("1", 10_000, "t2/p/cpp"), submission("2", 10_000, "t1/p/cpp")]
    assert pairs(a, b).ids == {"1": "2", "2": "1"}
