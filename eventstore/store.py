"""The contract of an event store, and the values that cross it.

A store keeps streams. A stream is a sequence of events at positions 1, 2, 3 … without gaps;
position order, commit order and visible order are the same. This module knows bytes, positions
and hashes; it must not know what a contest is, nor which database keeps the bytes.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

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
    `credentials` are written in the same transaction. `batch_id` lets the store look up what became of the
    batch when the connection was lost during the commit.
    """

    stream: str
    expected_position: int
    events: Sequence[NewEvent]
    actor: str
    cause: str
    batch_id: UUID
    recorded_at_us: int
    credentials: Sequence[Credential] = ()


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


class StoreUnavailable(Exception):
    """The database cannot be reached now; nothing is known to have been written."""


class OutcomeUnknown(StoreUnavailable):
    """The connection was lost during a commit and the database stayed away: the append may or may not be written.

    Appending the same batch again (same `batch_id`) once the database is back gives the answer: it is never
    written twice.
    """


class StoreRefused(Exception):
    """The store will not take or give this: too large, wrong version, already owned. The text says why."""


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

    async def head(self, stream: str) -> Head:
        """The end of a stream; position 0 and GENESIS_CHAIN for one that does not exist."""
        ...

    async def heads(self) -> dict[str, Head]:
        """The ends of all streams that have events, by stream name, in order of creation."""
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

    async def exclusively(self, name: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Run `work` unless another process is doing the same named work now; say whether it ran here."""
        ...

    async def close(self) -> None:
        """Let go of every connection; pending hints end."""
        ...
