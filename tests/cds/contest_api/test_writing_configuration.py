"""Configuration over HTTP: whole contests, files, accounts and their passwords."""

import hashlib
import io
from typing import Any

import pytest
from PIL import Image

from tests.cds.contest_api.feeds import dangling, everything
from tests.cds.contest_api.live_contest_setup import (
    CONTEST,
    CONTEST_ID,
    EVERYBODY,
    OVER,
    Play,
    archive,
    below,
    data_of,
    moment,
    picture,
)
from tests.cds.contest_api.serving import SERVER_ADMIN, Caller, Json
from tests.cds.contest_api.test_http import expect_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECOND: dict[str, Any] = {
    "name": "Second Contest",
    "start_time": "2032-01-01T10:00:00.000+01:00",
    "duration": "3:00:00.000",
    "scoreboard_type": "pass-fail",
    "penalty_time": "0:20:00.000",
}
NOT_OF_THE_SERVER = tuple(name for name in EVERYBODY if name != "public")
PASSWORD = "a password of many words"


async def test_a_contest_is_made_by_post(live: Play) -> None:
    """The server chooses the id; the contest is there with a state, and runs."""
    root = live.caller("root")
    answer = await root.ask("POST", "contests", json=SECOND)
    assert answer.status == 201, answer.body
    made = answer.json
    assert made == {**SECOND, "id": made["id"]}
    assert answer.headers["Location"] == f"/api/contests/{made['id']}"
    assert (await root.get(live.server.root + answer.headers["Location"])).body == answer.body
    assert made in await live.caller("public").json("contests")
    state = await live.caller("public").json(f"contests/{made['id']}/state")
    assert set(state.values()) == {None}
    another = (await root.ask("POST", "contests", json=SECOND)).json
    assert another["id"] != made["id"]
    await expect_error(root, "POST", "contests", 400, json={**SECOND, "id": "chosen"})


async def test_a_contest_is_made_by_put(live: Play) -> None:
    root = live.caller("root")
    body = {"id": "second", **SECOND}
    answer = await root.ask("PUT", "contests/second", json=body)
    assert (answer.status, answer.json) == (201, body)
    assert answer.headers["Location"] == "/api/contests/second"
    again = await root.ask("PUT", "contests/second", json=body)
    assert (again.status, again.body) == (200, answer.body)
    await expect_error(root, "PUT", "contests/third", 409, json={**body, "id": "second"})
    await expect_error(root, "PUT", "contests/third", 400, json=SECOND)
    await expect_error(root, "PUT", "contests/-third", 400, json={**body, "id": "-third"})
    for missing in ("name", "duration", "scoreboard_type"):
        cut = {name: value for name, value in body.items() if name != missing}
        await expect_error(root, "PUT", "contests/third", 400, json={**cut, "id": "third"})
    await expect_error(root, "GET", "contests/third", 404)
    assert [each["id"] for each in await root.json("contests")] == [CONTEST_ID, "second"]


@pytest.mark.parametrize("who", NOT_OF_THE_SERVER)
async def test_accounts_of_a_contest_make_no_contests(refusing: Play, who: str) -> None:
    """Outside their contest they are public, whatever their role there."""
    caller, before = refusing.caller(who), await refusing.server.store.heads()
    for method, path, body in (("POST", "contests", SECOND), ("PUT", "contests/second", {"id": "second", **SECOND})):
        answer = await caller.ask(method, path, json=body)
        assert answer.status in (401, 403)
        assert answer.json["code"] == answer.status
    assert await refusing.server.store.heads() == before
    await expect_error(refusing.caller("public"), "POST", "contests", 401, json=SECOND)
    await expect_error(refusing.caller("public"), "PUT", "contests/second", 401, json={"id": "second", **SECOND})


async def test_posting_to_a_contest_does_not_make_it_anew(refusing: Play) -> None:
    whole = await refusing.get("root")
    for body in (SECOND, whole, {name: value for name, value in whole.items() if name != "id"}):
        await refusing.refused("root", "POST", "", body, 405)
    assert (await refusing.get("public", "state"))["started"] is not None


async def test_deleting_a_contest_takes_everything_with_it(live: Play) -> None:
    """Not while it runs; then every line of the feed leaves whole what is left, and the id is free."""
    await live.judged(await live.submitted(), "AC")
    await live.post("team-one", "clarifications", {"text": "May we eat?"})
    await live.refused("chief", "DELETE", "", None, 409, names="running")
    await live.at(OVER)
    async with live.caller("root").stream(below("event-feed")) as stream:
        await live.delete("chief", "")
        for path in ("", "teams", "state", "event-feed", "scoreboard", "teams/t1"):
            await expect_error(live.caller("root"), "GET", below(path), 404)
        assert await live.caller("public").json("contests") == []
        collections: dict[str, dict[str | None, Json]] = {}
        while True:
            line = await stream.notification()
            members = collections.setdefault(line["type"], {})
            if line["data"] is None:
                members.pop(line["id"])
            else:
                members[line["id"]] = line["data"]
            assert dangling(collections) == []
            if line["type"] == "contest" and line["data"] is None:
                break
        assert not any(collections.values())
    await expect_error(live.caller("root"), "DELETE", below(""), 404)
    await expect_error(live.caller("chief"), "GET", below(""), 401)
    made = await live.caller("root").ask("PUT", below(""), json={"id": CONTEST_ID, **SECOND})
    assert made.status == 201
    assert await live.caller("root").json(below("teams")) == []


async def test_no_deletion_leaves_anything_dangling(live: Play) -> None:
    """Whatever is asked for, in whatever order: it is refused, or everything left is whole for everybody."""
    await live.judged(await live.submitted(), "AC")
    await live.post("chief", "commentary", {"message": "Hm", "tags": [], "team_ids": ["t1"], "submission_ids": ["1"]})
    await live.post("team-one", "clarifications", {"text": "May we eat?", "problem_id": "apples"})
    types = [entry["type"] for entry in (await live.get("chief", "access"))["endpoints"]]
    statuses = set()
    for name in (each for each in types if each not in ("contest", "state")):
        for identifier in await live.ids("chief", name):
            if (name, identifier) == ("accounts", "chief"):
                continue
            statuses.add((await live.ask("chief", "DELETE", f"{name}/{identifier}")).status)
            for who in ("public", "chief"):
                assert dangling(await everything(live.caller(who), CONTEST_ID)) == [], (name, identifier, who)
    assert statuses == {204, 403, 409}


async def test_a_logo_is_offered_in_the_sizes_that_are_asked_for(live: Play) -> None:
    uploaded = picture(400, 300)
    body = {"name": "West", "logo": [{"data": data_of(uploaded), "filename": "west.png"}]}
    made = await live.post("chief", "organizations", body)
    sizes = {(each["width"], each["height"]): each for each in made["logo"]}
    assert set(sizes) == {(400, 300), (56, 56), (160, 160)}
    for (width, height), reference in sizes.items():
        answer = await live.caller("public").get(reference["href"])
        assert answer.status == 200
        assert answer.headers["Content-Type"] == reference["mime"] == "image/png"
        assert hashlib.md5(answer.body, usedforsecurity=False).hexdigest() == reference["hash"]
        with Image.open(io.BytesIO(answer.body)) as image:
            assert image.size == (width, height)
    original = await live.caller("public").get(sizes[400, 300]["href"])
    assert original.body == uploaded


async def test_files_of_every_kind_come_back_as_they_were_sent(live: Play) -> None:
    pdf, text, package = b"%PDF-1.4 apples", b"1 2 3\n", archive({"problem.yaml": "name: Apples"})
    body = {
        "statement": [{"data": data_of(pdf), "filename": "apples.pdf", "mime": "application/pdf"}],
        "attachments": [{"data": data_of(text), "filename": "sample.in", "mime": "text/plain"}],
        "package": [{"data": data_of(package)}],
    }
    made = await live.patch("chief", "problems/apples", body)
    for name, content in (("statement", pdf), ("attachments", text), ("package", package)):
        (reference,) = made[name]
        assert "data" not in reference
        answer = await live.caller("chief").get(reference["href"])
        assert (answer.body, answer.headers["Content-Type"]) == (content, reference["mime"])
    assert (await live.caller("public").get(made["package"][0]["href"])).status == 404
    photo = await live.patch("chief", "teams/t1", {"photo": [{"data": data_of(picture(30, 20))}]})
    assert (photo["photo"][0]["width"], photo["photo"][0]["height"]) == (30, 20)
    banner = await live.patch("chief", "", {"banner": [{"data": data_of(picture(640, 80))}]})
    assert (await live.caller("public").get(banner["banner"][0]["href"])).body == picture(640, 80)


async def test_a_file_that_is_there_can_be_named_by_its_href(live: Play) -> None:
    """So that what GET gave can be PUT again, with no bytes in it and no change by it."""
    body = {"name": "West", "logo": [{"data": data_of(picture(400, 300))}]}
    made = await live.post("chief", "organizations", body)
    before = await live.position()
    assert await live.put("chief", f"organizations/{made['id']}", made) == made
    assert await live.position() == before
    renamed = await live.put("chief", f"organizations/{made['id']}", {**made, "name": "Far West"})
    assert renamed == {**made, "name": "Far West"}
    wrong_ones: tuple[list[dict[str, Any]], ...] = (
        [{"href": made["logo"][0]["href"], "data": data_of(picture(1, 1))}],
        [{"href": "contests/live/teams/t1/photo/x.png"}],
        [{"data": data_of(b"no picture"), "mime": "image/png"}],
        [{"data": data_of(picture(4, 4)), "width": 5}],
        [{"data": data_of(picture(4, 4)), "hash": "0" * 32}],
        [{"data": "%%%"}],
        [{}],
    )
    for wrong in wrong_ones:
        await live.refused("chief", "PATCH", f"organizations/{made['id']}", {"logo": wrong}, 400, names="logo")


async def test_a_password_is_written_and_never_read(live: Play) -> None:
    body = {"id": "new", "username": "new", "type": "staff", "password": PASSWORD}
    answer = await live.ask("chief", "PUT", "accounts/new", body)
    assert (answer.status, answer.json) == (201, {"id": "new", "username": "new", "type": "staff"})
    newcomer = Caller(live.server.session, live.server.base, ("new", PASSWORD))
    assert (await newcomer.json(below("account")))["id"] == "new"
    texts = [(await newcomer.get(below(path))).body for path in ("account", "accounts", "accounts/new")]
    texts += await live.caller("chief").lines(below("event-feed"))
    texts += [event.data or b"" for event in await live.server.store.read(live.contest.stream, 0, 1_000)]
    for text in texts:
        assert PASSWORD.encode() not in text
        assert b"argon2" not in text
        assert b"password" not in text
    changed = await live.patch("chief", "accounts/new", {"password": "quite another one"})
    assert changed == answer.json
    await expect_error(newcomer, "GET", below("account"), 401)
    renewed = Caller(live.server.session, live.server.base, ("new", "quite another one"))
    assert (await renewed.get(below("account"))).status == 200
    await live.patch("chief", "accounts/new", {"type": "analyst"})
    await expect_error(renewed, "GET", below("accounts"), 404)
    await live.delete("chief", "accounts/new")
    await expect_error(renewed, "GET", below("teams"), 401)


@pytest.mark.parametrize("password", ["", 7, "x" * 1_025, "two\nlines", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA"])
async def test_what_is_no_password_is_refused(refusing: Play, password: object) -> None:
    body = {"id": "new", "username": "new", "type": "staff", "password": password}
    await refusing.refused("chief", "PUT", "accounts/new", body, 400, names="password")
    await refusing.refused("chief", "PATCH", "accounts/judge", {"password": password}, 400, names="password")


async def test_two_accounts_do_not_share_a_user_name(refusing: Play) -> None:
    body = {"id": "new", "username": "judge", "type": "staff"}
    await refusing.refused("chief", "PUT", "accounts/new", body, 409, names="judge")


@pytest.mark.parametrize("who", ["public", "team-one", "proxy", "analyst", "judge", "staff"])
async def test_nobody_else_configures(refusing: Play, who: str) -> None:
    status = 401 if who == "public" else 403
    for name in ("problems", "languages", "teams", "groups", "organizations", "persons", "accounts", "judgement-types"):
        await refusing.refused(who, "POST", name, {"name": "x"}, status)
        for method in ("PUT", "PATCH", "DELETE"):
            await refusing.refused(who, method, f"{name}/x", {"id": "x"}, status)
    await refusing.refused(who, "PUT", "", {"id": CONTEST_ID, **SECOND}, status)
    await refusing.refused(who, "DELETE", "", None, status)
    await refusing.refused(who, "PATCH", "state", {"ended": "now"}, status)
    await refusing.refused(who, "PATCH", "x-settings", {"clock": False}, status)


async def test_the_administrator_of_the_server_configures_every_contest(live: Play) -> None:
    assert live.caller("root").login == SERVER_ADMIN
    assert (await live.patch("root", "teams/t1", {"name": "Omega"}))["name"] == "Omega"
    posted = await live.post("root", "commentary", {"message": "Hello", "tags": []})
    assert posted["time"] == moment(60)


async def test_a_property_that_was_said_once_is_not_given_the_usual_value_later(waiting: Play) -> None:
    await waiting.patch("root", "", {"penalty_time": "0:10:00.000"})
    without = {name: value for name, value in CONTEST.items() if name != "penalty_time"}
    assert (await waiting.put("root", "", without))["penalty_time"] == "0:10:00.000"


async def test_readable_ids_tell_languages_apart(waiting: Play) -> None:
    language = {"entry_point_required": False, "extensions": ["x"]}
    made = [await waiting.post("root", "languages", {**language, "name": name}) for name in ("C", "C++", "C#")]
    assert [each["id"] for each in made] == ["c", "cpp-2", "csharp"]
    assert (await waiting.post("root", "groups", {"name": "Team #1"}))["id"] == "team-1"
