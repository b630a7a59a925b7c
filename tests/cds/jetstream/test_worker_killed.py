"""The worker that publishes is killed: another goes on behind what is in the stream, and nobody misses anything."""

import os
import signal
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error as NatsError

from cds.jetstream.subjects import MESSAGE_ID
from projections.tokens import PLACE_CHARACTERS
from schemas.viewers import Role
from tests.acceptance.command_line import until
from tests.cds.contest_api.serving import SERVER_ADMIN, server_login
from tests.cds.contest_api.worker_groups import Group, group_of
from tests.cds.jetstream.published import Message, assert_one_chain, becomes, messages_of
from tests.nats_servers import NatsNode

CONTEST = "small"
FEED = f"contests/{CONTEST}/event-feed"
ROLES_READ: tuple[Role, ...] = ("public", "judge", "admin")
WORKERS = 2
WRITTEN = 10


def publishers(group: Group) -> list[int]:
    """The workers that have taken up publishing, in order."""
    return [line["worker"] for line in group.logged("duty_begun") if line["duty"] == "publisher"]


def feed_of(messages: list[Message], role: Role) -> list[bytes]:
    """The feed that messages tell a role, as clients get it."""
    return [
        line.body + each.headers[MESSAGE_ID][PLACE_CHARACTERS:].encode() + b'"}'
        for each in messages
        if each.of.role == role
        for line in each.told.lines
    ]


async def until_all_is_told(group: Group, connection: Client) -> list[Message]:
    """Come back when the stream tells the feeds that the group gives."""
    expected = {role: await group.process.caller(server_login(role)).lines(FEED) for role in ROLES_READ}
    found: list[Message] = []

    async def told() -> bool:
        nonlocal found
        try:
            found = await messages_of(connection, CONTEST)
        except (NatsError, TimeoutError):
            return False
        return all(feed_of(found, role) == expected[role] for role in ROLES_READ)

    await becomes(told)
    assert_one_chain(found)
    return found


async def write(group: Group, first: int) -> None:
    """Write something that all are told."""
    caller = group.process.caller(SERVER_ADMIN)
    for number in range(first, first + WRITTEN):
        made = await caller.ask("PUT", f"contests/{CONTEST}/groups/w{number}", json={"id": f"w{number}", "name": "W"})
        assert made.status == 201, made.body


async def test_another_worker_goes_on(fresh_dsn: str, tmp_path: Path, node: NatsNode, connection: Client) -> None:
    options = ("--nats", node.url, "--nats-contest", CONTEST)
    async with group_of(WORKERS, fresh_dsn, tmp_path / "group", *options) as group:
        await until(lambda: bool(publishers(group)))
        await write(group, 0)
        before = await until_all_is_told(group, connection)
        await group.until_whole(WORKERS)
        os.kill(group.pids()[publishers(group)[0]], signal.SIGKILL)
        await until(lambda: len(publishers(group)) > 1)
        await write(group, WRITTEN)
        after = await until_all_is_told(group, connection)
        assert after[: len(before)] == before
        assert len(after) > len(before)
