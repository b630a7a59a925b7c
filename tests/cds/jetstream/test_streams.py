"""A stream as its servers keep it: read as it stands, made anew so that nothing slips in, brought to the settings."""

import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from cds.jetstream import streams
from cds.jetstream.pipeline import Interrupted, Pipeline
from cds.jetstream.streams import Last, Stream, Streams
from cds.jetstream.subjects import GENERATION, MESSAGE_ID
from tests.cds.jetstream.published import publishing
from tests.nats_servers import NatsNode

CONTEST, NAME = "small", "cds-small"
PUBLIC, JUDGE = "cds.small.public", "cds.small.judge"


def opening(connection: Client, node: NatsNode, *, log_mark: str = "ours", **settings: float) -> Streams:
    """The streams of one log."""
    return Streams(connection, publishing(node.url, **settings), log_mark)


async def sent(connection: Client, stream: Stream, *messages: tuple[str, str]) -> None:
    """Have messages (subject and id) in a stream, behind what is there."""
    async with Pipeline(connection, stream.name, stream.last_sequence) as way:
        for subject, message_id in messages:
            await way.publish(subject, b"", {MESSAGE_ID: message_id, GENERATION: stream.generation})
        await way.settled()


async def test_a_stream_is_found_as_it_was_left(connection: Client, node: NatsNode) -> None:
    kept = opening(connection, node)
    made = await kept.opened(CONTEST)
    assert (made.last_sequence, made.last, made.whole) == (0, {}, True)
    await sent(connection, made, (PUBLIC, "a"), (JUDGE, "b"), (PUBLIC, "c"))
    generation = made.generation
    expected = {PUBLIC: Last("c", generation), JUDGE: Last("b", generation)}
    assert await kept.opened(CONTEST) == Stream(NAME, generation, 3, expected, whole=True)
    jetstream = connection.jetstream()
    await jetstream.purge_stream(NAME, seq=3)
    assert await kept.opened(CONTEST) == Stream(NAME, generation, 3, {PUBLIC: expected[PUBLIC]}, whole=False)
    await jetstream.purge_stream(NAME)
    assert await kept.opened(CONTEST) == Stream(NAME, generation, 3, {}, whole=False)


async def test_a_stream_that_is_made_anew_lets_nothing_in_that_was_meant_for_the_old_one(
    connection: Client, node: NatsNode
) -> None:
    """Not even the very next message of somebody who believes that it is still his turn."""
    kept = opening(connection, node)
    old = await kept.opened(CONTEST)
    await sent(connection, old, (PUBLIC, "a"))
    async with Pipeline(connection, NAME, 1) as frozen:
        new = await kept.made_anew(await kept.opened(CONTEST), CONTEST)
        assert new.generation not in ("", old.generation)
        await frozen.publish(PUBLIC, b"", {MESSAGE_ID: "b", GENERATION: old.generation})
        with pytest.raises(Interrupted):
            await frozen.settled()
    assert await kept.opened(CONTEST) == new
    await sent(connection, new, (PUBLIC, "a"))
    assert (await kept.opened(CONTEST)).whole


async def test_a_server_that_is_behind_is_not_believed(
    connection: Client, node: NatsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last messages may be told by a server that has not all of them yet: by then it shows only the first one."""
    kept = opening(connection, node)
    await sent(connection, await kept.opened(CONTEST), (PUBLIC, "a"), (JUDGE, "b"))
    with monkeypatch.context() as behind:
        behind.setattr(streams, "EVERY_SUBJECT", PUBLIC)
        with pytest.raises(Interrupted, match="message 1 as the last one of cds-small, not of 2"):
            await kept.opened(CONTEST)
        # What somebody has deleted is on no server.
        await connection.jetstream().delete_msg(NAME, 2)
        assert (await kept.opened(CONTEST)).last.keys() == {PUBLIC}


async def test_streams_of_others_are_told_from_ours(connection: Client, node: NatsNode) -> None:
    ours, theirs = opening(connection, node), opening(connection, node, log_mark="theirs")
    await ours.opened(CONTEST)
    assert (await ours.is_ours(NAME), await theirs.is_ours(NAME)) == (True, False)
    assert (await theirs.opened(CONTEST)).generation == ""
    await connection.jetstream().add_stream(name="cds-unmarked", subjects=["cds.unmarked.>"])
    assert not await ours.is_ours("cds-unmarked")


async def test_a_stream_that_is_there_is_brought_to_the_settings(connection: Client, node: NatsNode) -> None:
    """Also to an age below that of the ids which JetStream remembers. What is in it stays, and whose it is."""
    made = await opening(connection, node).opened(CONTEST)
    await sent(connection, made, (PUBLIC, "a"))
    limited = await opening(connection, node, age_s_max=36.0, bytes_max=50_000).opened(CONTEST)
    assert (limited.generation, limited.last_sequence) == (made.generation, 1)
    configuration = (await connection.jetstream().stream_info(NAME)).config
    assert (configuration.max_age, configuration.max_bytes, configuration.duplicate_window) == (36.0, 50_000, 36.0)
    await opening(connection, node).opened(CONTEST)
    configuration = (await connection.jetstream().stream_info(NAME)).config
    assert (configuration.max_age, configuration.max_bytes, configuration.duplicate_window) == (0, -1, 120.0)


async def test_who_follows_is_seen(connection: Client, node: NatsNode) -> None:
    kept = opening(connection, node)
    await kept.opened(CONTEST)
    assert await kept.followed(NAME) == set()
    team = ["cds.small.team", "cds.small.team.*"]
    for wanted in (ConsumerConfig(filter_subject=JUDGE), ConsumerConfig(filter_subjects=team), ConsumerConfig()):
        inbox = connection.new_inbox()
        await connection.subscribe(inbox)
        wanted.deliver_subject = inbox
        await connection.jetstream().add_consumer(NAME, wanted)
    assert await kept.followed(NAME) == {JUDGE, *team}
