"""Every audience's lines are in JetStream, each once and in order, whatever befalls publisher, stream or server."""

import asyncio
from contextlib import suppress

import pytest
from nats.aio.client import Client
from nats.js.errors import NotFoundError
from structlog.testing import capture_logs

from cds import duties, metrics
from cds.jetstream import contest_publishing, publisher
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.publisher import Publisher
from cds.jetstream.subjects import FETCH, GENERATION, MESSAGE_ID, stream_name
from projections import told_lines
from projections.feed_lines import FeedLines
from projections.told import decode_page
from projections.told_lines import Stand
from schemas.objects import Clarification
from schemas.viewers import ROLES
from tests.cds.contest_api.serving import DEADLINE_S, Running, append, opened, running
from tests.cds.contest_api.small_contest import moment
from tests.cds.jetstream.published import (
    PREFIX,
    SECRET,
    becomes,
    lines_of,
    messages_of,
    publishing,
    told_to,
    until_published,
)
from tests.nats_servers import NatsNode, free_ports, serves

CONTEST = "small"


def announcement(number: int, text: str = "now") -> Clarification:
    """Something that every audience is told of."""
    return Clarification(id=f"c{number}", text=text, time=moment(250), contest_time="4:10:00.000")


async def announce(server: Running, *numbers: int) -> None:
    """Append announcements, as another process would."""
    for number in numbers:
        position = await append(server.store, CONTEST, announcement(number))
        await server.level_with(CONTEST, position)


async def test_every_audience_is_published_in_order_and_follows(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        messages = await until_published(connection, server, CONTEST)
        assert {each.of.role for each in messages} == set(ROLES)
        assert {each.of.team_id for each in messages if each.of.role == "team"} > {None, "t1"}
        await announce(server, 1, 2, 3)
        after = await until_published(connection, server, CONTEST)
        assert after[: len(messages)] == messages
        assert len(after) > len(messages)
        public = [each for each in after if each.of.role == "public"]
        token = public[-2].headers[MESSAGE_ID]
        rest = await server.caller().lines(f"contests/{CONTEST}/event-feed?since_token={token}")
        assert len(rest) == len(public[-1].told.lines)
        names = [each.config.name for each in await connection.jetstream().streams_info()]
        assert names == [stream_name(PREFIX, CONTEST)]


async def test_what_was_appended_while_nats_was_away_follows(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        before = await until_published(connection, server, CONTEST)
        await node.kill()
        await announce(server, 1, 2)
        await node.start()
        await serves([node])
        after = await until_published(connection, server, CONTEST)
        assert after[: len(before)] == before
        assert after[0].headers[GENERATION] == before[0].headers[GENERATION]


async def test_the_next_publisher_goes_on_behind_the_last(fresh_dsn: str, node: NatsNode, connection: Client) -> None:
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        before = await until_published(connection, server, CONTEST)
    async with opened(fresh_dsn) as store:
        await append(store, CONTEST, announcement(1))
    async with running(fresh_dsn, publishing=settings) as server:
        after = await until_published(connection, server, CONTEST)
        assert after[: len(before)] == before
        assert len(after) > len(before)


async def test_two_publishers_at_the_same_time_publish_everything_once(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """A frozen process may believe that it is still its turn: the fence decides."""
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn) as one, running(fresh_dsn) as other:
        publishers = [
            Publisher(each.server.service.contests, each.server.service.tokens, settings, may_publish=lambda: True)
            for each in (one, other)
        ]
        tasks = [asyncio.create_task(each.run()) for each in publishers]
        try:
            for number in range(40):
                await append(one.store, CONTEST, announcement(number))
            await until_published(connection, one, CONTEST)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_stream_that_was_lost_is_made_again(fresh_dsn: str, node: NatsNode, connection: Client) -> None:
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        before = await until_published(connection, server, CONTEST)
        await connection.jetstream().delete_stream(stream_name(PREFIX, CONTEST))
        await announce(server, 1)
        after = await until_published(connection, server, CONTEST)
        assert after[0].headers[GENERATION] != before[0].headers[GENERATION]


async def test_a_stream_of_another_log_is_begun_anew(
    small_template: str, fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """The database was restored to an earlier moment: what was published since is of another log."""
    from tests.databases import cloned_database

    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        await announce(server, 1)
        before = await until_published(connection, server, CONTEST)
    async with cloned_database(small_template) as restored, running(restored, publishing=settings) as server:
        after = await until_published(connection, server, CONTEST)
        assert after[0].headers[GENERATION] != before[0].headers[GENERATION]
        assert after[0].sequence > before[-1].sequence, "numbers are not used again: an old publisher is fenced off"
        assert len(after) < len(before)


async def test_lines_that_are_too_large_are_left_to_the_core(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    settings = publishing(node.url, contest_ids={CONTEST}, payload_bytes_max=8 * 1024)
    async with running(fresh_dsn, publishing=settings, edge_secret=SECRET) as server:
        await append(server.store, CONTEST, announcement(1, "many words " * 1_000))
        await announce(server, 2)
        contest = server.service_contest(CONTEST)
        assert contest is not None

        async def complete() -> bool:
            try:
                messages = await messages_of(connection, CONTEST)
            except NotFoundError:
                return False
            told, expected = told_to(messages, "public"), await lines_of(contest, "public")
            return expected[-1] == (told[-1] if told else None)

        await becomes(complete)
        messages = [each for each in await messages_of(connection, CONTEST) if each.of.role == "public"]
        (number,) = [number for number, each in enumerate(messages) if FETCH in each.headers]
        assert messages[number].told.lines == ()
        path = f"contests/{CONTEST}/x-lines?role=public&after={messages[number - 1].headers[MESSAGE_ID]}"
        path += f"&until={messages[number].headers[MESSAGE_ID]}"
        page = decode_page((await server.caller().get(path, headers={"Contest-Edge": SECRET})).body)
        ((line,),) = [each.lines for each in page.told]
        assert b"many words" in line.body
        assert page.last == {"": messages[number].headers[MESSAGE_ID]}
        assert not page.more


async def test_a_cancellation_that_the_client_has_swallowed_is_heeded() -> None:
    """What `asyncio.wait_for` does up to Python 3.11 when its answer comes at the moment of the cancellation."""

    async def going_on() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        while True:
            heed_cancellation()
            await asyncio.sleep(0)

    task = asyncio.create_task(going_on())
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_server_that_has_just_begun_to_publish_stops(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    settings = publishing(node.url, contest_ids={CONTEST})
    for _ in range(4):
        async with asyncio.timeout(DEADLINE_S), running(fresh_dsn, publishing=settings):
            pass


def value(metric: object) -> float:
    """What a gauge shows."""
    return float(metric._value.get())  # type: ignore[attr-defined]  # there is no public way to read a gauge


async def test_metrics_tell_how_far_publishing_is(fresh_dsn: str, node: NatsNode, connection: Client) -> None:
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        await until_published(connection, server, CONTEST)

        async def level() -> bool:
            return value(metrics.PUBLISHER_CONNECTED) == 1 and value(metrics.PUBLISHER_LAG_LINES) == 0

        await becomes(level)
        await node.kill()
        await announce(server, 1)

        async def behind() -> bool:
            return value(metrics.PUBLISHER_LAG_LINES) > 0 and value(metrics.PUBLISHER_LAG_S) > 0

        await becomes(behind)
        assert value(metrics.PUBLISHER_CONNECTED) == 0
    assert value(metrics.PUBLISHER_LAG_LINES) == 0


async def test_contests_to_which_nothing_happens_are_not_counted_again(
    fresh_dsn: str, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who publishes thousands looks how far everything has got several times a second."""
    counted: list[int] = []
    real = told_lines.count_behind

    def counting(lines: FeedLines, stand: Stand) -> int:
        found = real(lines, stand)
        counted.append(found)
        return found

    monkeypatch.setattr(contest_publishing, "count_behind", counting)
    async with running(fresh_dsn) as server:
        service = server.server.service
        settings = publishing(node.url, contest_ids={CONTEST, "other"})
        works = Publisher(service.contests, service.tokens, settings, may_publish=lambda: True)
        task = asyncio.create_task(works.run())
        try:
            await until_published(connection, server, CONTEST)
            await until_published(connection, server, "other")

            async def level() -> bool:
                return len(works._publishing) == 2 and all(each.level for each in works._publishing.values())

            await becomes(level)
            counted.clear()
            for now_s in range(100):
                works._measure(now_s, is_connected=True)
            assert (counted, works._level_at_s) == ([], 99)
            node.freeze()
            await announce(server, 1)

            async def sent() -> bool:
                return all(each.sent != each.kept for each in works._publishing[CONTEST]._told.values())

            await becomes(sent)
            works._measure(100, is_connected=True)
            assert value(metrics.PUBLISHER_LAG_LINES) >= len(ROLES)
            counted.clear()
            for now_s in range(101, 200):
                works._measure(now_s, is_connected=True)
            assert (counted, value(metrics.PUBLISHER_LAG_LINES) >= len(ROLES)) == ([], True)
            node.thaw()
            await becomes(level)
        finally:
            node.thaw()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_who_does_not_reach_nats_says_so_and_leaves_the_turn_to_others(
    fresh_dsn: str, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is behind is counted from the moment of the first turn, through all that come to nothing."""
    monkeypatch.setattr(publisher, "AWAY_S_MAX", 1.0)
    monkeypatch.setattr(duties, "FAILED_PAUSE_S", 0.5)
    nowhere = f"nats://127.0.0.1:{free_ports(1)[0]}"

    async def long_behind() -> bool:
        return value(metrics.PUBLISHER_LAG_S) > 1.2 * publisher.AWAY_S_MAX

    with capture_logs() as logs:
        async with running(fresh_dsn, publishing=publishing(nowhere, contest_ids={CONTEST})):
            await becomes(long_behind)
            assert (value(metrics.PUBLISHING_WANTED), value(metrics.PUBLISHER_CONNECTED)) == (1, 0)
            async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as other:
                await until_published(connection, other, CONTEST)
    told = {each["event"]: each for each in logs if each["log_level"] == "warning"}
    assert {"nats_unreachable", "publishing_given_up"} <= told.keys()
    assert told["nats_unreachable"]["servers"] == nowhere
    assert "Connect call failed" in told["nats_unreachable"]["reason"]
