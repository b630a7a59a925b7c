"""Who is gone from the platform, banned or erased, for the matches to go on without them.

This module must not know what becomes of parties.
"""

from collections.abc import Awaitable, Callable, Collection

from projections.users import Users


class Departures:
    """The ids of the users who are gone; looked for anew when the users have changed."""

    def __init__(self, users: Callable[[], Awaitable[Users]]) -> None:
        """`users` gives all users as all processes know them."""
        self._users = users
        self._position = 0
        self._gone: frozenset[str] = frozenset()

    async def gone(self) -> Collection[str]:
        """Them. Raises StoreUnavailable."""
        users = await self._users()
        if users.position != self._position:
            self._gone = frozenset(user.id for user in users if not user.active)
            self._position = users.position
        return self._gone
