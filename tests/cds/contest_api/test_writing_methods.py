"""What POST, PUT, PATCH and DELETE are, for every type alike (Contest API, "HTTP methods")."""

from typing import Any
from urllib.parse import unquote

import pytest

from tests.cds.contest_api.live_contest_setup import CONFIGURATION, CONTEST_ID, EVERYBODY, Play, below
from tests.cds.contest_api.test_http import check_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

NEW: dict[str, dict[str, Any]] = {
    "groups": {"name": "Third Site", "type": "site"},
    "judgement-types": {
        "name": "Time Limit Exceeded",
        "solved": False,
        "penalty": True,
        "simplified_judgement_type_id": "RE",
    },
    "languages": {"name": "Kotlin", "entry_point_required": False, "extensions": ["kt"], "entry_point_name": "class"},
    "problems": {"label": "C", "name": "Cherries", "ordinal": 2, "test_data_count": 7, "color": "red"},
    "organizations": {"name": "University of the West", "country": "DEU"},
    "teams": {"name": "Delta", "label": "4", "organization_id": "north", "group_ids": ["main"]},
    "persons": {"name": "Dora", "roles": [{"type": "contestant", "team_id": "t2"}], "email": "dora@example.com"},
    "accounts": {"username": "team-three", "type": "team", "team_id": "t3", "name": "Gamma"},
    "awards": {"citation": "Best costumes", "team_ids": ["t2"]},
}
"""A new object of every type that is configured, with some property that may be left out, at its end or before."""

REQUIRED = {
    "groups": ("name",),
    "judgement-types": ("name", "solved"),
    "languages": ("name", "entry_point_required", "extensions"),
    "problems": ("label", "name", "ordinal", "test_data_count"),
    "organizations": ("name",),
    "teams": ("name", "label"),
    "persons": ("name", "roles"),
    "accounts": ("username", "type"),
    "awards": ("citation", "team_ids"),
}
"""Typed from the JSON Format: what has to be there besides the id."""

LEFT_OUT = {
    "groups": "type",
    "judgement-types": "simplified_judgement_type_id",
    "languages": "entry_point_name",
    "problems": "color",
    "organizations": "country",
    "teams": "organization_id",
    "persons": "email",
    "accounts": "name",
}

WRONG: dict[str, tuple[str, object]] = {
    "groups": ("name", 7),
    "judgement-types": ("solved", "yes"),
    "languages": ("extensions", "kt"),
    "problems": ("ordinal", "2"),
    "organizations": ("country", "Germany"),
    "teams": ("group_ids", "main"),
    "persons": ("roles", {"type": "other"}),
    "accounts": ("ip", 4),
    "awards": ("team_ids", "t1"),
}
"""A property of the wrong type."""

NAMING: dict[str, tuple[str, object]] = {
    "judgement-types": ("simplified_judgement_type_id", "nobody"),
    "teams": ("organization_id", "nobody"),
    "persons": ("roles", [{"type": "contestant", "team_id": "nobody"}]),
    "accounts": ("team_id", "nobody"),
    "awards": ("team_ids", ["t1", "nobody"]),
}
"""A reference to what is not there."""

PRESENT = {
    **{name: objects[0]["id"] for name, objects in CONFIGURATION.items()},
    "awards": "gold-medal",
    "submissions": "1",
}
"""An object of each type that is there already."""

every_type = pytest.mark.parametrize("name", NEW)


def whole(name: str, identifier: str = "new-one", /, **changed: object) -> dict[str, Any]:
    """The body of a PUT."""
    return {"id": identifier, **NEW[name], **changed}


@every_type
async def test_post_makes_an_object_in_a_collection_and_says_where_it_is(live: Play, name: str) -> None:
    """The server chooses the id; Location leads to the object."""
    answer = await live.ask("chief", "POST", name, NEW[name])
    assert answer.status == 201, answer.body
    made = answer.json
    assert {key: value for key, value in made.items() if key != "id"} == NEW[name]
    assert answer.headers["Location"] == f"/api/{below(name)}/{made['id']}"
    followed = await live.caller("chief").get(live.server.root + answer.headers["Location"])
    assert (followed.status, followed.body) == (200, answer.body)
    assert followed.headers["ETag"] == answer.headers["ETag"]
    assert made in await live.get("chief", name)
    again = await live.post("chief", name, NEW[name] | ({"username": "another"} if name == "accounts" else {}))
    assert again["id"] != made["id"]


async def test_a_slash_at_the_end_makes_no_difference(live: Play) -> None:
    answer = await live.ask("chief", "POST", "groups/", NEW["groups"])
    path = f"groups/{answer.json['id']}"
    assert (answer.status, answer.headers["Location"]) == (201, f"/api/{below(path)}")
    await live.patch("chief", f"{path}/", {"name": "Fourth Site"})
    await live.delete("chief", f"{path}/")


@pytest.mark.parametrize("name", [*NEW, "submissions", "clarifications", "commentary", "judgements", "runs"])
async def test_post_to_an_object_is_not_allowed(refusing: Play, name: str) -> None:
    for who in ("chief", "judge", "team-one", "root"):
        await refusing.refused(who, "POST", f"{name}/{PRESENT.get(name, 'x')}", NEW.get(name, {}), 405)


@every_type
async def test_post_takes_no_id(refusing: Play, name: str) -> None:
    await refusing.refused("chief", "POST", name, whole(name), 400, names="id")


@every_type
async def test_put_makes_or_replaces_the_object_that_the_url_names(live: Play, name: str) -> None:
    """What the second body leaves out is gone: a PUT is the whole object."""
    answer = await live.ask("chief", "PUT", f"{name}/new-one", whole(name))
    assert (answer.status, answer.json) == (201, whole(name))
    assert answer.headers["Location"] == f"/api/{below(name)}/new-one"
    left_out = LEFT_OUT.get(name)
    smaller = {key: value for key, value in whole(name).items() if key != left_out}
    if name == "awards":
        smaller["citation"] = "Finest costumes"
    replaced = await live.ask("chief", "PUT", f"{name}/new-one", smaller)
    assert (replaced.status, replaced.json) == (200, smaller)
    assert await live.get("chief", f"{name}/new-one") == smaller


@every_type
async def test_the_same_put_again_changes_nothing(live: Play, name: str) -> None:
    """No event, no line of any feed, and the entity tag that the object has already."""
    first = await live.ask("chief", "PUT", f"{name}/new-one", whole(name))
    before, token = await live.position(), await live.token("chief")
    again = await live.ask("chief", "PUT", f"{name}/new-one", whole(name))
    assert (again.status, again.body, again.headers["ETag"]) == (200, first.body, first.headers["ETag"])
    assert await live.position() == before
    assert await live.feed("chief", token) == []


@every_type
async def test_put_to_a_collection_is_not_allowed(refusing: Play, name: str) -> None:
    for method in ("PUT", "PATCH", "DELETE"):
        await refusing.refused("chief", method, name, whole(name), 405)


@every_type
async def test_put_needs_the_id_in_its_body(refusing: Play, name: str) -> None:
    await refusing.refused("chief", "PUT", f"{name}/new-one", NEW[name], 400, names="id")
    await refusing.refused("chief", "PUT", f"{name}/new-one", whole(name) | {"id": None}, 400, names="id")


@every_type
async def test_patch_touches_only_what_it_names(live: Play, name: str) -> None:
    await live.put("chief", f"{name}/new-one", whole(name), 201)
    key = "citation" if name == "awards" else "username" if name == "accounts" else "name"
    changed = {**whole(name), key: "Another One"}
    for body in ({key: "Another One"}, {key: "Another One", "id": "new-one"}):
        assert await live.patch("chief", f"{name}/new-one", body) == changed
    assert await live.get("chief", f"{name}/new-one") == changed
    before = await live.position()
    await live.patch("chief", f"{name}/new-one", {key: "Another One"})
    assert await live.position() == before


@pytest.mark.parametrize("name", LEFT_OUT)
async def test_patch_with_null_takes_a_property_away(live: Play, name: str) -> None:
    await live.put("chief", f"{name}/new-one", whole(name), 201)
    left = await live.patch("chief", f"{name}/new-one", {LEFT_OUT[name]: None})
    assert left == {key: value for key, value in whole(name).items() if key != LEFT_OUT[name]}


@every_type
async def test_delete_is_empty_ignores_its_body_and_is_404_when_repeated(live: Play, name: str) -> None:
    await live.put("chief", f"{name}/new-one", whole(name), 201)
    answer = await live.ask("chief", "DELETE", f"{name}/new-one", b"this is no JSON")
    assert (answer.status, answer.body) == (204, b"")
    assert (await live.caller("chief").get(below(f"{name}/new-one"))).status == 404
    of_it = [line["data"] for line in await live.feed("chief") if (line["type"], line["id"]) == (name, "new-one")]
    assert of_it == [whole(name), None]
    await live.refused("chief", "DELETE", f"{name}/new-one", None, 404)
    assert await live.put("chief", f"{name}/new-one", whole(name), 201) == whole(name)


@every_type
async def test_every_success_answers_with_the_present_object(live: Play, name: str) -> None:
    posted = await live.ask("chief", "POST", name, NEW[name])
    path = f"{name}/{posted.json['id']}"
    left_out = LEFT_OUT.get(name)
    body: dict[str, Any] = {"id": posted.json["id"], **NEW[name]}
    for method, sent in (("PUT", {key: body[key] for key in body if key != left_out}), ("PATCH", body)):
        answer = await live.ask("chief", method, path, sent)
        shown = await live.caller("chief").get(below(path))
        assert (answer.status, answer.body) == (200, shown.body)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["ETag"] == shown.headers["ETag"]


@every_type
async def test_a_missing_required_property_is_refused(refusing: Play, name: str) -> None:
    for missing in REQUIRED[name]:
        body = {key: value for key, value in NEW[name].items() if key != missing}
        for cut in (body, {**body, missing: None}):
            await refusing.refused("chief", "POST", name, cut, 400, names=missing)
            await refusing.refused("chief", "PUT", f"{name}/new-one", {"id": "new-one", **cut}, 400, names=missing)


@every_type
async def test_a_property_that_is_none_of_the_type_is_refused(refusing: Play, name: str) -> None:
    for more in ({"nonsense": 1}, {"data": None, "hidden": True}, {"content": "0" * 64}):
        given = next(key for key, value in more.items() if value is not None)
        await refusing.refused("chief", "POST", name, NEW[name] | more, 400, names=given)
        await refusing.refused("chief", "PUT", f"{name}/new-one", whole(name) | more, 400, names=given)
        if name != "awards":
            await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", more, 400, names=given)


@every_type
async def test_a_wrong_type_is_refused(refusing: Play, name: str) -> None:
    wrong, value = WRONG[name]
    await refusing.refused("chief", "POST", name, NEW[name] | {wrong: value}, 400, names=wrong)
    await refusing.refused("chief", "PUT", f"{name}/new-one", whole(name, **{wrong: value}), 400, names=wrong)
    await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", {wrong: value}, 400, names=wrong)


@every_type
async def test_null_for_what_must_be_there_is_refused(refusing: Play, name: str) -> None:
    for required in REQUIRED[name]:
        await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", {required: None}, 400, names=required)


@pytest.mark.parametrize("name", NAMING)
async def test_a_reference_to_what_is_not_there_is_refused(refusing: Play, name: str) -> None:
    naming, value = NAMING[name]
    await refusing.refused("chief", "POST", name, NEW[name] | {naming: value}, 400, names="nobody")
    await refusing.refused("chief", "PUT", f"{name}/new-one", whole(name, **{naming: value}), 400, names="nobody")
    await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", {naming: value}, 400, names="nobody")


@every_type
async def test_patch_of_an_unknown_id_is_404(refusing: Play, name: str) -> None:
    await refusing.refused("chief", "PATCH", f"{name}/nobody", {"id": "nobody"}, 404)


@every_type
async def test_an_id_that_is_not_the_one_in_the_url_is_409(refusing: Play, name: str) -> None:
    await refusing.refused("chief", "PUT", f"{name}/new-one", whole(name, "other"), 409, names="id")
    await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", {"id": "other"}, 409, names="id")
    await refusing.refused("chief", "PATCH", f"{name}/{PRESENT[name]}", {"id": None}, 409, names="id")


@every_type
async def test_delete_of_an_unknown_id_is_404(refusing: Play, name: str) -> None:
    await refusing.refused("chief", "DELETE", f"{name}/nobody", None, 404)


@pytest.mark.parametrize("identifier", ["-new", ".new", "new.", "a" * 37, "a%20b", "%C3%BCber", "a%2Fb"])
async def test_a_put_under_what_is_no_id_is_refused(refusing: Play, identifier: str) -> None:
    plain = unquote(identifier)
    await refusing.refused("chief", "PUT", f"groups/{identifier}", {"id": plain, "name": "x"}, 400, names="id")


async def test_what_is_named_cannot_be_deleted(refusing: Play) -> None:
    """Nothing is ever left dangling: it fails, and says what stands in the way."""
    for path, referrer in (
        ("groups/main", "main_scoreboard_group_id"),
        ("groups/guests", "t3"),
        ("organizations/north", "t1"),
        ("judgement-types/RE", "WA"),
        ("teams/t1", "ada"),
        ("teams/t2", "team-two"),
        ("persons/cleo", "analyst"),
        ("languages/cpp", "submissions 1"),
        ("problems/apples", "submissions 1"),
        ("accounts/team-one", "submissions 1"),
        ("submissions/1", "judgements"),
    ):
        message = await refusing.refused("chief", "DELETE", path, None, 409)
        assert referrer in message or referrer.startswith("main"), message


async def test_a_method_that_nobody_may_use_says_what_may_be(refusing: Play) -> None:
    for method, path, status in (
        ("PATCH", "submissions/1", 405),
        ("PATCH", "clarifications/x", 405),
        ("PUT", "commentary/x", 405),
        ("DELETE", "state", 405),
        ("PUT", "state", 405),
        ("POST", "", 405),
    ):
        answer = await refusing.ask("chief", method, path, {})
        check_error(answer.status, answer.body, answer.headers["Content-Type"], status)
        assert "GET" in answer.headers["Allow"]
        assert method not in answer.headers["Allow"].split(", ")


async def test_null_and_absent_are_the_same_in_a_body(live: Play) -> None:
    plain = await live.post("chief", "groups", {"name": "Third Site"})
    nulls = await live.post(
        "chief", "groups", {"id": None, "name": "Third Site", "type": None, "icpc_id": None, "location": None}
    )
    assert {**nulls, "id": ""} == {**plain, "id": ""}
    asked = {"id": None, "time": None, "contest_time": None, "to_team_ids": None, "from_team_id": None, "text": "Why?"}
    assert "to_team_ids" not in await live.post("team-one", "clarifications", asked)


@pytest.mark.parametrize("name", [*NEW, "submissions", "clarifications", "judgements", "runs", "commentary"])
async def test_what_nobody_has_logged_in_for_is_refused(refusing: Play, name: str) -> None:
    for method, path in (("POST", name), ("PUT", f"{name}/x"), ("PATCH", f"{name}/x"), ("DELETE", f"{name}/x")):
        await refusing.refused("public", method, path, {}, 401)


async def test_the_lists_of_this_module_speak_of_every_type_that_is_configured() -> None:
    assert set(NEW) == set(REQUIRED) == set(WRONG) == {*CONFIGURATION, "awards"}


async def test_the_contest_itself_follows_the_same_rules(live: Play) -> None:
    whole_contest = await live.get("chief")
    assert await live.put("chief", "", whole_contest) == whole_contest
    changed = {**whole_contest, "formal_name": "The Live Contest"}
    assert await live.put("chief", "", changed) == changed
    assert await live.patch("chief", "", {"formal_name": None}) == whole_contest
    await live.refused("chief", "PUT", "", {**changed, "id": "other"}, 409, names="id")
    await live.refused("chief", "PATCH", "", {"id": "other", "name": "x"}, 409, names="id")
    without_name = {key: value for key, value in changed.items() if key != "name"}
    await live.refused("chief", "PUT", "", without_name, 400, names="name")
    await live.refused("chief", "PATCH", "", {"main_scoreboard_group_id": "nobody"}, 400, names="nobody")
    await live.refused("chief", "PATCH", "", {"nonsense": 1}, 400, names="nonsense")
    await live.refused("chief", "DELETE", "", None, 409)
    assert CONTEST_ID in [each["id"] for each in await live.caller("public").json("contests")]
    for who in EVERYBODY:
        assert await live.get(who) == whole_contest
