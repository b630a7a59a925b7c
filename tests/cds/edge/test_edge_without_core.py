"""An edge whose core is away, says nothing, or does not know it: who is known reads on, and nobody is told lies.

And what an edge leaves behind that was killed.
"""

import asyncio
from pathlib import Path

import msgspec
import pytest

from cds.edge.core import SECRET_REFUSED
from cds.edge.file_directory import HELD, PREFIX, file_directory
from tests.cds.contest_api.small_contest import login
from tests.cds.edge.edges import SOON, RunningEdge, Spread, edging, until
from tests.cds.edge.gate import gate_to

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEAMS = "contests/small/teams"
VIEWED = (TEAMS, "contests/small/scoreboard", "contests/small/event-feed?stream=false")
PASSED_ON = ("", "contests", "openapi.json", "contests/small/access")
JUDGE = login("small", "judge")
QUICK_TO_ASK = msgspec.structs.replace(SOON, viewer_kept_s=0.01, viewer_wait_s=0.05)


async def read(edge: RunningEdge) -> dict[tuple[str, str], bytes]:
    """What the public and a judge are shown, out of views and passed on, pages too."""
    callers = {"public": edge.caller(), "judge": edge.caller(JUDGE)}
    paths = (*VIEWED, *PASSED_ON, f"{edge.root}/", f"{edge.root}/contests/small")
    answers = {(name, path): await caller.get(path) for name, caller in callers.items() for path in paths}
    assert {answer.status for answer in answers.values()} == {200}
    return {asked: answer.body for asked, answer in answers.items()}


async def test_all_is_read_on_while_the_core_is_away(spread_small: Spread, tmp_path: Path) -> None:
    async with (
        gate_to(spread_small.core.root) as gate,
        edging(gate.root, spread_small.nats, tmp_path, limits=QUICK_TO_ASK) as edge,
    ):
        await edge.follows("small")
        await edge.audience("small", "judge")
        before = await read(edge)
        await gate.close()
        for _ in range(2):
            assert await read(edge) == before
        assert (await edge.caller(("nobody@small", "x")).get(TEAMS)).status == 503
        assert (await edge.caller().get("contests/small/groups?strict=1")).status == 503
        written = await edge.caller().ask("POST", TEAMS, json={"name": "Nobody's"})
        assert (written.status, "Retry-After" in written.headers) == (503, True)
        await gate.open()
        assert (await edge.caller(("nobody@small", "x")).get(TEAMS)).status == 401


async def test_a_core_that_says_nothing_holds_up_nobody_who_is_known(spread_small: Spread, tmp_path: Path) -> None:
    """And a write of which it is not known what became of it is not to be tried again."""
    async with (
        gate_to(spread_small.core.root) as gate,
        edging(gate.root, spread_small.nats, tmp_path, limits=QUICK_TO_ASK) as edge,
    ):
        await edge.follows("small")
        await edge.audience("small", "judge")
        callers = (edge.caller(), edge.caller(JUDGE))
        expected = [(await each.get(path)).body for each in callers for path in VIEWED]
        gate.answered.clear()
        assert [(await each.get(path)).body for each in callers for path in VIEWED] == expected
        asked_bytes = gate.asked_bytes
        writing = asyncio.create_task(edge.caller().ask("POST", TEAMS, json={"name": "Nobody's" * 1000}))
        await until(lambda: gate.asked_bytes > asked_bytes + 8_000)
        gate.cut()
        lost = await writing
        assert (lost.status, lost.headers.get("Retry-After")) == (502, None)
        assert b"may have been done" in lost.body


async def test_an_edge_that_the_core_does_not_know_says_so(spread_small: Spread, tmp_path: Path) -> None:
    wrong = "another secret of so many characters, at least"
    async with edging(spread_small.core.root, spread_small.nats, tmp_path, secret=wrong) as edge:
        await until(lambda: "small" in edge.contests)
        for caller in (edge.caller(), edge.caller(JUDGE), edge.caller(("nobody@small", "x"))):
            refused = await caller.get(TEAMS)
            assert (refused.status, refused.json["message"]) == (503, SECRET_REFUSED)
        ready = await edge.caller().get(f"{edge.root}/readyz")
        assert (ready.status, SECRET_REFUSED in ready.json["reasons"]) == (503, True)


async def test_an_edge_that_begins_while_the_core_is_away_is_for_nobody_yet(
    spread_small: Spread, tmp_path: Path
) -> None:
    """It has all that is published, and no word of who is who."""
    limits = msgspec.structs.replace(SOON, head_s_max=0.05)
    async with gate_to(spread_small.core.root) as gate:
        await gate.close()
        async with edging(gate.root, spread_small.nats, tmp_path, limits=limits) as edge:
            await edge.follows("small")
            ready = await edge.caller().get(f"{edge.root}/readyz")
            assert (ready.status, ready.json["core"], len(ready.json["reasons"])) == (503, False, 1)
            assert "who anybody is" in ready.json["reasons"][0]
            assert (await edge.caller().get(TEAMS)).status == 503
            await gate.open()
            await until(lambda: not edge.server.readiness().reasons)
            assert (await edge.caller().get(TEAMS)).status == 200
            # What has been said once is good from then on.
            await gate.close()
            await until(lambda: not edge.server._core_reachable)
            assert (await edge.caller().get(f"{edge.root}/readyz")).status == 200


async def test_the_files_of_an_edge_that_was_killed_are_gone_with_the_next(tmp_path: Path) -> None:
    with file_directory(tmp_path) as first:
        killed = tmp_path / f"{PREFIX}killed"
        killed.mkdir()
        (killed / HELD).touch()
        (killed / "file").write_bytes(b"large")
        with file_directory(tmp_path) as second:
            assert first != second
            assert set(tmp_path.glob(f"{PREFIX}*/")) == {first, second}
        assert first.exists()
    assert not list(tmp_path.glob(f"{PREFIX}*/"))
