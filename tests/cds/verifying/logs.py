"""Logs in Postgres to be verified: two contests and a ledger, files that they name, checkpoints and snapshots.

This module must not know what may be done to them.
"""

from collections.abc import Sequence
from hashlib import sha256
from uuid import uuid4

import asyncpg
import msgspec

from cds.checkpointing import make_checkpoint
from cds.commands.decision import ObjectChange
from cds.importing import encoded_events
from cds.live_contest import stream_of
from cds.past.snapshots import keep_snapshots
from cds.signed_heads import SignedHead
from cds.token_keeping import token_maker
from cds.verifying.verification import Choices, Verified, verify
from eventstore.files import FILE_CHUNK_BYTES
from eventstore.postgres import PostgresStore
from eventstore.store import Append, NewEvent
from schemas.students import STUDENT, STUDENTS, Student
from tests.builders import small_contest

CONTEST_IDS = ("first", "second")
CONTESTS = tuple(stream_of(contest_id) for contest_id in CONTEST_IDS)
LEDGER = STUDENTS
STREAMS = (*CONTESTS, LEDGER)
LEDGER_ROWS = 7
EVENTS_PER_APPEND = 5

FAKE_ADDRESSES = "abcd"
"""Builders and strategies name files by 64 of one of these letters; here they get contents of their own."""

CONTENTS = {letter: letter.encode() * (100 + number) for number, letter in enumerate(FAKE_ADDRESSES)}
LARGE = bytes(range(256)) * (FILE_CHUNK_BYTES // 100)
"""A file of three pieces that nothing names."""

TABLES = (
    *("stream", "event", "batch", "file", "file_chunk", "credential", "checkpoint", "checkpoint_part"),
    *("snapshot", "snapshot_part"),
)


def sizes() -> dict[str, int]:
    """The lengths of the files by address."""
    return {sha256(content).hexdigest(): len(content) for content in (*CONTENTS.values(), LARGE)}


async def write_logs(
    dsn: str, changes: Sequence[ObjectChange], *, derived: bool = True, cuts: Sequence[int] = ()
) -> None:
    """Fill a database, whatever is in it; `changes` become the first contest.

    `derived`: with what follows from it, which is made at each of the `cuts` too, behind so many changes.
    """
    store = await PostgresStore.open(dsn)
    try:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY")
        finally:
            await connection.close()
        for content in (*CONTENTS.values(), LARGE):
            await store.put_file(content)
        begun = 0
        for cut in sorted({*cuts, len(changes)}):
            await append_in_pieces(store, CONTESTS[0], _events(changes[begun:cut]))
            begun = cut
            if derived and cut < len(changes):
                await derive(store)
        await append_in_pieces(store, CONTESTS[1], _events(small_contest()))
        told = [student_event(f"s{number}") for number in range(LEDGER_ROWS)]
        await append_in_pieces(store, LEDGER, told)
        if derived:
            await derive(store)
    finally:
        await store.close()


def student_event(identifier: str) -> NewEvent:
    """A student comes, or comes again."""
    time = "2031-02-03T04:05:06Z"
    student = Student(id=identifier, handle=identifier, contact=f"c-{identifier}", created_at=time, updated_at=time)
    return NewEvent(type=STUDENT, id=identifier, data=msgspec.json.encode(student))


async def derive(store: PostgresStore) -> None:
    """Keep a checkpoint and a snapshot or two of each contest."""
    tokens = await token_maker(store)
    for contest_id, stream in zip(CONTEST_IDS, CONTESTS, strict=True):
        await make_checkpoint(store, contest_id, tokens, ["team", "admin"])
        await keep_snapshots(store, stream, tokens)


async def append_in_pieces(store: PostgresStore, stream: str, events: Sequence[NewEvent]) -> None:
    """Append by several people, at several times."""
    position = (await store.head(stream)).position
    for begin in range(0, len(events), EVENTS_PER_APPEND):
        head = await store.append(
            Append(
                stream=stream,
                expected_position=position,
                events=events[begin : begin + EVENTS_PER_APPEND],
                actor=f"actor {begin}",
                cause=f"cause {begin}",
                batch_id=uuid4(),
                recorded_at_us=1_700_000_000_000_000 + position,
            )
        )
        assert head is not None
        position = head.position


async def verified(dsn: str, *heads: SignedHead, quick: bool = False, streams: tuple[str, ...] = ()) -> Verified:
    """Verify in this process."""
    return await verify(dsn, Choices(heads=heads, quick=quick, streams=streams), lambda *_: None)


def _events(changes: Sequence[ObjectChange]) -> list[NewEvent]:
    return [with_files(event) for event in encoded_events(changes)]


def with_files(event: NewEvent) -> NewEvent:
    """The same with addresses of files that are kept."""
    data = event.data
    for letter, content in CONTENTS.items():
        if data is not None:
            data = data.replace(letter.encode() * 64, sha256(content).hexdigest().encode())
    return msgspec.structs.replace(event, data=data)
