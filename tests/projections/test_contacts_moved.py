"""What is told of contacts that came into force or went: never less than what did, however little is remembered."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import users
from projections.users import Users
from schemas.users import USER, User

CONTACTS = [None, *(f"c{number}" for number in range(40))]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), max_size=30), st.integers(1, 8))
def test_whatever_moved_since_a_position_is_told_or_that_it_is_not_known(
    changes: list[tuple[int, int]], kept_max: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(users, "CONTACTS_MOVED_MAX", kept_max)
        state = Users()
    in_force: list[set[str]] = [set()]
    taken: set[str] = set()
    for position, (number, contact_number) in enumerate(changes, start=1):
        # As the register does it: a contact is of one user, once.
        wanted = CONTACTS[contact_number]
        contact = None if wanted in taken else wanted
        taken |= {contact} if contact else set()
        user = User(id=f"u{number}", role="user", created_ms=position, contact=contact, credential=None)
        state.apply(position, USER, user.id, msgspec.json.encode(user))
        in_force.append(set(state.contacts))
    for position, then in enumerate(in_force):
        told = state.contacts_moved_since(position)
        assert told is None or then ^ in_force[-1] <= told
    assert state.contacts_moved_since(len(changes)) == set()


def test_a_few_moves_are_remembered_and_very_many_are_not() -> None:
    state = Users()
    for position in range(1, users.CONTACTS_MOVED_MAX + 2):
        user = User(id=f"u{position}", role="user", created_ms=1, contact=f"c{position}", credential=None)
        state.apply(position, USER, user.id, msgspec.json.encode(user))
    assert state.contacts_moved_since(0) is None
    assert state.contacts_moved_since(users.CONTACTS_MOVED_MAX) == {f"c{users.CONTACTS_MOVED_MAX + 1}"}
