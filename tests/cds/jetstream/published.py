"""What is in a stream, read from its beginning, and what should be: the lines of the contest that a server holds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import nats
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.connecting import Connection
from cds.jetstream.settings import NatsServers, PublishingSettings
from cds.jetstream.subjects import FETCH, GENERATION, MESSAGE_ID, PREVIOUS, Subject, read_subject, stream_name
from cds.live_contest import LiveContest
from projections.told import Line, Told, decode_told
from projections.told_lines import BEGINNING, next_tellings
from schemas.viewers import ROLES, Role
from tests.cds.contest_api.serving import DEADLINE_S, Running

PREFIX = "cds"
PING_S = 1
SECRET = "a secret between a core and its edges, of 32 characters or more"


class Message(msgspec.Struct, frozen=True):
    """One message of a stream."""

    sequence: int
    of: Subject
    headers: dict[str, str]
    told: Told


def publishing(url: str, **settings: Any) -> PublishingSettings:
    """Settings for one server."""
    return PublishingSettings(servers=NatsServers(urls=(url,)), **settings)


async def connection_to(url: str) -> Client:
    """A connection that says nothing of failures."""

    async def unheard(_failure: Exception) -> None:
        return

    connection = Connection()
    await connection.connect(
        url, error_cb=unheard, reconnect_time_wait=0.05, max_reconnect_attempts=-1, ping_interval=PING_S
    )
    return connection


async def messages_of(connection: Client, contest_id: str) -> list[Message]:
    """Everything that a stream holds at this moment."""
    jetstream, name = connection.jetstream(), stream_name(PREFIX, contest_id)
    count = (await jetstream.stream_info(name)).state.messages
    inbox = connection.new_inbox()
    subscription = await connection.subscribe(inbox)
    configuration = ConsumerConfig(
        deliver_subject=inbox, deliver_policy=DeliverPolicy.ALL, ack_policy=AckPolicy.NONE, mem_storage=True
    )
    consumer = await jetstream.add_consumer(name, configuration)
    found: list[Message] = []
    for _ in range(count):
        message = await subscription.next_msg(timeout=DEADLINE_S)
        told, headers = decode_told(message.data), dict(message.headers or {})
        found.append(Message(message.metadata.sequence.stream, read_subject(PREFIX, message.subject), headers, told))
    await subscription.unsubscribe()
    await jetstream.delete_consumer(name, str(consumer.name))
    return found


def told_to(messages: list[Message], role: Role) -> list[tuple[str | None, Line]]:
    """The lines of an audience, in order, each with the team that alone gets it."""
    return [(each.told.team_id, line) for each in messages if each.of.role == role for line in each.told.lines]


async def lines_of(contest: LiveContest, role: Role) -> list[tuple[str | None, Line]]:
    """The same as the contest has it."""
    lines, stand = await contest.feed(role), BEGINNING
    found: list[tuple[str | None, Line]] = []
    while tellings := list(next_tellings(lines, stand, contest.state.settings.pace_permille)):
        found += [(each.told.team_id, line) for each in tellings for line in each.told.lines]
        stand = tellings[-1].stand
    return found


async def until_published(connection: Client, running: Running, contest_id: str) -> list[Message]:
    """The messages of a stream, when every audience's lines are there just as the contest has them."""
    contest = running.service_contest(contest_id)
    assert contest is not None
    found: list[Message] = []

    async def complete() -> bool:
        nonlocal found
        try:
            found = await messages_of(connection, contest_id)
        except (nats.errors.Error, TimeoutError):
            return False
        expected = {role: await lines_of(contest, role) for role in ROLES}
        return all(told_to(found, role) == expected[role] for role in ROLES)

    await becomes(complete)
    assert_one_chain(found)
    return found


def assert_one_chain(messages: list[Message]) -> None:
    """Every message names the one before it under its subject, within one generation; none comes twice."""
    assert len({each.headers[GENERATION] for each in messages}) == 1
    last: dict[Subject, str] = {}
    for message in messages:
        assert message.headers[PREVIOUS] == last.get(message.of, "")
        assert message.told.team_id == message.of.team_id
        assert (FETCH in message.headers) == (not message.told.lines)
        last[message.of] = message.headers[MESSAGE_ID]
    assert len({(each.of, each.headers[MESSAGE_ID]) for each in messages}) == len(messages)


async def becomes(condition: Callable[[], Awaitable[bool]], within_s: float = DEADLINE_S) -> None:
    """Come back when something is so."""
    async with asyncio.timeout(within_s):
        while not await condition():
            # The client of NATS may have swallowed that time is over.
            heed_cancellation()
            await asyncio.sleep(0.02)
