"""The fold of all users, whom they follow, and which tokens were given back.

This module must not know who may change or see a user, nor anything that is kept beside the log.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from heapq import heappop, heappush

import msgspec

from schemas.users import FOLLOW, LOGOUT, USER, Follow, Logout, User

USER_ID_PREFIX = "u"

CLOCKS_APART_S = 86_400
"""So long behind its end a token that was given back is still known: clocks may differ, and so may who reads them."""

CONTACTS_MOVED_MAX = 4_096
"""So many contacts that came into force, or went, are remembered in their order; beyond these one looks at all."""

_user_decoder = msgspec.json.Decoder(User)
_follow_decoder = msgspec.json.Decoder(Follow)
_logout_decoder = msgspec.json.Decoder(Logout)


def follow_id(follower: str, followee: str) -> str:
    """The id of the event that one user follows another, or does not any more."""
    return f"{follower}.{followee}"


class Users:
    """All users at a position of their stream."""

    def __init__(self) -> None:
        """None yet."""
        self.position = 0
        self._users: dict[str, User] = {}
        self._contacts: dict[str, str] = {}
        # The positions at which contacts came into force or went, and which.
        self._moved: deque[tuple[int, str]] = deque(maxlen=CONTACTS_MOVED_MAX)
        self._gone: set[str] = set()
        # Both ways, in the order in which it came to be: followee by follower by since, and the other way round.
        self._following: dict[str, dict[str, Follow]] = {}
        self._followers: dict[str, dict[str, Follow]] = {}
        self._logouts: set[str] = set()
        self._ends_of_logouts: list[tuple[int, str]] = []
        # The latest moment that any event tells of, in seconds since the Unix epoch.
        self._latest_s = 0

    def __iter__(self) -> Iterator[User]:
        """In the order in which they signed up, also those who are banned or erased."""
        return iter(tuple(self._users.values()))

    def __len__(self) -> int:
        """How many there have ever been."""
        return len(self._users)

    @property
    def next_id(self) -> str:
        """The id of who signs up next; an id never comes back."""
        return f"{USER_ID_PREFIX}{len(self._users) + 1}"

    @property
    def contacts(self) -> AbstractSet[str]:
        """The ids of the contacts that are in force."""
        return self._contacts.keys()

    def contacts_moved_since(self, position: int) -> set[str] | None:
        """The contacts that came into force or went behind a position; None where that is too long ago to be known."""
        moved = set[str]()
        for at, contact in reversed(self._moved):
            if at <= position:
                return moved
            moved.add(contact)
        return None if len(self._moved) == self._moved.maxlen else moved

    def with_contact(self, contact: str) -> User | None:
        """Whose contact this is, also of somebody who is banned; None where it is in force for nobody."""
        return self._users.get(self._contacts.get(contact, ""))

    def find(self, user_id: str) -> User | None:
        """The user of that id, None when there never was one."""
        return self._users.get(user_id)

    def gone(self) -> set[str]:
        """The ids of all who are banned or erased."""
        return set(self._gone)

    def is_following(self, follower: str, followee: str) -> bool:
        """Whether one user follows another."""
        return followee in self._following.get(follower, ())

    def following(self, user_id: str) -> Sequence[str]:
        """The ids of those whom a user follows and who are neither banned nor erased, in the order of following."""
        return [each for each in self._following.get(user_id, ()) if self._users[each].active]

    def followers(self, user_id: str) -> Sequence[str]:
        """The ids of those who follow a user and are neither banned nor erased, in the order of following."""
        return [each for each in self._followers.get(user_id, ()) if self._users[each].active]

    def is_logged_out(self, token_mark: str) -> bool:
        """Whether a token was given back; of one that has expired long since nothing is known any more."""
        return token_mark in self._logouts

    def apply(self, position: int, event_type: str, identifier: str, data: bytes | None, /) -> None:
        """Take in the event at the next position. Raises msgspec.DecodeError for one that cannot be read."""
        if event_type == USER:
            # A user never goes without a trace: who is erased leaves the bare id.
            self._take_in(position, _user_decoder.decode(data or b"null"))
        elif event_type == FOLLOW:
            self._take_in_follow(identifier, None if data is None else _follow_decoder.decode(data))
        elif event_type == LOGOUT:
            self._take_in_logout(identifier, _logout_decoder.decode(data or b"null"))
        else:
            raise msgspec.ValidationError(f"there is no type {event_type!r}")
        self.position = position

    def _take_in(self, position: int, user: User) -> None:
        before = self._users.get(user.id)
        self._users[user.id] = user
        if before is None or before.contact != user.contact:
            if before is not None and before.contact is not None:
                del self._contacts[before.contact]
                self._moved.append((position, before.contact))
            if user.contact is not None:
                self._contacts[user.contact] = user.id
                self._moved.append((position, user.contact))
        self._note_moment(max(user.created_ms, user.deleted_ms or user.created_ms) // 1_000)
        (self._gone.discard if user.active else self._gone.add)(user.id)
        if user.erased:
            self._let_go(user.id)

    def _let_go(self, user_id: str) -> None:
        """Whoever is erased follows nobody, and nobody follows them."""
        for followee in self._following.pop(user_id, ()):
            del self._followers[followee][user_id]
        for follower in self._followers.pop(user_id, ()):
            del self._following[follower][user_id]

    def _take_in_follow(self, identifier: str, follow: Follow | None) -> None:
        if follow is None:
            follower, _, followee = identifier.partition(".")
            self._following.get(follower, {}).pop(followee, None)
            self._followers.get(followee, {}).pop(follower, None)
            return
        for user_id in (follow.follower, follow.followee):
            if user_id not in self._users:
                raise msgspec.ValidationError(f"there is no user {user_id}")
        self._note_moment(follow.since_ms // 1_000)
        self._following.setdefault(follow.follower, {})[follow.followee] = follow
        self._followers.setdefault(follow.followee, {})[follow.follower] = follow

    def _take_in_logout(self, token_mark: str, logout: Logout) -> None:
        self._logouts.add(token_mark)
        heappush(self._ends_of_logouts, (logout.expires_s, token_mark))
        self._note_moment(logout.since_s)

    def _note_moment(self, moment_s: int) -> None:
        """Forget what has expired by then: a token that is good for nothing by itself need not be known."""
        self._latest_s = max(self._latest_s, moment_s)
        while self._ends_of_logouts and self._ends_of_logouts[0][0] + CLOCKS_APART_S <= self._latest_s:
            self._logouts.discard(heappop(self._ends_of_logouts)[1])
