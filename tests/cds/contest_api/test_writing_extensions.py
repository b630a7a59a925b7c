"""Writing what is beyond the format: `ext` like any other property, checked strictly; and writing in strict mode."""

from typing import Any

import pytest

from tests.cds.contest_api.live_contest_setup import CONFIGURATION, RUNNING, Play, moment, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")

TASK: dict[str, Any] = {
    "submission_format": ["apples.%l"],
    "score_mode": "max_subtask",
    "score_precision": 2,
    "allowed_languages": ["cpp"],
    "max_submission_number": 50,
    "min_submission_interval": 60,
    "subtasks": [
        {"name": "Small", "max_score": 40, "ordinals": [1, 2], "rule": "min", "public": True},
        {"name": "Large", "max_score": 60.5, "ordinals": [2], "rule": "sum", "public": False},
    ],
}
RESULT = {"rank": 1, "points": 3.5, "penalty": 20}
SYNCED = {"platform": "atcoder", "platform_id": "abc901", "rated": True, "rated_range": " ~ 1999", "participants": 0}
MATCH = {"slug": "super-match", "short_description": "", "long_description": "At length"}

LIMITS: dict[str, Any] = {
    "max_submission_number": 100,
    "min_submission_interval": 30,
    "per_user_time": 18000,
    "analysis": {"start": "2026-03-01T16:00:00.000Z", "stop": "2026-03-01T18:00:00.000Z"},
    "ip_autologin": True,
    "ip_restriction": False,
    "block_hidden_participations": True,
    "default_statement_language": "ru",
}
PARTICIPATION: dict[str, Any] = {
    "hidden": True,
    "unrestricted": False,
    "delay_time": 60,
    "extra_time": 600,
    "starting_time": "2026-03-01T10:00:00.000+01:00",
}

WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "contest": ("", {"sync": SYNCED, "cms": LIMITS, "loc": MATCH}),
    "problems": ("problems/apples", {"cms": TASK}),
    "teams": ("teams/t1", {"sync": RESULT}),
}
"""By type: a path, and an extension."""

each_type = pytest.mark.parametrize("name", WRITTEN)

REFUSED: dict[str, tuple[str, object, str]] = {
    "no object": ("problems/apples", "cms", "ext"),
    "an unknown namespace": ("problems/apples", {"x": {}}, "x"),
    "a namespace of another type": ("problems/apples", {"sync": RESULT}, "sync"),
    "a known and an unknown one": ("problems/apples", {"cms": TASK, "icpc": {}}, "icpc"),
    "an unknown property": ("problems/apples", {"cms": {"tokens": 3}}, "tokens"),
    "a text for a number": ("problems/apples", {"cms": {"min_submission_interval": "60"}}, "min_submission_interval"),
    "half a second": ("problems/apples", {"cms": {"min_submission_interval": 0.5}}, "min_submission_interval"),
    "a negative interval": ("problems/apples", {"cms": {"min_submission_interval": -1}}, "min_submission_interval"),
    "no submission at all": ("problems/apples", {"cms": {"max_submission_number": 0}}, "max_submission_number"),
    "a mode that there is not": ("problems/apples", {"cms": {"score_mode": "average"}}, "score_mode"),
    "no file": ("problems/apples", {"cms": {"submission_format": []}}, "submission_format"),
    "a file twice": ("problems/apples", {"cms": {"submission_format": ["a", "a"]}}, "submission_format"),
    "a file without a name": ("problems/apples", {"cms": {"submission_format": [""]}}, "submission_format"),
    "a subtask of no runs": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "max_score": 1, "ordinals": [], "rule": "sum"}]}},
        "ordinals",
    ),
    "a run twice": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "max_score": 1, "ordinals": [2, 2], "rule": "sum"}]}},
        "ordinals",
    ),
    "a run before the first": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "max_score": 1, "ordinals": [0], "rule": "sum"}]}},
        "ordinals",
    ),
    "a rule that there is not": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "max_score": 1, "ordinals": [1], "rule": "max"}]}},
        "rule",
    ),
    "a subtask without points": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "ordinals": [1], "rule": "sum"}]}},
        "max_score",
    ),
    "a test case behind the last": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "Far", "max_score": 1, "ordinals": [1, 3], "rule": "sum"}]}},
        "'Far' names the test case 3",
    ),
    "points that no reader takes": (
        "problems/apples",
        {"cms": {"subtasks": [{"name": "", "max_score": 1e308, "ordinals": [1], "rule": "sum"}]}},
        "max_score",
    ),
    "a limit that no reader takes": ("problems/apples", {"cms": {"max_submission_number": 2**53}}, "max_submission"),
    "a scale that there is not": ("problems/apples", {"cms": {"run_scores": "percent"}}, "run_scores"),
    "too many decimals": ("problems/apples", {"cms": {"score_precision": 10}}, "score_precision"),
    "an analysis that ends before it begins": (
        "",
        {"cms": {"analysis": {"start": "2026-03-01T16:00:00Z", "stop": "2026-03-01T15:00:00Z"}}},
        "analysis",
    ),
    "an analysis that never ends": ("", {"cms": {"analysis": {"start": "2026-03-01T16:00:00Z"}}}, "stop"),
    "a start that is no time": ("accounts/team-one", {"cms": {"starting_time": "10:00"}}, "not a time"),
    "less than no more time": ("accounts/team-one", {"cms": {"extra_time": -1}}, "extra_time"),
    "a rank before the first": ("teams/t1", {"sync": {"rank": 0}}, "rank"),
    "a platform without a name": ("", {"sync": {"platform": "", "platform_id": "1"}}, "platform"),
    "a contest of no platform": ("", {"sync": {"platform": "atcoder"}}, "platform_id"),
    "fewer participants than none": (
        "",
        {"sync": {"platform": "atcoder", "platform_id": "abc", "participants": -1}},
        "participants",
    ),
    "a match without a slug": ("", {"loc": {"short_description": "x"}}, "slug"),
    "a type without extensions": ("groups/main", {"sync": RESULT}, "ext"),
}
"""What is said, where, and what the refusal has to name."""


def whole(name: str) -> dict[str, Any]:
    """The body of a PUT of the object, without an extension."""
    _, _, identifier = WRITTEN[name][0].partition("/")
    return next(each for each in CONFIGURATION[name] if each["id"] == identifier)


@each_type
async def test_an_extension_is_patched_shown_and_taken_away(waiting: Play, name: str) -> None:
    path, said = WRITTEN[name]
    since = await waiting.token("chief")
    assert (await waiting.patch("chief", path, {"ext": said}))["ext"] == said
    assert (await waiting.get("judge", path))["ext"] == said
    position = await waiting.position()
    await waiting.patch("chief", path, {"ext": said})
    assert await waiting.position() == position
    assert "ext" not in await waiting.patch("chief", path, {"ext": None})
    told = [line["data"].get("ext") for line in await waiting.feed("chief", since)]
    assert told == [said, None]


@pytest.mark.parametrize("name", ["problems", "teams"])
async def test_an_extension_is_put_and_posted_with_the_object(waiting: Play, name: str) -> None:
    path, said = WRITTEN[name]
    assert (await waiting.put("chief", path, {**whole(name), "ext": said}))["ext"] == said
    position = await waiting.position()
    await waiting.put("chief", path, {**whole(name), "ext": said})
    assert await waiting.position() == position
    assert "ext" not in await waiting.put("chief", path, {**whole(name), "ext": dict.fromkeys(said)})
    new = {**whole(name), "name": "Another", "label": "Z", "ordinal": 17, "ext": said}
    body = {key: value for key, value in new.items() if key != "id" and (name == "problems" or key != "ordinal")}
    assert (await waiting.post("chief", name, body))["ext"] == said


@pytest.mark.parametrize("what", REFUSED)
async def test_what_is_wrong_in_an_extension_is_named(refusing: Play, what: str) -> None:
    path, said, named = REFUSED[what]
    await refusing.refused("chief", "PATCH", path, {"ext": said}, 400, names=named)


async def test_patch_takes_each_namespace_for_a_property(waiting: Play) -> None:
    """They are of different people: whoever gives one does not mean to end the others."""
    other = {**MATCH, "slug": "other-match"}
    assert (await waiting.patch("chief", "", {"ext": {"sync": SYNCED}}))["ext"] == {"sync": SYNCED}
    assert (await waiting.patch("chief", "", {"ext": {"loc": MATCH}}))["ext"] == {"sync": SYNCED, "loc": MATCH}
    assert (await waiting.patch("chief", "", {"ext": {"loc": other}}))["ext"] == {"sync": SYNCED, "loc": other}
    assert (await waiting.patch("chief", "", {"ext": {}}))["ext"] == {"sync": SYNCED, "loc": other}
    assert (await waiting.patch("chief", "", {"ext": {"sync": None}}))["ext"] == {"loc": other}
    assert "ext" not in await waiting.patch("chief", "", {"ext": None})


async def test_patch_takes_each_member_of_a_namespace_for_a_property(waiting: Play) -> None:
    """More time for somebody leaves alone when they began, and another limit the subtasks of a task."""
    began = {"cms": {"starting_time": PARTICIPATION["starting_time"], "delay_time": 60}}
    await waiting.patch("chief", "accounts/team-one", {"ext": began})
    longer = await waiting.patch("chief", "accounts/team-one", {"ext": {"cms": {"extra_time": 600}}})
    assert longer["ext"] == {"cms": {**began["cms"], "extra_time": 600}}
    shown = await waiting.patch("chief", "accounts/team-one", {"ext": {"cms": {"delay_time": None, "extra_time": 0}}})
    assert shown["ext"] == {"cms": {"starting_time": PARTICIPATION["starting_time"], "extra_time": 0}}
    await waiting.patch("chief", "problems/apples", {"ext": {"cms": TASK}})
    limited = await waiting.patch("chief", "problems/apples", {"ext": {"cms": {"max_submission_number": 2}}})
    assert limited["ext"] == {"cms": {**TASK, "max_submission_number": 2}}
    nothing_left = await waiting.patch("chief", "problems/apples", {"ext": {"cms": dict.fromkeys(TASK)}})
    assert "ext" not in nothing_left
    await waiting.patch("chief", "", {"ext": {"cms": LIMITS}})
    analysis = {"start": "2026-03-02T16:00:00.000Z", "stop": "2026-03-02T18:00:00.000Z"}
    later = await waiting.patch("chief", "", {"ext": {"cms": {"analysis": analysis}}})
    assert later["ext"] == {"cms": {**LIMITS, "analysis": analysis}}


async def test_put_ends_what_is_not_given_but_for_what_a_platform_says(waiting: Play) -> None:
    """A client that does not know of platforms puts a contest or a team back as it knows it."""
    await waiting.patch("chief", "", {"ext": {"sync": SYNCED, "loc": MATCH}})
    plain = {name: value for name, value in (await waiting.get("chief", "")).items() if name != "ext"}
    assert (await waiting.put("chief", "", plain))["ext"] == {"sync": SYNCED}
    assert (await waiting.put("chief", "", {**plain, "ext": {"loc": MATCH}}))["ext"] == {"sync": SYNCED, "loc": MATCH}
    await waiting.patch("chief", "teams/t1", {"ext": {"sync": RESULT}})
    assert (await waiting.put("chief", "teams/t1", whole("teams")))["ext"] == {"sync": RESULT}
    assert "ext" not in await waiting.put("chief", "teams/t1", {**whole("teams"), "ext": {"sync": None}})
    await waiting.patch("chief", "problems/apples", {"ext": {"cms": TASK}})
    assert "ext" not in await waiting.put("chief", "problems/apples", whole("problems"))


@pytest.mark.parametrize("nothing", [None, {"cms": None}, {"cms": None, "loc": None}])
async def test_an_extension_that_says_nothing_is_none(waiting: Play, nothing: object) -> None:
    """In requests null and absent are the same, here as everywhere."""
    await waiting.patch("chief", "problems/apples", {"ext": {"cms": TASK}})
    assert "ext" not in await waiting.patch("chief", "problems/apples", {"ext": nothing})
    with_null = {"cms": {**TASK, "score_mode": None}, "loc": None}
    shown = await waiting.patch("chief", "problems/apples", {"ext": with_null})
    assert shown["ext"] == {"cms": {name: value for name, value in TASK.items() if name != "score_mode"}}


@each_type
async def test_strict_writes_neither_set_nor_remove_an_extension(waiting: Play, name: str) -> None:
    """Whoever does not see it cannot mean it: a body may not have it, and an object keeps it."""
    path, said = WRITTEN[name]
    strictly = f"{path}?strict=1"
    await waiting.patch("chief", path, {"ext": said})
    plain = await waiting.get("chief", strictly)
    assert "ext" not in plain
    for method, body in (("PATCH", {"ext": said}), ("PATCH", {"ext": None}), ("PUT", {**plain, "ext": said})):
        await waiting.refused("chief", method, strictly, body, 400, names="ext")
    answer = await waiting.put("chief", strictly, {**plain, "name": "Renamed"})
    assert answer == {**plain, "name": "Renamed"} == await waiting.get("chief", strictly)
    assert "ext" not in await waiting.patch("chief", strictly, {"name": "Once more"})
    now = await waiting.get("chief", path)
    assert (now["name"], now["ext"]) == ("Once more", said)
    position = await waiting.position()
    await waiting.put("chief", strictly, {**plain, "name": "Once more", "ext": None})
    assert await waiting.position() == position


async def test_conditions_speak_of_what_is_shown_in_the_mode_of_the_request(waiting: Play) -> None:
    """The tag of the strict answer is that of the usual one only where the bytes are the same."""
    await waiting.patch("chief", "teams/t1", {"ext": {"sync": RESULT}})
    tags = {
        path: (await waiting.caller("chief").get(f"contests/live/{path}")).headers["ETag"]
        for path in ("teams/t1", "teams/t1?strict=1", "teams/t2", "teams/t2?strict=1")
    }
    assert tags["teams/t2"] == tags["teams/t2?strict=1"]
    for mine, other in (("teams/t1", "teams/t1?strict=1"), ("teams/t1?strict=1", "teams/t1")):
        refused = {"If-Match": tags[other]}
        await waiting.refused("chief", "PATCH", mine, {"name": "Zeta"}, 412, headers=refused)
        accepted = await waiting.ask("chief", "PATCH", mine, {"name": "Alpha"}, headers={"If-Match": tags[mine]})
        assert (accepted.status, accepted.headers["ETag"]) == (200, tags[mine])


async def test_a_new_object_in_strict_mode_has_no_extension(waiting: Play) -> None:
    new = {"name": "Delta", "label": "4"}
    await waiting.refused("chief", "POST", "teams?strict=1", {**new, "ext": {"sync": RESULT}}, 400, names="ext")
    made = await waiting.ask("chief", "POST", "teams?strict=1", {**new, "ext": None})
    assert made.status == 201
    assert made.headers["Location"].endswith(f"/teams/{made.json['id']}")
    assert "ext" not in await waiting.get("chief", f"teams/{made.json['id']}")


async def test_only_an_administrator_says_more_of_a_submission(live: Play) -> None:
    """A team or a proxy could otherwise call its own tries unofficial."""
    said = {"cms": {"official": False}, "loc": {"url": "https://example.org", "title": "T", "description": "D"}}
    await live.refused("team-one", "POST", "submissions", submission(ext=said), 400, names="ext")
    await live.refused("proxy", "POST", "submissions", submission(team_id="t2", ext=said), 400, names="ext")
    body = submission(team_id="t1", time=moment(RUNNING), ext=said)
    identifier = (await live.post("chief", "submissions", body))["id"]
    for who in ("public", "team-one", "judge"):
        assert (await live.get(who, f"submissions/{identifier}"))["ext"] == said
    assert "ext" not in await live.get("public", f"submissions/{identifier}?strict=1")
    assert "ext.cms.official" in str(await live.get("public", "access"))


async def test_a_participation_is_seen_by_staff_and_in_ones_own_account(waiting: Play) -> None:
    """With its times in their one form; an account keeps its password."""
    shortened = {**PARTICIPATION, "starting_time": "2026-03-01T10:00:00+01"}
    assert (await waiting.patch("chief", "accounts/team-one", {"ext": {"cms": shortened}}))["ext"][
        "cms"
    ] == PARTICIPATION
    assert (await waiting.get("staff", "accounts/team-one"))["ext"] == {"cms": PARTICIPATION}
    assert (await waiting.get("team-one", "account"))["ext"] == {"cms": PARTICIPATION}
    assert "ext" not in await waiting.get("team-one", "account?strict=1")
    assert "ext" not in await waiting.get("team-two", "account")
    assert "ext.cms.extra_time" not in str(await waiting.get("team-one", "access"))
    for who in ("public", "team-one", "judge", "analyst"):
        assert (await waiting.caller(who).get("contests/live/accounts/team-one")).status == 404
    # What the server itself has written stays until somebody says outright that it is not so.
    left = await waiting.patch("chief", "accounts/team-one", {"ext": None})
    assert left["ext"] == {"cms": {"starting_time": PARTICIPATION["starting_time"]}}
    nothing = {"ext": {"cms": {"starting_time": None}}}
    assert "ext" not in await waiting.patch("chief", "accounts/team-one", nothing)


async def test_problems_that_are_hidden_say_nothing_in_access(waiting: Play) -> None:
    """Before the start the public is told neither of the problem nor that there is anything beyond the format."""
    before = await waiting.get("public", "access")
    await waiting.patch("chief", "problems/apples", {"ext": {"cms": TASK}})
    assert await waiting.get("public", "access") == before
    assert "ext.cms.subtasks" in str(await waiting.get("judge", "access"))
    await waiting.at(RUNNING)
    assert "ext.cms.subtasks" in str(await waiting.get("public", "access"))
    await waiting.patch("chief", "problems/apples", {"ext": None})
    assert await waiting.get("public", "access") == before


@pytest.mark.parametrize("how", [{"ext": {"cms": {"score_mode": "last"}}}, {"ext": None}])
async def test_how_a_task_is_scored_does_not_change_in_a_final_contest(live: Play, how: dict[str, Any]) -> None:
    """Results rest on it."""
    await live.patch("chief", "problems/apples", {"ext": {"cms": TASK}})
    await live.at(5 * 60 + 1)
    await live.patch("chief", "state", {"thawed": moment(5 * 60 + 1)})
    await live.patch("chief", "state", {"finalized": moment(5 * 60 + 1)})
    await live.refused("chief", "PATCH", "problems/apples", how, 403)
