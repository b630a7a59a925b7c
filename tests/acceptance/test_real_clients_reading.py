"""Contests read by programs that are as strict as those out there: Resolver and presentations, DOMjudge, live-v3.

They read recorded contests and small ones, with restarts, cuts and a slow reader between. What they stumble over fails.
"""

import asyncio
import json

import msgspec
import pytest

from schemas.objects import Commentary, State
from tests.acceptance.real_clients import Domjudge, IcpcTools, LiveV3, Stumbled, milliseconds
from tests.cds.contest_api.feeds import fold
from tests.cds.contest_api.raw_requests import path_of, raw_answer, request_head
from tests.cds.contest_api.real_contests import DATA, needs_shared_data, real_contest
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Running,
    append,
    basic_authorization,
    cloned_database,
    fill,
    opened,
    running,
)
from tests.cds.contest_api.small_contest import at, login
from tests.cds.contest_api.test_versions import speaking

CHIEF = login("late", "chief")
SMALL_CHIEF = login("small", "chief")
FEED = "contests/late/event-feed"
SMALL_FEED = "contests/small/event-feed"
RECORDED = ("wf44", "swerc", "roi", "csus", "csus-merged", "pc2", "mini")
VERSIONS = ("draft", "2026-01", "2023-06")
RESOLVER_S_MAX = 30.0
RECEIVE_BUFFER_BYTES = 4096

session_loop = pytest.mark.asyncio(loop_scope="session")


def comment(number: int) -> Commentary:
    """Something new to tell."""
    return Commentary(id=f"new{number}", message=f"News {number}", tags=[], **at(260 + number))


class TestIcpcTools:
    """Resolver and presentations."""

    @session_loop
    @needs_shared_data
    @pytest.mark.parametrize("contest_id", RECORDED)
    async def test_recorded_contests_are_read_in_every_version(self, served_real: Running, contest_id: str) -> None:
        """Every time can be read, every reference leads somewhere, and no line replaces a collection."""
        for version in VERSIONS:
            client = IcpcTools()
            client.read(await speaking(served_real, version, SERVER_ADMIN).lines(f"contests/{contest_id}/event-feed"))
            assert len(client.objects) > 5
            client.check_references()
            assert client.replaced == []

    async def test_a_cache_goes_on_over_a_restart(self, fresh_dsn: str) -> None:
        """Written down in the middle of the contest, it comes to the same as reading everything."""
        client = IcpcTools()
        async with running(fresh_dsn) as server:
            lines = await server.caller(SMALL_CHIEF).lines(SMALL_FEED)
            client.read(lines[: len(lines) // 2])
        async with running(fresh_dsn) as server, opened(fresh_dsn) as store:
            await server.level_with("small", await append(store, "small", comment(1)))
            caller = server.caller(SMALL_CHIEF)
            rest = await caller.lines(f"{SMALL_FEED}?since_token={client.token}")
            assert len(rest) == len(lines) - len(lines) // 2 + 1
            client.read(rest)
            whole = fold(await caller.lines(SMALL_FEED))
        assert {name: members for name, members in client.objects.items() if members} == whole
        assert "new1" in whole["commentary"]

    async def test_an_end_before_the_end_of_updates_is_an_outage_that_it_comes_back_from(self, fresh_dsn: str) -> None:
        client = IcpcTools()
        async with running(fresh_dsn) as server, server.caller(SMALL_CHIEF).stream(SMALL_FEED) as stream:
            count = len(await server.caller(SMALL_CHIEF).lines(SMALL_FEED))
            client.read([json.dumps(each).encode() for each in await stream.until(count)])
            stopping = asyncio.create_task(server.server.stop())
            await stream.to_its_end()
            await stopping
        assert client.is_outage
        async with (
            running(fresh_dsn) as server,
            opened(fresh_dsn) as store,
            server.caller(SMALL_CHIEF).stream(f"{SMALL_FEED}?since_token={client.token}") as stream,
        ):
            await append(store, "small", comment(2))
            assert (await stream.notification())["id"] == "new2"

    async def test_the_end_of_updates_is_no_outage(self, fresh: Running) -> None:
        client = IcpcTools()
        client.read(await fresh.caller(CHIEF).lines(FEED))
        assert not client.is_outage

    async def test_the_resolver_has_all_it_needs_in_time(self, fresh: Running) -> None:
        """A final contest, judged in full, its references and its pictures, by `href` and with conditions."""
        client = IcpcTools()
        async with asyncio.timeout(RESOLVER_S_MAX):
            caller = fresh.caller(CHIEF)
            client.read(await caller.lines(FEED))
            client.check_resolvable()
            assert len(client.pictures()) == 7
            for picture in client.pictures():
                answer = await caller.get(picture["href"])
                assert answer.status == 200
                assert answer.headers["Content-Type"] == picture["mime"]
                conditions = {
                    "If-None-Match": answer.headers["ETag"],
                    "If-Modified-Since": answer.headers.get("Last-Modified", answer.headers["Date"]),
                }
                assert (await caller.get(picture["href"], headers=conditions)).status == 304

    @session_loop
    @needs_shared_data
    async def test_the_resolver_has_all_it_needs_of_the_world_finals_in_time(self, served_real: Running) -> None:
        client = IcpcTools()
        async with asyncio.timeout(RESOLVER_S_MAX):
            client.read(await served_real.of_role("admin").lines("contests/wf44/event-feed"))
        client.check_resolvable()

    async def test_the_resolver_does_without_awards(self, fresh: Running) -> None:
        client = IcpcTools()
        lines = await fresh.caller(CHIEF).lines(FEED)
        client.read(line for line in lines if not line.startswith(b'{"type":"awards"'))
        client.check_resolvable()

    async def test_a_contest_that_is_not_final_is_none_for_the_resolver(self, fresh: Running) -> None:
        """The check finds something where there is something to be found."""
        client = IcpcTools()
        client.read(await fresh.caller(SMALL_CHIEF).lines(SMALL_FEED))
        with pytest.raises(Stumbled, match="not final"):
            client.check_resolvable()

    @needs_shared_data
    async def test_a_slow_reader_slows_nobody(self, postgres_dsn_template: str) -> None:
        """While one takes next to nothing, another gets everything and what is new; the slow one misses nothing."""
        async with cloned_database(postgres_dsn_template) as dsn:
            await fill(dsn, [real_contest("wf44")])
            async with running(dsn) as server, opened(dsn) as store:
                caller = server.of_role("admin")
                lines = await caller.lines("contests/wf44/event-feed")
                slow = await asyncio.open_connection("127.0.0.1", server.server.port, limit=RECEIVE_BUFFER_BYTES)
                slow[1].write(slow_request("contests/wf44/event-feed"))
                taken = await slow[0].readexactly(RECEIVE_BUFFER_BYTES)
                async with caller.stream("contests/wf44/event-feed") as stream:
                    for number in range(5):
                        await append(store, "wf44", comment(number))
                    told = await stream.until(len(lines) + 5)
                assert [each["id"] for each in told[-5:]] == [f"new{number}" for number in range(5)]
                taken += await until_told(slow[0], told[-1]["token"])
                slow[1].close()
        assert [json.loads(line) for line in taken[taken.index(b'{"type"') :].splitlines() if line] == told

    async def test_a_write_that_asks_for_an_upgrade_is_answered_in_http_1_1(self, fresh: Running) -> None:
        caller = fresh.caller(SMALL_CHIEF)
        for method, path, body, status in (
            ("PATCH", "contests/small", b'{"name":"Renamed"}', 200),
            ("POST", "contests/small/clarifications", json.dumps({"text": "Lunch.", **at(200)}).encode(), 201),
        ):
            head = request_head(
                caller,
                method,
                path_of(caller, path),
                {
                    "Upgrade": "h2c",
                    "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
                    "Content-Type": "application/json",
                    "Content-Length": str(len(body)),
                },
            ).replace(b"Connection: close", b"Connection: Upgrade, HTTP2-Settings")
            answer = await raw_answer(caller, head, body)
            assert answer.status == status, answer.body
            assert "Upgrade" not in answer.headers


class TestDomjudgeAsAShadow:
    """The importer, in the version that it speaks."""

    @session_loop
    @needs_shared_data
    @pytest.mark.parametrize("contest_id", RECORDED)
    async def test_recorded_contests_are_imported(self, served_real: Running, contest_id: str) -> None:
        """Without a type that it does not know, and with everything after what it names."""
        client = Domjudge()
        client.read(await speaking(served_real, "2023-06", SERVER_ADMIN).lines(f"contests/{contest_id}/event-feed"))
        whole = await served_real.of_role("admin").json(f"contests/{contest_id}/judgements")
        assert client.imported["judgements"].keys() == {each["id"] for each in whole}

    @session_loop
    @needs_shared_data
    async def test_the_newest_version_is_one_that_it_stumbles_over(self, served_real: Running) -> None:
        """So the version 2023-06 is what it has to be given."""
        with pytest.raises(Stumbled, match="penalty_time"):
            Domjudge().read(await served_real.of_role("admin").lines("contests/wf44/event-feed"))

    @session_loop
    @needs_shared_data
    async def test_it_asks_again_and_again_with_the_same_token(self, served_real: Running) -> None:
        """Line by line after cuts, the place under both names, until it has what one reading gives."""
        caller = speaking(served_real, "2023-06", SERVER_ADMIN)
        lines = await caller.lines("contests/csus/event-feed")
        client, whole = Domjudge(), Domjudge()
        whole.read(lines)
        while rest := await caller.lines(f"contests/csus/event-feed{client.query}"):
            assert await caller.lines(f"contests/csus/event-feed{client.query}") == rest
            client.read(rest[: len(lines) // 5])
        assert client.imported == whole.imported

    async def test_the_token_of_an_outage_is_good_afterwards(self, fresh_dsn: str) -> None:
        """It asks with it every 5 s for ever, so it must not be refused once the server is there again."""
        async with running(fresh_dsn) as server:
            lines = await speaking(server, "2023-06", CHIEF).lines(FEED)
        token = json.loads(lines[-2])["token"]
        async with running(fresh_dsn) as server:
            query = f"?since_id={token}&since_token={token}"
            assert await speaking(server, "2023-06", CHIEF).lines(FEED + query) == lines[-1:]

    async def test_sources_are_fetched_below_the_address_that_it_was_given(self, fresh: Running) -> None:
        caller = speaking(fresh, "2023-06", CHIEF)
        client = Domjudge()
        client.read(await caller.lines(FEED))
        assert len(client.archives()) == 7
        for archive in client.archives():
            assert (await caller.get(archive["href"])).body.startswith(b"PK")


class TestLiveV3:
    """The overlay, in the version that it expects and in the newest."""

    @session_loop
    @needs_shared_data
    @pytest.mark.parametrize("contest_id", ["wf44", "swerc", "roi", "csus", "mini"])
    async def test_recorded_contests_are_read(self, served_real: Running, contest_id: str) -> None:
        """Everything again after 5 s, of which nothing is new to it."""
        for version in VERSIONS:
            client = LiveV3(version)
            lines = await speaking(served_real, version, SERVER_ADMIN).lines(f"contests/{contest_id}/event-feed")
            client.read(lines)
            client.check_over()
            assert (client.taken, client.dropped) == (len(lines), 0)
            client.read(await speaking(served_real, version, SERVER_ADMIN).lines(f"contests/{contest_id}/event-feed"))
            assert (client.taken, client.dropped) == (len(lines), len(lines))

    @session_loop
    @needs_shared_data
    async def test_it_makes_of_a_recorded_contest_what_its_own_parser_makes(self, served_real: Running) -> None:
        """Every run of SWERC 2022: whose, when, its verdict and when that came, as its authors have recorded it.

        A verdict's time by the contest's clock is worked out here and was rounded by itself there: 1 ms either way.
        """
        golden = json.loads((DATA / "swerc-2022" / "live-v3-golden.json").read_bytes())
        client = LiveV3()
        client.read(await speaking(served_real, "2023-06", SERVER_ADMIN).lines("contests/swerc/event-feed"))
        expected = {
            run["id"]: (
                *(run["teamId"], run["problemId"], run["languageId"], run["time"]),
                *(run["result"].get("verdict", {}).get("shortName"), run.get("testedTime")),
            )
            for run in golden["runs"]
        }
        assert len(expected) == 1322
        found = client.attempts()
        assert {key: each[:-1] for key, each in found.items()} == {key: each[:-1] for key, each in expected.items()}
        for identifier, (*_, judged_ms) in expected.items():
            if judged_ms is not None:
                assert abs(found[identifier][-1] - judged_ms) <= 1, identifier
        assert milliseconds(client.objects["contest"][None]["duration"]) == golden["contestInfo"]["contestLengthMs"]

    async def test_reading_again_brings_what_is_new_and_nothing_else(self, fresh: Running, fresh_dsn: str) -> None:
        client = LiveV3()
        caller = speaking(fresh, "2023-06", SMALL_CHIEF)
        client.read(await caller.lines(SMALL_FEED))
        before = client.taken
        async with opened(fresh_dsn) as store:
            state = msgspec.convert(await fresh.caller(SMALL_CHIEF).json("contests/small/state"), State)
            position = await append(store, "small", msgspec.structs.replace(state, ended=at(300)["time"]))
        await fresh.level_with("small", position)
        client.read(await caller.lines(SMALL_FEED))
        assert (client.taken, client.dropped) == (before + 1, before)


def slow_request(path: str) -> bytes:
    """A request for a feed."""
    return f"GET /api/{path} HTTP/1.0\r\nHost: x\r\nAuthorization: {basic_authorization(SERVER_ADMIN)}\r\n\r\n".encode()


async def until_told(reader: asyncio.StreamReader, token: str) -> bytes:
    """Everything up to the line with a token, in small sips."""
    taken = b""
    async with asyncio.timeout(DEADLINE_S):
        while token.encode() not in taken or not taken.endswith(b"\n"):
            piece = await reader.read(RECEIVE_BUFFER_BYTES)
            assert piece, "cut off"
            taken += piece
    return taken
