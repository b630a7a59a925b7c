"""What an edge follows, and for how long: as far as there is room, as can be read, and whatever becomes of it."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast
from unittest.mock import patch

import msgspec
import pytest
import pytest_asyncio
from nats.aio.client import Client

from cds.contest_api.edge_word import SECRET_HEADER
from cds.edge.contests import EdgeContests
from cds.edge.core import Core
from cds.edge.limits import EdgeLimits
from cds.edge.succession import Succession
from cds.relay.upstream import Unreachable
from schemas.viewers import ROLES
from tests.cds.edge.edges import SECRET, Spread, edging, until
from tests.cds.edge.tellings import QUICK, Followed, ToldCore, following, telling
from tests.nats_servers import NatsNode, nats_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONTESTS = 40


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[NatsNode]:
    """One server for all of this module."""
    async with nats_server(tmp_path_factory.mktemp("followed") / "nats") as found:
        yield found


async def refused(followed: Followed) -> bool:
    """Whether the judges of the contest are sent to the core."""
    try:
        await followed.contests.audience("told", "judge")
    except Unreachable:
        return True
    return False


async def test_a_role_that_there_was_no_room_for_is_not_read_again_and_again(node: NatsNode) -> None:
    """Only after a while, and only where there is room for as much as it was."""
    core = ToldCore(20)
    async with telling(node) as teller:
        for contest_id in ("told", "other"):
            await teller.begin(contest_id)
            await teller.tell(contest_id, range(1, 21))
        await teller.tell("told", range(1, 21), role="judge")
        async with following(node, core) as followed:
            await until(lambda: {"told", "other"} == set(followed.contests._missed))
            judge = await followed.served("told", "judge")
            one_bytes = judge.view.lines.size_after(0)
            await until(lambda: followed.contests._size_bytes > 2.9 * one_bytes)
            limits = msgspec.structs.replace(QUICK, lines_bytes_max=int(2.5 * one_bytes), role_idle_s_max=0.3)
            followed.contests._limits = limits
            await until(lambda: followed.ended)
            assert followed.ended == [(judge, "left")]
            assert not followed.contests._is_full
            asked, sent_away = core.asked, followed.contests._sent_away["told", "judge"]
            await until(lambda: time.monotonic() - sent_away.at_s > 2 * limits.role_idle_s_max)
            assert await refused(followed)
            assert core.asked == asked
            core.published = False
            await teller.end("other")
            await until(lambda: "other" not in followed.contests)
            await until(lambda: followed.contests._size_bytes < 1.1 * one_bytes)
            assert (await followed.served("told", "judge")).is_level


async def test_a_role_is_not_opened_again_at_once_where_there_is_room_by_now(node: NatsNode) -> None:
    core = ToldCore(3)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 4))
        await teller.tell("told", range(1, 4), role="judge")
        async with following(node, core) as followed:
            await followed.served("told", "judge")
            followed.contests._limits = msgspec.structs.replace(QUICK, lines_bytes_max=1)
            await until(lambda: followed.ended)
            followed.contests._limits = QUICK
            await until(lambda: not followed.contests._is_full)
            assert await refused(followed)


async def test_of_more_contests_than_may_be_followed_those_are_that_were_told_of_last(node: NatsNode) -> None:
    core = ToldCore(3)
    async with telling(node) as teller:
        for contest_id in ("empty", "on", "over", "young"):
            await teller.begin(contest_id)
        for contest_id in ("over", "young", "on"):
            await teller.tell(contest_id, range(1, 4))
        async with following(node, core, msgspec.structs.replace(QUICK, contests_max=2)) as followed:
            await until(lambda: followed.contests.looked and followed.contests.ready)
            assert {each.contest_id for each in followed.contests} == {"on", "young"}


async def test_what_nothing_more_can_come_to_is_left_to_the_core(node: NatsNode) -> None:
    """After a while, and not while the core could not answer either; when it can be read again, it is."""
    core = ToldCore(3)
    limits = msgspec.structs.replace(QUICK, stale_after_s=0.3)
    async with telling(node) as teller:
        await teller.begin("told")
        await teller.tell("told", range(1, 4))
        async with following(node, core, limits) as followed:
            former = await followed.served("told")
            core.away, asked = True, core.asked
            await teller.tell("told", range(4, 5), data=b"a newer form")
            await until(lambda: followed.contests.set_aside and core.asked > asked + 2)
            await until(lambda: followed.contests._roles["told"]["public"].frozen_s > 2 * limits.stale_after_s)
            assert await followed.served("told") is former
            assert (former, "forgotten") not in followed.ended
            core.away, core.count = False, 4
            await until(lambda: (former, "forgotten") in followed.ended)
            with pytest.raises(Unreachable):
                await followed.contests.audience("told", "public")
            await teller.begin("told")
            await teller.tell("told", range(1, 5), generation="b")
            await until(lambda: not followed.contests.set_aside)
            assert (await followed.served("told")).view.line_count == 4


async def test_an_edge_whose_connection_is_over_makes_another(spread_small: Spread, tmp_path: Path) -> None:
    """Closed for good, or by a fault of ours; what is here is served meanwhile."""

    async def failing(_connection: Client) -> None:
        raise RuntimeError("a fault")

    async with edging(spread_small.core.root, spread_small.nats, tmp_path) as edge:
        audience = await edge.audience("small", "public")
        first = edge.contests._connection
        assert first is not None
        await first.close()
        await until(lambda: edge.contests.connected)
        second = edge.contests._connection
        assert second is not None
        with patch.object(edge.contests, "_look", failing):
            await until(lambda: second.is_closed)
            assert await edge.contests.audience("small", "public") is audience
        await until(lambda: edge.contests.connected and audience.is_level)
        assert await edge.contests.audience("small", "public") is audience
        assert not edge.server.readiness().reasons


async def test_the_core_says_which_contests_it_publishes(spread_small: Spread) -> None:
    """So that a stream which is gone is told from one that was lost."""
    core = spread_small.core
    told = await core.caller().get("contests/small/x-viewer", headers={SECRET_HEADER: SECRET})
    assert told.json["published"] is True
    settings = core.server._configuration.publishing
    assert settings is not None
    only_other = msgspec.structs.replace(settings, contest_ids=frozenset({"other"}))
    configuration = msgspec.structs.replace(core.server._configuration, publishing=only_other)
    assert [configuration.publishes(each) for each in ("small", "other")] == [False, True]
    assert not msgspec.structs.replace(configuration, publishing=None).publishes("other")


async def test_an_edge_that_begins_before_anything_is_published_waits_for_the_first(node: NatsNode) -> None:
    """It is ready as long as there is nothing, and then when that has been read."""
    core = ToldCore(3)
    async with telling(node) as teller, following(node, core) as followed:
        await until(lambda: followed.contests.looked)
        assert followed.contests.ready
        await teller.begin("told")
        await teller.tell("told", range(1, 3))
        await until(lambda: "told" in followed.contests)
        await until(lambda: not followed.contests.ready)
        await teller.tell("told", range(3, 4))
        await until(lambda: followed.contests.ready)
        await teller.begin("other")
        await until(lambda: "other" in followed.contests)
        assert followed.contests.ready


class _Nothing:
    """A role of which nothing has come."""

    set_aside = False

    def __init__(self, looks: list[None]) -> None:
        """`looks` grow by one whenever somebody looks."""
        self._looks = looks

    @property
    def shown(self) -> None:
        """Nothing."""
        self._looks.append(None)


async def test_each_role_is_looked_at_once_in_a_look() -> None:
    """However many contests there are, and for a request only those of its own."""
    contests = EdgeContests("cds", cast("Core", ToldCore(0)), EdgeLimits(), lambda _audience, _reason: None)
    looks: list[None] = []
    for number in range(CONTESTS):
        contests._missed[f"c{number}"] = 0
        contests._roles[f"c{number}"] = {role: cast("Succession", _Nothing(looks)) for role in ROLES}
    await contests._measure()
    assert len(looks) == CONTESTS * len(ROLES)
    looks.clear()
    assert contests.stamp(b"", "c3") == ()
    assert list(contests.of("c4")) == []
    assert len(looks) == 2 * len(ROLES)
