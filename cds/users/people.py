"""Everybody at one moment: users as the log has them, with the names that are kept beside it.

This module must not know how either is read.
"""

from collections.abc import Collection

from cds.commands.user_contacts import UserContacts
from projections.users import Users
from schemas.users import User, UserContact, placeholder


class People:
    """All users with their names. To be used at once, since users change."""

    def __init__(self, state: Users, contacts: UserContacts) -> None:
        """Users, and contacts that are level with them."""
        self.state = state
        self._contacts = contacts

    def named(self, username: str) -> User | None:
        """The user of that name who is neither banned nor erased, None when there is none."""
        user = self.named_ever(username)
        return user if user is not None and user.active else None

    def named_ever(self, username: str) -> User | None:
        """The user of that name, also one who is banned."""
        return self._contacts.named(self.state, username)

    def with_email(self, email: str) -> User | None:
        """The user of that address who is neither banned nor erased, None when there is none."""
        user = self._contacts.addressed(self.state, email)
        return user if user is not None and user.active else None

    def has(self, username: str, email: str) -> bool:
        """Whether the name or the address is somebody's, also of one who is banned."""
        return self.named_ever(username) is not None or self._contacts.addressed(self.state, email) is not None

    def active(self, user_id: str) -> bool:
        """Whether there is a user of that id who is neither banned nor erased."""
        user = self.state.find(user_id)
        return user is not None and user.active

    def contact(self, user: User) -> UserContact | None:
        """The personal data of a user; None for who is erased."""
        return self._contacts.find(user.contact)

    def username(self, user_id: str) -> str:
        """The name of a user, or what stands in its place when nothing is kept of them."""
        contact = self._contact(user_id)
        return placeholder(user_id) if contact is None else contact.username

    def names(self, user_ids: Collection[str]) -> dict[str, str]:
        """The names of several users, by id."""
        return {user_id: self.username(user_id) for user_id in user_ids}

    def display_name(self, user_id: str) -> str | None:
        """The real name that a user has given, None for none."""
        contact = self._contact(user_id)
        return None if contact is None else contact.name

    def email(self, user_id: str) -> str | None:
        """The address of a user who is neither banned nor erased."""
        contact = self._contact(user_id) if self.active(user_id) else None
        return None if contact is None else contact.email

    def active_users(self) -> list[User]:
        """Everybody who is neither banned nor erased, by user name."""
        return self._by_name([user for user in self.state if user.active])

    def banned_users(self) -> list[User]:
        """Everybody who is banned, and may come back, by user name."""
        return self._by_name([user for user in self.state if not user.active and not user.erased])

    def _by_name(self, users: list[User]) -> list[User]:
        names = {user.id: self.username(user.id) for user in users}
        return sorted(users, key=lambda user: (names[user.id].casefold(), names[user.id]))

    def _contact(self, user_id: str) -> UserContact | None:
        user = self.state.find(user_id)
        return None if user is None else self.contact(user)
