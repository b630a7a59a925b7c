"""The contract of an event store, and the values that cross it.

A store keeps streams. A stream is a sequence of events at positions 1, 2, 3 … without gaps;
position order, commit order and visible order are the same. This module knows bytes, positions
and hashes; it must not know what a contest is, nor which database keeps the bytes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, Protocol
from uuid import UUID

import msgspec

if TYPE_CHECKING:
    from eventstore.snapshots import Past

GENESIS_CHAIN = bytes(32)
"""The chain value before the first event of any stream."""

EVENT_VERSION = 1
"""The version that new events are written in; older ones are lifted on reading (codec)."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact to be appended: the state of one object after a change.

    `id` is empty for objects that exist once (contest, state); `data` is canonical JSON, None for a deletion.
    `actor` and `cause` stand in the row in place of those of the append, each where it is not None: commands of
    several people that are decided in a row go into one append, and each event still says who and why.
    """

    type: str
    id: str
    data: bytes | None
    actor: str | None = None
    cause: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact as it stands in the log. `recorded_at_us` is microseconds since the Unix epoch."""

    stream: str
    position: int
    type: str
    id: str
    data: bytes | None
    recorded_at_us: int
    actor: str
    cause: str
    version: int
    chain: bytes


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """A password hash (argon2 PHC string), kept beside the log and never in it.

    `scope` is a stream name, or empty for the server's own accounts. `password_hash` None removes it.
    """

    scope: str
    account_id: str
    password_hash: str | None


class Append(msgspec.Struct, frozen=True, kw_only=True):
    """One batch to be appended whole or not at all, if the stream still ends at `expected_position`.

    `actor` and `cause` are those of every event that names none of its own.
    `credentials` and `files` are written in the same transaction. Files are contents, each of at most
    limits.APPENDED_FILE_BYTES_MAX; what is larger has to be kept by `put_file` beforehand. `batch_id` lets the store
    look up what became of the batch when the connection was lost during the commit.
    """

    stream: str
    expected_position: int
    events: Sequence[NewEvent]
    actor: str
    cause: str
    batch_id: UUID
    recorded_at_us: int
    credentials: Sequence[Credential] = ()
    files: Sequence[bytes] = ()


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a stream: its last position (0: nothing yet) and the chain value there."""

    position: int
    chain: bytes


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """Word that a stream has grown at least to `position`. Reading is the truth; hints may be lost or repeat."""

    stream: str
    position: int


class ServerAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the server itself, valid in every contest unless it is `disabled`.

    `role` is a role of roles.md, as text. The store keeps `disabled`; whoever lets people in has to mind it.
    """

    username: str
    role: str
    password_hash: str
    disabled: bool = False


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream came to at a position, kept so that a start need not read the log from its beginning.

    `chain` is the chain value there, `fingerprint` says what program made it, `parts` are the addresses of its parts
    (SHA-256 of the bytes), in order. It is derived: it may be missing any time, and nothing else may rest on it.
    """

    stream: str
    position: int
    chain: bytes
    fingerprint: bytes
    parts: tuple[bytes, ...]


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that has begun (`wait_us` 0), or a place that is promised and how long to wait for it, in microseconds.

    `place_us` is the moment of the place by the store's clock; None: there is none that comes soon enough.
    """

    place_us: int | None
    wait_us: int


class StoreUnavailable(Exception):
    """The database cannot be reached now; nothing is known to have been written."""


class NotWritable(StoreUnavailable):
    """The database answers, and takes nothing now: its disk is full, or it is read-only. Nothing was written."""


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost during a commit and the database stayed away: the append may or may not be written.

    Appending the same batch again (same `batch_id`) once the database is back gives the answer: it is never
    written twice.
    """


class StoreRefused(Exception):
    """The store will not take or give this: too large, wrong version, already owned. The text says why."""


Hold = Literal["kept", "lost", "taken"]
"""What becomes of work that is done if its name is free: done to its end, cut short, or not begun."""


class EventStore(Protocol):
    """What `postgres` and `memory` both do; `tests/eventstore/test_conformance.py` is the proof."""

    @property
    def reachable(self) -> bool:
        """Whether the database answered when it was last asked, a moment ago; for a readiness probe."""
        ...

    @property
    def alone(self) -> bool:
        """Whether nobody else can be writing: no other process has this database open. False when in doubt."""
        ...

    @property
    def group_alone(self) -> bool:
        """The same, leaving out the processes of our own group, who tell each other what they write. False in doubt."""
        ...

    @property
    def waits_for_standby(self) -> bool:
        """Whether an append is acknowledged only when another machine has it too, as far as was heard a moment ago.

        What can be read may be on one machine alone then: a commit whose session was ended while it waited. An answer
        that rests on it waits for an append of its own, which may be one without events.
        """
        ...

    @property
    def past(self) -> "Past":
        """What is asked of the streams by those who look at the past; derived, but for the log itself."""
        ...

    async def append(self, append: Append) -> Head | None:
        """Append the batch and return the new head, or None when the stream does not end at `expected_position`.

        Durable when it returns. Raises StoreUnavailable when the database is away and the batch is known not to be
        written; a commit of unknown outcome is looked up by `batch_id` before this answers, and only if the database
        stays away for long it ends with OutcomeUnknown. A batch that was written before (same `batch_id`) is not
        written again: its head is returned.
        """
        ...

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """Events at positions above `after`, in order, at most `limit` of them; old versions are lifted.

        Raises StoreRefused for a `limit` outside 1 to limits.READ_EVENTS_MAX, or an event of a newer version.
        """
        ...

    async def read_stored(self, stream: str, after: int, limit: int) -> list[Event]:
        """As `read`, but the rows as they were written: what the chain is computed over (chain.verify_chain)."""
        ...

    async def read_beginnings(self, streams: Sequence[str], limit: int) -> dict[str, list[Event]]:
        """The first events of several streams, at most `limit` of each, as `read` gives them; by stream.

        Streams without events are left out. For many short streams, each of which would cost a question of its own.
        Raises StoreRefused when that may be more than limits.READ_EVENTS_MAX events, or one is of a newer version.
        """
        ...

    async def head(self, stream: str) -> Head:
        """The end of a stream; position 0 and GENESIS_CHAIN for one that does not exist."""
        ...

    async def heads(self) -> dict[str, Head]:
        """The ends of all streams that have events, by stream name, in order of creation."""
        ...

    def heard_position(self, stream: str) -> int:
        """Where a stream ends as far as this process has heard, 0 if nothing; asks nobody.

        While `alone`, that is where it ends: what others wrote before they left has been heard of by then.
        """
        ...

    def hints(self) -> AsyncIterator[Hint]:
        """Hints from now on, of appends by every process; ends when the store is closed.

        Losing the connection that carries hints costs latency only: the store falls back to polling the heads.
        """
        ...

    async def put_file(self, content: bytes) -> str:
        """Keep the bytes; return their address, the SHA-256 in lower-case hex. Keeping the same bytes twice is one."""
        ...

    async def file(self, address: str) -> bytes | None:
        """The bytes at an address, or None."""
        ...

    async def file_size_bytes(self, address: str) -> int | None:
        """The length of the bytes at an address, or None when they are not kept."""
        ...

    async def credentials(self, scope: str) -> dict[str, str]:
        """Password hashes of a scope by account id."""
        ...

    async def credential_scopes(self) -> list[str]:
        """All scopes that hold credentials."""
        ...

    async def put_server_account(self, account: ServerAccount) -> None:
        """Create an account of the server itself, or replace all of it."""
        ...

    async def remove_server_account(self, username: str) -> bool:
        """Remove an account of the server itself; say whether there was one, to exactly one of several who ask.

        With StoreUnavailable the account may be gone or not; asking again leaves no doubt that it is gone.
        """
        ...

    async def server_accounts(self) -> dict[str, ServerAccount]:
        """The server's own accounts by username."""
        ...

    async def secret(self, name: str, make: Callable[[], bytes]) -> bytes:
        """The secret of that name; made and kept on first use, by exactly one of several processes."""
        ...

    async def keep(self, kind: str, contents: Mapping[str, bytes | None]) -> None:
        """Keep bytes beside the log by kind and id, each in the place of older ones; None erases. All or nothing.

        For what must not stand in the log or must be possible to erase. Durable when it returns. Raises StoreRefused
        for what `limits.check_kept` refuses. With StoreUnavailable it may be written or not; doing it again is safe.
        """
        ...

    async def kept(self, kind: str, ids: Collection[str] | None = None) -> dict[str, bytes]:
        """What is kept of a kind, by id: all of it, or what is kept under these ids.

        Raises StoreRefused for more than limits.KEPT_AT_ONCE_MAX ids.
        """
        ...

    async def take_turn(self, name: str, *, interval_us: int, patience_us: int, held_us: int | None = None) -> Turn:
        """Begin a turn of that name, if nobody in any process has begun one within the last interval; else a place.

        A place comes in the order in which places are asked for; None where it comes later than in `patience_us`.
        Whoever has waited for a place asks again with it (`held_us`), which begins the turn, or says how long to wait
        once more: others came late, or all were put off. A place that nobody takes goes by. All times are in
        microseconds, and by the clock of the store. Raises StoreRefused for what `limits.check_turn` refuses.
        """
        ...

    async def postpone_turns(self, name: str, wait_us: int) -> None:
        """Let no turn of that name begin for so long from now on. Raises as `take_turn`."""
        ...

    async def checkpoint(self, stream: str) -> Checkpoint | None:
        """The checkpoint of a stream, None when there is none."""
        ...

    async def checkpoint_part(self, stream: str, address: bytes) -> bytes | None:
        """The part of that address, None when it is not kept, or not any more as it was written."""
        ...

    async def checkpoint_parts_kept(self, stream: str) -> set[bytes]:
        """The addresses of all parts that are kept for a stream and are still as they were written."""
        ...

    async def keep_checkpoint_part(self, stream: str, content: bytes) -> bytes:
        """Keep a part for a checkpoint that is to come; its address. Keeping the same bytes twice is one.

        Raises StoreRefused for what `limits.check_checkpoint_part` refuses.
        """
        ...

    async def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Put a checkpoint in the place of the stream's last one; parts that it does not name are forgotten.

        Raises StoreRefused when one of its parts is not kept; the last one stays then.
        """
        ...

    async def hold(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Wait until no other process holds this name, then do the work, which may run for ever.

        When it is no longer certain that nobody else holds the name, the work is cancelled, and once it has ended this
        returns False; True when the work ended by itself. Raises what the work raises.
        """
        ...

    async def hold_if_free(self, name: str, work: Callable[[], Awaitable[None]]) -> Hold:
        """Do the work if nobody, here or in another process, holds this name now; without waiting for those who do.

        `taken`: somebody does, and the work was not begun; `lost`: it was cancelled as with `hold`; `kept`: it ended
        by itself. Raises what the work raises, and StoreUnavailable when the database does not say who holds the name.
        """
        ...

    def holds(self, name: str) -> bool:
        """Whether we are doing the work of that name, and nobody else can have begun it up to this moment.

        To be asked just before whatever must not be done by two; it may be False for a moment while the work goes on.
        """
        ...

    async def close(self) -> None:
        """Let go of every connection; pending hints end."""
        ...
