"""Snapshots of contests: the state at many positions of the log, so that a past moment is never far from one.

As with checkpoints (cds.checkpoints), a snapshot never changes an answer: it counts for the very program that made it,
and where the log has the same chain value at its position; whatever speaks against it, an earlier one is taken, or the
log is read from its beginning. It holds no feeds. This module must not know who looks at the past.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from hashlib import sha256

import msgspec
import structlog

from cds.checkpoints import CONTENTS, Entry, fingerprint
from cds.decoding import decoded
from cds.past.reading import events_between
from eventstore.store import Checkpoint, EventStore
from projections.contest import ContestState
from projections.packed_state import OBJECTS, REFERRERS, UnpackedState, packed_state
from projections.packing import Part, Unpackable, as_unpackable, encode
from projections.tokens import TokenMaker
from schemas.object_types import OBJECT_TYPES

SNAPSHOT_EVENTS = 5_000
"""How many events lie between two snapshots."""

SNAPSHOT_GROWTH = 0.05
"""In a very large contest it is this part of what it has, since packing one costs as much."""

PARTS_AT_ONCE = 16
"""Parts that are read from the store at once; each holds some thousand objects."""

log = structlog.get_logger(__name__)

_contents_decoder = msgspec.msgpack.Decoder(list[Entry])


class Selection(msgspec.Struct, frozen=True):
    """What of a state is wanted: the objects of these types, and who names the objects of those.

    The types that name an object of which it is asked who names it have to be among the first.
    """

    types: frozenset[str]
    named: frozenset[str]


EVERYTHING = Selection(frozenset(OBJECT_TYPES), frozenset(OBJECT_TYPES))


async def state_before(
    store: EventStore, stream: str, position: int, tokens: TokenMaker, selection: Selection = EVERYTHING
) -> ContestState:
    """What the log came to at the last snapshot before a position; the state before the first event if there is none.

    All that is wanted of it is decoded; of all else it is empty. Raises what the store raises.
    """
    until = position - 1
    while (snapshot := await last_snapshot(store, stream, until, tokens)) is not None:
        try:
            return await _state_of(store, snapshot, selection)
        except Unpackable as reason:
            log.info("snapshot_ignored", stream=stream, position=snapshot.position, reason=str(reason))
            until = snapshot.position - 1
    return ContestState()


async def last_snapshot(store: EventStore, stream: str, until: int, tokens: TokenMaker) -> Checkpoint | None:
    """The last snapshot that may count and does not stand behind a position. Raises what the store raises."""
    return await store.past.snapshot(stream, until, fingerprint(tokens))


def next_snapshot(position: int) -> int:
    """Where the snapshot stands that follows one at a position, 0 for none."""
    return position + max(SNAPSHOT_EVENTS, int(position * SNAPSHOT_GROWTH))


async def keep_snapshots(store: EventStore, stream: str, tokens: TokenMaker) -> int:
    """Make the snapshots of a stream that are missing behind the last one; how many that were.

    Those that another program has made are dropped first. Raises what the store raises, Unpackable, UnreadableEvent.
    """
    head, made = await store.head(stream), 0
    await store.past.forget_snapshots(stream, fingerprint(tokens))
    state = await state_before(store, stream, head.position + 1, tokens)
    kept: set[bytes] | None = None
    while (position := next_snapshot(state.position)) <= head.position:
        chain = await _folded_to(store, stream, state, position)
        if kept is None:
            kept = await store.past.snapshot_parts_kept(stream)
        await _keep(store, stream, state, chain, tokens, kept)
        made += 1
    return made


async def _folded_to(store: EventStore, stream: str, state: ContestState, position: int) -> bytes:
    """Apply what follows in the log up to a position that it has; the chain value there."""
    chain = b""
    async for event in events_between(store, stream, state.position, position):
        state.apply(event.position, event.type, event.id, decoded(event))
        chain = event.chain
    return chain


async def _keep(
    store: EventStore, stream: str, state: ContestState, chain: bytes, tokens: TokenMaker, kept: set[bytes]
) -> None:
    """Keep a state as a snapshot, but for parts that are kept already; `kept` is brought level."""
    entries = []
    for part in packed_state(state):
        entries.append(Entry(part.kind, part.of, await _kept_at(store, stream, part.content, kept)))
        await asyncio.sleep(0)
    first = await _kept_at(store, stream, encode(entries), kept)
    await store.past.put_snapshot(
        Checkpoint(
            stream=stream,
            position=state.position,
            chain=chain,
            fingerprint=fingerprint(tokens),
            parts=tuple(dict.fromkeys([first, *(entry.address for entry in entries)])),
        )
    )


async def _kept_at(store: EventStore, stream: str, content: bytes, kept: set[bytes]) -> bytes:
    address = sha256(content).digest()
    if address not in kept:
        kept.add(await store.past.keep_snapshot_part(stream, content))
    return address


async def _state_of(store: EventStore, snapshot: Checkpoint, selection: Selection) -> ContestState:
    """Raises Unpackable when the snapshot does not count."""
    if not snapshot.parts:
        raise Unpackable("it has no parts")
    events = await store.read_stored(snapshot.stream, snapshot.position - 1, 1)
    if [event.chain for event in events] != [snapshot.chain]:
        raise Unpackable("the log has another chain value at its position")
    unpacked = UnpackedState()
    async for part in _parts(store, snapshot.stream, await _contents(store, snapshot), selection):
        unpacked.take(part)
    state = unpacked.state()
    if state.position != snapshot.position:
        raise Unpackable(f"its state is that of position {state.position}")
    more = True
    while more:
        more = unpacked.decode_some()
        await asyncio.sleep(0)
    return state


async def _contents(store: EventStore, snapshot: Checkpoint) -> list[Entry]:
    first = snapshot.parts[0]
    content = (await store.past.snapshot_parts(snapshot.stream, [first])).get(first)
    if content is None:
        raise Unpackable("it has no contents")
    with as_unpackable(Part(CONTENTS, "", content)):
        return _contents_decoder.decode(content)


async def _parts(store: EventStore, stream: str, entries: Iterable[Entry], selection: Selection) -> AsyncIterator[Part]:
    """The parts that are wanted, in order. Raises Unpackable for one that is missing, or not as it was written."""
    wanted = [entry for entry in entries if _is_wanted(entry, selection)]
    for first in range(0, len(wanted), PARTS_AT_ONCE):
        some = wanted[first : first + PARTS_AT_ONCE]
        contents = await store.past.snapshot_parts(stream, _addresses(some))
        for entry in some:
            yield _part(entry, contents)


def _addresses(entries: Iterable[Entry]) -> Collection[bytes]:
    return {entry.address for entry in entries}


def _part(entry: Entry, contents: Mapping[bytes, bytes]) -> Part:
    content = contents.get(entry.address)
    if content is None:
        raise Unpackable(f"a part is missing: {entry.kind} {entry.of}")
    return Part(entry.kind, entry.of, content)


def _is_wanted(entry: Entry, selection: Selection) -> bool:
    if entry.kind == OBJECTS:
        return entry.of in selection.types
    return entry.kind != REFERRERS or entry.of in selection.named
