"""The fold of a sequence that changes: it says what folding anew says, at the cost of the logarithm of the length."""

from functools import reduce

from hypothesis import given
from hypothesis import strategies as st

from projections.scoring.attempts import Attempts
from projections.scoring.folding import Fold
from projections.scoring.terms import Submitted, Terms
from schemas.objects import JudgementType
from tests.projections.scoreboard_builders import judgement_types

STEPS = st.lists(st.tuples(st.sampled_from(("replace", "insert", "remove")), st.integers(0, 99)), max_size=30)
TYPES = {each.id: each for _, _, each in judgement_types() if isinstance(each, JudgementType)}
LONG = 1_000
COMBINATIONS_MAX = 10
"""The depth of a tree over LONG elements."""


@given(st.text(max_size=20), STEPS)
def test_a_fold_that_is_kept_is_that_of_its_elements(begun: str, steps: list[tuple[str, int]]) -> None:
    """Texts tell the order as well; each step changes, adds or takes out one letter."""
    elements = list(begun)
    fold = Fold(str.__add__, elements)
    for number, (step, place) in enumerate(steps):
        letter = chr(ord("a") + number % 26)
        if step == "insert" or not elements:
            index = place % (len(elements) + 1)
            elements.insert(index, letter)
            fold.insert(index, letter)
        elif step == "replace":
            elements[place % len(elements)] = letter
            fold.replace(place % len(elements), letter)
        else:
            fold.remove(place % len(elements))
            del elements[place % len(elements)]
        assert (fold.total or "") == reduce(str.__add__, elements, "")


def test_one_change_and_one_more_at_the_end_cost_the_logarithm_of_the_length() -> None:
    combined: list[int] = []

    def combine(one: int, other: int) -> int:
        combined.append(one)
        return one + other

    fold = Fold(combine, range(LONG))
    assert len(combined) == LONG - 1
    combined.clear()
    fold.replace(LONG // 2, 0)
    assert 0 < len(combined) <= COMBINATIONS_MAX
    combined.clear()
    fold.insert(LONG, 1)
    assert 0 < len(combined) <= COMBINATIONS_MAX


SUBMISSIONS = st.tuples(st.integers(0, 9), st.sampled_from((*TYPES, None)), st.sampled_from((None, 0, 1.5, 3)))


def submitted(number: int, time_ms: int, type_id: str | None, score: float | None) -> Submitted:
    return Submitted(
        team_id="t",
        problem_id="p",
        order=(time_ms - 1, number),
        time_ms=time_ms,
        judged_ms=None if type_id is None else time_ms + 1,
        judgement_type_id=type_id,
        score=score,
    )


@given(
    st.sampled_from(("pass-fail", "score")),
    st.sampled_from((None, 5)),
    st.lists(st.tuples(st.integers(0, 7), st.none() | SUBMISSIONS, st.booleans()), max_size=30),
)
def test_attempts_that_change_come_to_what_they_come_to_together(
    scoreboard_type: str,
    embargo_ms: int | None,
    steps: list[tuple[int, tuple[int, str | None, float | None] | None, bool]],
) -> None:
    """Whether or not anybody looked in between."""
    terms = Terms(
        scoreboard_type=scoreboard_type,
        penalty_ms=20,
        duration_ms=8,
        embargo_ms=embargo_ms,
        problems=(),
        judgement_types=TYPES,
    )
    attempts, now = Attempts(), dict[str, Submitted]()
    for number, given_as, looked_at in steps:
        after = None if given_as is None else submitted(number, *given_as)
        attempts.replace(str(number), after)
        now.pop(str(number), None)
        now |= {} if after is None else {str(number): after}
        if looked_at:
            together = Attempts()
            for identifier, each in now.items():
                together.replace(identifier, each)
            assert attempts.outcome(terms) == together.outcome(terms)
