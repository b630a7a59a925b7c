"""The law of what is shown while a contest is made equal to its source at once: nothing hidden, nothing old.

From how a history stood at one line to how it stands at a later one. What each role sees of each object on the way is
what it might have been told line by line, in the same order, less what was passed over (`tests.cds.upstream.told`).
"""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.commands.decision import ObjectChange
from cds.commands.reconcile import decide_reconcile
from projections.contest import ContestState
from projections.integrity import Key
from projections.visibility import role_view
from schemas.object_types import OBJECT_TYPES, SINGLETON_ID
from schemas.viewers import Role
from tests.acceptance.test_follow_chain_law import Shown, out_of_order
from tests.cds.upstream.told import could_be_told
from tests.effort import examples
from tests.histories import MOVES, histories

OF_INTEREST = {
    "teams": ("change_groups", "change_groups", "submit", "extend", "rewrite", "advance_state"),
    "verdicts": ("judge", "settle", "delete", "delete", "delete", "advance_state", "advance_state"),
    "times": ("reschedule", "reschedule", "submit", "submit", "move_submission", "advance_state"),
    "everything": (*MOVES, *("advance_state", "delete", "change_groups") * 4),
}
"""Moves of which one hides or shows what another changes."""

FEW = settings(max_examples=examples(10))
WATCHING: tuple[Role, ...] = ("public", "admin", "analyst")
BASE_SINCE = 12
"""So many changes of those that a history builds on are among what may come at once."""


def shown_in(state: ContestState, changes: list[ObjectChange], keys: list[Key], role: Role) -> Shown:
    """What the role sees of each object, one after the other, from how it stands on; None where it sees nothing."""
    shown: Shown = {key: [] for key in keys}
    _look(state, shown, role)
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
        _look(state, shown, role)
    return shown


def _look(state: ContestState, shown: Shown, role: Role) -> None:
    for (type_name, identifier), versions in shown.items():
        view = role_view(role).types[type_name]
        instance = view.instance(state, identifier or SINGLETON_ID)
        seen = None if instance is None else view.of(state, None, instance)
        said = msgspec.json.decode(msgspec.json.encode(seen))
        if said != (versions[-1] if versions else None):
            versions.append(said)


def folded(changes: list[ObjectChange]) -> ContestState:
    """The contest after changes."""
    state = ContestState()
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


@pytest.mark.parametrize("moves", OF_INTEREST.values(), ids=OF_INTEREST)
@FEW
@given(data=st.data())
def test_what_comes_at_once_shows_nothing_that_its_lines_did_not_show(
    moves: tuple[str, ...], data: st.DataObject
) -> None:
    """A freeze or a thaw among it, deletions, a contest that is longer or shorter by then."""
    history = data.draw(histories(moves=moves), label="history")
    lines = history.changes
    before = data.draw(st.integers(max(history.base - BASE_SINCE, 0), len(lines) - 1), label="lines that were there")
    after = data.draw(st.integers(before + 1, len(lines)), label="lines that come at once")
    changes = decide_reconcile(folded(lines[:before]), folded(lines[:after]).objects, OBJECT_TYPES)
    keys = list(dict.fromkeys((change.type, change.id) for change in lines))
    for role in WATCHING:
        shown = shown_in(folded(lines[:before]), changes, keys, role)
        allowed = shown_in(ContestState(), lines, keys, role)
        differing = out_of_order(shown, [allowed])
        for key in (each for each in keys if each in differing):
            assert could_be_told(shown[key], lines, key, role), (role, key, shown[key])
