"""The two long lists that Codeforces gives of a handle: compressed, in pieces beside the log, where they can be erased.

A list is kept under a name of its own before anybody names it, is never changed, and is erased once nobody does: so
what a student has submitted is kept once, however often it is asked for, and goes with the student. This module must
not know what the lists hold, nor who names them.
"""

import asyncio
import zlib
from collections.abc import Collection

import msgspec

from cds.circumstances import Circumstances
from eventstore.limits import KEPT_BYTES_MAX
from eventstore.store import EventStore

LISTS = "student-lists"
"""The kind under which it is kept of each list, by name, when it came and how many pieces it has."""

PIECES = "student-list-pieces"
"""The kind under which the pieces are kept."""

EMPTY = b"[]"

LEVEL = 6
"""Such lists become a fifteenth of themselves."""

UNNAMED_MS = 3_600_000
"""A list that nobody names is erased when it is so old: the event that was to name it never came."""


class ListLost(LookupError):
    """A list is not kept any more: another is in its place, or something is wrong with the database."""


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of a list; `made_ms` is when it came, in milliseconds since the Unix epoch."""

    made_ms: int
    pieces: int


_kept_decoder = msgspec.json.Decoder(_Kept)


class RawLists:
    """The lists in one database. Each method raises StoreUnavailable."""

    def __init__(self, store: EventStore, circumstances: Circumstances) -> None:
        """Lists beside the log of this store."""
        self._store = store
        self._circumstances = circumstances

    async def keep(self, raw: bytes) -> str:
        """Keep a list, JSON; its name. Raises UnicodeDecodeError for what is no text."""
        packed = await asyncio.to_thread(_packed, raw)
        name = self._circumstances.identifier() + self._circumstances.identifier()
        pieces = [packed[start : start + KEPT_BYTES_MAX] for start in range(0, len(packed), KEPT_BYTES_MAX)]
        kept = _Kept(made_ms=self._now_ms(), pieces=len(pieces))
        # Of pieces that have come without this nobody would ever know.
        await self._store.keep(LISTS, {name: msgspec.json.encode(kept)})
        await self._store.keep(PIECES, dict(zip(_piece_ids(name, kept), pieces, strict=True)))
        return name

    async def read(self, name: str | None) -> bytes:
        """The list of that name, JSON; empty for None. Raises ListLost."""
        if name is None:
            return EMPTY
        kept = (await self._kept((name,))).get(name)
        ids = () if kept is None else _piece_ids(name, kept)
        pieces = await self._store.kept(PIECES, ids)
        if kept is None or len(pieces) != kept.pieces:
            raise ListLost(f"the list {name} of a student is not kept any more")
        return await asyncio.to_thread(lambda: zlib.decompress(b"".join(pieces[id] for id in ids)))

    async def is_kept(self, name: str) -> bool:
        """Whether there is a list of that name."""
        return name in await self._kept((name,))

    async def erase(self, names: Collection[str]) -> None:
        """Keep these lists no longer; those that are not there are not."""
        for name, kept in (await self._kept(names)).items():
            await self._store.keep(PIECES, dict.fromkeys(_piece_ids(name, kept)))
            await self._store.keep(LISTS, {name: None})

    async def unnamed(self, named: Collection[str]) -> list[str]:
        """The names of those that are not among the `named` ones and have been there for long enough."""
        now_ms = self._now_ms()
        return [
            name
            for name, data in (await self._store.kept(LISTS)).items()
            if name not in named and abs(now_ms - _kept_decoder.decode(data).made_ms) > UNNAMED_MS
        ]

    async def _kept(self, names: Collection[str]) -> dict[str, _Kept]:
        found = await self._store.kept(LISTS, names)
        return {name: _kept_decoder.decode(data) for name, data in found.items()}

    def _now_ms(self) -> int:
        return self._circumstances.now_us() // 1_000


def _piece_ids(name: str, kept: _Kept) -> tuple[str, ...]:
    return tuple(f"{name}/{number}" for number in range(kept.pieces))


def _packed(raw: bytes) -> bytes:
    raw.decode()  # whoever reads JSON takes only what he wants from it, and has not looked at every text
    return zlib.compress(raw, LEVEL)
