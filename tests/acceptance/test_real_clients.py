"""What the programs out there need from a server, one test for each need that concerns reading.

Each test does what the client's own source does, no more and no less.
"""

import asyncio
import json
import re
from itertools import pairwise

import pytest

from schemas.objects import Judgement
from tests.cds.contest_api.feeds import TYPES, dangling, file_references, fold, token_of
from tests.cds.contest_api.serving import Json, Running, append, opened, running
from tests.cds.contest_api.small_contest import at, login, moment
from tests.cds.contest_api.test_http import CHIEF, expect_error

CHIEF_LATE = login("late", "chief")
FEED = "contests/late/event-feed"


def objects(lines: list[bytes], type_name: str) -> list[Json]:
    """The objects of one type that a feed tells of, all versions, deletions left out."""
    notifications = [json.loads(line) for line in lines]
    return [each["data"] for each in notifications if each["type"] == type_name and each["data"] is not None]


class TestIcpcTools:
    """Resolver, presentations, and its contest data server as a downstream of ours."""

    async def test_it_reads_the_api_without_a_slash_the_contest_and_the_feed(self, fresh: Running) -> None:
        caller = fresh.caller(CHIEF_LATE)
        assert (await caller.get(f"{fresh.root}/api")).status == 200
        assert (await caller.get(f"{fresh.root}/api/contests/late")).status == 200
        lines = await caller.lines(FEED)
        assert await caller.lines(f"{FEED}?since_token={token_of(lines[20])}") == lines[21:]

    async def test_it_logs_in_at_once_without_waiting_for_a_challenge(self, fresh: Running) -> None:
        assert (await fresh.caller(CHIEF_LATE).json("contests/late/account"))["type"] == "admin"

    async def test_it_reads_times_with_three_decimals_only(self, fresh: Running) -> None:
        times = re.findall(
            rb'"\d{4}-\d\d-\d\dT[^"]*"|"-?\d+:\d\d:\d\d[^"]*"', b"".join(await fresh.caller(CHIEF_LATE).lines(FEED))
        )
        assert len(times) > 50
        known = re.compile(
            rb'"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)|-?(0|[1-9]\d*):\d\d:\d\d\.\d{3})"'
        )
        assert all(known.fullmatch(time) for time in times)
        assert any(time.startswith(b'"-') for time in times)

    async def test_no_line_replaces_a_whole_collection(self, fresh: Running) -> None:
        for line in await fresh.caller(CHIEF_LATE).lines(FEED):
            notification = json.loads(line)
            assert isinstance(notification["data"], dict)
            assert (notification["id"] is None) == (notification["type"] in ("contest", "state"))

    async def test_the_stream_does_not_end_before_the_end_of_updates(self, fresh: Running) -> None:
        count = len(await fresh.caller().lines("contests/small/event-feed"))
        async with fresh.caller().stream("contests/small/event-feed") as stream:
            await stream.until(count)
            assert [await stream.line() for _ in range(3)] == [b""] * 3

    async def test_its_tokens_stay_good_over_a_restart(self, fresh_dsn: str) -> None:
        async with running(fresh_dsn) as server:
            lines = await server.caller(CHIEF_LATE).lines(FEED)
        async with running(fresh_dsn) as server:
            for line, following in pairwise(lines):
                rest = await server.caller(CHIEF_LATE).lines(f"{FEED}?since_token={token_of(line)}")
                assert rest[0] == following

    async def test_the_header_of_its_own_protocol_is_never_sent(self, fresh: Running) -> None:
        for path in ("", "contests", "contests/late", f"{FEED}?stream=false"):
            assert "ICPC-Tools" not in (await fresh.caller(CHIEF_LATE).get(path)).headers

    async def test_an_upgrade_is_ignored(self, fresh: Running) -> None:
        headers = {
            "Upgrade": "h2c",
            "Connection": "Upgrade, HTTP2-Settings",
            "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA",
        }
        assert (await fresh.caller(CHIEF_LATE).get("contests/late", headers=headers)).status == 200

    async def test_the_resolver_finds_a_finalized_contest_judged_in_full(self, fresh: Running) -> None:
        contest = fold(await fresh.caller(CHIEF_LATE).lines(FEED))
        assert contest["state"][None]["finalized"]
        assert not dangling(contest)
        judged = {each["submission_id"] for each in contest["judgements"].values() if "judgement_type_id" in each}
        counted = {key for key, each in contest["submissions"].items() if not each["contest_time"].startswith("-")}
        assert {key for key in counted if contest["submissions"][key]["contest_time"] < "5:00:00.000"} <= judged

    async def test_it_downloads_pictures_with_conditions(self, fresh: Running) -> None:
        caller = fresh.caller(CHIEF_LATE)
        paths = ("contests/late", "contests/late/organizations", "contests/late/teams")
        pictures = [
            each for path in paths for each in file_references(await caller.json(path)) if each["mime"] == "image/png"
        ]
        assert len(pictures) >= 7
        for picture in pictures:
            answer = await caller.get(picture["href"])
            again = {"If-None-Match": answer.headers["ETag"], "If-Modified-Since": answer.headers["Date"]}
            assert (await caller.get(picture["href"], headers=again)).status == 304


class TestDomjudgeAsAShadow:
    """Imports our feed."""

    async def test_it_sends_both_names_of_the_token(self, fresh: Running) -> None:
        caller = fresh.caller(CHIEF_LATE)
        lines = await caller.lines(FEED)
        token = token_of(lines[-2])
        assert await caller.lines(f"{FEED}?since_id={token}&since_token={token}") == lines[-1:]

    async def test_objects_have_what_it_needs(self, fresh: Running) -> None:
        lines = await fresh.caller(CHIEF_LATE).lines(FEED)
        needed = {
            "contest": {"id", "name", "duration", "penalty_time"},
            "submissions": {"id", "language_id", "problem_id", "time", "files"},
            "judgements": {"id", "start_time", "submission_id"},
            "runs": {"id", "judgement_id", "ordinal"},
            "teams": {"id", "name"},
            "problems": {"id", "name"},
        }
        for name, properties in needed.items():
            found = objects(lines, name)
            assert found
            assert all(properties <= each.keys() for each in found), name

    async def test_sources_are_relative_without_a_slash_in_front(self, fresh: Running) -> None:
        for submission in objects(await fresh.caller(CHIEF_LATE).lines(FEED), "submissions"):
            (source,) = submission["files"]
            assert source["href"].startswith("contests/late/submissions/")
            assert source.get("mime", "application/zip") == "application/zip"

    async def test_it_can_do_without_commentary(self, fresh: Running) -> None:
        caller = fresh.caller(CHIEF_LATE)
        others = ",".join(name for name in TYPES if name != "commentary")
        lines = await caller.lines(f"{FEED}?types={others}")
        assert objects(await caller.lines(FEED), "commentary")
        assert not objects(lines, "commentary")
        assert await caller.lines(f"{FEED}?types={others}&since_token={token_of(lines[5])}") == lines[6:]

    async def test_what_it_sends_is_answered_with_200(self, fresh: Running) -> None:
        token = token_of((await fresh.caller(CHIEF_LATE).lines(FEED))[-1])
        answer = await fresh.caller(CHIEF_LATE).get(
            f"{FEED}?since_id={token}&since_token={token}&stream=false&strict=0"
        )
        assert answer.status == 200


class TestLiveV3:
    """The broadcast overlay."""

    async def test_a_token_is_unique_for_its_line(self, fresh: Running) -> None:
        for who in (None, CHIEF_LATE, login("late", "team-one")):
            tokens = [token_of(line) for line in await fresh.caller(who).lines(FEED)]
            assert len(set(tokens)) == len(tokens)

    async def test_reading_everything_again_gives_the_same_lines(self, fresh: Running) -> None:
        first = await fresh.caller().lines(FEED)
        assert await fresh.caller().lines(FEED) == first

    async def test_objects_have_what_it_needs(self, fresh: Running) -> None:
        lines = await fresh.caller().lines(FEED)
        needed = {
            "contest": {"duration"},
            "submissions": {"problem_id", "contest_time"},
            "judgements": {"start_time"},
            "runs": {"time"},
            "problems": {"ordinal", "label", "name"},
            "teams": {"name"},
            "languages": {"extensions"},
            "state": {"started", "ended", "end_of_updates"},
        }
        for name, properties in needed.items():
            found = objects(lines, name)
            assert found
            assert all(properties <= each.keys() for each in found), name
        last = objects(lines, "state")[-1]
        assert last["end_of_updates"]
        assert last["started"]
        assert last["ended"]


class TestXcpcioArchiver:
    """`clics-archiver`."""

    async def test_it_archives_everything_that_access_lists(self, fresh: Running) -> None:
        caller = fresh.caller(CHIEF_LATE)
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", (await caller.json(""))["provider"]["version"])
        assert (await caller.get(f"{fresh.root}/api/")).status == 200
        for entry in (await caller.json("contests/late/access"))["endpoints"]:
            name = entry["type"]
            body = await caller.json("contests/late" if name == "contest" else f"contests/late/{name}")
            for reference in file_references(body):
                assert reference["filename"]
                if "://" not in reference["href"]:
                    assert (await caller.get(reference["href"])).status == 200

    async def test_a_feed_without_stream_ends_after_what_is_there(self, fresh: Running) -> None:
        async with asyncio.timeout(5):
            assert (await fresh.caller(CHIEF_LATE).get(f"{FEED}?stream=false")).body.endswith(b"}\n")


class TestCheckApi:
    """The specification's own checker."""

    async def test_unknown_ids_and_endpoints_are_404_in_json(self, fresh: Running) -> None:
        for path in ("contests/late/teams/doesnt_exist", "contests/late/doesnt_exist", "contests/doesnt_exist"):
            await expect_error(fresh.caller(CHIEF_LATE), "GET", path, 404)

    async def test_an_impossible_place_in_the_feed_is_400(self, fresh: Running) -> None:
        await expect_error(fresh.caller(CHIEF_LATE), "GET", f"{FEED}?since_id=999999", 400)
        await expect_error(fresh.caller(CHIEF_LATE), "GET", f"{FEED}?since_id=999999&stream=false&strict=1", 400)

    async def test_nulls_that_it_looks_for_are_written_out(self, fresh: Running) -> None:
        for line in await fresh.caller(CHIEF_LATE).lines(FEED):
            if line.startswith((b'{"type":"contest"', b'{"type":"state"')):
                assert b',"id":null,' in line
        state = await fresh.caller().json("contests/early/state")
        assert {"started", "ended", "end_of_updates"} <= state.keys()
        board = await fresh.caller().json("contests/early/scoreboard")
        assert all(row["score"]["time"] is None for row in board["rows"])

    async def test_entry_points_are_there_for_java_and_null_for_cpp(self, fresh: Running) -> None:
        for submission in await fresh.caller(CHIEF_LATE).json("contests/late/submissions"):
            assert "entry_point" in submission
            assert (submission["entry_point"] is None) == (submission["language_id"] == "cpp")

    async def test_run_times_are_whole_milliseconds_and_uuids_are_real(self, fresh: Running) -> None:
        for run in await fresh.caller(CHIEF_LATE).json("contests/late/runs"):
            assert round(run["run_time"] * 1000) == run["run_time"] * 1000
        pattern = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
        assert all(
            pattern.fullmatch(each["uuid"]) for each in await fresh.caller(CHIEF_LATE).json("contests/late/problems")
        )

    async def test_no_sign_of_life_within_the_first_ten_seconds(self, fresh_dsn: str) -> None:
        """Its parser stumbles over the newline; by default it comes after 30 s."""
        async with running(fresh_dsn) as server:
            assert server.server.service.keep_alive_s == 30

    async def test_a_verdict_that_is_still_to_come_is_left_out(self, fresh: Running, fresh_dsn: str) -> None:
        async with opened(fresh_dsn) as store:
            pending = Judgement(id="j9", submission_id="s1", start_time=moment(1), current=False)
            position = await append(store, "small", pending)
        await fresh.level_with("small", position)
        judgement = await fresh.caller(CHIEF).json("contests/small/judgements/j9")
        assert judgement.keys() == {"id", "submission_id", "start_time", "current"}
        assert at(1)["time"] == judgement["start_time"]


class TestBapctools:
    """Reads teams and problems."""

    @pytest.mark.parametrize("query", ["public=1", "public=1&strict=0", "nonsense=true"])
    async def test_parameters_that_we_do_not_know_are_ignored(self, fresh: Running, query: str) -> None:
        whole = await fresh.caller(CHIEF_LATE).json("contests/late/teams")
        assert await fresh.caller(CHIEF_LATE).json(f"contests/late/teams?{query}") == whole
