"""Streams that are no contests: an event that cannot be read is named, whichever of them it stands in."""

import msgspec
import pytest

from cds.verifying.ledgers import KINDS_OF_LEDGERS, LEDGERS, fold_of
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent
from schemas.matches import MATCHES, PARTY, Party
from schemas.source_records import LINE, RECORD_NAMES, Level
from schemas.students import STUDENTS
from schemas.sync_records import SyncRun, stream_of_platform
from schemas.users import USER, USERS, User
from schemas.webhooks import WEBHOOKS, Webhook
from tests.cds.verifying.logs import append_in_pieces, student_event, verified

TIME = "2031-02-03T04:05:06Z"


def event(type_name: str, identifier: str, content: msgspec.Struct) -> NewEvent:
    """As the program writes it."""
    return NewEvent(type=type_name, id=identifier, data=msgspec.json.encode(content))


WRITTEN = {
    USERS: event(USER, "u1", User(id="u1", created_ms=1)),
    MATCHES: event(PARTY, "m1/p1", Party(id="p1", match="m1", members=("u1",))),
    STUDENTS: student_event("s1"),
    WEBHOOKS: event(WEBHOOKS, "w1", Webhook(id="w1", url="https://example.com", owner="admin", secret="s")),
    stream_of_platform("codeforces"): event(
        "x-runs",
        "r1",
        SyncRun(id="r1", platform="codeforces", trigger="command", actor="admin", began=TIME, ended=TIME),
    ),
    "source:finals": event(RECORD_NAMES[Level], "", Level()),
}
"""An event of each such stream."""


def test_there_is_one_of_each_kind() -> None:
    assert {fold_of(stream) for stream in WRITTEN} == {*LEDGERS.values(), *KINDS_OF_LEDGERS.values()}


@pytest.mark.parametrize("stream", WRITTEN)
async def test_an_event_that_cannot_be_read_is_named(database_dsn: str, stream: str) -> None:
    """Somebody has written it as it should be, chain value and all: what it says makes no sense."""
    right = WRITTEN[stream]
    wrong = NewEvent(type=right.type, id=right.id, data=b'{"id":7,')
    store = await PostgresStore.open(database_dsn)
    try:
        await append_in_pieces(store, stream, [right, right])
        assert (await verified(database_dsn)).differences == []
        await append_in_pieces(store, stream, [wrong, right])
    finally:
        await store.close()
    found = (await verified(database_dsn)).differences
    assert [(each.where, each.kind, each.position) for each in found] == [(f"stream {stream}", "unreadable", 3)]
    assert (await verified(database_dsn, quick=True)).differences == []


async def test_lines_of_other_servers_are_what_they_are(database_dsn: str) -> None:
    """They may be anything."""
    store = await PostgresStore.open(database_dsn)
    try:
        await append_in_pieces(store, "source:finals", [NewEvent(type=LINE, id="", data=b"\xff not JSON")])
    finally:
        await store.close()
    assert (await verified(database_dsn)).differences == []
