"""The versions 2023-06 and 2026-01 over HTTP: the same contests, for reading, below paths of their own."""

import gzip
import json

import pytest
from aiohttp import hdrs

from cds.packages.contents import Change
from schemas.objects import Judgement
from tests.cds.contest_api.board_streams import following
from tests.cds.contest_api.feeds import everything, file_references, fold, token_of
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Json, Running, append, running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login, moment
from tests.cds.contest_api.test_http import CHIEF, WRITING, expect_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

VERSIONS = ("2023-06", "2026-01")
SMALL_CONTESTS = ("small", "early", "late")
FEED = "contests/small/event-feed"
BOARD = "contests/small/scoreboard"
TEAM_ONE = login("small", "team-one")

each_version = pytest.mark.parametrize("version", VERSIONS)


def speaking(server: Running, version: str, who: tuple[str, str] | None = None) -> Caller:
    """Somebody who speaks a version, our own under the name of draft."""
    return Caller(server.session, server.base if version == "draft" else f"{server.base}{version}/", who)


def callers(server: Running, version: str, contest_id: str) -> dict[str, Caller]:
    """The public, every account of the contest, and the server's administrator."""
    accounts = {name: speaking(server, version, login(contest_id, name)) for name in ROLE_OF_ACCOUNT}
    return {
        "public": speaking(server, version),
        **accounts,
        "server admin": speaking(server, version, SERVER_ADMIN),
    }


@each_version
async def test_the_api_information_names_the_version(served: Running, version: str) -> None:
    caller = speaking(served, version)
    for path in ("", f"{served.base}{version}"):
        information = await caller.json(path)
        assert information["version"] == version
        assert information["version_url"] == f"https://ccs-specs.icpc.io/{version}/contest_api"
    assert (await speaking(served, "draft").json(""))["version"] == "draft"


@each_version
async def test_nobody_is_told_of_anything_that_he_might_do(served: Running, version: str) -> None:
    """There is no writing in these versions, so no capability is announced."""
    for name, caller in callers(served, version, "small").items():
        access = await caller.json("contests/small/access")
        assert access["capabilities"] == [], name
        ours = await callers(served, "draft", "small")[name].json("contests/small/access")
        types, our_types = ([endpoint["type"] for endpoint in each["endpoints"]] for each in (access, ours))
        assert types == [each for each in our_types if version == "2026-01" or each != "commentary"], name


@each_version
@pytest.mark.parametrize("contest_id", SMALL_CONTESTS)
async def test_the_feed_of_every_account_folds_to_what_get_says(served: Running, version: str, contest_id: str) -> None:
    for name, caller in callers(served, version, contest_id).items():
        lines = await caller.lines(f"contests/{contest_id}/event-feed")
        assert fold(lines) == await everything(caller, contest_id), name


@each_version
async def test_an_object_is_the_one_in_its_collection(served: Running, version: str) -> None:
    caller = speaking(served, version, CHIEF)
    for endpoint in (await caller.json("contests/small/access"))["endpoints"]:
        if endpoint["type"] not in ("contest", "state"):
            for each in await caller.json(f"contests/small/{endpoint['type']}"):
                assert await caller.json(f"contests/small/{endpoint['type']}/{each['id']}") == each
    (listed,) = [each for each in await caller.json("contests") if each["id"] == "small"]
    assert await caller.json("contests/small") == listed


@each_version
async def test_every_file_is_below_the_path_of_the_version(served: Running, version: str) -> None:
    for name, caller in callers(served, version, "small").items():
        for members in (await everything(caller, "small")).values():
            for reference in file_references(list(members.values())):
                if "://" not in reference["href"]:
                    answer = await caller.get(reference["href"])
                    assert (answer.status, answer.headers["Content-Type"]) == (200, reference["mime"]), name


async def test_what_a_version_does_not_have_is_not_found_there(served: Running) -> None:
    ours, earlier = speaking(served, "draft", CHIEF), speaking(served, "2023-06", CHIEF)
    for path in (
        "contests/small/commentary",
        "contests/small/commentary/m1",
        "contests/small/submissions/s8",
        "contests/small/judgements/j8",
        "contests/small/submissions/s8/files",
        "contests/small/problems/apples/attachments/sample.in",
    ):
        assert (await ours.get(path)).status == 200, path
        await expect_error(earlier, "GET", path, 404)
    for path in ("webhooks", "openapi.json", "contests/small/x-settings"):
        await expect_error(speaking(served, "2026-01", SERVER_ADMIN), "GET", path, 404)
    assert (await speaking(served, "2026-01", CHIEF).get("contests/small/submissions/s8")).status == 200


async def test_the_words_of_2023_06(served: Running) -> None:
    """One property of each kind; every type is looked at in tests/cds/dialects/test_served_versions.py."""
    caller = speaking(served, "2023-06", CHIEF)
    contest = await caller.json("contests/small")
    assert contest["penalty_time"] == 20
    assert "main_scoreboard_group_id" not in contest
    hidden = {team["id"]: team["hidden"] for team in await caller.json("contests/small/teams")}
    assert hidden == {"t1": False, "t2": False, "t3": True}
    judgement = await caller.json("contests/small/judgements/j1")
    assert judgement["start_contest_time"] == "0:30:06.000"
    assert judgement["end_contest_time"] == "0:30:30.000"
    assert (await caller.json("contests/small/runs/j1r1"))["contest_time"] == "0:30:12.000"
    ada = await caller.json("contests/small/persons/ada")
    assert (ada["role"], ada["team_ids"]) == ("contestant", ["t1"])
    assert (await caller.json("contests/small/clarifications/c2"))["to_team_id"] == "t1"
    # Outsiders see the simplified type, in the one property there is for a type.
    outsider = await speaking(served, "2023-06").json("contests/small/judgements/j1")
    assert outsider["judgement_type_id"] == "RE"
    assert "simplified_judgement_type_id" not in outsider


async def test_filters_go_by_the_words_of_the_version(served: Running) -> None:
    earlier, ours = speaking(served, "2023-06", CHIEF), speaking(served, "draft", CHIEF)

    async def found(caller: Caller, query: str) -> list[str]:
        return [each["id"] for each in await caller.json(f"contests/small/{query}")]

    assert await found(earlier, "clarifications?to_team_id=t1") == ["c2"]
    assert await found(earlier, "clarifications?to_team_id=t3") == ["c4"]
    assert await found(earlier, "clarifications?to_team_id=&from_team_id=") == ["c0", "c3"]
    assert await found(ours, "clarifications?to_team_id=t1") == ["c0", "c1", "c2", "c3", "c4", "c5"]
    assert await found(earlier, "judgements?submission_id=s2") == ["j2"]
    assert await found(earlier, "judgements?judgement_type_id=AC") == ["j2", "j3", "j4"]
    assert await found(earlier, "submissions?account_id=nobody") == await found(earlier, "submissions")
    assert [each["id"] for each in await earlier.json("contests?main_scoreboard_group_id=x")] == [
        each["id"] for each in await ours.json("contests")
    ]


async def test_the_scoreboard_of_2023_06_is_in_minutes(served: Running) -> None:
    for who, query in ((None, ""), (CHIEF, ""), (CHIEF, "?frozen=true"), (None, "?group_id=guests")):
        ours = await speaking(served, "draft", who).json(BOARD + query)
        theirs = await speaking(served, "2023-06", who).json(BOARD + query)
        assert await speaking(served, "2026-01", who).json(BOARD + query) == ours
        assert [row["team_id"] for row in theirs["rows"]] == [row["team_id"] for row in ours["rows"]]
        assert theirs["rows"] == [in_minutes(row) for row in ours["rows"]]
        assert {name: theirs[name] for name in ("time", "contest_time", "state")} == {
            name: ours[name] for name in ("time", "contest_time", "state")
        }
    await expect_error(speaking(served, "2023-06"), "GET", f"{BOARD}?group_id=unknown", 404)


def in_minutes(value: Json) -> Json:
    """A row with every time in whole minutes."""
    if isinstance(value, dict):
        return {name: in_minutes(each) for name, each in value.items()}
    if isinstance(value, list):
        return [in_minutes(each) for each in value]
    if isinstance(value, str) and value.count(":") == 2:
        hours, minutes, _ = value.split(":")
        return int(hours) * 60 + int(minutes)
    return value


@each_version
async def test_answers_have_entity_tags_of_their_own(served: Running, version: str) -> None:
    for path in (BOARD, "contests/small", "contests/small/teams", "contests/small/access", ""):
        caller = speaking(served, version)
        answer = await caller.get(path)
        again = await caller.get(path, headers={hdrs.IF_NONE_MATCH: answer.headers[hdrs.ETAG]})
        assert (again.status, again.body) == (304, b"")
        ours = await speaking(served, "draft").get(path)
        assert (ours.headers[hdrs.ETAG] == answer.headers[hdrs.ETAG]) == (ours.body == answer.body)


@each_version
async def test_a_scoreboard_is_followed_in_the_words_of_the_version(served: Running, version: str) -> None:
    caller = speaking(served, version)
    answer = await caller.get(BOARD)
    async with following(caller, BOARD) as board:
        event = await board.event()
    assert (event.kind, event.data.encode()) == ("scoreboard", answer.body)
    assert answer.headers[hdrs.ETAG] == f'"{event.identifier}"'


@each_version
async def test_a_feed_resumes_at_every_token(served: Running, version: str) -> None:
    caller = speaking(served, version, TEAM_ONE)
    lines = await caller.lines(FEED)
    for number, line in enumerate(lines, start=1):
        for name in ("since_token", "since_id"):
            assert await caller.lines(f"{FEED}?{name}={token_of(line)}") == lines[number:]
    assert len({token_of(line) for line in lines}) == len(lines)


async def test_a_token_of_another_version_is_refused(served: Running) -> None:
    """Never misread: what it leads to would be other lines."""
    for who in (None, TEAM_ONE, CHIEF):
        tokens = {v: token_of((await speaking(served, v, who).lines(FEED))[-1]) for v in ("draft", *VERSIONS)}
        for version in tokens:
            for other, token in tokens.items():
                path = f"{FEED}?stream=false&since_token={token}"
                if other != version:
                    await expect_error(speaking(served, version, who), "GET", path, 400)
                else:
                    assert (await speaking(served, version, who).get(path)).body == b""


@each_version
async def test_a_feed_comes_in_all_its_forms(served: Running, version: str) -> None:
    caller = speaking(served, version, CHIEF)
    lines = await caller.lines(FEED)
    packed = await caller.get(f"{FEED}?stream=false", headers={"Accept-Encoding": "gzip"})
    body = gzip.decompress(packed.body) if packed.body[:2] == b"\x1f\x8b" else packed.body
    assert [line for line in body.split(b"\n") if line] == lines
    events = await caller.get(f"{FEED}?stream=false", headers={"Accept": "text/event-stream"})
    told = [line.removeprefix(b"data: ") for line in events.body.split(b"\n") if line.startswith(b"data: ")]
    assert told == lines
    some = await caller.lines(f"{FEED}?types=teams,judgements")
    assert {json.loads(line)["type"] for line in some} == {"teams", "judgements"}
    head = await caller.ask("HEAD", FEED)
    assert (head.status, head.headers["Content-Type"], head.body) == (200, "application/x-ndjson", b"")


async def test_a_feed_cannot_be_limited_to_a_type_that_the_version_has_not(served: Running) -> None:
    await expect_error(speaking(served, "2023-06", CHIEF), "GET", f"{FEED}?stream=false&types=commentary", 400)
    assert await speaking(served, "2026-01", CHIEF).lines(f"{FEED}?types=commentary")


@each_version
async def test_writing_is_refused_with_the_place_where_it_is_done(served: Running, version: str) -> None:
    for path in ("contests", "contests/small", "contests/small/teams", "contests/small/teams/t1", FEED, BOARD):
        for method in WRITING:
            answer = await speaking(served, version, CHIEF if "/" in path else SERVER_ADMIN).ask(method, path, json={})
            assert answer.status == 405, path
            assert answer.headers[hdrs.ALLOW] == "GET, HEAD, OPTIONS"
            assert f"write to /api/{path}" in answer.json["message"]
            await expect_error(speaking(served, version), method, path, 401, json={})


@each_version
async def test_an_account_is_told_who_it_is(served: Running, version: str) -> None:
    account = await speaking(served, version, TEAM_ONE).json("contests/small/account")
    assert (account["id"], account["team_id"]) == ("team-one", "t1")
    await expect_error(speaking(served, version), "GET", "contests/small/account", 404)
    await expect_error(speaking(served, version, ("nobody", "x")), "GET", "contests/small", 401)


async def test_a_feed_goes_on_as_things_happen(small_template_copy: str) -> None:
    """Live lines of both versions, while our own is watched too; a rejudging takes the old verdict away in 2023-06."""
    async with running(small_template_copy, keep_alive_s=5) as server:
        counts = {v: len(await speaking(server, v, CHIEF).lines(FEED)) for v in ("draft", *VERSIONS)}
        async with (
            speaking(server, "draft", CHIEF).stream(FEED) as ours,
            speaking(server, "2026-01", CHIEF).stream(FEED) as later,
            speaking(server, "2023-06", CHIEF).stream(FEED) as earlier,
        ):
            for stream, version in ((ours, "draft"), (later, "2026-01"), (earlier, "2023-06")):
                await stream.until(counts[version])
            old = await speaking(server, "draft", CHIEF).json("contests/small/judgements/j1")
            stopped = Judgement(
                id="j1",
                submission_id="s1",
                judgement_type_id="WA",
                start_time=old["start_time"],
                end_time=old["end_time"],
                current=False,
            )
            new = Judgement(
                id="j1-new",
                submission_id="s1",
                judgement_type_id="TLE",
                start_time=moment(130),
                end_time=moment(131),
            )
            await append(server.store, "small", stopped, new, Change("persons", "bob", None))
            for stream in (ours, later):
                said = await stream.until(3)
                assert [(each["type"], each["id"]) for each in said] == [
                    ("judgements", "j1"),
                    ("judgements", "j1-new"),
                    ("persons", "bob"),
                ]
            said = await earlier.until(5)
        assert [(each["type"], each["id"], each["data"] is None) for each in said] == [
            ("runs", "j1r2", True),
            ("runs", "j1r1", True),
            ("judgements", "j1", True),
            ("judgements", "j1-new", False),
            ("persons", "bob", True),
        ]
        assert said[3]["data"]["start_contest_time"] == "2:10:00.000"
