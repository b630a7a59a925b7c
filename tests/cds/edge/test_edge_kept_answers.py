"""What an edge has kept of what it passes on, while its core says nothing or is away: whom it tells that, and how."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiohttp import hdrs

from cds.contest_api.away import STALE
from tests.cds.contest_api.serving import DEADLINE_S, Answer, Login, running
from tests.cds.contest_api.small_contest import login
from tests.cds.contest_api.test_logins import commands, ended
from tests.cds.edge.edges import SOON, RunningEdge, Spread, edging, published_to, until
from tests.cds.edge.gate import gate_to
from tests.cds.relay.relays import QUICK
from tests.nats_servers import nats_server

pytestmark = pytest.mark.asyncio(loop_scope="session")

SMALL = "contests/small"
FEED = f"{SMALL}/event-feed?strict=1&stream=false"
OF_NO_CONTEST = ("/api/contests", "/api/openapi.json", "/", f"/{SMALL}")
"""What is passed on, and goes by no feed."""

HASTY = msgspec.structs.replace(SOON, viewer_kept_s=0.01, viewer_wait_s=0.03)
PATIENT = msgspec.structs.replace(HASTY, viewer_wait_s=10.0)
NEVER_YOUNG = msgspec.structs.replace(QUICK, unfollowed_good_s=0.0)

REFUSED_BY = {"team-one": f"{SMALL}/teams", "team-two": f"{SMALL}/account", "team-three": FEED}
"""Who loses his login, and what he asks for when that is noticed: a view, what is passed on, what is relayed."""

READERS = {"proxy": f"{SMALL}/event-feed", "analyst": f"{SMALL}/event-feed?strict=1"}
"""Who loses it, too, asks for nothing then, and reads on: the edge asks for him. The second one's feed is relayed."""


def reachable(edge: RunningEdge) -> bool:
    """Whether the edge takes the core to be there."""
    assert edge.server._upstream is not None
    return edge.server._upstream.reachable


async def read(edge: RunningEdge, entry: Login | None, *more: str) -> list[Answer]:
    """What somebody is told of what is passed on, and that it is what he has."""
    answers, caller = [], edge.caller(entry)
    for path in (*OF_NO_CONTEST, *more):
        answer = await caller.get(edge.root + path)
        has: dict[str, str] = {hdrs.IF_NONE_MATCH: answer.headers.get(hdrs.ETAG, "")}
        answers += [answer, await caller.get(edge.root + path, headers=has)]
    return answers


def bodies(answers: list[Answer]) -> list[tuple[int, bytes]]:
    """The answers but for their headers."""
    return [(each.status, each.body) for each in answers]


async def test_a_core_that_says_nothing_holds_up_nothing_that_is_kept(spread_small: Spread, tmp_path: Path) -> None:
    """It is told before it is known that nobody will answer, and says that it may be old."""
    async with (
        gate_to(spread_small.core.root) as gate,
        edging(gate.root, spread_small.nats, tmp_path, limits=HASTY, relay_limits=NEVER_YOUNG) as edge,
    ):
        await edge.follows("small")
        logins = (None, login("small", "judge"))
        access = f"/api/{SMALL}/access"
        before = [await read(edge, entry, access) for entry in logins]
        assert {each.status for answers in before for each in answers} == {200, 304}
        gate.answered.clear()
        for entry, expected in zip(logins, before, strict=True):
            answers = await read(edge, entry, access)
            assert bodies(answers) == bodies(expected)
            assert {each.headers.get(hdrs.WARNING) for each in answers} == {STALE}
            head = await edge.caller(entry).ask("HEAD", "contests")
            assert (head.status, head.body, head.headers[hdrs.WARNING]) == (200, b"", STALE)
        assert reachable(edge)


async def test_a_login_that_was_refused_is_told_nothing_while_the_core_is_away(fresh_dsn: str, tmp_path: Path) -> None:
    """However that was noticed; who was not is told what there is, and that it may be old."""
    async with (
        nats_server(tmp_path / "nats") as nats,
        running(fresh_dsn, keep_alive_s=0.2, **published_to(nats)) as core,
        gate_to(core.root) as gate,
        edging(gate.root, nats, tmp_path, limits=PATIENT, relay_limits=NEVER_YOUNG) as edge,
    ):
        await edge.follows("small")
        logins: dict[str, Login | None] = {name: login("small", name) for name in (*REFUSED_BY, *READERS, "staff")}
        logins["nobody"] = None
        for entry in logins.values():
            assert {each.status for each in await read(edge, entry)} == {200, 304}
        for name, path in REFUSED_BY.items():
            await commands(fresh_dsn).set_disabled(name, disabled=True)
            async with asyncio.timeout(DEADLINE_S):
                while (await edge.caller(logins[name]).get(path)).status != 401:
                    pass
        for name, path in READERS.items():
            async with edge.caller(logins[name]).stream(path) as feed:
                await commands(fresh_dsn).set_disabled(name, disabled=True)
                await ended(feed)
        await gate.close()
        await until(lambda: not reachable(edge))
        for name, entry in logins.items():
            answers = await read(edge, entry)
            if name in (*REFUSED_BY, *READERS):
                assert {each.status for each in answers} == {503}, name
            else:
                assert {(each.status, each.headers[hdrs.WARNING]) for each in answers} == {(200, STALE), (304, STALE)}
