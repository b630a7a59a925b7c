"""The stand-ins answer in the forms in which the platforms were recorded, and go wrong as their table says."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest

from tests.platform_servers.faults import FaultName
from tests.platform_servers.generated import NOW_S, codeforces_contests, codeforces_handle
from tests.platform_servers.platforms import PlatformServers, platform_servers
from tests.platform_servers.results import codeforces_results
from tests.platform_servers.server import JsonValue

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "spec" / "upstream-samples"
LEETCODE_QUERY = {
    "operationName": "allContests",
    "variables": {},
    "query": "query allContests { allContests { title } }",
}


@pytest.fixture
async def servers() -> AsyncIterator[PlatformServers]:
    """All platforms; one handle and the results of one contest are known."""
    async with platform_servers(contests=20) as servers:
        servers.codeforces.add_handle(codeforces_handle("sample"))
        servers.codeforces.results[1234] = codeforces_results(1234, parties=8, submissions=40)
        yield servers


async def asked(url: str, method: str = "GET", **more: Any) -> tuple[int, bytes]:
    """Status and body of an answer."""
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as response:
        return response.status, await response.read()


def rows_of(value: JsonValue) -> list[Mapping[str, JsonValue]]:
    """All objects of an answer that stand in lists, and the answer itself."""
    if isinstance(value, list):
        return [found for member in value for found in rows_of(member)]
    if isinstance(value, dict):
        return [value, *(found for member in value.values() for found in rows_of(member))]
    return []


def kinds(value: JsonValue) -> dict[str, set[str]]:
    """Which types the properties of all objects of an answer have, by name; null fits to anything."""
    found: dict[str, set[str]] = {}
    for row in rows_of(value):
        for name, member in row.items():
            kind = (
                "number" if isinstance(member, int | float) and not isinstance(member, bool) else type(member).__name__
            )
            found.setdefault(name, set()).update(set() if member is None else {kind})
    return found


def sample(name: str) -> JsonValue:
    """A recorded answer; without it the test is skipped."""
    if not (SAMPLES / name).is_file():
        pytest.skip(f"../shared/spec/upstream-samples/{name} is not beside this checkout")
    value: JsonValue = json.loads((SAMPLES / name).read_bytes())
    return value


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        ("codeforces", "/api/contest.list?gym=false", "codeforces_contest_list.json"),
        ("codeforces", "/api/user.info?handles=sample", "codeforces_user_info.json"),
        ("codeforces", "/api/user.rating?handle=sample", "codeforces_user_rating.json"),
        ("codeforces", "/api/user.status?handle=sample&from=1&count=1", "codeforces_user_status.json"),
        ("codeforces", "/api/contest.standings?contestId=1234", "codeforces_contest_standings.json"),
        ("codeforces", "/api/contest.status?contestId=1234&from=1&count=30", "codeforces_contest_status.json"),
        ("codeforces", "/api/user.info?handles=nobody", "codeforces_error_handle_400.json"),
        ("codechef", "/api/list/contests/all?mode=all", "codechef_list_all.json"),
        ("codechef", "/api/list/contests/past?offset=40", "codechef_list_past_page.json"),
        ("kenkoooo", "/atcoder/resources/contests.json", "atcoder_kenkoooo_contests.json"),
    ],
)
async def test_answers_have_the_recorded_form(servers: PlatformServers, host: str, path: str, name: str) -> None:
    """Properties of the same name have the same types, and most of what was recorded is there."""
    _, body = await asked(getattr(servers, host).url + path)
    ours, recorded = kinds(json.loads(body)), kinds(sample(name))
    for property_name in ours.keys() & recorded.keys():
        assert ours[property_name] <= recorded[property_name] or not recorded[property_name], property_name
    assert len(ours.keys() & recorded.keys()) >= len(recorded) * 0.6


async def test_leetcode_answers_only_a_question_like_those_of_its_own_pages(servers: PlatformServers) -> None:
    url = servers.leetcode.url + "/graphql"
    headers = {"Referer": "https://leetcode.com"}
    assert (await asked(url, "POST", json=LEETCODE_QUERY))[0] == 403
    assert (await asked(url))[0] == 403
    assert (await asked(url, "POST", data=b"{}", headers=headers))[0] == 400
    assert (await asked(url, "POST", json={"query": "query { nothing }"}, headers=headers))[0] == 400
    status, body = await asked(url, "POST", json=LEETCODE_QUERY, headers=headers)
    assert (status, len(json.loads(body)["data"]["allContests"])) == (200, 6)


async def test_standings_are_refused_with_any_further_parameter(servers: PlatformServers) -> None:
    status, body = await asked(servers.codeforces.url + "/api/contest.standings?contestId=1234&from=1")
    assert (status, json.loads(body)["status"]) == (400, "FAILED")


async def test_submissions_come_in_parts_that_begin_with_one(servers: PlatformServers) -> None:
    url = servers.codeforces.url + "/api/contest.status?contestId=1234"
    whole = json.loads((await asked(url))[1])["result"]
    parts = [json.loads((await asked(f"{url}&from={first}&count=30"))[1])["result"] for first in (1, 31, 61)]
    assert len(whole) == 44
    assert [submission for part in parts for submission in part] == whole


async def test_the_page_of_atcoder_and_its_archive(servers: PlatformServers) -> None:
    _, body = await asked(servers.atcoder.url + "/contests/?lang=en")
    for table in ("action", "permanent", "upcoming", "recent"):
        assert f'id="contest-table-{table}"'.encode() in body
    assert b"contest-table-daily" not in body
    servers.atcoder.archive = servers.atcoder.tables["recent"]
    status, body = await asked(servers.atcoder.url + "/contests/archive?lang=en&page=1")
    assert (status, body.count(b"<time")) == (200, 3)


async def test_what_is_asked_too_soon_is_refused_in_the_platforms_way(servers: PlatformServers) -> None:
    servers.codeforces.interval_s = servers.codechef.interval_s = 60.0
    url = servers.codeforces.url + "/api/contest.list"
    assert (await asked(url))[0] == 200
    status, body = await asked(url)
    assert (status, json.loads(body)["comment"]) == (400, "Call limit exceeded")
    url = servers.codechef.url + "/api/list/contests/all"
    assert [(await asked(url))[0] for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("name", [name for name in get_args(FaultName) if name != "hang"])
async def test_every_fault_changes_the_answer_and_only_as_often_as_it_is_to(
    servers: PlatformServers, name: FaultName
) -> None:
    servers.kenkoooo.slow_s = 0.3
    url = servers.kenkoooo.url + "/atcoder/resources/contests.json"
    good = await asked(url)
    servers.kenkoooo.misbehave(name, path="/atcoder", after=1, times=1)
    assert await asked(url) == good
    try:
        # With GET the client of the test would ask again by itself when it gets no answer.
        answer = await asked(url, "POST", allow_redirects=False)
    except aiohttp.ClientError:
        answer = (0, b"")
    assert (answer == good) == (name == "slow")
    assert await asked(url) == good
    assert servers.kenkoooo.times_gone_wrong(name) == 1


async def test_a_server_that_hangs_lets_go_when_it_dies(servers: PlatformServers) -> None:
    servers.kenkoooo.misbehave("hang")
    with pytest.raises(TimeoutError):
        await asked(servers.kenkoooo.url, timeout=aiohttp.ClientTimeout(total=0.2))
    await servers.kenkoooo.die()
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked(servers.kenkoooo.url)
    await servers.kenkoooo.rise()
    servers.kenkoooo.behave()
    assert (await asked(servers.kenkoooo.url + "/atcoder/resources/contests.json"))[0] == 200


def test_the_same_seed_gives_the_same() -> None:
    assert codeforces_contests(50, seed=7) == codeforces_contests(50, seed=7) != codeforces_contests(50, seed=8)
    assert codeforces_results(5) == codeforces_results(5) != codeforces_results(5, seed=2)


def test_ids_of_generated_contests_are_different() -> None:
    rows = codeforces_contests(2100)
    assert len({row["id"] for row in rows}) == 2100
    assert {row["phase"] for row in rows} == {"BEFORE", "CODING", "FINISHED"}


@pytest.mark.parametrize("accepted", [True, False])
def test_a_generated_handle_has_an_accepted_submission_or_none(accepted: bool) -> None:
    handle = codeforces_handle("someone", accepted=accepted, rating=None)
    times = {row["creationTimeSeconds"] for row in handle.submissions if row["verdict"] == "OK"}
    assert (NOW_S - 3600 in times, NOW_S in times) == (accepted, False)
    assert bool(times) == accepted
    assert "rating" not in handle.user
    assert handle.rating_changes == []


def test_generated_standings_follow_from_the_submissions() -> None:
    """As many problems are solved as there are parties with an accepted submission for each."""
    results = codeforces_results(7, parties=10, submissions=120)
    solved = {
        (json.dumps(row["author"]), json.dumps(row["problem"]))
        for row in results.submissions
        if row["verdict"] == "OK" and row["relativeTimeSeconds"] != 2_147_483_647
    }
    rows = json.loads(json.dumps(results.standings))["rows"]
    assert sum(row["points"] for row in rows) == len(solved)
    assert [row["rank"] for row in rows] == sorted(row["rank"] for row in rows)
    assert rows[0]["rank"] == 1
