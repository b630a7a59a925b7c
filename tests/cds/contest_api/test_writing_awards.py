"""Awards that clients write, and those that the server keeps (Contest API, "Modifying awards")."""

import pytest

from tests.cds.contest_api.live_contest_setup import RUNNING, Play, below, submission

pytestmark = pytest.mark.asyncio(loop_scope="session")

COSTUMES = {"citation": "Best team costumes", "team_ids": ["t1"]}
EXCLUSIVE = ("winner", "first-to-solve-apples", "group-winner-main", "organization-winner-north")
"""Awards that the server keeps for itself, where nothing else is configured."""

NOT_ADMINISTRATORS = ("public", "team-one", "proxy", "analyst", "judge", "staff")


async def test_an_administrator_makes_replaces_changes_and_deletes_awards(live: Play) -> None:
    posted = await live.post("chief", "awards", COSTUMES)
    path = f"awards/{posted['id']}"
    assert posted == {"id": posted["id"], **COSTUMES}
    replaced = {"id": posted["id"], "citation": "Best team cosplay", "team_ids": ["t2"]}
    assert await live.put("chief", path, replaced) == replaced
    assert await live.patch("chief", path, {"team_ids": []}) == {**replaced, "team_ids": []}
    assert await live.get("public", path) == {**replaced, "team_ids": []}
    await live.delete("chief", path)
    assert posted["id"] not in await live.ids("public", "awards")
    lines = [line["data"] for line in await live.feed("public") if line["id"] == posted["id"]]
    assert lines == [posted, replaced, {**replaced, "team_ids": []}, None]


@pytest.mark.parametrize("who", NOT_ADMINISTRATORS)
async def test_nobody_else_does(refusing: Play, who: str) -> None:
    status = 401 if who == "public" else 403
    await refusing.refused(who, "POST", "awards", COSTUMES, status)
    for method in ("PUT", "PATCH", "DELETE"):
        await refusing.refused(who, method, "awards/gold-medal", {"id": "gold-medal", **COSTUMES}, status)


async def test_post_takes_no_id_and_assigns_one(live: Play) -> None:
    await live.refused("chief", "POST", "awards", {"id": "best-costume", **COSTUMES}, 400, names="id")
    answer = await live.ask("chief", "POST", "awards", COSTUMES)
    assert answer.headers["Location"] == f"/api/{below('awards')}/{answer.json['id']}"
    assert (await live.post("chief", "awards", COSTUMES))["id"] != answer.json["id"]


async def test_an_unknown_award_cannot_be_changed_or_deleted(refusing: Play) -> None:
    await refusing.refused("chief", "PATCH", "awards/best-costume", {"citation": "x"}, 404)
    await refusing.refused("chief", "DELETE", "awards/best-costume", None, 404)


async def test_citation_and_teams_are_needed(refusing: Play) -> None:
    for missing in ("citation", "team_ids"):
        for body in (
            {name: value for name, value in COSTUMES.items() if name != missing},
            {**COSTUMES, missing: None},
        ):
            await refusing.refused("chief", "POST", "awards", body, 400, names=missing)
            await refusing.refused("chief", "PUT", "awards/new", {"id": "new", **body}, 400, names=missing)
        await refusing.refused("chief", "PATCH", "awards/gold-medal", {missing: None}, 400, names=missing)
    await refusing.refused("chief", "PATCH", "awards/gold-medal", {"team_ids": ["nobody"]}, 400, names="nobody")


async def test_an_id_that_is_not_the_one_in_the_url_is_409(refusing: Play) -> None:
    await refusing.refused("chief", "PUT", "awards/new", {"id": "other", **COSTUMES}, 409, names="id")
    await refusing.refused("chief", "PATCH", "awards/gold-medal", {"id": "other"}, 409, names="id")


@pytest.mark.parametrize("award_id", EXCLUSIVE)
async def test_what_the_server_keeps_for_itself_cannot_be_written(refusing: Play, award_id: str) -> None:
    whole = {"id": award_id, **COSTUMES}
    assert award_id in await refusing.ids("public", "awards")
    await refusing.refused("chief", "PUT", f"awards/{award_id}", whole, 403, names=award_id)
    await refusing.refused("chief", "PATCH", f"awards/{award_id}", {"citation": "x"}, 403, names=award_id)
    await refusing.refused("chief", "DELETE", f"awards/{award_id}", None, 403, names=award_id)


async def test_a_posted_award_never_becomes_one_that_the_server_keeps(live: Play) -> None:
    """Its id is made of its citation, and that of the winner is taken, or the server's alone."""
    made = await live.ask("chief", "POST", "awards", {"citation": "Winner", "team_ids": ["t2"]})
    assert made.status in (201, 403)
    assert (await live.get("public", "awards/winner"))["team_ids"] != ["t2"]


async def test_the_servers_awards_are_there_before_the_start(waiting: Play) -> None:
    """Those for problems are shown to whoever is shown the problems."""
    of_problems = {"first-to-solve-apples", "first-to-solve-bridges"}
    expected = {*EXCLUSIVE, *of_problems, "organization-winner-south", "gold-medal", "silver-medal", "bronze-medal"}
    assert set(await waiting.ids("chief", "awards")) == expected
    assert set(await waiting.ids("public", "awards")) == expected - of_problems
    assert (await waiting.get("public", "state"))["started"] is None


async def test_awards_follow_the_verdicts_at_once(live: Play) -> None:
    """Whoever gets the answer to a verdict finds the awards that follow from it."""
    await live.judged(await live.submitted(), "AC")
    assert (await live.get("public", "awards/winner"))["team_ids"] == ["t1"]
    assert (await live.get("public", "awards/first-to-solve-apples"))["team_ids"] == ["t1"]
    await live.at(RUNNING + 10)
    for problem in ("apples", "bridges"):
        await live.judged(await live.submitted("team-two", problem_id=problem), "AC")
    assert (await live.get("public", "awards/winner"))["team_ids"] == ["t2"]
    assert (await live.get("public", "awards/first-to-solve-apples"))["team_ids"] == ["t1"]


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_an_award_that_a_client_took_over_is_left_to_it(live: Play, method: str) -> None:
    """Also one that it deleted; the server keeps the others."""
    body = {"id": "gold-medal", "citation": "Gold, by hand", "team_ids": ["t2"]}
    answer = await live.ask("chief", method, "awards/gold-medal", body)
    assert answer.status in (200, 204)
    await live.judged(await live.submitted(), "AC")
    found = {each["id"]: each for each in await live.get("public", "awards")}
    assert found.get("gold-medal") == (None if method == "DELETE" else body)
    assert found["winner"]["team_ids"] == ["t1"]
    assert found["silver-medal"]["citation"] == "Silver medal"


async def test_an_award_that_was_taken_over_can_be_given_back(live: Play) -> None:
    """The settings name what clients are responsible for; what is no longer named is the server's again."""
    await live.patch("chief", "awards/gold-medal", {"team_ids": ["t2"]})
    assert (await live.get("chief", "x-settings"))["taken_over"] == ["gold-medal"]
    await live.judged(await live.submitted(), "AC")
    assert (await live.get("public", "awards/gold-medal"))["team_ids"] == ["t2"]
    await live.patch("chief", "x-settings", {"taken_over": []})
    assert (await live.get("public", "awards/gold-medal"))["team_ids"] == ["t1"]


async def test_which_awards_are_kept_is_configuration(live: Play) -> None:
    """An award of a kind that is no longer kept is anybody's, and is not brought up to date."""
    await live.patch("chief", "x-settings", {"exclusive": ["medals"], "kinds": ["winner", "medals"]})
    await live.refused("chief", "PATCH", "awards/gold-medal", {"citation": "x"}, 403)
    await live.patch("chief", "awards/winner", {"citation": "The very best"})
    await live.judged(await live.submitted(), "AC")
    assert (await live.get("public", "awards/gold-medal"))["team_ids"] == ["t1"]
    assert (await live.get("public", "awards/first-to-solve-apples"))["team_ids"] == []
    await live.put("chief", "awards/first-to-solve-apples", {"id": "first-to-solve-apples", **COSTUMES})
    await live.delete("chief", "awards/group-winner-main")


async def test_a_team_with_an_award_of_a_client_cannot_be_deleted(live: Play) -> None:
    """The server's own awards let go of a team."""
    await live.post("proxy", "submissions", submission(team_id="t3"))
    await live.put("chief", "teams/t4", {"id": "t4", "name": "Delta", "label": "4", "group_ids": ["main"]}, 201)
    made = await live.post("chief", "awards", {"citation": "Youngest", "team_ids": ["t4"]})
    await live.refused("chief", "DELETE", "teams/t4", None, 409, names=made["id"])
    await live.delete("chief", f"awards/{made['id']}")
    await live.delete("chief", "teams/t4")
