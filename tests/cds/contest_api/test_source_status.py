"""`GET x-source`: how it stands with the upstream of a contest that a server follows."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from cds.circumstances import SYSTEM
from cds.upstream.status import FilesStatus, SourceStatus, WarningsStatus, keep_status
from tests.cds.contest_api.serving import DEADLINE_S, Running, fill, opened, running
from tests.cds.dialects.feeds import TYPICAL
from tests.cds.upstream.stage import options_for
from tests.cds.upstream.upstream import Upstream, line, serving, with_tokens

LINES = with_tokens([line(name, data) for name, data in TYPICAL])
PATH = "contests/c1/x-source"


async def told(server: Running, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status of the only source, once something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            answer = await server.of_role("admin").get(PATH)
            if answer.status == 200 and len(answer.json) == 1 and condition(answer.json[0]):
                status: dict[str, Any] = answer.json[0]
                return status
            await asyncio.sleep(0.05)


def following(status: dict[str, Any]) -> bool:
    """Whether it is connected, and has been given lines."""
    return bool(status["state"] == "following")


async def test_a_server_follows_what_it_is_configured_to(database_dsn: str) -> None:
    """And serves it; how it stands is for staff and administrators alone."""
    await fill(database_dsn, [])
    upstream = Upstream([*LINES, b"what is this?"])
    async with serving(upstream):
        options = options_for(upstream)
        async with running(database_dsn, sources=(options,)) as server:
            status = await told(server, lambda status: following(status) and status["lines"] == len(LINES) + 1)
            assert (status["contest_id"], status["shadow"], status["url"]) == ("c1", None, upstream.url)
            assert status["token"]["present"]
            assert status["warnings"]["count"] == len(status["warnings"]["last"]) > 0
            last = status["warnings"]["last"][-1]
            assert (last["number"], last["line"]) == (status["warnings"]["count"], status["position"])
            assert [team["id"] for team in await server.caller().json("contests/c1/teams")] == ["t1"]
            upstream.refusals.extend([503] * 1_000)
            upstream.replace(LINES)
            status = await told(server, lambda status: "503" in (status["last_error"] or ""))
            assert status["outages"] > 0
            assert not following(status)
            for role, code in (("public", 401), ("judge", 404), ("analyst", 404), ("staff", 200), ("admin", 200)):
                assert (await server.of_role(role).get(PATH)).status == code
            async with server.session.get(f"{server.root}/metrics") as answer:
                measured = await answer.text()
            assert 'cds_source_lines_total{source="source:c1"}' in measured
            assert 'cds_source_outages_total{source="source:c1"}' in measured


async def test_a_source_that_was_never_heard_is_told_of(database_dsn: str) -> None:
    """There is no contest yet: those who are entitled learn why, and for others there is nothing."""
    await fill(database_dsn, [])
    upstream = Upstream(LINES)
    upstream.login = "Basic nobody"
    async with serving(upstream), running(database_dsn, sources=(options_for(upstream),)) as server:
        status = await told(server, lambda status: bool(status["last_error"]))
        assert "401" in status["last_error"]
        assert (await server.of_role("admin").get("contests/c1")).status == 404
        for role, code in (("public", 404), ("judge", 404), ("analyst", 404), ("staff", 200), ("admin", 200)):
            assert (await server.of_role(role).get(PATH)).status == code
        assert (await server.of_role("admin").get("contests/c1/../x/x-source")).status == 404


async def test_sources_that_others_follow_are_measured_too(database_dsn: str) -> None:
    """As `cds follow` does beside a server, which serves no measurements itself."""
    await fill(database_dsn, [])
    upstream = Upstream([*LINES, b"what is this?"])
    async with serving(upstream), running(database_dsn) as server, opened(database_dsn) as store:
        status = SourceStatus(
            contest_id="c9",
            shadow=None,
            url=upstream.url,
            state="following",
            since_us=1,
            updated_us=SYSTEM.now_us(),
            lines=17,
            warnings=WarningsStatus(count=3),
            files=FilesStatus(fetched=5),
            outages=2,
            last_heard_us=4_000_000,
        )
        for state, connected in (("following", 1.0), ("waiting", 0.0)):
            await keep_status(store, "source:c9", msgspec.structs.replace(status, state=state))
            async with server.session.get(f"{server.root}/metrics") as answer:
                measured = (await answer.text()).splitlines()
            expected = {
                "connected": connected,
                "last_heard_seconds": 4.0,
                "lines_total": 17.0,
                "warnings_total": 3.0,
                "outages_total": 2.0,
                "files": 5.0,
            }
            for name, value in expected.items():
                assert f'cds_source_{name}{{source="source:c9"}} {value}' in measured


async def test_a_contest_that_is_not_followed_has_no_source(database_dsn: str) -> None:
    """The list is empty; there is no such contest for others."""
    await fill(database_dsn, [])
    async with serving(Upstream(LINES)) as upstream:
        async with running(database_dsn, sources=(options_for(upstream),)) as server:
            await told(server, lambda status: status["lines"] == len(LINES))
            assert (await server.of_role("admin").get("contests/other/x-source")).status == 404
        async with running(database_dsn) as server:
            answer = await server.of_role("staff").get(PATH)
            assert [each["lines"] for each in answer.json] == [len(LINES)]
