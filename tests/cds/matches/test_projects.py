"""Projects: made at the start, edited by leaders during the match, public after it (endpoints 19, 21 and 22)."""

import pytest

from tests.cds.matches.stage import ALICE, BOB, CAROL, DAVE, START_MS, Reply, Stage

EMPTY = {"title": "", "description": "", "url": ""}
EDITED = {"title": "New title", "description": "New description", "url": "New URL"}
NO_PARTY = Reply(404, {"party": "Party not found for the specified match"})
NO_MATCH = Reply(404, {"match": "Match not found"})
NOT_FINISHED = Reply(403, {"match": "Match not finished"})
NOT_STARTED = Reply(403, {"match": "Match has not started"})
NOT_THE_LEADER = Reply(403, {"match": "You are not the party leader for this match"})


async def test_each_party_that_takes_part_has_an_empty_project_from_the_start(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.ask("get_submission", ALICE, match=slug) == NOT_STARTED
    match_stage.begin()
    for name in (ALICE, BOB):
        assert await match_stage.ask("get_submission", name, match=slug) == Reply(200, EMPTY)


async def test_a_leader_edits_what_is_given_and_members_see_it_at_once(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.begin()
    assert await match_stage.ask("put_submission", ALICE, match=slug, **EDITED) == Reply(200, EDITED)
    assert await match_stage.data("put_submission", ALICE, match=slug, title="") == EDITED | {"title": ""}
    assert await match_stage.data("put_submission", ALICE, match=slug) == EDITED | {"title": ""}
    assert await match_stage.data("get_submission", BOB, match=slug) == EDITED | {"title": ""}
    assert await match_stage.data("get_submission", BOB, match=slug, party=ALICE) == EDITED | {"title": ""}


async def test_nobody_but_members_sees_a_project_during_the_match(match_stage: Stage) -> None:
    """Nor is anybody told whether there is such a party."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    match_stage.begin()
    for name in (CAROL, DAVE, None):
        for leader in (ALICE, "nobody", DAVE):
            assert await match_stage.ask("get_submission", name, match=slug, party=leader) == NOT_FINISHED
    assert await match_stage.ask("get_submission", DAVE, match=slug) == NO_PARTY


async def test_everybody_sees_projects_when_the_match_is_over(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.begin()
    await match_stage.data("put_submission", ALICE, match=slug, **EDITED)
    match_stage.end()
    for name in (ALICE, BOB, CAROL, None):
        assert await match_stage.ask("get_submission", name, match=slug, party=ALICE) == Reply(200, EDITED)
        assert await match_stage.ask("get_submission", name, match=slug, party="ALICE") == Reply(200, EDITED)
        # Parties are called by their leaders.
        assert await match_stage.ask("get_submission", name, match=slug, party=BOB) == NO_PARTY
    assert await match_stage.ask("get_submission", BOB, match=slug) == Reply(200, EDITED)
    assert await match_stage.ask("get_submission", CAROL, match=slug) == NO_PARTY


async def test_the_party_of_another_match_is_not_found(match_stage: Stage) -> None:
    """The original finds it (requirements-003, 7)."""
    slug, other = await match_stage.made(), await match_stage.made("Other")
    await match_stage.joined(slug, ALICE)
    await match_stage.joined(other, BOB)
    match_stage.end()
    assert await match_stage.ask("get_submission", match=other, party=ALICE) == NO_PARTY
    assert await match_stage.ask("get_submission", ALICE, match=other) == NO_PARTY


async def test_who_neither_logs_in_nor_names_a_party_is_told_so(match_stage: Stage) -> None:
    slug = await match_stage.made()
    missing = Reply(400, {"party": "Field was missing in request"})
    for moment_ms in (match_stage.clock.now_ms, START_MS):
        match_stage.clock.now_ms = moment_ms
        assert await match_stage.ask("get_submission", match=slug) == missing
    match_stage.end()
    assert await match_stage.ask("get_submission", match=slug) == missing


async def test_a_party_that_does_not_take_part_has_no_project(match_stage: Stage) -> None:
    slug = await match_stage.made(min_members=2)
    await match_stage.joined(slug, ALICE)
    match_stage.begin()
    assert await match_stage.ask("get_submission", ALICE, match=slug) == NO_PARTY
    assert await match_stage.ask("put_submission", ALICE, match=slug, title="x") == Reply(
        403, {"match": "Your party does not take part in the match"}
    )
    match_stage.end()
    assert await match_stage.ask("get_submission", match=slug, party=ALICE) == NO_PARTY


async def test_only_the_leader_edits(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.begin()
    for name in (BOB, CAROL):
        assert await match_stage.ask("put_submission", name, match=slug, title="x") == NOT_THE_LEADER


async def test_projects_are_edited_between_start_and_end(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    assert await match_stage.ask("put_submission", ALICE, match=slug, title="x") == NOT_STARTED
    match_stage.end()
    match_stage.clock.now_ms -= 1
    assert await match_stage.data("put_submission", ALICE, match=slug, title="in time") == EMPTY | {"title": "in time"}
    match_stage.end()
    assert await match_stage.ask("put_submission", ALICE, match=slug, title="late") == Reply(
        403, {"match": "Match has already finished"}
    )
    assert (await match_stage.data("get_submission", match=slug, party=ALICE))["title"] == "in time"


@pytest.mark.parametrize("endpoint", ["get_submission", "put_submission", "list_participants", "get_leaderboard"])
async def test_a_match_that_nobody_may_know_of_is_not_found(match_stage: Stage, endpoint: str) -> None:
    hidden, deleted = await match_stage.made("Hidden"), await match_stage.made("Deleted")
    for slug in (hidden, deleted):
        await match_stage.joined(slug, ALICE)
    match_stage.begin()
    await match_stage.data("change_match", "admin", match=hidden, is_visible=False)
    await match_stage.data("delete_match", "admin", match=deleted, delete=True)
    for slug in ("no-such", hidden, deleted):
        assert await match_stage.ask(endpoint, ALICE, match=slug) == NO_MATCH


async def test_participants_are_told_from_the_start_and_only_those_of_the_right_size(match_stage: Stage) -> None:
    slug = await match_stage.made(min_members=2, max_members=2)
    await match_stage.joined(slug, CAROL)
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.listed("list_participants", match=slug) == []
    match_stage.begin()
    participants = [{"leader": ALICE, "members": [ALICE, BOB]}]
    assert await match_stage.listed("list_participants", match=slug) == participants
    match_stage.end()
    assert await match_stage.listed("list_participants", match=slug) == participants


async def test_a_party_that_is_too_large_for_new_rules_does_not_take_part(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    await match_stage.data("change_match", "admin", match=slug, max_members=1)
    match_stage.begin()
    assert await match_stage.listed("list_participants", match=slug) == [{"leader": CAROL, "members": [CAROL]}]
