"""The codes that let users choose a new password, as they are kept beside the log: as hashes, the newest of each user.

This module must not know who may use one.
"""

from collections.abc import Callable, Collection
from hashlib import sha256

import msgspec

from eventstore.limits import KEPT_AT_ONCE_MAX
from eventstore.store import EventStore
from schemas.users import RESETS, User, UserReset

_decoder = msgspec.json.Decoder(UserReset)


def code_hash(code: str) -> str:
    """What is kept of a code; it has far more randomness than anybody can try out, so a fast hash will do."""
    return sha256(code.encode()).hexdigest()


def is_good_for(reset: UserReset, user: User) -> bool:
    """Whether nothing has happened to a user since a code was made for them."""
    return (user.active, user.generation, user.contact) == (True, reset.generation, reset.contact)


class ResetCodes:
    """The codes in one database. Each method raises StoreUnavailable."""

    def __init__(self, store: EventStore) -> None:
        """Codes beside the log of this store."""
        self._store = store

    async def put(self, reset: UserReset) -> None:
        """Keep a code in the place of any that its user had."""
        encoded = msgspec.json.encode(reset)
        gone = await self._ids(lambda kept: kept.user == reset.user)
        await self._store.keep(RESETS, {reset.code_hash: encoded, reset.user: encoded})
        await self._erase(gone - {reset.code_hash, reset.user})

    async def newest(self, code: str) -> UserReset | None:
        """What is kept of a code, None unless it is the newest of its user."""
        hashed = code_hash(code)
        found = (await self._store.kept(RESETS, [hashed])).get(hashed)
        if found is None:
            return None
        newest = await self._of_user(_decoder.decode(found).user)
        return newest if newest is not None and newest.code_hash == hashed else None

    async def erase(self, user_id: str) -> None:
        """Erase what is kept for a user, also what was left over where two asked for codes at once."""
        await self._erase(await self._ids(lambda kept: kept.user == user_id))

    async def tidy(self, good: Callable[[UserReset], bool]) -> int:
        """Erase what is not good any more; how much that was."""
        gone = await self._ids(lambda kept: not good(kept))
        await self._erase(gone)
        return len(gone)

    async def _ids(self, chosen: Callable[[UserReset], bool]) -> set[str]:
        """Under what any such code is kept; there are few, since each is good for a day at most."""
        return {id for id, data in (await self._store.kept(RESETS)).items() if chosen(_decoder.decode(data))}

    async def _erase(self, ids: Collection[str]) -> None:
        gone = sorted(ids)
        for start in range(0, len(gone), KEPT_AT_ONCE_MAX):
            await self._store.keep(RESETS, dict.fromkeys(gone[start : start + KEPT_AT_ONCE_MAX]))

    async def _of_user(self, user_id: str) -> UserReset | None:
        data = (await self._store.kept(RESETS, [user_id])).get(user_id)
        return None if data is None else _decoder.decode(data)
