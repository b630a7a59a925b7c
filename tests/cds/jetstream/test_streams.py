"""A stream as its servers keep it: read as it stands, made anew so that nothing slips in, brought to the settings."""

from math import inf

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError, ServiceUnavailableError
from structlog.testing import capture_logs

from cds import metrics
from cds.jetstream import streams
from cds.jetstream.pipeline import Interrupted, Pipeline
from cds.jetstream.streams import Last, Stream, Streams
from cds.jetstream.subjects import GENERATION, MESSAGE_ID
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.jetstream.published import publishing
from tests.nats_servers import STORE_BYTES, NatsNode

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


def refusals() -> float:
    """How often JetStream has refused what the settings say."""
    return float(metrics.STREAM_SETTINGS_REFUSED._value.get())


async def test_what_jetstream_refuses_is_told_and_holds_nobody_up(connection: Client, node: NatsNode) -> None:
    """It sets a limit of bytes aside for each stream, also for one that holds little; the rest it takes."""
    made = await opening(connection, node).opened(CONTEST)
    assert made.as_set
    before, much = refusals(), opening(connection, node, bytes_max=2 * STORE_BYTES, age_s_max=36.0)
    with capture_logs() as logs:
        kept = await much.opened(CONTEST)
        new = await much.opened("other")
        anew = await much.made_anew(new, "other")
    assert (kept.generation, [each.as_set for each in (kept, new, anew)]) == (made.generation, [False] * 3)
    assert refusals() == before + 3
    told = [(each["event"], each["stream"], each["log_level"]) for each in logs]
    assert told == [("stream_settings_refused", name, "warning") for name in (NAME, "cds-other", "cds-other")]
    assert "insufficient storage" in logs[0]["reason"]
    for name in (NAME, "cds-other"):
        configuration = (await connection.jetstream().stream_info(name)).config
        assert (configuration.max_age, configuration.max_bytes) == (36.0, -1)
    # Nodes that do not exist cannot keep it either.
    several = await opening(connection, node, replicas=3, age_s_max=72.0).opened(CONTEST)
    assert not several.as_set
    # As soon as there is room, it is so.
    assert not await much.bring(CONTEST)
    assert await opening(connection, node, bytes_max=STORE_BYTES // 4).bring(CONTEST)
    assert (await connection.jetstream().stream_info(NAME)).config.max_bytes == STORE_BYTES // 4


@pytest.mark.parametrize(("description", "goes_on"), [({"code": 503}, False), ({"code": 503, "err_code": 10023}, True)])
async def test_what_nobody_can_say_just_now_is_asked_again(
    description: dict[str, int], *, goes_on: bool, connection: Client, node: NatsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster without a leader has refused nothing; one without room has."""
    await opening(connection, node).opened(CONTEST)

    async def unanswered(_self: JetStreamContext, _config: object) -> None:
        APIError.from_error(description)

    monkeypatch.setattr(JetStreamContext, "update_stream", unanswered)
    limited = opening(connection, node, bytes_max=50_000)
    if goes_on:
        assert not (await limited.opened(CONTEST)).as_set
    else:
        with pytest.raises(ServiceUnavailableError):
            await limited.opened(CONTEST)


async def test_settings_that_are_the_same_are_not_brought_again(
    connection: Client, node: NatsNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.1 hours are another number of seconds when they have been nanoseconds in between."""
    kept = opening(connection, node, age_s_max=1.1 * 3_600)
    await kept.opened(CONTEST)
    assert (await connection.jetstream().stream_info(NAME)).config.max_age != 1.1 * 3_600

    async def brought(_self: JetStreamContext, _config: object) -> None:
        pytest.fail("nothing has changed")

    monkeypatch.setattr(JetStreamContext, "update_stream", brought)
    assert (await kept.opened(CONTEST)).as_set


async def test_since_when_nothing_has_been_written_is_seen(connection: Client, node: NatsNode) -> None:
    kept = opening(connection, node)
    made = await kept.opened(CONTEST)
    assert await kept.quiet_s(NAME) == inf
    await sent(connection, made, (PUBLIC, "a"))
    first = await kept.quiet_s(NAME)
    assert 0 <= first < 2 * DEADLINE_S
    assert await kept.quiet_s(NAME) > first


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
