"""Joining and leaving a match, and joining a party (endpoints 17, 18 and 23)."""

import pytest

from tests.cds.matches.stage import ALICE, BOB, CAROL, DAVE, END_MS, START_MS, Reply, Stage

NOT_FOUND = Reply(404, {"match": "Match not found"})
STARTED = Reply(403, {"match": "Match has already started"})


async def test_who_joins_a_match_is_given_the_token_of_a_party_of_their_own(match_stage: Stage) -> None:
    slug = await match_stage.made()
    reply = await match_stage.ask("join_match", ALICE, match=slug)
    assert reply.status == 200
    assert reply.data.keys() == {"party-token"}
    assert len(reply.data["party-token"]) == 32
    assert reply.data["party-token"].isalnum()
    (own,) = await match_stage.listed("list_parties", ALICE)
    assert own["party"] == {"leader": ALICE, "members": [ALICE], "party-token": reply.data["party-token"]}


@pytest.mark.parametrize("endpoint", ["join_match", "leave_match"])
async def test_a_match_that_nobody_may_know_of_is_not_found(match_stage: Stage, endpoint: str) -> None:
    """There is none of that name; it is hidden; it is deleted."""
    hidden = await match_stage.made("Hidden", is_visible=False)
    deleted = await match_stage.made("Deleted")
    await match_stage.data("delete_match", "admin", match=deleted, delete=True)
    for slug in ("no-such", hidden, deleted):
        assert await match_stage.ask(endpoint, ALICE, match=slug) == NOT_FOUND


@pytest.mark.parametrize("endpoint", ["join_match", "leave_match"])
@pytest.mark.parametrize("moment_ms", [START_MS, END_MS])
async def test_nobody_joins_or_leaves_once_the_match_has_started(
    match_stage: Stage, endpoint: str, moment_ms: int
) -> None:
    """The very moment of the start counts, and what is over has started."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    match_stage.clock.now_ms = moment_ms
    assert await match_stage.ask(endpoint, ALICE, match=slug) == STARTED
    assert await match_stage.ask(endpoint, BOB, match=slug) == STARTED


async def test_a_moment_before_the_start_one_may_still_join_and_leave(match_stage: Stage) -> None:
    slug = await match_stage.made()
    match_stage.clock.now_ms = START_MS - 1
    await match_stage.joined(slug, ALICE)
    assert await match_stage.ask("leave_match", ALICE, match=slug) == Reply(200, None)


async def test_nobody_joins_a_match_twice(match_stage: Stage) -> None:
    """Neither who is alone, nor who leads, nor who is a member of another's party."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    for name in (ALICE, BOB, CAROL):
        assert await match_stage.ask("join_match", name, match=slug) == Reply(
            409, {"match": "You are already participating in the match"}
        )


async def test_who_has_left_a_match_may_join_it_again_under_a_new_token(match_stage: Stage) -> None:
    slug = await match_stage.made()
    first = await match_stage.joined(slug, ALICE)
    await match_stage.data("leave_match", ALICE, match=slug)
    second = await match_stage.joined(slug, ALICE)
    assert first != second
    await match_stage.joined(slug, BOB)
    assert await match_stage.ask("join_party", BOB, party=first) == Reply(404, {"party": "Party not found"})


async def test_who_leaves_a_match_leaves_its_party(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.ask("leave_match", BOB, match=slug) == Reply(200, None)
    assert await match_stage.listed("list_parties", BOB) == []
    (own,) = await match_stage.listed("list_parties", ALICE)
    assert own["party"]["members"] == [ALICE]


async def test_a_leader_leaves_only_an_empty_party(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.ask("leave_match", ALICE, match=slug) == Reply(403, {"match": "The party is not empty"})
    await match_stage.data("leave_match", BOB, match=slug)
    assert await match_stage.ask("leave_match", ALICE, match=slug) == Reply(200, None)


async def test_a_full_party_of_others_does_not_stop_a_leader_from_leaving(match_stage: Stage) -> None:
    """Who is counted is in the party, not in the match (requirements-003, 7)."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    assert await match_stage.ask("leave_match", CAROL, match=slug) == Reply(200, None)


async def test_who_takes_no_part_cannot_leave(match_stage: Stage) -> None:
    slug = await match_stage.made()
    assert await match_stage.ask("leave_match", ALICE, match=slug) == Reply(
        409, {"match": "You were not participating in the match"}
    )


async def test_who_joins_a_party_is_its_last_member_and_their_own_is_gone(match_stage: Stage) -> None:
    slug = await match_stage.made()
    alices, bobs = await match_stage.joined(slug, ALICE), await match_stage.joined(slug, BOB)
    assert await match_stage.ask("join_party", BOB, party=alices) == Reply(201, {"members": [ALICE, BOB]})
    await match_stage.joined(slug, CAROL)
    assert await match_stage.ask("join_party", CAROL, party=bobs) == Reply(404, {"party": "Party not found"})


async def test_a_party_of_an_unknown_hidden_or_deleted_match_is_not_found(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE)
    await match_stage.joined(slug, BOB)
    not_found = Reply(404, {"party": "Party not found"})
    for unknown in ("", "x" * 32, token.swapcase(), token[:-1]):
        assert await match_stage.ask("join_party", BOB, party=unknown) == not_found
    await match_stage.data("change_match", "admin", match=slug, is_visible=False)
    assert await match_stage.ask("join_party", BOB, party=token) == not_found
    await match_stage.data("change_match", "admin", match=slug, is_visible=True)
    await match_stage.data("delete_match", "admin", match=slug, delete=True)
    assert await match_stage.ask("join_party", BOB, party=token) == not_found


@pytest.mark.parametrize("moment_ms", [START_MS, END_MS])
async def test_a_party_of_a_match_that_has_started_takes_nobody_in(match_stage: Stage, moment_ms: int) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE)
    await match_stage.joined(slug, BOB)
    match_stage.clock.now_ms = moment_ms
    for name in (ALICE, BOB, CAROL):
        assert await match_stage.ask("join_party", name, party=token) == Reply(
            400, {"party": "The party cannot accept any more members"}
        )


async def test_only_who_takes_part_joins_a_party(match_stage: Stage) -> None:
    """Taking part in another match is not enough."""
    slug, other = await match_stage.made(), await match_stage.made("Other")
    token = await match_stage.joined(slug, ALICE)
    await match_stage.joined(other, BOB)
    assert await match_stage.ask("join_party", BOB, party=token) == Reply(
        400, {"party": "You are not participating in the match"}
    )


async def test_who_is_not_alone_joins_no_other_party(match_stage: Stage) -> None:
    """Nor does anybody join the own party."""
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB)
    other = await match_stage.joined(slug, CAROL)
    taken = Reply(409, {"party": "You are already in a party"})
    for name, party in ((ALICE, other), (BOB, other), (ALICE, token), (BOB, token), (CAROL, other)):
        assert await match_stage.ask("join_party", name, party=party) == taken


async def test_a_party_of_the_greatest_size_is_full(match_stage: Stage) -> None:
    slug = await match_stage.made(max_members=2)
    token = await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    full = Reply(409, {"party": "The party is full"})
    assert await match_stage.ask("join_party", CAROL, party=token) == full
    await match_stage.data("change_match", "admin", match=slug, max_members=3)
    assert (await match_stage.ask("join_party", CAROL, party=token)).status == 201
    await match_stage.joined(slug, DAVE)
    await match_stage.data("change_match", "admin", match=slug, max_members=1)
    assert await match_stage.ask("join_party", DAVE, party=token) == full
