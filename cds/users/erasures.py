"""Users who are being erased, kept beside the log until the log says that they are.

This module must not know what is kept of a user.
"""

import msgspec

from eventstore.store import EventStore
from schemas.users import ERASURES, UserErasure

_decoder = msgspec.json.Decoder(UserErasure)


class Erasures:
    """The erasures in one database that may have been interrupted. Each method raises StoreUnavailable."""

    def __init__(self, store: EventStore) -> None:
        """Erasures beside the log of this store."""
        self._store = store

    async def begin(self, user_id: str, erasure: UserErasure) -> None:
        """Take note that a user is being erased; durable when this returns."""
        await self._store.keep(ERASURES, {user_id: msgspec.json.encode(erasure)})

    async def end(self, user_id: str) -> None:
        """Take note that nothing is left to be done."""
        await self._store.keep(ERASURES, {user_id: None})

    async def begun(self) -> dict[str, UserErasure]:
        """The erasures that have not come to an end, by the id of the user."""
        return {user_id: _decoder.decode(data) for user_id, data in (await self._store.kept(ERASURES)).items()}
