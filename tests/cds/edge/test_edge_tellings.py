"""What an edge serves while a contest is told for the first time, told anew, told wrongly, and not told any more."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from unittest.mock import patch

import msgspec
import pytest
import pytest_asyncio
from prometheus_client import REGISTRY

from cds.edge.audience import EdgeAudience
from cds.edge.limits import GONE_LOOKS
from cds.jetstream.subjects import stream_name
from cds.relay.upstream import Unreachable
from projections.scoreboard import UnknownGroup
from schemas.viewers import Role
from tests.cds.edge.edges import until
from tests.cds.edge.tellings import PREFIX, QUICK, Followed, Teller, ToldCore, following, telling
from tests.cds.jetstream.published import connection_to
from tests.nats_servers import NatsNode, nats_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsNode]:
    """One server for all of this module."""
    async with nats_server(tmp_path_factory.mktemp("told") / "nats") as found:
        yield found


@asynccontextmanager
async def whole(node: NatsNode, teller: Teller, core: ToldCore) -> AsyncIterator[tuple[Followed, EdgeAudience]]:
    """A contest of three lines that is served."""
    await teller.begin("told")
    await teller.tell("told", range(1, 4))
    async with following(node, core) as followed:
        audience = await followed.served("told")
        assert audience.view.line_count == 3
        yield followed, audience


async def test_nobody_is_shown_a_part_of_a_contest(node: NatsNode) -> None:
    """While it is published for the first time nothing waits in the stream after each line, and it is not all."""
    core = ToldCore(4)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 3))
        async with following(node, core) as followed:
            audience = await followed.has("told", 2)
            await until(lambda: audience.lag.messages == 0 and core.asked)
            assert not audience.level
            assert not followed.contests.ready
            with pytest.raises(Unreachable):
                await followed.contests.audience("told", "public")
            await teller.tell("told", range(3, 5))
            assert await followed.served("told") is audience
            assert audience.view.line_count == 4
            # What is begun later does not make it unready.
            await teller.begin("another")
            await until(lambda: "another" in followed.contests)
            assert followed.contests.ready


async def test_what_was_there_is_served_until_it_has_been_told_anew(node: NatsNode) -> None:
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, former):
        core.away = True
        await teller.begin("told")
        await teller.tell("told", range(1, 3), generation="b")
        await former.over.wait()
        # As long as the core cannot say how much there is, too.
        await until(lambda: former.lag.seconds > 4 * QUICK.head_s_max)
        core.away = False
        asked = core.asked
        await until(lambda: core.asked > asked)
        assert await followed.served("told") is former
        assert former.exists
        assert not followed.ended
        assert former.lag.seconds > 0
        await teller.tell("told", range(3, 4), generation="b")
        await until(lambda: followed.ended)
        assert followed.ended == [(former, "forgotten")]
        served = await followed.served("told")
        assert served is not former
        assert served.view.line_count == 3
        assert served.is_level


async def test_what_the_stream_has_is_served_where_the_core_is_away_from_the_beginning(node: NatsNode) -> None:
    """For want of better; not where the core is there and only refuses the secret. What is missing comes with it."""
    core = ToldCore(3)
    core.secret_refused = True
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 3))
        async with following(node, core, msgspec.structs.replace(QUICK, level_s_max=0.5)) as followed:
            audience = await followed.has("told", 2)
            await until(lambda: core.asked > 4 and audience.lag.seconds > 2 * QUICK.head_s_max)
            assert not followed.contests.ready
            core.secret_refused, core.away = False, True
            assert await followed.served("told") is audience
            assert audience.is_level
            core.away = False
            await until(lambda: audience.view.line_count == 3 and audience.is_level)
            assert await followed.served("told") is audience


async def test_what_does_not_come_is_had_from_the_core(node: NatsNode) -> None:
    """Where the core cannot publish, say."""
    core = ToldCore(5)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 3))
        async with following(node, core, msgspec.structs.replace(QUICK, level_s_max=0.3)) as followed:
            assert (await followed.served("told")).view.line_count == 5
            await teller.tell("told", range(3, 6))
            core.count = 6
            await teller.tell("told", range(6, 7))
            assert (await followed.has("told", 6)).view.line_count == 6


async def test_a_contest_that_the_core_does_not_know_keeps_no_edge_from_being_ready(node: NatsNode) -> None:
    core = ToldCore(3)
    core.knows_it = False
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 4))
        await teller.jetstream.purge_stream(stream_name(PREFIX, "told"), seq=3)
        async with following(node, core) as followed:
            await until(lambda: followed.contests.ready)
            assert followed.contests.set_aside == ["told"]
            with pytest.raises(Unreachable):
                await followed.contests.audience("told", "public")
            await until(lambda: REGISTRY.get_sample_value("cds_edge_contests_set_aside") == 1)
            core.knows_it = True
            await until(lambda: not followed.contests.set_aside)
            assert (await followed.served("told")).view.line_count == 3


async def test_what_was_served_is_not_when_the_core_has_nothing_to_tell_of_it(node: NatsNode) -> None:
    """It is asked about whatever has to be fetched."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, former):
        core.knows_it = False
        await teller.tell("told", range(4, 5), fetched=True)
        await until(lambda: followed.ended and followed.contests.set_aside)
        assert (former, "forgotten") in followed.ended
        with pytest.raises(Unreachable):
            await followed.contests.audience("told", "public")
        core.knows_it, core.count = True, 4
        await until(lambda: not followed.contests.set_aside)
        assert (await followed.served("told")).view.line_count == 4


async def test_a_stream_that_cannot_be_read_is_read_again_after_a_pause(node: NatsNode) -> None:
    """What was there is served on; and nobody reads the whole stream again and again."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, former):
        await teller.tell("told", range(4, 5), data=b"nothing that anybody can read")
        await until(lambda: followed.contests.set_aside)
        assert await followed.served("told") is former
        assert former.lag.seconds > 0
        failed = [each for each, reason in followed.ended if reason == "failed"]
        assert len(failed) == 1
        await teller.jetstream.delete_msg(stream_name(PREFIX, "told"), 4)
        await until(lambda: not followed.contests.set_aside)
        assert (await followed.served("told")).is_level
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 2), data=b"nothing either")
        async with following(node, core, msgspec.structs.replace(QUICK, consumer_pause_s=60.0)) as followed:
            await until(lambda: followed.contests.ready)
            assert followed.contests.set_aside == ["told"]
            assert followed.shown("told") is None
            assert [reason for _, reason in followed.ended] == ["failed"]


def _messages_behind() -> float | None:
    return REGISTRY.get_sample_value("cds_edge_lag_messages", {"contest": "told"})


async def test_a_contest_that_is_not_published_any_more_is_dropped(node: NatsNode) -> None:
    """Not at the first look that does not find it, and not while nobody could answer in our place."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, former):
        await until(lambda: _messages_behind() == 0)
        core.away = True
        asked = core.asked
        await teller.end("told")
        await until(lambda: core.asked > asked)
        assert followed.contests._missed["told"] >= GONE_LOOKS
        assert await followed.served("told") is former
        core.away, core.published = False, False
        await until(lambda: "told" not in followed.contests and followed.ended)
        assert followed.ended == [(former, "forgotten")]
        assert list(followed.contests) == []
        assert _messages_behind() is None
        with pytest.raises(Unreachable):
            await followed.contests.audience("told", "judge")
        await teller.begin("told")
        await teller.tell("told", range(1, 4), generation="b")
        assert (await followed.served("told")).view.line_count == 3


async def test_a_stream_that_was_lost_is_waited_for_however_long_that_takes(node: NatsNode) -> None:
    """As long as the core publishes the contest, what is here is served; also when the next one is there in part."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, former):
        asked = core.asked
        await teller.end("told")
        await until(lambda: core.asked > asked + 2)
        assert await followed.served("told") is former
        await teller.begin("told")
        await teller.tell("told", range(1, 2), generation="b")
        await former.over.wait()
        assert await followed.served("told") is former
        assert not followed.ended
        await teller.tell("told", range(2, 4), generation="b")
        await until(lambda: followed.ended)
        assert (await followed.served("told")).is_level


async def test_what_the_core_said_of_another_log_is_not_waited_for(node: NatsNode) -> None:
    """Who answers may know the log as it was before it was taken back; what is said once all is here counts."""
    core = ToldCore(5)
    async with telling(node) as teller:
        await teller.begin("told")
        async with following(node, core, msgspec.structs.replace(QUICK, level_s_max=1.0)) as followed:
            await until(lambda: (found := followed.shown("told")) is not None and found._head_is_known)
            core.count = 3
            await teller.tell("told", range(1, 4))
            assert (await followed.served("told")).view.line_count == 3
            assert core.paged_at_s


async def test_lines_that_do_not_come_are_asked_for_at_intervals(node: NatsNode) -> None:
    """Not at every sign of life, where the core has no more of them than the stream."""
    core = ToldCore(5)
    core.short_by = 2
    limits = msgspec.structs.replace(QUICK, level_s_max=0.8)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 4))
        async with following(node, core, limits) as followed:
            audience = await followed.has("told", 3)
            await until(lambda: audience._head_is_known)
            await until(lambda: len(core.paged_at_s) > 1)
            assert core.paged_at_s[1] - core.paged_at_s[0] >= limits.level_s_max
            assert not audience.level


async def test_a_role_that_nobody_reads_is_forgotten(node: NatsNode) -> None:
    """And not while somebody has it streamed to him; the public's stays."""
    core = ToldCore(3)
    limits = msgspec.structs.replace(QUICK, role_idle_s_max=0.2)
    async with telling(node) as teller:
        await teller.begin("told")
        roles: tuple[Role, ...] = ("public", "judge", "admin")
        for role in roles:
            await teller.tell("told", range(1, 4), role=role)
        async with following(node, core, limits) as followed:
            judge = await followed.served("told", "judge")
            with judge.reading():
                admin = await followed.served("told", "admin")
                await until(lambda: followed.ended)
                assert followed.ended == [(admin, "left")]
            await until(lambda: followed.shown("told", "judge") is None)
            assert (await followed.served("told", "judge")).is_level
            assert followed.shown("told") is await followed.served("told")


async def test_no_more_is_followed_than_there_is_room_for(node: NatsNode) -> None:
    """Of contests, and of lines; what the public sees has room in any case."""
    limits = msgspec.structs.replace(QUICK, contests_max=1, lines_bytes_max=1_000)
    core = ToldCore(3)
    async with telling(node) as teller:
        for contest_id in ("told", "untold"):
            await teller.begin(contest_id)
        await teller.tell("told", range(1, 4))
        await teller.tell("told", range(1, 4), role="judge")
        async with following(node, core, limits) as followed:
            judge = await followed.served("told", "judge")
            assert "untold" not in followed.contests
            core.count = 20
            await teller.tell("told", range(4, 21))
            await until(lambda: followed.ended)
            assert followed.ended == [(judge, "left")]
            with pytest.raises(Unreachable):
                await followed.contests.audience("told", "judge")
            assert (await followed.has("told", 20)) is await followed.served("told")


async def test_what_was_pending_and_was_dropped_is_not_waited_for(node: NatsNode) -> None:
    """When JetStream says that it is there and sends nothing, nothing more is pending."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (_, audience):
        audience._pending = 5
        assert not audience.is_level
        await until(lambda: audience.is_level)
        assert audience.lag.seconds == 0


async def test_who_follows_a_board_is_sent_away_when_it_cannot_be_had_here_any_more(node: NatsNode) -> None:
    """Whoever comes back is answered by the core."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (_, audience):
        board = await audience.ready_scoreboard("public", frozen=True, group_id=None)
        assert audience.scoreboard("public", frozen=True, group_id=None) == board
        with patch.object(audience.boards, "suffices", return_value=False), pytest.raises(UnknownGroup):
            audience.scoreboard("public", frozen=True, group_id=None)


async def test_lines_that_have_to_be_fetched_are_asked_for_until_they_have_come(node: NatsNode) -> None:
    """Whoever answers at the core may not have them yet."""
    core = ToldCore(3)
    async with telling(node) as teller, whole(node, teller, core) as (followed, audience):
        asked = core.asked
        await teller.tell("told", range(4, 5), fetched=True)
        await until(lambda: core.asked > asked + 2)
        assert audience.view.line_count == 3
        core.count = 4
        assert await followed.has("told", 4) is audience
        await teller.tell("told", range(5, 6))
        assert await followed.has("told", 5) is audience


async def test_what_is_followed_goes_on_over_another_connection(node: NatsNode) -> None:
    """One that was closed for good is not made again by the client of NATS."""
    core = ToldCore(3)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 4))
        followed = Followed(core, QUICK)
        lost = await connection_to(node.url)
        looking = asyncio.create_task(followed.contests.look_after(lost, followed.closing))
        audience = await followed.served("told")
        await lost.close()
        await asyncio.wait_for(looking, 20)
        assert not followed.contests.connected
        await teller.tell("told", range(4, 5))
        connection = await connection_to(node.url)
        looking = asyncio.create_task(followed.contests.look_after(connection, followed.closing))
        await until(lambda: audience.view.line_count == 4 and audience.is_level)
        followed.closing.set()
        await looking
        await followed.contests.close()
        await connection.close()
