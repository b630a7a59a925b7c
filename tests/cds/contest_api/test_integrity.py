"""References, ids, and what is beyond the specification (Contest API, "Referential integrity", "Extensibility")."""

import json
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from cds.commands.decision import Refused
from cds.dialects.results import SourceRefused
from cds.packages.contents import ContestContents
from cds.packages.reading import read_contest
from schemas.objects import Team
from tests.cds.contest_api.feeds import TYPES, dangling, everything, fold, token_of
from tests.cds.contest_api.serving import Json, Running, append, imported_into, opened
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, altered, login, small_contest
from tests.cds.contest_api.test_access import CAPABILITIES

EVERYBODY = ("public", *ROLE_OF_ACCOUNT)
CONTEST: Json = {
    "id": "made",
    "name": "Made",
    "duration": "5:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
STARTED = {"started": "2031-05-17T08:00:00.000Z"}


def package(directory: Path, **documents: Json) -> Path:
    """A contest package in a directory; underscores in names stand for dashes."""
    directory.mkdir()
    for name, document in {"contest": CONTEST, "state": STARTED, **documents}.items():
        (directory / f"{name.replace('_', '-')}.json").write_text(json.dumps(document))
    return directory


def without_organization(contents: ContestContents, identifier: str, *, keep_reference: bool) -> ContestContents:
    """The contest without an organization, whose teams go on naming it or not."""
    teams: dict[str, msgspec.Struct] = {}
    for team_id, team in contents.final["teams"].items():
        assert isinstance(team, Team)
        named = team.organization_id == identifier and not keep_reference
        teams[team_id] = msgspec.structs.replace(team, organization_id=None) if named else team
    organizations = {key: each for key, each in contents.final["organizations"].items() if key != identifier}
    return msgspec.structs.replace(contents, final=contents.final | {"teams": teams, "organizations": organizations})


@pytest.mark.parametrize("contest_id", ["small", "early", "late"])
async def test_every_view_names_only_what_it_holds(fresh: Running, contest_id: str) -> None:
    for who in EVERYBODY:
        caller = fresh.caller(None if who == "public" else login(contest_id, who))
        assert not dangling(await everything(caller, contest_id)), who


async def test_what_is_named_must_exist_before_what_names_it(tmp_path: Path) -> None:
    orphan = [{"id": "t", "name": "T", "label": "1", "organization_id": "nowhere"}]
    with pytest.raises(SourceRefused, match="organization_id"):
        read_contest(package(tmp_path / "orphan", teams=orphan))


async def test_what_is_named_can_go_only_after_what_names_it(fresh: Running, fresh_dsn: str) -> None:
    """While a team names it, an organization stays; when it goes, the team's change is announced first."""
    contents = small_contest("small", "frozen")
    caller = fresh.caller()
    last = token_of((await caller.lines("contests/small/event-feed"))[-1])
    async with opened(fresh_dsn) as store:
        before = await store.heads()
        with pytest.raises(Refused, match="south"):
            await imported_into(store, without_organization(contents, "south", keep_reference=True))
        assert await store.heads() == before
        imported = await imported_into(store, without_organization(contents, "south", keep_reference=False))
    await fresh.level_with("small", imported.position)
    since = [json.loads(line) for line in await caller.lines(f"contests/small/event-feed?since_token={last}")]
    assert [(each["type"], each["id"]) for each in since] == [("teams", "t2"), ("organizations", "south")]
    assert since[1]["data"] is None
    assert not dangling(await everything(caller, "small"))


async def test_the_id_of_an_object_never_changes(fresh: Running, fresh_dsn: str) -> None:
    """Under the id of the URL and of the notification there is always the object of that id."""
    async with opened(fresh_dsn) as store:
        position = await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed", label="9"))
    await fresh.level_with("small", position)
    caller = fresh.caller(login("small", "chief"))
    for name, members in (await everything(caller, "small")).items():
        for identifier, instance in members.items():
            if identifier is not None:
                assert (await caller.json(f"contests/small/{name}/{identifier}"))["id"] == instance["id"] == identifier
    for line in await caller.lines("contests/small/event-feed"):
        notification = json.loads(line)
        if notification["id"] is not None and notification["data"] is not None:
            assert notification["data"]["id"] == notification["id"]


async def test_unknown_types_and_properties_of_a_followed_feed_are_accepted(tmp_path: Path) -> None:
    feed = tmp_path / "event-feed.ndjson"
    lines = [
        {"type": "contest", "id": None, "data": {**CONTEST, "x_sponsor": "nobody"}},
        {"type": "x-weather", "id": "w1", "data": {"id": "w1", "sky": "blue"}},
        {"type": "teams", "id": "t", "data": {"id": "t", "name": "T", "label": "1", "mood": "good"}},
    ]
    feed.write_text("".join(json.dumps(line) + "\n" for line in lines))
    contents = read_contest(feed)
    assert list(contents.final["teams"]) == ["t"]
    said = " ".join(str(warning) for warning in contents.warnings)
    assert "x-weather" in said
    assert "mood" in said
    assert "x_sponsor" in said


async def test_nothing_beyond_the_specification_is_sent(fresh: Running) -> None:
    """Types and capabilities are the specification's; that properties are too, the JSON schemas and `access` say."""
    known = set().union(*CAPABILITIES.values())
    for who in EVERYBODY:
        caller = fresh.caller(None if who == "public" else login("small", who))
        access = await caller.json("contests/small/access")
        assert set(access["capabilities"]) <= known
        assert {entry["type"] for entry in access["endpoints"]} <= set(TYPES)
        assert set(fold(await caller.lines("contests/small/event-feed"))) <= set(TYPES)


async def test_null_and_absent_are_the_same(fresh: Running, fresh_dsn: str, tmp_path: Path) -> None:
    """On the way in, and on the way out, where null is left out unless real clients want to see it."""
    absent = {"id": "t", "name": "T", "label": "1"}
    null = {**absent, "organization_id": None, "icpc_id": None, "photo": None, "location": None, "group_ids": None}
    bodies = []
    for number, team in enumerate((absent, null)):
        contents = read_contest(package(tmp_path / str(number), teams=[team]), contest_id=f"made{number}")
        async with opened(fresh_dsn) as store:
            imported = await imported_into(store, contents)
        await fresh.level_with(f"made{number}", imported.position)
        bodies.append((await fresh.caller().get(f"contests/made{number}/teams")).body)
    assert bodies[0] == bodies[1]
    assert b"null" not in bodies[0]


@pytest.mark.parametrize(
    "identifier",
    [
        "a.b-c_d",
        "_under",
        "ends-",
        "Default--3128237643369432396",
        "x" * 100,
        "a+b",
        "a&b=c",
        "a;b,c",
        "a:b@c",
        "a~b!c$d'e(f)*g",
        "a|b^c`d",
        "{braces}",
        "[brackets]",
        'quote"mark',
        "<angle>",
        "größe",
        "東京",
        "🎈",
        "café",
    ],
)
async def test_ids_that_are_safe_in_a_url_lead_to_their_objects(
    fresh: Running, fresh_dsn: str, tmp_path: Path, identifier: str
) -> None:
    """Whatever import keeps can be asked for, percent-encoded, alone, by filter and on the scoreboard."""
    contents = read_contest(
        package(
            tmp_path / "odd",
            groups=[{"id": identifier, "name": "G"}],
            organizations=[{"id": identifier, "name": "O"}],
            teams=[
                {"id": identifier, "name": "T", "label": "1", "organization_id": identifier, "group_ids": [identifier]}
            ],
        ),
        contest_id="odd",
    )
    async with opened(fresh_dsn) as store:
        imported = await imported_into(store, contents)
    await fresh.level_with("odd", imported.position)
    caller, encoded = fresh.caller(), quote(identifier, safe="")
    team = await caller.json(f"contests/odd/teams/{encoded}")
    assert team["id"] == identifier
    assert await caller.json(f"contests/odd/teams?organization_id={encoded}") == [team]
    assert len((await caller.json(f"contests/odd/scoreboard?group_id={encoded}"))["rows"]) == 1
    assert fold(await caller.lines("contests/odd/event-feed"))["teams"] == {identifier: team}


@pytest.mark.parametrize("contest_id", ["{braces}", "größe", "a+b", "a.b"])
async def test_the_id_of_a_contest_may_be_odd_too(fresh: Running, fresh_dsn: str, contest_id: str) -> None:
    async with opened(fresh_dsn) as store:
        imported = await imported_into(store, small_contest(contest_id, "frozen"))
    await fresh.level_with(contest_id, imported.position)
    caller, encoded = fresh.caller(), quote(contest_id, safe="")
    contest = await caller.json(f"contests/{encoded}")
    assert contest["id"] == contest_id
    (logo,) = contest["logo"]
    assert logo["href"] == f"contests/{encoded}/logo/logo.png"
    assert (await caller.get(logo["href"])).status == 200
    assert await caller.lines(f"contests/{encoded}/event-feed")
