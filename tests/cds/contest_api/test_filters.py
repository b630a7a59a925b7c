"""Filters on collections (Contest API, "Filtering")."""

import pytest

from tests.cds.contest_api.serving import Caller, Running
from tests.cds.contest_api.small_contest import ROLE_OF_ACCOUNT, login
from tests.expected_references import REFERENCES

pytestmark = pytest.mark.asyncio(loop_scope="session")

ID_PROPERTIES = {
    name: [property for property in targets if property.endswith("_id")]
    for name, targets in REFERENCES.items()
    if name != "contest"
}
"""Type → its properties of type ID or `ID ?`, but `id`."""

EVERYBODY = ("public", *ROLE_OF_ACCOUNT)


def caller_of(server: Running, who: str) -> Caller:
    """An account of the small contest, or the public."""
    return server.caller(None if who == "public" else login("small", who))


async def ids(caller: Caller, path: str) -> list[str]:
    """The ids of a collection."""
    return [each["id"] for each in await caller.json(f"contests/small/{path}")]


@pytest.mark.parametrize("who", EVERYBODY)
async def test_every_visible_id_property_filters_by_every_value_it_has(served: Running, who: str) -> None:
    caller = caller_of(served, who)
    access = await caller.json("contests/small/access")
    listed = {entry["type"]: entry["properties"] for entry in access["endpoints"]}
    tried = 0
    for name, properties in ID_PROPERTIES.items():
        for property in properties:
            if property not in listed.get(name, ()):
                continue
            whole = await caller.json(f"contests/small/{name}")
            for value in {each.get(property) for each in whole} | {"nothing-like-it"}:
                found = await caller.json(f"contests/small/{name}?{property}={value or ''}")
                assert found == [each for each in whole if each.get(property) == value], (name, property, value)
                tried += 1
    assert tried > 15


async def test_an_empty_value_matches_null_and_absent(served: Running) -> None:
    judge = caller_of(served, "judge")
    assert await ids(judge, "submissions?team_id=") == ["s8"]
    assert await ids(judge, "clarifications?from_team_id=") == ["c0", "c2", "c3", "c4"]
    assert await ids(judge, "judgements?judgement_type_id=") == []


async def test_several_filters_must_all_hold(served: Running) -> None:
    judge = caller_of(served, "judge")
    assert await ids(judge, "submissions?team_id=t1&problem_id=apples") == ["s6", "s1", "s2"]
    assert await ids(judge, "submissions?team_id=t1&problem_id=apples&language_id=java") == []
    assert await ids(judge, "submissions?problem_id=apples&language_id=java") == ["s3"]
    assert await ids(judge, "clarifications?from_team_id=&reply_to_id=c1") == ["c2", "c3"]
    assert await ids(judge, "submissions?team_id=t1&team_id=t2") == []


async def test_a_filter_on_what_is_not_visible_is_ignored(served: Running) -> None:
    public = caller_of(served, "public")
    everything = await ids(public, "submissions")
    assert await ids(public, "submissions?account_id=team-one") == everything
    assert await ids(public, "submissions?entry_point=Main") == everything


async def test_a_filter_looks_at_what_is_shown_and_not_at_what_is_hidden(served: Running) -> None:
    public, judge = caller_of(served, "public"), caller_of(served, "judge")
    assert await ids(judge, "judgements?judgement_type_id=WA") == ["j1"]
    assert await ids(public, "judgements?judgement_type_id=WA") == []
    assert await ids(public, "judgements?simplified_judgement_type_id=RE") == ["j1"]
    assert await ids(public, "runs?judgement_type_id=RE") == ["j1r2"]
    assert await ids(public, "clarifications?reply_to_id=") == ["c0", "c3"]
    assert await ids(public, "clarifications?reply_to_id=c1") == []


@pytest.mark.parametrize("query", ["public=1", "strict=1", "foo=bar&foo=", "ID=t1", "id=t1", "=", "&&", "%00=%ff"])
async def test_unknown_parameters_are_ignored(served: Running, query: str) -> None:
    public = caller_of(served, "public")
    assert await ids(public, f"teams?{query}") == ["t1", "t2", "t3"]


async def test_properties_that_are_no_single_id_need_not_filter_and_do_not(served: Running) -> None:
    public = caller_of(served, "public")
    for query in ("group_ids=guests", "name=Beta", "label=1", "icpc_id="):
        assert await ids(public, f"teams?{query}") == ["t1", "t2", "t3"], query


async def test_the_list_of_contests_can_be_filtered(served: Running) -> None:
    found = await served.caller().json("contests?main_scoreboard_group_id=main")
    assert [each["id"] for each in found] == ["small", "other", "early", "late"]
    assert await served.caller().json("contests?main_scoreboard_group_id=guests") == []


async def test_a_single_object_pays_no_heed_to_filters(served: Running) -> None:
    answer = await served.caller().get("contests/small/teams/t1?organization_id=south")
    assert answer.status == 200
