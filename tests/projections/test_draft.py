"""A draft is the state in which more has happened, to the last detail, and the state below it stays as it is."""

from collections.abc import Sequence

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from projections.awards import computed_awards
from projections.contest import Change, ContestState
from projections.draft import Layer, draft_of
from projections.scoreboard import Board
from schemas.object_types import OBJECT_TYPES
from schemas.records import Login
from tests.command_histories import CommandHistory, begun, command_histories
from tests.histories import History, histories
from tests.projections.test_law_references import EXTENDING
from tests.projections.test_law_replay import everything

LOGINS = [ObjectChange("x-logins", f"account-t{number}", Login(generation=number)) for number in (1, 2)]
LOGIN_CHANGES = [*LOGINS, ObjectChange("x-logins", "account-t1", None), ObjectChange("x-logins", "gone", None)]


def folded(changes: Sequence[ObjectChange], state: ContestState | None = None) -> tuple[ContestState, list[Change]]:
    """The state after these changes, on top of another or of nothing, and what each may have changed."""
    after = ContestState() if state is None else state
    applied = [after.apply(after.position + 1, each.type, each.id, each.instance) for each in changes]
    return after, applied


def details(state: ContestState) -> tuple[object, ...]:
    """All that a state holds, in its order."""
    referrers = {
        (name, identifier): list(state.referrers.of((name, identifier)))
        for name in OBJECT_TYPES
        for identifier in (*state.objects[name], "t4", "new-0", "nobody")
    }
    return (
        everything(state),
        referrers,
        {name: (list(members), len(members)) for name, members in state.objects.items()},
        {name: list(members) for name, members in state.extended.items()},
        state.settings,
        dict(state.logins),
        state.highest_submission_number,
        state.latest_submission_time_ms,
        state.frozen,
        list(state.withdrawn_awards().items()),
        state.ended_updates,
    )


def check(changes: Sequence[ObjectChange], cuts: Sequence[int]) -> None:
    """Cut a history somewhere and let the rest happen on a draft, and perhaps on a draft of that one."""
    first, second = sorted(cut % (len(changes) + 1) for cut in cuts)
    base, _ = folded(changes[:first])
    before = details(base)
    draft, on_draft = folded(changes[first:second], draft_of(base))
    drafted = details(draft)
    upper, on_upper = folded(changes[second:], draft_of(draft))
    expected, applied = folded(changes)
    assert details(upper) == details(expected)
    assert [*on_draft, *on_upper] == applied[first:]
    assert details(draft) == drafted == details(folded(changes[:second])[0])
    assert details(base) == before
    assert Board(upper, frozen=False).scoreboard() == Board(expected, frozen=False).scoreboard()
    assert computed_awards(upper, Board(upper, frozen=False)) == computed_awards(
        expected, Board(expected, frozen=False)
    )
    event(f"awards at the freeze: {upper.awards_at_freeze is not None}")


CUTS = st.lists(st.integers(0, 2_000), min_size=2, max_size=2)


@given(histories(), CUTS)
def test_a_draft_is_what_a_replay_comes_to(history: History, cuts: list[int]) -> None:
    """Objects in their order, versions, referrers, times, freeze: alike, wherever the draft begins."""
    last = len(history.changes) - history.base + 1
    check(history.changes, [history.base + cut % last for cut in cuts])


@given(histories(EXTENDING), CUTS)
def test_a_draft_knows_extensions_of_its_own(history: History, cuts: list[int]) -> None:
    """And leaves alone those of the state below."""
    last = len(history.changes) - history.base + 1
    check(history.changes, [history.base + cut % last for cut in cuts])


@given(command_histories(), CUTS, st.permutations(LOGIN_CHANGES))
def test_a_draft_of_commands_is_what_a_replay_comes_to(
    history: CommandHistory, cuts: list[int], logins: list[ObjectChange]
) -> None:
    """Also where records are among the changes."""
    stage = begun(history.start, roles=())
    for each in history.commands:
        stage.perform(each)
    check([*stage.changes, *logins], cuts)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from(["set", "delete", "pop"]), st.integers(0, 3))))
def test_a_layer_behaves_as_a_dictionary_would(steps: list[tuple[str, str, int]]) -> None:
    """Order of iteration, length and every look-up; the dictionary below stays as it is."""
    below = {"c": 1, "a": 2, "d": 3}
    layer, plain = Layer[str, int](below), dict(below)
    for key, step, value in steps:
        if step == "set":
            layer[key] = plain[key] = value
        elif step == "pop":
            assert layer.pop(key, None) == plain.pop(key, None)
        elif key in plain:
            del layer[key], plain[key]
        else:
            with pytest.raises(KeyError):
                del layer[key]
        assert list(layer.items()) == list(plain.items())
        assert (list(reversed(layer)), len(layer)) == (list(reversed(plain)), len(plain))
        for each in "abcdef":
            assert (each in layer, layer.get(each)) == (each in plain, plain.get(each))
    assert below == {"c": 1, "a": 2, "d": 3}
    assert list(below) == ["c", "a", "d"]


def test_a_draft_of_what_is_gone_and_comes_back() -> None:
    """An object that is deleted and made again stands behind the others, as it would in the state itself."""
    stage = begun("4:01:00.000", roles=())
    award = stage.state.objects["awards"]["winner"]
    changes = [ObjectChange("awards", "winner", None), ObjectChange("awards", "winner", award)]
    draft, _ = folded(changes, draft_of(stage.state))
    assert list(draft.objects["awards"])[-1] == "winner"
    assert list(stage.state.objects["awards"])[-1] != "winner"
    assert draft.versions["awards", "winner"] == stage.state.position + 2
