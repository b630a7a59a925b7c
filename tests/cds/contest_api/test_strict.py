"""What is said beyond the format stands in `ext`, and `strict=1` leaves it out, wherever the Contest API answers."""

import json
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from aiohttp import hdrs

from tests.cds.contest_api.extended_contests import EXTENSIONS, PHASES, serving_extended, strict
from tests.cds.contest_api.feeds import everything, fold, token_of
from tests.cds.contest_api.real_contests import needs_schemas
from tests.cds.contest_api.schema_checks import SCHEMA_OF_TYPE, schemas
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Json, Login, Running, cloned_database
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.cds.contest_api.test_access import paths_of, properties_of
from tests.cds.contest_api.test_http import expect_error
from tests.cds.contest_api.test_json_schemas import check_everything, check_feed
from tests.independent_fold import Collections

pytestmark = pytest.mark.asyncio(loop_scope="session")

FEED = "contests/small/event-feed"
EVERYBODY = ("public", "server admin", *ROLE_OF_ACCOUNT)
SEEN_BEFORE_START = {"contest", "teams"}
"""The types with extensions of which the public is shown something before the start."""

each_contest = pytest.mark.parametrize("contest_id", PHASES)
everybody = pytest.mark.parametrize("who", EVERYBODY)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def extended(small_template: str) -> AsyncIterator[Running]:
    """A server with contests that have extensions, which no test may change."""
    async with cloned_database(small_template) as dsn, serving_extended(dsn) as server:
        yield server


def login_of(who: str, contest_id: str) -> Login | None:
    """How somebody logs in."""
    if who == "server admin":
        return SERVER_ADMIN
    return None if who == "public" else login(contest_id, who)


def plain(collections: Collections) -> Collections:
    """The same objects without what is beyond the format."""
    return {name: {i: plain_object(each) for i, each in members.items()} for name, members in collections.items()}


def plain_object(instance: Json) -> Json:
    """An object without what is beyond the format."""
    return {name: value for name, value in instance.items() if name != "ext"}


def extended_in(collections: Collections) -> dict[tuple[str, str], Json]:
    """The extensions of some objects, by type and id."""
    return {
        (name, i or ""): each["ext"]
        for name, members in collections.items()
        for i, each in members.items()
        if "ext" in each
    }


@everybody
@each_contest
async def test_strict_answers_are_the_usual_ones_without_extensions(
    extended: Running, contest_id: str, who: str
) -> None:
    """And the feed of each folds to them."""
    known = login_of(who, contest_id)
    usual = await everything(extended.caller(known), contest_id)
    without = await everything(strict(extended, known), contest_id)
    assert without == plain(usual) != usual
    for caller, expected in ((extended.caller(known), usual), (strict(extended, known), without)):
        assert fold(await caller.lines(f"contests/{contest_id}/event-feed")) == expected


async def test_extensions_are_shown_with_their_objects(extended: Running) -> None:
    """To whoever sees the object, exactly as they stand in the log."""
    said = {(name, i): ext for name, i, ext in EXTENSIONS}
    for who in ("public", "team-one", "team-two", "judge", "server admin"):
        shown = extended_in(await everything(extended.caller(login_of(who, "small")), "small"))
        assert shown == {key: json.loads(msgspec.json.encode(ext)) for key, ext in said.items()}, who
    before = extended_in(await everything(extended.caller(), "early"))
    assert {name for name, _ in before} == SEEN_BEFORE_START


@everybody
@each_contest
async def test_access_lists_extensions_where_they_are_shown_and_nothing_else(
    extended: Running, contest_id: str, who: str
) -> None:
    caller = extended.caller(login_of(who, contest_id))
    listed = properties_of(await caller.json(f"contests/{contest_id}/access"))
    shown = await everything(caller, contest_id)
    for name, members in shown.items():
        for instance in members.values():
            assert set(paths_of(instance)) <= listed[name], (name, instance)
    namespaces = {
        name: {path for each in members.values() for path in paths_of(each) if path.split(".")[0] == "ext"}
        for name, members in shown.items()
    }
    for name, paths in listed.items():
        told = {path for path in paths if path == "ext" or (path.startswith("ext.") and path.count(".") == 1)}
        assert told == {path for path in namespaces.get(name, ()) if path.count(".") < 2}, name


@everybody
async def test_access_is_as_ever_in_strict_mode_and_without_extensions(extended: Running, who: str) -> None:
    """The contests that have none list none; strict mode lists none anywhere, and takes no capability away."""
    strictly = [
        (await strict(extended, login_of(who, contest_id)).get(f"contests/{contest_id}/access")).body
        for contest_id in PHASES
    ]
    assert len({*strictly, (await extended.caller(login_of(who, "late")).get("contests/late/access")).body}) == 1
    usual = await extended.caller(login_of(who, "small")).json("contests/small/access")
    assert usual["capabilities"] == json.loads(strictly[0])["capabilities"]


async def test_tokens_of_strict_and_usual_feeds_do_not_mix(extended: Running) -> None:
    for known in (None, login("small", "team-one"), SERVER_ADMIN):
        usual, strictly = extended.caller(known), strict(extended, known)
        for mine, other in ((usual, strictly), (strictly, usual)):
            lines = await mine.lines(FEED)
            for number in (0, len(lines) // 2, len(lines) - 1):
                since = f"{FEED}?since_token={token_of(lines[number])}"
                await expect_error(other, "GET", f"{since}&stream=false", 400)
                assert await mine.lines(since) == lines[number + 1 :]


async def test_a_strict_feed_has_no_line_where_only_an_extension_changed(extended: Running) -> None:
    """In every framing, and also where it is limited to some types and followed live."""
    limited = f"{FEED}?types=contest,teams"
    lines, strictly = await extended.caller().lines(limited), await strict(extended).lines(limited)
    assert len(lines) == len(strictly) + len([key for key in EXTENSIONS if key[0] in ("contest", "teams")])
    async with strict(extended).stream(limited) as stream:
        assert await stream.until(len(strictly)) == [json.loads(line) for line in strictly]
    framed = await strict(extended).get(f"{FEED}?stream=false", headers={hdrs.ACCEPT: "text/event-stream"})
    assert framed.status == 200
    assert b'"ext"' not in framed.body


async def test_single_objects_and_filters_are_strict_too(extended: Running) -> None:
    usual, strictly = extended.caller(), strict(extended)
    for path in ("contests/small", "contests/small/teams/t1", "contests/small/problems/apples"):
        with_it, without = await usual.get(path), await strictly.get(path)
        assert {**without.json, "ext": with_it.json["ext"]} == with_it.json
        assert with_it.headers["ETag"] != without.headers["ETag"]
        again = await strictly.get(path, headers={"If-None-Match": without.headers["ETag"]})
        assert (again.status, again.headers["ETag"]) == (304, without.headers["ETag"])
        assert (await strictly.get(path, headers={"If-None-Match": with_it.headers["ETag"]})).status == 200
        head = await strictly.ask("HEAD", path)
        assert (head.status, head.headers["ETag"]) == (200, without.headers["ETag"])
    guests = "contests/small/teams?group_id=guests"
    assert {each["id"] for each in await usual.json(guests) if "ext" in each} == {"t1", "t3"}
    assert await strictly.json(guests) == [plain_object(each) for each in await usual.json(guests)]
    listed = {each["id"]: each for each in await strictly.json("contests")}
    assert "ext" not in listed["small"]
    assert "ext" in {each["id"]: each for each in await usual.json("contests")}["small"]


@pytest.mark.parametrize("value", ["1", "true", "yes", "TRUE"])
async def test_the_spellings_of_yes(extended: Running, value: str) -> None:
    assert "ext" not in await extended.caller().json(f"contests/small?strict={value}")


@pytest.mark.parametrize("value", ["0", "false", "no", ""])
async def test_anything_else_is_no(extended: Running, value: str) -> None:
    """As with the other parameters that say yes or no."""
    assert "ext" in await extended.caller().json(f"contests/small?strict={value}")


@pytest.mark.parametrize("version", ["2023-06", "2026-01"])
async def test_earlier_versions_know_no_extensions(extended: Running, version: str) -> None:
    """With the parameter or without it, which changes nothing there: not even whose tokens are whose."""
    for known in (None, SERVER_ADMIN):
        caller = Caller(extended.session, f"{extended.base}{version}/", known)
        assert not extended_in(await everything(caller, "small"))
        lines = await caller.lines(FEED)
        assert not extended_in(fold(lines))
        assert await caller.lines(f"{FEED}?strict=1") == lines
        assert await caller.lines(f"{FEED}?strict=1&since_token={token_of(lines[0])}") == lines[1:]
        for name in ("contest", "teams", "problems", "submissions"):
            listed = properties_of(await caller.json("contests/small/access"))
            assert not [path for path in listed[name] if path.split(".")[0] == "ext"]


@needs_schemas
@everybody
@each_contest
async def test_strict_answers_keep_the_official_schemas(extended: Running, contest_id: str, who: str) -> None:
    caller = extended.caller(login_of(who, contest_id))
    await check_everything(caller, contest_id)
    await check_feed(caller, contest_id)


@needs_schemas
async def test_what_the_official_schemas_do_not_know_is_in_usual_answers_alone(extended: Running) -> None:
    """The schemas leave other properties alone; the official checker looks for them too."""
    for caller, more in ((extended.caller(SERVER_ADMIN), {"ext"}), (strict(extended, SERVER_ADMIN), set())):
        found = {
            property
            for name, members in (await everything(caller, "small")).items()
            for each in members.values()
            for property in each.keys() - schemas()[SCHEMA_OF_TYPE[name]]["properties"].keys()
        }
        assert found == more
