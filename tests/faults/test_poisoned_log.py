"""What becomes of a server whose log holds an event that it cannot read, as one of a newer program may be.

The stream that holds it stands still, and its name and place are logged; everything else goes on, also when the server
is started anew. `cds verify` names the row (tests/cds/verifying).
"""

from collections.abc import AsyncIterator, Collection

import pytest

from cds.contest_api.middleware import UNREADABLE
from eventstore.postgres import PostgresStore
from eventstore.store import NewEvent
from tests.cds.contest_api.live_contest_setup import RUNNING, Play, SetClock, below, make_contest, playing, submission
from tests.eventstore.builders import append_of

OTHER = {
    "id": "other",
    "name": "Other",
    "start_time": None,
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
}
ACCOUNT = {"username": "somebody", "email": "somebody@example.com", "password": "a password"}
WRITES = {
    "contest:live": ("team-one", "POST", below("submissions"), submission()),
    "contest:other": ("root", "POST", "contests/other/groups", {"name": "G"}),
    "students": ("root", "GET", "students", None),
    "webhooks": ("root", "GET", "webhooks", None),
    "matches": ("public", "GET", "/v1/matches/list", None),
    "users": ("public", "POST", "/v1/account/signup", ACCOUNT),
}
"""A request for which each stream has to be known to its end."""

NEEDED = {"matches": {"users", "matches"}}
"""The streams that a request needs, where it is not its own alone."""

READS = ("teams", "submissions", "scoreboard", "event-feed?stream=false")
"""What is served from memory, whatever stands behind what has been read."""


@pytest.fixture
async def play(database_dsn: str) -> AsyncIterator[Play]:
    """Two contests, one of which goes on."""
    async with playing(database_dsn, SetClock()) as made:
        await make_contest(made)
        assert (await made.caller("root").ask("PUT", "contests/other", json=OTHER)).status == 201
        await made.at(RUNNING)
        yield made


async def poisoned(dsn: str, stream: str) -> None:
    """Append what nobody can read."""
    store = await PostgresStore.open(dsn)
    try:
        position = (await store.head(stream)).position
        event = NewEvent(type="teams" if ":" in stream else stream, id="x", data=b'{"colour":"red"}')
        assert await store.append(append_of(stream, position, [event])) is not None
    finally:
        await store.close()


async def check(play: Play, streams: Collection[str]) -> None:
    """Whoever needs one of these streams is told so, and nobody else notices."""
    for path in READS:
        assert (await play.caller("public").get(below(path))).status == 200
    for other, (who, method, path, body) in WRITES.items():
        url = play.server.root + path if path.startswith("/") else path
        answer = await play.caller(who).ask(method, url, json=body)
        if NEEDED.get(other, {other}).isdisjoint(streams):
            assert answer.status in (200, 201, 409), (streams, other, answer.body)
        else:
            assert answer.status == 503, (streams, other, answer.body)
            assert int(answer.headers["Retry-After"]) >= 1
            assert UNREADABLE.encode() in answer.body
    assert (await play.caller("public").get(f"{play.server.root}/readyz")).status == 200


async def test_an_event_that_cannot_be_read_stops_its_stream_alone(
    play: Play, database_dsn: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """One stream after the other; and all of them, when the server is started anew."""
    streams: list[str] = []
    for stream in WRITES:
        await check(play, streams)
        if streams:
            said = "".join(capfd.readouterr())
            assert "event_unreadable" in said
            assert f"{streams[-1]} " in said
            assert "request_failed" not in said
        await poisoned(database_dsn, stream)
        streams.append(stream)
    async with playing(database_dsn, SetClock()) as again:
        await again.at(RUNNING)
        await check(again, streams)
