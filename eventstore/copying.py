"""Large appends: thousands of events in one transaction by COPY.

Knows the order lock, compare, copy, commit. It must not know what the events mean. Chain values are computed
while the rows flow, in pieces that do not hold up the event loop.
"""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.addressing import address_of
from eventstore.appending import OUTCOME_PATIENCE_S, written_batches
from eventstore.chain import GENESIS, chain_values, origin_of
from eventstore.connecting import FAILURES, Connections
from eventstore.grouping import event_rows, size_bytes
from eventstore.presence import Presence
from eventstore.queries import QUERIES
from eventstore.store import Append, Head, OutcomeUnknown, StoreRefused, StoreUnavailable

BULK_EVENTS_MIN = 1_000
BULK_BYTES_MIN = 4 * 1024 * 1024
"""An append with at least this many events, or bytes of data, goes by COPY."""

PIECE_EVENTS = 500
"""Rows that are made ready between two turns of the event loop."""

COPY_TIMEOUT_S = 900.0
"""How long one COPY may take."""

LOCK_TIMEOUT_S = 60.0
"""How long a large append waits for the lock of its stream."""

RETRY_PAUSE_S = 0.2
"""The wait before the outcome of a lost commit is asked for again."""

EVENT_COLUMNS = (
    "stream",
    "position",
    "type",
    "id",
    "data",
    "recorded_at_us",
    "actor",
    "cause",
    "version",
    "chain",
)


def is_bulk(append: Append) -> bool:
    """Whether an append is better off alone: its events go by COPY."""
    return len(append.events) >= BULK_EVENTS_MIN or size_bytes(append) >= BULK_BYTES_MIN


class _CommitLost(StoreUnavailable):
    """The connection went away after COMMIT was sent."""


async def append_by_copy(
    connections: Connections, append: Append, presence: Presence, *, announce: bool
) -> Head | None:
    """Append one large batch, as EventStore.append says.

    A lost commit is settled by doing the same again: under the lock the end of the stream has either moved, and
    then the batch is looked up, or it has not, and then the batch was not written.
    """
    loop = asyncio.get_running_loop()
    lost_at_s: float | None = None
    while True:
        try:
            async with connections.pooled() as connection:
                await presence.arrive(connection)
                return await _append_on(connection, append, announce=announce)
        except _CommitLost:
            lost_at_s = loop.time() if lost_at_s is None else lost_at_s
        except StoreUnavailable as error:
            if lost_at_s is None:
                raise
            if loop.time() - lost_at_s >= OUTCOME_PATIENCE_S:
                raise OutcomeUnknown(f"the connection was lost during the commit, and then: {error}") from error
        except asyncpg.PostgresError as error:
            raise StoreRefused(f"the database refuses the append: {error}") from error
        await asyncio.sleep(RETRY_PAUSE_S)


async def _append_on(connection: PoolConnectionProxy, append: Append, *, announce: bool) -> Head | None:
    """One attempt on one connection. Raises _CommitLost when it is not known whether it worked."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        head = await _append_within(connection, append, announce=announce)
    except BaseException:
        if not connection.is_closed():
            await transaction.rollback()
        raise
    if head is None:
        await transaction.rollback()
        written = await written_batches(connection, [append.batch_id])
        return written.get(append.batch_id)
    try:
        await transaction.commit()
    except FAILURES as error:
        raise _CommitLost(str(error)) from error
    return head


async def _append_within(connection: PoolConnectionProxy, append: Append, *, announce: bool) -> Head | None:
    """Everything between BEGIN and COMMIT; None when the stream does not end where it should."""
    # The lock in one statement, the end in a later one: each has its own snapshot.
    await connection.execute(QUERIES["lock_stream"], append.stream, timeout=LOCK_TIMEOUT_S)
    if append.expected_position == 0:
        await connection.execute(QUERIES["create_stream"], append.stream, GENESIS.chain)
    end = await connection.fetchrow(QUERIES["stream_end"], append.stream)
    if end is None or end[1] != append.expected_position:
        return None
    flow = _Flow(append, number=end[0], head=Head(position=end[1], chain=end[2]))
    await connection.copy_records_to_table("event", records=flow.rows(), columns=EVENT_COLUMNS, timeout=COPY_TIMEOUT_S)
    head = flow.head
    await connection.execute(QUERIES["move_stream_end"], end[0], head.position, head.chain)
    await connection.execute(QUERIES["remember_batch"], append.batch_id, end[0], head.position)
    if append.credentials:
        scopes = [credential.scope for credential in append.credentials]
        accounts = [credential.account_id for credential in append.credentials]
        hashes = [credential.password_hash for credential in append.credentials]
        await connection.execute(QUERIES["put_credentials"], scopes, accounts, hashes)
    if append.files:
        files = {address_of(content): content for content in append.files}
        sizes = [len(content) for content in files.values()]
        await connection.execute(QUERIES["keep_files"], list(files), sizes, list(files.values()))
    if announce:
        await connection.execute(QUERIES["announce"], f"{append.stream}:{head.position}")
    return head


class _Flow:
    """The rows of an append on their way; `head` is the end of the stream after those that have passed."""

    def __init__(self, append: Append, *, number: int, head: Head) -> None:
        self._append = append
        self._number = number
        self.head = head

    async def rows(self) -> AsyncIterator[tuple[object, ...]]:
        """Rows for COPY in the order of EVENT_COLUMNS."""
        append = self._append
        for start in range(0, len(append.events), PIECE_EVENTS):
            events = append.events[start : start + PIECE_EVENTS]
            chains = chain_values(self.head, events, origin_of(append))
            self.head = Head(position=self.head.position + len(chains), chain=chains[-1])
            for row in event_rows(append, events, chains, self.head.position):
                yield (self._number, *row)
            await asyncio.sleep(0)
