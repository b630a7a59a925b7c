"""The parts of a checkpoint held against those that a replay would write.

Parts with the same bytes are right. Where the bytes differ, both sides are unpacked and compared, which names what
differs, and passes over an order that no answer rests on. This module must not know where parts are kept.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import sha256

from cds.checkpoints import Contents, Entry, Snapshot
from cds.verifying.work import Share
from projections.audience import Audience
from projections.packed_audience import UnpackedAudience, packed_audience
from projections.packed_state import UnpackedState, packed_state
from projections.packing import Part, Unpackable
from projections.state_differences import audience_difference, state_difference
from projections.tokens import CHAIN_BYTES, TokenMaker
from schemas.viewers import Role

FetchPart = Callable[[bytes], Awaitable[bytes | None]]
"""The bytes of the part of an address, None when it is not kept any more."""


class KeptNoMore(Exception):
    """A part was taken away while it was looked at: another checkpoint has come into the place of this one."""


class KeptParts:
    """The parts of one checkpoint, as far as its list of contents names them."""

    def __init__(self, contents: Contents, fetch: FetchPart, tokens: TokenMaker, *, state_alone: bool = False) -> None:
        """Nothing is fetched yet. All parts that the contents name are known to be as they were written.

        `state_alone`: there is nothing but a state.
        """
        self._contents = contents
        self._state_alone = state_alone
        self._fetch = fetch
        self._tokens = tokens

    async def difference(self, replayed: Snapshot, share: Share) -> str | None:
        """The first thing that is otherwise than in a replay up to the same position, None when there is none.

        Raises KeptNoMore, and what fetching raises.
        """
        try:
            found = await self._state_difference(replayed) if share != "feeds" else None
            if found is None and share != "state":
                found = await self._feed_difference(replayed)
            return found
        except Unpackable as reason:
            return str(reason)

    async def _state_difference(self, replayed: Snapshot) -> str | None:
        if not _same(self._contents.state, packed_state(replayed.state)):
            found = state_difference((await self._unpacked_state()).state(), replayed.state)
            if found is not None:
                return found
        return None if self._state_alone else await self._chain_difference(replayed.chain_bits)

    async def _feed_difference(self, replayed: Snapshot) -> str | None:
        for role, entries in self._contents.audiences.items():
            audience = replayed.audiences[role]
            if _same(entries, packed_audience(audience, replayed.state)):
                continue
            found = audience_difference(await self._unpacked_audience(role, entries), audience)
            if found is not None:
                return f"{role}: {found}"
        return None

    async def _unpacked_state(self) -> UnpackedState:
        unpacked = UnpackedState()
        for entry in self._contents.state:
            unpacked.take(await self._part(entry))
        return unpacked

    async def _unpacked_audience(self, role: Role, entries: Sequence[Entry]) -> Audience:
        """An audience is unpacked over the state that was packed with it."""
        unpacked = UnpackedAudience(role, self._tokens, await self._unpacked_state())
        for entry in entries:
            unpacked.take(await self._part(entry))
        return unpacked.audience()

    async def _chain_difference(self, replayed: bytearray) -> str | None:
        kept = b"".join([(await self._part(entry)).content for entry in self._contents.chain_bits])
        if kept == replayed:
            return None
        first = next((i for i, (a, b) in enumerate(zip(kept, replayed, strict=False)) if a != b), len(kept))
        return f"chain value of row {first // CHAIN_BYTES + 1}"

    async def _part(self, entry: Entry) -> Part:
        content = await self._fetch(entry.address)
        if content is None:
            raise KeptNoMore
        return Part(entry.kind, entry.of, content)


def _same(kept: Sequence[Entry], replayed: Iterable[Part]) -> bool:
    """Whether the replay's parts are these, byte for byte."""
    return [(each.kind, each.of, each.address) for each in kept] == [
        (part.kind, part.of, sha256(part.content).digest()) for part in replayed
    ]
