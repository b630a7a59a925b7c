"""Which contests have streams, and that what is told there stands also where others forget, or cannot read on."""

import asyncio

import msgspec
import pytest
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from cds import live_contest, metrics
from cds.contest_api.told_reading import ToldReading
from cds.decoding import UnreadableEvent
from cds.jetstream import contest_publishing
from cds.jetstream.publisher import Publisher
from cds.jetstream.stream_names import stream_names
from cds.jetstream.streams import Streams, log_mark_of
from cds.jetstream.subjects import FETCH, FETCH_YES, GENERATION, MESSAGE_ID, PREVIOUS, REPETITION, token_of
from eventstore.store import Event
from projections.told import decode_page
from projections.told_lines import BEGINNING, COMMON
from schemas.viewers import ROLES, Role
from tests.cds.contest_api.serving import DEADLINE_S, Running, append, opened, running
from tests.cds.jetstream.published import (
    SECRET,
    Message,
    assert_one_chain,
    becomes,
    lines_of,
    messages_of,
    publishing,
    told_to,
    until_published,
)
from tests.cds.jetstream.test_publisher import CONTEST, announce, announcement
from tests.nats_servers import STORE_BYTES, NatsNode, serves

GIVEN_UP: tuple[Role, ...] = ("public", "team")
WITH_SECRET = {"Contest-Edge": SECRET}


def interruptions() -> float:
    """How often publishing was interrupted in this process."""
    return float(metrics.PUBLISHING_INTERRUPTED._value.get())


async def until_told(connection: Client, running: Running, contest_id: str) -> list[Message]:
    """The messages of a stream, when they hold every line, of a contest that may not exist any more."""
    contest = running.server.service.contests.known(contest_id)
    found: list[Message] = []

    async def complete() -> bool:
        nonlocal found
        found = await messages_of(connection, contest_id)
        expected = {role: await lines_of(contest, role) for role in ROLES}
        return all(told_to(found, role) == expected[role] for role in ROLES)

    await becomes(complete)
    assert_one_chain(found)
    return found


async def test_streams_of_what_is_not_published_go_and_deleted_contests_are_told_of(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """A contest was deleted while NATS was away; of the others one is chosen. Who shares the servers is left alone."""
    async with running(fresh_dsn, publishing=publishing(node.url)) as server:
        before = await until_published(connection, server, "early")
        await until_published(connection, server, "other")
        ours = Streams(connection, publishing(node.url), log_mark_of(server.server.service.tokens))
        await ours.opened("never")
        await Streams(connection, publishing(node.url), "another log").opened("theirs")
        await node.kill()
        answer = await server.of_role("admin").ask("DELETE", "contests/early")
        assert answer.status == 204
    await node.start()
    await serves([node])
    settings = publishing(node.url, contest_ids={CONTEST, "early"})
    async with running(fresh_dsn, publishing=settings, edge_secret=SECRET) as server:
        after = await until_told(connection, server, "early")
        assert after[: len(before)] == before
        assert len(after) > len(before)

        async def swept() -> bool:
            return set(await stream_names(connection)) == {"cds-small", "cds-early", "cds-theirs"}

        await becomes(swept)
        # Edges that start now have all of it, and when they have is known.
        lines = await server.caller().get("contests/early/x-lines?role=public", headers=WITH_SECRET)
        head = await server.caller().get("contests/early/x-lines?role=public&head=1", headers=WITH_SECRET)
        page = decode_page(lines.body)
        assert [line for told in page.told for line in told.lines] == [line for _, line in told_to(after, "public")]
        assert decode_page(head.body) == msgspec.structs.replace(page, told=())
        for path in ("never/x-lines?role=public", "never/x-lines?role=public&head=1", "early"):
            assert (await server.caller().get(f"contests/{path}", headers=WITH_SECRET)).status == 404


async def test_an_event_that_one_process_cannot_read_costs_no_stream(
    fresh_dsn: str, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older program takes the turn over while the log holds what it does not know: it leaves what is there alone."""
    settings = publishing(node.url, contest_ids={CONTEST})
    async with running(fresh_dsn, publishing=settings) as server:
        await announce(server, 1)
        before = await until_published(connection, server, CONTEST)
    real = live_contest.decoded

    def unreadable(event: Event) -> object:
        if event.type == "clarifications" and event.id == "c1":
            raise UnreadableEvent("clarifications of a later version")
        return real(event)

    with monkeypatch.context() as older:
        older.setattr(live_contest, "decoded", unreadable)
        interrupted = interruptions()
        async with running(fresh_dsn, publishing=settings):

            async def has_given_up() -> bool:
                return interruptions() >= interrupted + 2

            await becomes(has_given_up)
        assert await messages_of(connection, CONTEST) == before
    async with opened(fresh_dsn) as store:
        await append(store, CONTEST, announcement(2))
    # The next one can, and begins with what somebody reads.
    inbox = connection.new_inbox()
    await connection.subscribe(inbox)
    follower = ConsumerConfig(deliver_subject=inbox, filter_subject=f"cds.{CONTEST}.judge")
    await connection.jetstream().add_consumer(f"cds-{CONTEST}", follower)
    async with running(fresh_dsn, publishing=settings) as server:
        after = await until_published(connection, server, CONTEST)
    assert after[: len(before)] == before
    assert after[len(before)].of.role == "judge"


async def test_what_was_dropped_is_not_told_again_and_holds_nobody_up(
    fresh_dsn: str, node: NatsNode, connection: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JetStream knows for two minutes the ids of what it has dropped: the next publisher must not need them again.

    Nor does it need to know who reads: that cannot be seen in time here.
    """
    monkeypatch.setattr(contest_publishing, "FOLLOWED_S_MAX", 0.0)
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        generation = (await until_published(connection, server, CONTEST))[0].headers[GENERATION]
    jetstream = connection.jetstream()
    last = (await jetstream.stream_info("cds-small")).state.last_seq
    for purged, number, lost in ((last, 1, len(ROLES) - 1), (None, 2, len(ROLES))):
        # First everything but the last message is dropped, then that too.
        await jetstream.purge_stream("cds-small", seq=purged)
        async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST}, age_s_max=36)) as server:

            async def left_to_the_core(lost: int = lost) -> bool:
                return sum(map(is_repetition, await messages_of(connection, CONTEST))) == lost

            await becomes(left_to_the_core)
            await announce(server, number)
            await until_last_lines_are_told(connection, server)
            found = await messages_of(connection, CONTEST)
            assert {each.headers[GENERATION] for each in found} == {generation}
            assert_one_chain_behind_repetitions(found, last)


def assert_one_chain_behind_repetitions(found: list[Message], last_sequence: int) -> None:
    """What is said to be with the core is named by what follows, and nothing else follows nothing that is new."""
    named = {each.of: token_of(each.headers[MESSAGE_ID]) for each in found if is_repetition(each)}
    for each in found:
        if is_repetition(each):
            assert (each.headers[FETCH], each.headers[PREVIOUS], each.told.lines) == (FETCH_YES, "", ())
            continue
        assert each.headers[PREVIOUS] != "" or each.sequence <= last_sequence
        assert each.headers[PREVIOUS] == named.get(each.of, each.headers[PREVIOUS])
        named[each.of] = each.headers[MESSAGE_ID]


def is_repetition(message: Message) -> bool:
    """Whether a message only says up to where lines are with the core."""
    return REPETITION in message.headers[MESSAGE_ID]


async def until_last_lines_are_told(connection: Client, server: Running) -> None:
    """Come back when the last line of every role is in the stream."""
    contest = server.service_contest(CONTEST)
    assert contest is not None

    async def told() -> bool:
        found = await messages_of(connection, CONTEST)
        expected = [(await lines_of(contest, role))[-1] for role in ROLES]
        return all(told_to(found, role)[-1:] == [last] for role, last in zip(ROLES, expected, strict=True))

    await becomes(told)


async def test_audiences_that_are_given_up_meanwhile_go_on_in_one_chain(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """Their lines are made anew; the old ones, which nothing is added to any more, are followed by nobody."""
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        before = await until_published(connection, server, CONTEST)
        contest = server.service_contest(CONTEST)
        assert contest is not None
        old = await contest.feed("public")
        for role in GIVEN_UP:
            contest._give_up(contest.audience(role), RuntimeError("given up for the test"))
        await announce(server, 1, 2)
        after = await until_published(connection, server, CONTEST)
        assert after[: len(before)] == before
        assert {each.of.role for each in after[len(before) :]} >= set(GIVEN_UP)
        # Who was given a page of the old ones is told that there is more.
        assert old.abandoned
        service = server.server.service
        reading = ToldReading(contest, "public", service.tokens, service.store)
        page = await reading._made(old, BEGINNING, old.last_sequence)
        assert page.more
        following = await reading.page(page.last[COMMON], None, service.pages_told)
        assert (len(following.told) > 0, following.more) == (True, False)


async def test_nothing_is_published_by_who_does_not_have_the_turn(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """He has begun, and lost it: he looks at nothing until it is his again."""
    has_the_turn = False
    asked = asyncio.Event()

    def may_publish() -> bool:
        asked.set()
        return has_the_turn

    async with running(fresh_dsn) as server:
        service = server.server.service
        settings = publishing(node.url, contest_ids={CONTEST})
        task = asyncio.create_task(Publisher(service.contests, service.tokens, settings, may_publish).run())
        try:
            async with asyncio.timeout(DEADLINE_S):
                for _ in range(2):  # When it asks again the first answer has had its effect.
                    asked.clear()
                    await asked.wait()
            assert await stream_names(connection) == []
            has_the_turn = True
            await until_published(connection, server, CONTEST)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_lines_are_published_though_there_is_no_room_for_a_limit(
    fresh_dsn: str, node: NatsNode, connection: Client
) -> None:
    """Of a contest that had been published without one, and of another that is published for the first time."""
    async with running(fresh_dsn, publishing=publishing(node.url, contest_ids={CONTEST})) as server:
        before = await until_published(connection, server, CONTEST)
    limited = publishing(node.url, contest_ids={CONTEST, "other"}, bytes_max=2 * STORE_BYTES)
    refused = metrics.STREAM_SETTINGS_REFUSED._value.get()
    async with running(fresh_dsn, publishing=limited) as server:
        await announce(server, 1)
        after = await until_published(connection, server, CONTEST)
        assert after[: len(before)] == before
        assert len(after) > len(before)
        await until_published(connection, server, "other")
    assert metrics.STREAM_SETTINGS_REFUSED._value.get() == refused + 2
