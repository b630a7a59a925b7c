"""What more than one publisher at the same moment leaves behind, and what the next one makes of it.

Where two generations stand, the contest is told anew, and nothing of them is left; where somebody got in late with what
the other had told already, it is gone on behind that, at once.
"""

from pathlib import Path

import msgspec
from nats.aio.client import Client

from cds.jetstream.subjects import GENERATION, MESSAGE_ID, PREVIOUS, REPETITION, subject_of
from projections.tokens import PLACE_CHARACTERS
from projections.told import encode_told
from tests.cds.contest_api.serving import running
from tests.cds.edge.edges import SECRET, edging
from tests.cds.jetstream.published import (
    PREFIX,
    Message,
    becomes,
    lines_of,
    messages_of,
    publishing,
    told_to,
    until_published,
)
from tests.cds.jetstream.test_publisher import announce
from tests.nats_servers import NatsNode

CONTEST = "small"
ANOTHER = "0123456789abcdef"


async def late_message(connection: Client, before: list[Message], **headers: str) -> None:
    """Have the public told once more what it was told last, but for one line."""
    last = next(each for each in reversed(before) if each.of.role == "public")
    assert len(last.told.lines) > 1
    told = msgspec.structs.replace(last.told, lines=last.told.lines[:-1])
    name = told.lines[-1].body[-PLACE_CHARACTERS:].decode() + last.headers[MESSAGE_ID][PLACE_CHARACTERS:]
    known = {key: value for key, value in last.headers.items() if not key.startswith("Nats-Expected")}
    subject = subject_of(PREFIX, CONTEST, "public")
    await connection.jetstream().publish(subject, encode_told(told), headers={**known, MESSAGE_ID: name, **headers})


async def test_two_generations_in_one_stream_are_told_anew(fresh_dsn: str, node: NatsNode, connection: Client) -> None:
    """Two have begun anew at the same moment, each with places of this very log."""
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        before = await until_published(connection, server, CONTEST)
    await late_message(connection, before, **{GENERATION: ANOTHER})
    async with running(fresh_dsn, publishing=settings) as server:
        after = await until_published(connection, server, CONTEST)
        assert after[0].headers[GENERATION] not in {ANOTHER, before[0].headers[GENERATION]}


async def test_what_jetstream_knows_already_holds_nobody_up(
    fresh_dsn: str, tmp_path: Path, node: NatsNode, connection: Client
) -> None:
    """It takes an id once in two minutes; what was told behind the late message is told again, under another.

    An edge that begins now has every line once, in order, though the stream has not.
    """
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        before = await until_published(connection, server, CONTEST)
    await late_message(connection, before)
    async with (
        running(fresh_dsn, publishing=settings, edge_secret=SECRET) as server,
        edging(server.root, node, tmp_path) as edge,
    ):
        contest = server.service_contest(CONTEST)
        assert contest is not None

        async def gone_on() -> bool:
            found = await messages_of(connection, CONTEST)
            return told_to(found, "public")[-1] == (await lines_of(contest, "public"))[-1]

        await becomes(gone_on)
        found = [each for each in await messages_of(connection, CONTEST) if each.of.role == "public"]
        late, again = found[-2:]
        assert (again.headers[PREVIOUS], len(again.told.lines)) == (late.headers[MESSAGE_ID], 1)
        token, _, digits = again.headers[MESSAGE_ID].partition(REPETITION)
        assert token == found[-3].headers[MESSAGE_ID]
        assert digits
        # New lines are named as ever.
        await announce(server, 1)
        await becomes(gone_on)
        found = [each for each in await messages_of(connection, CONTEST) if each.of.role == "public"]
        assert found[-1].headers[PREVIOUS] == token
        assert REPETITION not in found[-1].headers[MESSAGE_ID]
        path = f"contests/{CONTEST}/event-feed"

        async def same() -> bool:
            return await edge.caller().lines(path) == await server.caller().lines(path)

        await becomes(same)
