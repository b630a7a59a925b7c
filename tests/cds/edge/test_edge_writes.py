"""Writes through an edge reach the core, and who has written reads there what he wrote; or he is sent to the core."""

from pathlib import Path

import pytest
from yarl import URL

from tests.cds.contest_api.serving import SERVER_ADMIN
from tests.cds.contest_api.small_contest import login
from tests.cds.edge.edges import Spread, edging, spread

TEAM = "contests/small/teams"


async def test_whoever_writes_reads_what_he_wrote(fresh_dsn: str, tmp_path: Path) -> None:
    async with spread(fresh_dsn, tmp_path) as found:
        for caller in (found.edges[0].caller(SERVER_ADMIN), found.edges[1].caller(SERVER_ADMIN)):
            await found.edges[0].follows("small")
            await found.edges[1].follows("small")
            for number in range(4):
                made = await caller.ask("POST", TEAM, json={"name": f"Team {number}", "label": "9"})
                assert made.status == 201, made.body
                path = f"{TEAM}/{made.json['id']}"
                assert (await caller.get(path)).body == made.body
                named = await caller.ask(
                    "PATCH", path, json={"name": "Another"}, headers={"If-Match": made.headers["ETag"]}
                )
                assert named.status == 200, named.body
                assert (await caller.get(path)).json["name"] == "Another"
                stale = await caller.ask("PATCH", path, json={"name": "X"}, headers={"If-Match": made.headers["ETag"]})
                assert stale.status == 412
                assert (await caller.ask("DELETE", path)).status == 204
                assert (await caller.get(path)).status == 404
        refused = await found.edges[0].caller().ask("POST", TEAM, json={"name": "Nobody's"})
        assert refused.status == 401
        sentence = (await found.core.caller().ask("POST", TEAM, json={"name": "Nobody's"})).body
        assert refused.body == sentence


@pytest.mark.asyncio(loop_scope="session")
async def test_whoever_writes_may_be_sent_to_the_core(spread_small: Spread, tmp_path: Path) -> None:
    core = spread_small.core.root
    async with edging(core, spread_small.nats, tmp_path, writes="redirect") as edge:
        sent = await edge.caller(SERVER_ADMIN).ask("POST", f"{TEAM}?strict=1", json={"name": "Elsewhere"})
        assert sent.status == 307
        assert sent.headers["Location"] == f"{core}/api/{TEAM}?strict=1"
    public = URL("https://contest.example/core/api")
    async with edging(core, spread_small.nats, tmp_path, writes="redirect", core_public=public) as edge:
        sent = await edge.caller().ask("POST", TEAM, json={"name": "Elsewhere"})
        assert (sent.status, sent.headers["Location"]) == (307, f"{public}/{TEAM}")


async def test_a_disabled_account_loses_its_stream_and_its_answers(fresh_dsn: str, tmp_path: Path) -> None:
    """Within the time for which it is kept who somebody is."""
    async with spread(fresh_dsn, tmp_path) as found:
        await found.level("small", "judge")
        edge = found.edges[0].caller(login("small", "judge"))
        assert (await edge.get(TEAM)).status == 200
        async with edge.stream("contests/small/event-feed") as stream:
            while await stream.line():
                continue
            gone = await found.core.caller(SERVER_ADMIN).ask("DELETE", "contests/small/accounts/judge")
            assert gone.status == 204, gone.body
            await stream.to_its_end()
        assert (await edge.get(TEAM)).status == 401
        assert (await found.edges[0].caller().get(TEAM)).status == 200
