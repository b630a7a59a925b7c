"""The contest of a match is changed at the match alone: what else somebody tries is refused, and nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cds import conducting
from cds.commands.decision import Refused
from cds.commands.matches.administration import decide_deletion
from cds.matches.register import MatchRegister
from cds.place import Place
from cds.transfer import export_contest, import_source
from tests.acceptance.command_line import cds
from tests.acceptance.league import League, league
from tests.cds.contest_api.feeds import everything, fold
from tests.cds.contest_api.serving import Json, fill, opened

CONTEST = "contests/loc-1"
WORDS = "this contest is that of the match test-match: it is changed at /v1/admin/match"


@pytest.fixture
async def played(database_dsn: str) -> AsyncIterator[League]:
    """A server with a match that is over, of one party whose project has been handed in."""
    await fill(database_dsn, [])
    async with league(database_dsn) as made:
        slug = await made.match(title="Test match")
        await made.join(slug, await made.player())
        made.begin()
        await made.done("GET", "/v1/matches/list")
        made.end()
        await made.done("GET", "/v1/matches/list")
        await made.served.settle("loc-1")
        yield made


async def seen(played: League, contest_id: str = "loc-1") -> Json:
    """Everything that an administrator sees of a contest."""
    return await everything(played.served.of_role("admin"), contest_id)


async def test_every_write_of_an_administrator_is_refused_and_none_is_undone_later(played: League) -> None:
    admin = played.served.of_role("admin")
    before = await seen(played)
    head = await admin.json(CONTEST)
    problem = await admin.json(f"{CONTEST}/problems/project")
    team = await admin.json(f"{CONTEST}/teams/p1")
    writes: list[tuple[str, str, Json]] = [
        ("PUT", "", {name: value for name, value in head.items() if name != "ext"}),
        ("PATCH", "", {"name": "Another"}),
        ("PATCH", "", {"id": "loc-1", "start_time": None}),
        ("PATCH", "", {"id": "loc-1", "scoreboard_thaw_time": "2040-01-01T00:00:00.000Z"}),
        ("DELETE", "", None),
        ("PATCH", "/state", {"started": "2020-01-01T00:00:00.000Z"}),
        ("PATCH", "/state", {"ended": None}),
        ("PATCH", "/state", {"finalized": "now"}),
        ("PATCH", "/state", {"end_of_updates": "now"}),
        ("PATCH", "/x-settings", {"clock": True}),
        ("PATCH", "/x-settings", {"computed": True}),
        ("PATCH", "/problems/project", {"name": "Another"}),
        ("PUT", "/problems/project", {**problem, "name": "Another"}),
        ("POST", "/problems", {**{k: v for k, v in problem.items() if k != "id"}, "label": "Q", "ordinal": 2}),
        ("PUT", "/teams/p1", {**team, "name": "Another"}),
        ("POST", "/teams", {"name": "Another", "label": "9"}),
        ("POST", "/awards", {"citation": "Best", "team_ids": ["p1"]}),
        ("POST", "/languages", {"name": "C", "entry_point_required": False, "extensions": ["c"]}),
    ]
    for method, path, body in writes:
        answer = await admin.ask(method, f"{CONTEST}{path}", json=body)
        assert (answer.status, answer.json["message"]) == (409, WORDS), (method, path, body, answer.body)
    await played.done("GET", "/v1/matches/list")
    assert await seen(played) == before


async def test_what_is_hidden_is_hidden_whatever_was_tried_before(played: League) -> None:
    """A state that ends the updates, or an object without its extension, would have kept the contest in the open."""
    admin, public = played.served.of_role("admin"), played.served.of_role("public")
    await judge(played)
    for moment in ("finalized", "end_of_updates"):
        assert (await admin.ask("PATCH", f"{CONTEST}/state", json={moment: "now"})).status == 409
    head = await admin.json(CONTEST)
    del head["ext"]
    assert (await admin.ask("PUT", CONTEST, json=head)).status == 409
    await played.change("test-match", is_visible=False)
    assert (await public.get(CONTEST)).status == (await admin.get(CONTEST)).status == 404
    assert (await admin.ask("PUT", CONTEST, json=head)).status == 409
    await played.change("test-match", is_visible=True)
    assert (await public.get(CONTEST)).status == 200
    await played.delete("test-match")
    assert (await public.get(CONTEST)).status == 404


async def judge(played: League) -> None:
    """Judge the one project, as a judge may."""
    admin, judge = played.served.of_role("admin"), played.served.of_role("judge")
    accepted = {"id": "AC", "name": "Accepted", "penalty": False, "solved": True}
    assert (await admin.ask("PUT", f"{CONTEST}/judgement-types/AC", json=accepted)).status == 201
    (handed_in,) = await judge.json(f"{CONTEST}/submissions")
    moments = {"start_time": handed_in["time"], "end_time": handed_in["time"]}
    said = {"submission_id": "p1", "judgement_type_id": "AC", "score": 80, **moments}
    answer = await judge.ask("POST", f"{CONTEST}/judgements", json=said)
    assert answer.status == 201, answer.body


async def test_projects_are_judged_by_people_and_the_scoreboard_then_says_so(played: League) -> None:
    public = played.served.of_role("public")
    (row,) = (await public.json(f"{CONTEST}/scoreboard"))["rows"]
    assert row["problems"][0]["num_pending"] == 1
    await judge(played)
    await played.change("test-match", short_description="Other")
    (row,) = (await public.json(f"{CONTEST}/scoreboard"))["rows"]
    assert (row["problems"][0]["num_pending"], row["score"]["score"]) == (0, 80)


async def test_accounts_clarifications_and_groups_are_for_people(played: League) -> None:
    admin = played.served.of_role("admin")
    account = {"id": "team1", "username": "team1", "password": "a long password", "type": "team", "team_id": "p1"}
    assert (await admin.ask("PUT", f"{CONTEST}/accounts/team1", json=account)).status == 201
    assert (await admin.ask("POST", f"{CONTEST}/groups", json={"name": "Guests"})).status == 201
    judge = played.served.of_role("judge")
    assert (await judge.ask("POST", f"{CONTEST}/clarifications", json={"text": "Hello"})).status == 201
    team = played.served.caller(("team1", "a long password"))
    handed_in = {"language_id": "project", "problem_id": "project", "files": []}
    assert (await team.ask("POST", f"{CONTEST}/submissions", json=handed_in)).status in (400, 403, 409)
    assert [each["id"] for each in await admin.json(f"{CONTEST}/submissions")] == ["p1"]
    contest = await played.served.server.service.contests.opened("loc-1")
    assert await played.served.store.credentials("contest:loc-1")
    disabled = {**account, "disabled": True, "password": None}
    assert (await admin.ask("PUT", f"{CONTEST}/accounts/team1", json=disabled)).status == 200
    assert contest.state.logins["team1"].disabled
    # A login goes with its account, and so with the match.
    await played.change("test-match", is_visible=False)
    assert await played.served.store.credentials("contest:loc-1") == {}
    assert contest.state.logins == {}


async def test_ids_of_matches_are_refused_where_contests_are_made(played: League) -> None:
    admin = played.served.of_role("admin")
    other = {"name": "Loc 9", "duration": "5:00:00.000", "scoreboard_type": "pass-fail", "penalty_time": "0:20:00.000"}
    answer = await admin.ask("PUT", "contests/loc-9", json={**other, "id": "loc-9"})
    assert (answer.status, answer.json["message"]) == (
        409,
        "the id loc-9 is for the contest of a match: choose another one",
    )
    made = await admin.ask("POST", "contests", json=other)
    assert made.status == 201
    assert not made.json["id"].startswith("loc-")
    for _ in range(8):
        await played.match()
    assert (await admin.json("contests/loc-9"))["name"].startswith("Match ")


async def test_an_export_comes_back_under_another_id_alone_and_as_an_ordinary_contest(
    played: League, database_dsn: str, tmp_path: Path
) -> None:
    admin = played.served.of_role("admin")
    place: dict[str, Any] = {"data_dir": tmp_path / "none", "database_url": database_dsn}
    await export_contest("loc-1", tmp_path / "loc-1", credentials=True, **place)
    assert b"x-settings" not in b"".join(
        each.read_bytes() for each in (tmp_path / "loc-1").rglob("*") if each.is_file()
    )
    before = await seen(played)
    with pytest.raises(Refused, match="--contest-id"):
        await import_source(tmp_path / "loc-1", "loc-2", strict=False, **place)
    await import_source(tmp_path / "loc-1", "copy", strict=False, **place)
    await played.served.level_with("copy", 1)
    assert (await admin.ask("PATCH", "contests/copy", json={"id": "copy", "name": "Mine now"})).status == 200
    assert await seen(played) == before
    await played.delete("test-match")
    assert (await admin.json("contests/copy"))["name"] == "Mine now"
    assert (await admin.ask("DELETE", "contests/copy")).status == 204


async def test_a_package_over_the_contest_of_a_match_is_refused_as_a_whole(
    played: League, database_dsn: str, tmp_path: Path
) -> None:
    place: dict[str, Any] = {"data_dir": tmp_path / "none", "database_url": database_dsn}
    await export_contest("loc-1", tmp_path / "loc-1", credentials=False, **place)
    await played.change("test-match", short_description="Newer")
    before = await seen(played)
    with pytest.raises(Refused, match="it is changed at /v1/admin/match"):
        await import_source(tmp_path / "loc-1", None, strict=False, **place)
    assert await seen(played) == before


async def test_the_command_line_refuses_too(played: League, database_dsn: str, tmp_path: Path) -> None:
    place = Place(tmp_path / "none", database_dsn)
    for conducted in (
        conducting.start(place, "loc-1", None),
        conducting.pause(place, "loc-1"),
        conducting.end(place, "loc-1"),
        conducting.extend(place, "loc-1", 60_000, by=True),
        conducting.finalize(place, "loc-1", None),
        conducting.end_updates(place, "loc-1"),
    ):
        with pytest.raises(Refused, match="it is changed at /v1/admin/match"):
            await conducted
    outcome = cds("contest", "settings", "loc-1", "--awards", cwd=tmp_path, CDS_DATABASE_URL=database_dsn)
    assert (outcome.code, outcome.reasons) == (1, [f"cds: {WORDS}"])
    for command in (["follow", "http://127.0.0.1:9/api/contests/loc-1"], ["replay", "loc-1", "--contest-id", "loc-2"]):
        outcome = cds(*command, cwd=tmp_path, CDS_DATABASE_URL=database_dsn)
        assert outcome.code != 0
        assert "for the contest of a match" in outcome.err


async def test_a_feed_folds_to_what_is_there_after_all_that(played: League) -> None:
    await judge(played)
    for shown in (False, True):
        await played.change("test-match", is_visible=shown)
    admin = played.served.of_role("admin")
    assert fold(await admin.lines(f"{CONTEST}/event-feed")) == await seen(played)


async def test_what_a_process_that_died_has_deleted_is_gone_a_moment_later(played: League, database_dsn: str) -> None:
    """It wrote that the match is deleted and died before it took the contest away: whoever holds the duty does."""

    async def nobody() -> tuple[str, ...]:
        return ()

    async with opened(database_dsn) as store:
        dying = MatchRegister(store, lambda party: f"{party.match} {party.id}", nobody, played.clock)
        await dying.carry_out(
            lambda state, now_ms: (decide_deletion(state, "test-match", delete=True, now_ms=now_ms),),
            actor="dying",
            cause="delete match",
        )
    async with asyncio.timeout(20):
        while (await played.served.of_role("public").get(CONTEST)).status != 404:
            await asyncio.sleep(0.02)
