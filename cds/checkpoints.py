"""Checkpoints of contests: a state and its feeds as they were at a position, kept beside the log for a fast start.

A checkpoint never changes an answer: it counts only when the very program that made it reads it, under the same key of
tokens, and when the log has the same chain value at its position. Whatever speaks against it, the log is read from its
beginning. This module puts together what the pure rooms pack and what the store keeps; it must not know any wire.
"""

import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec
import structlog

from eventstore.store import Checkpoint, EventStore
from projections.audience import Audience
from projections.contest import ContestState
from projections.packed_audience import UnpackedAudience, packed_audience
from projections.packed_state import UnpackedState, packed_state
from projections.packing import Part, Unpackable, as_unpackable, encode
from projections.tokens import TokenMaker
from schemas.viewers import Role

CHAIN_BYTES_PER_PART = 1024 * 1024
"""Bits of chain values that go into one part."""

CONTENTS, CHAIN = "contents", "chain"
"""The kinds of parts that are of the checkpoint itself."""

DERIVED_BY = (
    "schemas",
    "projections",
    "eventstore.codec",
    "cds.audiences",
    "cds.checkpoints",
    "cds.decoding",
    "cds.live_contest",
    "cds.releasing",
)
"""The modules, and the rooms, whose every change may change what a log comes to."""

log = structlog.get_logger(__name__)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A contest in memory at a position: its state, bits of all chain values, the last of them, and its feeds."""

    state: ContestState
    chain_bits: bytearray
    chain: bytes
    audiences: Mapping[Role, Audience]


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One part in the list of contents."""

    kind: str
    of: str
    address: bytes


class Contents(msgspec.Struct, frozen=True, array_like=True):
    """The list of contents: the parts of the state, those of every audience, and those with bits of the chain."""

    state: list[Entry]
    audiences: dict[Role, list[Entry]]
    chain_bits: list[Entry]


_contents_decoder = msgspec.msgpack.Decoder(Contents)


class Restored:
    """What a checkpoint gave. What nobody has asked for of it yet is decoded bit by bit."""

    def __init__(
        self, snapshot: Snapshot, unpacked_state: UnpackedState, unpacked_audiences: Sequence[UnpackedAudience]
    ) -> None:
        """The snapshot, and what it is being unpacked from."""
        self.snapshot = snapshot
        self._unpacked_state = unpacked_state
        self._unpacked_audiences = unpacked_audiences

    def decoding(self) -> Iterator[None]:
        """Decodes the rest; each step takes some milliseconds."""
        while self._unpacked_state.decode_some() or any(each.decode_some() for each in self._unpacked_audiences):
            yield


async def restored(store: EventStore, stream: str, tokens: TokenMaker, roles: Iterable[Role]) -> Restored | None:
    """The checkpoint of a stream with the feeds of these roles; None when there is none that counts and has them.

    Raises what the store raises.
    """
    checkpoint = await store.checkpoint(stream)
    if checkpoint is None:
        return None
    try:
        return await _restored(store, checkpoint, tokens, roles)
    except Unpackable as reason:
        log.info("checkpoint_ignored", stream=stream, position=checkpoint.position, reason=str(reason))
        return None


class Held(msgspec.Struct, frozen=True):
    """What a checkpoint that counts holds: how far it goes, and the roles whose feeds it has."""

    position: int
    roles: frozenset[Role]


async def held_checkpoint(store: EventStore, stream: str, tokens: TokenMaker) -> Held | None:
    """What the checkpoint of a stream holds; None when there is none that counts. Raises what the store raises."""
    checkpoint = await store.checkpoint(stream)
    if checkpoint is None:
        return None
    try:
        contents = await _contents(store, checkpoint, tokens)
    except Unpackable:
        return None
    return Held(checkpoint.position, frozenset(contents.audiences))


async def keep_checkpoint(store: EventStore, stream: str, snapshot: Snapshot, tokens: TokenMaker) -> None:
    """Keep a snapshot as the checkpoint of its stream. Nothing may happen in it meanwhile.

    Parts that are as in the last checkpoint are not written again. Raises Unpackable, and what the store raises.
    """
    keeping = _Keeping(store, stream, await store.checkpoint_parts_kept(stream))
    contents = Contents(
        state=await keeping.keep(packed_state(snapshot.state)),
        audiences={
            role: await keeping.keep(packed_audience(audience, snapshot.state))
            for role, audience in snapshot.audiences.items()
        },
        chain_bits=await keeping.keep(_packed_chain_bits(snapshot.chain_bits)),
    )
    (first,) = await keeping.keep([Part(CONTENTS, "", encode(contents))])
    addresses = dict.fromkeys([first.address, *keeping.addresses])
    await store.put_checkpoint(
        Checkpoint(
            stream=stream,
            position=snapshot.state.position,
            chain=snapshot.chain,
            fingerprint=fingerprint(tokens),
            parts=tuple(addresses),
        )
    )


def fingerprint(tokens: TokenMaker) -> bytes:
    """What a checkpoint is bound to: this very program on such a machine, and the key of tokens."""
    bound = (program_digest(), msgspec.__version__.encode(), sys.byteorder.encode(), tokens.tag("checkpoint", 0))
    return sha256(b"\0".join(bound)).digest()


@cache
def program_digest() -> bytes:
    """A hash over the source of everything that decides what a log comes to."""
    digest = sha256()
    for name in DERIVED_BY:
        for file in _files_of(name):
            content = file.read_bytes()
            digest.update(b"%s %d\n" % (file.name.encode(), len(content)) + content)
    return digest.digest()


class _Keeping:
    """Keeps parts, but for those that are kept already."""

    def __init__(self, store: EventStore, stream: str, kept: set[bytes]) -> None:
        self._store = store
        self._stream = stream
        self._kept = kept
        self.addresses: list[bytes] = []

    async def keep(self, parts: Iterable[Part]) -> list[Entry]:
        """The parts as entries of the contents."""
        entries = [Entry(part.kind, part.of, await self._kept_at(part.content)) for part in parts]
        self.addresses += [entry.address for entry in entries]
        return entries

    async def _kept_at(self, content: bytes) -> bytes:
        address = sha256(content).digest()
        if address not in self._kept:
            await self._store.keep_checkpoint_part(self._stream, content)
        return address


async def _restored(
    store: EventStore, checkpoint: Checkpoint, tokens: TokenMaker, roles: Iterable[Role]
) -> Restored | None:
    """None when one of the feeds is not in the checkpoint. Raises Unpackable when the checkpoint does not count."""
    contents = await _contents(store, checkpoint, tokens)
    if not contents.audiences.keys() >= set(roles):
        return None
    unpacked_state = UnpackedState()
    async for part in _parts(store, checkpoint, contents.state):
        unpacked_state.take(part)
    state = unpacked_state.state()
    if state.position != checkpoint.position:
        raise Unpackable(f"its state is that of position {state.position}")
    unpacked_audiences = {role: UnpackedAudience(role, tokens, unpacked_state) for role in roles}
    for role, unpacked in unpacked_audiences.items():
        async for part in _parts(store, checkpoint, contents.audiences[role]):
            unpacked.take(part)
    chain_bits = bytearray()
    async for part in _parts(store, checkpoint, contents.chain_bits):
        chain_bits += part.content
    snapshot = Snapshot(
        state=state,
        chain_bits=chain_bits,
        chain=checkpoint.chain,
        audiences={role: unpacked.audience() for role, unpacked in unpacked_audiences.items()},
    )
    return Restored(snapshot, unpacked_state, list(unpacked_audiences.values()))


async def _contents(store: EventStore, checkpoint: Checkpoint, tokens: TokenMaker) -> Contents:
    """The list of contents of a checkpoint. Raises Unpackable when the checkpoint does not count."""
    if checkpoint.fingerprint != fingerprint(tokens) or not checkpoint.parts:
        raise Unpackable("another program has made it, or under another key")
    events = await store.read_stored(checkpoint.stream, checkpoint.position - 1, 1)
    if [event.chain for event in events] != [checkpoint.chain]:
        raise Unpackable("the log has another chain value at its position")
    async for part in _parts(store, checkpoint, [Entry(CONTENTS, "", checkpoint.parts[0])]):
        with as_unpackable(part):
            return _contents_decoder.decode(part.content)
    raise Unpackable("it has no contents")


async def _parts(store: EventStore, checkpoint: Checkpoint, entries: Iterable[Entry]) -> AsyncIterator[Part]:
    """Raises Unpackable for a part that is missing, or not as it was written."""
    for entry in entries:
        content = await store.checkpoint_part(checkpoint.stream, entry.address)
        if content is None:
            raise Unpackable(f"a part is missing: {entry.kind} {entry.of}")
        yield Part(entry.kind, entry.of, content)


def _packed_chain_bits(chain_bits: bytearray) -> Iterator[Part]:
    for begin in range(0, len(chain_bits), CHAIN_BYTES_PER_PART):
        yield Part(CHAIN, "", bytes(chain_bits[begin : begin + CHAIN_BYTES_PER_PART]))


def _files_of(name: str) -> Iterator[Traversable]:
    """The files of a room or of a module, in a fixed order."""
    room, _, module = name.partition(".")
    within = sorted(files(room).iterdir(), key=lambda file: file.name)
    for file in within:
        if file.is_dir() and not module and not file.name.startswith("__"):
            yield from _files_of_directory(file)
        elif file.is_file() and module in ("", file.name.partition(".")[0]):
            yield file


def _files_of_directory(directory: Traversable) -> Iterator[Traversable]:
    return (file for file in sorted(directory.iterdir(), key=lambda file: file.name) if file.is_file())
