"""A stream in which two generations stand: whoever publishes tells the contest anew, and nothing of them is left."""

import msgspec
from nats.aio.client import Client

from cds.jetstream.subjects import GENERATION, MESSAGE_ID, subject_of
from projections.tokens import PLACE_CHARACTERS
from projections.told import encode_told
from tests.cds.contest_api.serving import running
from tests.cds.jetstream.published import PREFIX, publishing, until_published
from tests.nats_servers import NatsNode

CONTEST = "small"
ANOTHER = "0123456789abcdef"


async def test_two_generations_in_one_stream_are_told_anew(fresh_dsn: str, node: NatsNode, connection: Client) -> None:
    """Two have begun anew at the same moment, each with places of this very log."""
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        before = await until_published(connection, server, CONTEST)
    last = next(each for each in reversed(before) if each.of.role == "public")
    assert len(last.told.lines) > 1
    told = msgspec.structs.replace(last.told, lines=last.told.lines[:-1])
    name = told.lines[-1].body[-PLACE_CHARACTERS:].decode() + last.headers[MESSAGE_ID][PLACE_CHARACTERS:]
    headers = {**last.headers, MESSAGE_ID: name, GENERATION: ANOTHER}
    await connection.jetstream().publish(
        subject_of(PREFIX, CONTEST, "public"),
        encode_told(told),
        headers={key: value for key, value in headers.items() if not key.startswith("Nats-Expected")},
    )
    async with running(fresh_dsn, publishing=settings) as server:
        after = await until_published(connection, server, CONTEST)
        assert after[0].headers[GENERATION] not in {ANOTHER, before[0].headers[GENERATION]}
