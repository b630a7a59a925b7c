"""The personal data of users at hand: found by id, by user name and by address.

The log names who has which by id alone, so whoever decides on names has to have the data at hand that the log names;
what it does not name (yet, or any more) is nobody's. Pure. This module must not know where the data is kept.
"""

from collections.abc import Callable, Collection, Mapping

from cds.commands.user_names import folded_email, folded_username
from projections.users import Users
from schemas.users import User, UserContact

Folded = Callable[[UserContact], str]

NOWHERE = -1
"""No position of a stream."""


class ContactsBehind(Exception):
    """There are users whose personal data is not at hand, so nobody can say which names are free."""


class UserContacts:
    """Contacts by id; also some that are nobody's."""

    def __init__(self, contacts: Mapping[str, UserContact] | None = None) -> None:
        """Those contacts, or none."""
        self._by_id: dict[str, UserContact] = {}
        self._by_name = _Index(lambda contact: folded_username(contact.username))
        self._by_email = _Index(lambda contact: folded_email(contact.email))
        # Where in the stream all was at hand that there was; what was missing there is being erased.
        self._level = NOWHERE
        # What is not at hand any more, and may be in force and kept all the same.
        self._left: set[str] = set()
        self.put(contacts or {})

    def __len__(self) -> int:
        """How many are at hand."""
        return len(self._by_id)

    def find(self, contact_id: str | None) -> UserContact | None:
        """The contact of an id, None where none is at hand."""
        return self._by_id.get(contact_id or "")

    def named(self, state: Users, username: str) -> User | None:
        """Who has a user name, also somebody who is banned; None where nobody of those at hand has it."""
        return _holder(state, self._by_name.ids(folded_username(username)))

    def addressed(self, state: Users, email: str) -> User | None:
        """Who has an address, also somebody who is banned; None where nobody of those at hand has it."""
        return _holder(state, self._by_email.ids(folded_email(email)))

    def missing(self, state: Users) -> set[str]:
        """The ids of the contacts in force that are not at hand, and that may be kept."""
        moved = state.contacts_moved_since(self._level)
        doubtful = state.contacts if moved is None else moved | self._left
        return {each for each in doubtful if each in state.contacts and each not in self._by_id}

    def is_level_with(self, state: Users) -> bool:
        """Whether all is at hand that is kept of those who are users. Looks at what has changed, not at everybody."""
        if self._level == state.position and not self._left:
            return True
        if self.missing(state):
            return False
        self.settle(state.position)
        return True

    def settle(self, position: int) -> None:
        """Take note that whatever was in force at a position of the stream, and is not at hand, is kept nowhere."""
        self._level = position
        self._left.clear()

    def put(self, contacts: Mapping[str, UserContact]) -> None:
        """Have these at hand too."""
        for contact_id, contact in contacts.items():
            self._drop(contact_id)
            self._by_id[contact_id] = contact
            self._left.discard(contact_id)
            self._by_name.add(contact_id, contact)
            self._by_email.add(contact_id, contact)

    def let_go(self, contact_ids: Collection[str]) -> None:
        """Have these at hand no more."""
        for contact_id in contact_ids:
            self._drop(contact_id)
        self._left.update(contact_ids)

    def let_go_of_others(self, state: Users, but: Collection[str]) -> None:
        """Have no more at hand what is in force for nobody, but for those that may soon be. Looks at everybody."""
        for contact_id in self._by_id.keys() - state.contacts - set(but):
            self._drop(contact_id)

    def let_go_of_moved(self, state: Users, position: int, but: Collection[str]) -> None:
        """The same for what has gone out of force behind a position. Looks at what has changed."""
        moved = state.contacts_moved_since(position)
        if moved is None:
            self.let_go_of_others(state, but)
            return
        for contact_id in moved:
            if contact_id not in state.contacts:
                self._drop(contact_id)

    def _drop(self, contact_id: str) -> None:
        contact = self._by_id.pop(contact_id, None)
        if contact is not None:
            self._by_name.remove(contact_id, contact)
            self._by_email.remove(contact_id, contact)


class _Index:
    """Ids of contacts by what they are found by, in the order in which they came to hand."""

    def __init__(self, folded: Folded) -> None:
        self._folded = folded
        self._ids: dict[str, tuple[str, ...]] = {}

    def ids(self, folded: str) -> tuple[str, ...]:
        return self._ids.get(folded, ())

    def add(self, contact_id: str, contact: UserContact) -> None:
        folded = self._folded(contact)
        self._ids[folded] = (*self.ids(folded), contact_id)

    def remove(self, contact_id: str, contact: UserContact) -> None:
        folded = self._folded(contact)
        left = tuple(each for each in self.ids(folded) if each != contact_id)
        if left:
            self._ids[folded] = left
        else:
            del self._ids[folded]


def _holder(state: Users, contact_ids: tuple[str, ...]) -> User | None:
    """Who has one of these contacts. Of two the later: the data of the other is being erased (see `settle`)."""
    holders = (state.with_contact(contact_id) for contact_id in reversed(contact_ids))
    return next((user for user in holders if user is not None), None)
