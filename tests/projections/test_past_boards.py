"""Boards that stand on others: the same as boards made from their beginning, and those below stay as they are."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.contest import ContestState
from projections.draft import draft_of
from projections.past_boards import BoardAbove, BoardBeside
from projections.scoreboard import Board
from tests.effort import examples
from tests.projections.scoreboard_builders import (
    START,
    Event,
    contest,
    judgement,
    judgement_types,
    problem,
    submission,
    team,
)
from tests.projections.scoreboard_builders import state as happened
from tests.projections.scoreboard_histories import history

FEW: list[Event] = [
    contest(),
    happened(started=START),
    *judgement_types(),
    *(problem(each) for each in "ab"),
    *(team(each) for each in ("t1", "t2", "t3")),
    submission("s1", "t1", "a", "0:10:00.000"),
    submission("s2", "t2", "a", "0:20:00.000"),
    judgement("j1", "s1", "AC", "0:11:00.000"),
]


def folded(events: Sequence[Event]) -> ContestState:
    """The state after some events."""
    state = ContestState()
    for position, event in enumerate(events, start=1):
        state.apply(position, *event)
    return state


def looked_at(state: ContestState, *, frozen: bool) -> Board:
    """A board on which others may stand."""
    board = Board(state, frozen=frozen)
    board.scoreboard()
    return board


def shown(board: Board, state: ContestState) -> list[bytes]:
    """All that a board says."""
    groups = (None, *state.objects["groups"])
    return [board.scoreboard(group_id, problems_visible=visible) for group_id in groups for visible in (True, False)]


@settings(max_examples=examples(50))
@given(st.integers(0, 2**32), st.integers(10, 50), st.booleans(), st.data())
def test_a_board_above_another_is_that_of_its_draft(seed: int, length: int, frozen: bool, data: st.DataObject) -> None:
    events = history(seed, length)
    cut = data.draw(st.integers(0, len(events)))
    state = folded(events[:cut])
    below = looked_at(state, frozen=frozen)
    before, recomputed = shown(below, state), below.recomputed_teams
    for end in data.draw(st.lists(st.integers(cut, len(events)), min_size=1, max_size=3)):
        draft = draft_of(state)
        above = BoardAbove(below, draft)
        for position, event in enumerate(events[cut:end], start=cut + 1):
            draft.apply(position, *event)
            above.note((event[0], event[1]))
        for _ in above.catching_up():
            continue
        expected = Board(folded(events[:end]), frozen=frozen)
        assert shown(above, draft) == shown(expected, draft)
        assert above.standing() == expected.standing()
        assert above.first_to_solve() == expected.first_to_solve()
    assert below.recomputed_teams == recomputed
    assert shown(below, state) == before == shown(Board(state, frozen=frozen), state)


def test_a_board_beside_another_is_that_of_its_state() -> None:
    reached: Counter[str] = Counter()

    @settings(max_examples=examples(50))
    @given(st.integers(0, 2**32), st.integers(10, 50), st.booleans(), st.data())
    def law(seed: int, length: int, frozen: bool, data: st.DataObject) -> None:
        """Whichever of the two comes first."""
        events = history(seed, length)
        cuts = data.draw(st.tuples(*[st.integers(1, len(events))] * 2))
        then, state = (folded(events[:cut]) for cut in cuts)
        beside = looked_at(then, frozen=frozen)
        before = shown(beside, then)
        try:
            made = BoardBeside(beside, then, state)
        except ValueError:
            reached["other places"] += 1
            return
        reached["earlier" if cuts[0] > cuts[1] else "later"] += 1
        for _ in made.catching_up():
            continue
        expected = Board(state, frozen=frozen)
        assert shown(made, state) == shown(expected, state)
        assert made.first_to_solve() == expected.first_to_solve()
        assert shown(beside, then) == before

    law()
    assert {name for name in ("earlier", "later") if not reached[name]} == set()


def test_only_what_differs_is_computed_anew() -> None:
    then, state = folded(FEW), folded([*FEW, submission("s3", "t2", "b", "0:30:00.000")])
    beside = looked_at(then, frozen=False)
    made = BoardBeside(beside, then, state)
    made.scoreboard()
    assert made.recomputed_teams - beside.recomputed_teams == 1
    above = BoardAbove(beside, draft_of(then))
    above.scoreboard()
    assert above.recomputed_teams == beside.recomputed_teams


def test_where_submissions_stand_in_other_places_a_board_is_made_from_its_beginning() -> None:
    """The first one went and came again, and is the last one now."""
    again = [*FEW, ("submissions", "s1", None), submission("s1", "t1", "a", "0:10:00.000")]
    then, state = folded(FEW), folded(again)
    with pytest.raises(ValueError, match="submission s2 stands in another place"):
        BoardBeside(looked_at(then, frozen=False), then, state)
