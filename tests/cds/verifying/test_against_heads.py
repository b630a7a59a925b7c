"""A signed head finds out what the chain cannot: a log that was cut off, or written anew so that all of it fits."""

from random import Random

import asyncpg
import pytest

from cds.commands.decision import Refused
from cds.head_keeping import head_of, head_public_key
from cds.signed_heads import HeadRefused, SignedHead, check_signature, signed_head
from cds.verifying.verification import Choices, verify
from eventstore.postgres import PostgresStore
from eventstore.store import Head
from tests.builders import small_contest
from tests.cds.verifying.logs import (
    CONTEST_IDS,
    CONTESTS,
    STREAMS,
    append_in_pieces,
    student_event,
    verified,
    write_logs,
)
from tests.cds.verifying.tamperer import Tamperer
from tests.cds.verifying.tampering import cut_off

TIME_S = 1_900_000_000


@pytest.fixture
async def head(database_dsn: str) -> SignedHead:
    """The head of a log of several streams."""
    await write_logs(database_dsn, small_contest(), derived=False)
    return await taken(database_dsn)


async def taken(dsn: str, *names: str) -> SignedHead:
    """The head now."""
    store = await PostgresStore.open_beside(dsn)
    try:
        return await head_of(store, names, TIME_S)
    finally:
        await store.close()


async def tampered(dsn: str) -> Tamperer:
    """Somebody with a connection."""
    return Tamperer(await asyncpg.connect(dsn), Random(1))


async def test_a_standby_signs_as_well(database_dsn: str, head: SignedHead) -> None:
    """With the key that it has from the other: nothing of it can be written."""
    connection = await asyncpg.connect(database_dsn)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.close()
    assert await taken(database_dsn) == head


async def test_a_log_that_goes_on_agrees(database_dsn: str, head: SignedHead) -> None:
    """Old heads stay good, of a log that is the same up to there."""
    assert [name for name, _ in head.streams] == list(STREAMS)
    store = await PostgresStore.open(database_dsn)
    try:
        await append_in_pieces(store, STREAMS[-1], [student_event("new")])
        await append_in_pieces(store, "another", [student_event("new")])
    finally:
        await store.close()
    assert (await verified(database_dsn, head, await taken(database_dsn), quick=True)).differences == []


@pytest.mark.parametrize("stream", STREAMS)
async def test_a_log_that_was_written_anew_from_a_row_on_is_found_out(
    database_dsn: str, head: SignedHead, stream: str
) -> None:
    """Nothing in the log itself shows it."""
    tamperer = await tampered(database_dsn)
    tamperer.stream = stream
    position = await tamperer.place()
    await tamperer.do(
        "UPDATE event SET cause = 'x' WHERE stream = $1 AND position = $2", await tamperer.number(), position
    )
    await tamperer.rechain(position)
    await tamperer.connection.close()
    assert (await verified(database_dsn, quick=True)).differences == []
    found = (await verified(database_dsn, head, quick=True)).differences
    assert [(each.where, each.kind, each.position) for each in found] == [
        (f"stream {stream}", "rewritten", dict(head.streams)[stream].position)
    ]


async def test_a_log_that_was_cut_off_is_found_out(database_dsn: str, head: SignedHead) -> None:
    """Head, rows and what was noted of appends fit."""
    tamperer = await tampered(database_dsn)
    position = await tamperer.place(first=2)
    await cut_off(tamperer, position)
    await tamperer.do("DELETE FROM batch")
    await tamperer.connection.close()
    assert (await verified(database_dsn, quick=True)).differences == []
    found = (await verified(database_dsn, head, quick=True)).differences
    assert [(each.where, each.kind) for each in found] == [(tamperer.where, "cut off")]


async def test_what_was_noted_of_appends_gives_it_away(database_dsn: str, head: SignedHead) -> None:
    """Without any head on paper, for as long as appends are noted."""
    tamperer = await tampered(database_dsn)
    position = await tamperer.place(first=2)
    await cut_off(tamperer, position)
    await tamperer.connection.close()
    found = (await verified(database_dsn, quick=True)).differences
    assert [(each.where, each.kind, each.position) for each in found] == [(tamperer.where, "removed", position)]


async def test_a_stream_that_was_removed_is_found_out(database_dsn: str, head: SignedHead) -> None:
    tamperer = await tampered(database_dsn)
    await tamperer.do("DELETE FROM event WHERE stream = $1", await tamperer.number())
    await tamperer.do("DELETE FROM stream WHERE name = $1", tamperer.stream)
    await tamperer.do("DELETE FROM batch")
    await tamperer.connection.close()
    assert (await verified(database_dsn, quick=True)).differences == []
    found = (await verified(database_dsn, head, quick=True)).differences
    assert [(each.where, each.kind) for each in found] == [(tamperer.where, "gone")]


async def test_a_head_may_be_of_some_streams_and_some_be_verified(database_dsn: str, head: SignedHead) -> None:
    """By name, or by the id of a contest; of the others a head that tells of all says nothing then."""
    some = await taken(database_dsn, CONTEST_IDS[1], STREAMS[-1])
    assert [name for name, _ in some.streams] == [CONTESTS[1], STREAMS[-1]]
    tamperer = await tampered(database_dsn)
    await tamperer.do("UPDATE stream SET chain = sha256(chain), position = position - 1 WHERE name = $1", CONTESTS[0])
    await tamperer.do("DELETE FROM event WHERE stream = 1")
    await tamperer.connection.close()
    found = await verified(database_dsn, head, some, quick=True, streams=(CONTEST_IDS[1],))
    assert [end.name for end in found.ends] == [CONTESTS[1]]
    assert found.differences == []
    assert (await verified(database_dsn, head, quick=True)).differences != []


async def test_a_stream_that_is_not_there_is_refused(database_dsn: str, head: SignedHead) -> None:
    for asked in (verified(database_dsn, head, streams=("nowhere",)), taken(database_dsn, "nowhere")):
        with pytest.raises(Refused, match="there is no stream contest:nowhere"):
            await asked


async def test_a_head_under_another_key_is_refused(database_dsn: str, head: SignedHead) -> None:
    """Anybody can sign: whose key it is decides."""
    store = await PostgresStore.open_beside(database_dsn)
    key = await head_public_key(store)
    assert await head_public_key(store) == key == head.public_key
    await store.close()
    check_signature(head)
    forged = signed_head(head.streams, TIME_S, bytes(32))
    assert (await verified(database_dsn, forged, quick=True)).differences == []
    with pytest.raises(HeadRefused, match="another key"):
        await verify(database_dsn, Choices(heads=(forged,), public_key=key), lambda *_: None)
    assert (await verify(database_dsn, Choices(heads=(head,), public_key=key), lambda *_: None)).differences == []


async def test_a_head_that_was_altered_is_refused(database_dsn: str, head: SignedHead) -> None:
    """Before anything is looked at."""
    streams = ((STREAMS[0], Head(position=1, chain=bytes(32))), *head.streams[1:])
    altered = SignedHead(time_s=TIME_S, streams=streams, public_key=head.public_key, signature=head.signature)
    with pytest.raises(HeadRefused, match="does not match"):
        await verified(database_dsn, altered)


async def test_the_case_of_names_may_be_lost_on_paper(database_dsn: str, head: SignedHead) -> None:
    streams = tuple((name.upper(), end) for name, end in head.streams)
    typed = SignedHead(time_s=TIME_S, streams=streams, public_key=head.public_key, signature=head.signature)
    assert (await verified(database_dsn, typed, quick=True)).differences == []
