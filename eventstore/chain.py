"""The chain hash: what ties every row of a stream to all rows before it.

Knows how the columns of a row become bytes without ambiguity, and SHA-256. It must not know where
rows are kept, nor what their data means.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from struct import Struct

import msgspec

from eventstore.store import EVENT_VERSION, GENESIS_CHAIN, Append, Event, Head, NewEvent, StoreRefused

CHAIN_BYTES = 32
"""The length of a chain value: one SHA-256."""

_LABEL = b"event chain 1\n"
"""Separates these hashes from any other use of SHA-256, and names the form of the encoding."""

_NO_DATA = -1
"""Stands for the length of absent data, so that a deletion differs from empty data."""

_LENGTHS = Struct(">qqqIIIIIq")
"""Position, recorded_at_us, version, then the lengths of stream, type, id, actor, cause and data.

All lengths stand before all values and have a fixed width, so no two different rows share an encoding.
"""


class ChainBroken(Exception):
    """A row does not follow from the row before it: it was altered, inserted, removed or moved.

    `position` is where the stream stops being trustworthy.
    """

    def __init__(self, stream: str, position: int, reason: str) -> None:
        """Name the first untrustworthy row of a stream and what is wrong with it."""
        super().__init__(f"stream {stream!r}, position {position}: {reason}")
        self.stream = stream
        self.position = position
        self.reason = reason


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where rows come from: their stream, when, by whom, why and in what version.

    The rows of one append share it, but for those whose event names an actor or a cause of its own (row_origin).
    """

    stream: str
    recorded_at_us: int
    actor: str
    cause: str
    version: int


def next_chain(previous: bytes, origin: Origin, position: int, type: str, id: str, data: bytes | None) -> bytes:
    """The chain value of a row: SHA-256 over the chain before it and every column of the row (32 bytes)."""
    stream, actor, cause = origin.stream.encode(), origin.actor.encode(), origin.cause.encode()
    type_, id_ = type.encode(), id.encode()
    lengths = _LENGTHS.pack(
        position,
        origin.recorded_at_us,
        origin.version,
        len(stream),
        len(type_),
        len(id_),
        len(actor),
        len(cause),
        _NO_DATA if data is None else len(data),
    )
    return sha256(b"".join((_LABEL, previous, lengths, stream, type_, id_, actor, cause, data or b""))).digest()


def origin_of(append: Append) -> Origin:
    """The origin of the rows of an append whose events name no actor and no cause of their own."""
    return Origin(
        stream=append.stream,
        recorded_at_us=append.recorded_at_us,
        actor=append.actor,
        cause=append.cause,
        version=EVENT_VERSION,
    )


def row_origin(origin: Origin, event: NewEvent) -> Origin:
    """The origin of the row of one event: that of its append, with the actor and cause that the event itself names.

    What a store writes into the row and what the chain is computed over both come from here.
    """
    if event.actor is None and event.cause is None:
        return origin
    return msgspec.structs.replace(
        origin,
        actor=origin.actor if event.actor is None else event.actor,
        cause=origin.cause if event.cause is None else event.cause,
    )


def chain_values(head: Head, events: Sequence[NewEvent], origin: Origin) -> list[bytes]:
    """The chain values that new events get when they are appended after `head`, in order.

    `origin` is that of their append (origin_of).
    """
    chain = head.chain
    values = []
    for position, event in enumerate(events, head.position + 1):
        chain = next_chain(chain, row_origin(origin, event), position, event.type, event.id, event.data)
        values.append(chain)
    return values


def verify_chain(stream: str, head: Head, events: Iterable[Event]) -> Head:
    """Follow rows as they are stored from `head` on; return where they end.

    To check a whole stream, start at GENESIS, feed page after page, and compare the end with the store's head.
    Raises ChainBroken at the first row that does not follow.
    """
    for event in events:
        if event.stream != stream:
            raise ChainBroken(stream, head.position + 1, f"a row of stream {event.stream!r} stands here")
        if event.position != head.position + 1:
            raise ChainBroken(stream, head.position + 1, f"missing; the next row has position {event.position}")
        origin = Origin(
            stream=event.stream,
            recorded_at_us=event.recorded_at_us,
            actor=event.actor,
            cause=event.cause,
            version=event.version,
        )
        chain = next_chain(head.chain, origin, event.position, event.type, event.id, event.data)
        if chain != event.chain:
            raise ChainBroken(stream, event.position, "the row does not match its chain value")
        head = Head(position=event.position, chain=chain)
    return head


GENESIS = Head(position=0, chain=GENESIS_CHAIN)
"""The head of a stream that has no events yet."""


def check_encodable(name: str, text: str, limit_bytes: int) -> None:
    """Refuse a text that a row cannot hold: NUL, a lone surrogate, or more UTF-8 bytes than `limit_bytes`."""
    try:
        size_bytes = len(text.encode())
    except UnicodeEncodeError:
        raise StoreRefused(f"{name} holds a character that UTF-8 cannot express") from None
    if "\0" in text:
        raise StoreRefused(f"{name} holds a NUL character")
    if size_bytes > limit_bytes:
        raise StoreRefused(f"{name} is {size_bytes} bytes long; the limit is {limit_bytes}")
