"""Leaving, kicking, disbanding, being found by others; one's own parties (endpoints 20 and 24 to 29)."""

from typing import Any

import pytest

from tests.cds.matches.stage import ALICE, BOB, CAROL, DAVE, END_MS, START_MS, Reply, Stage

ACTIONS: dict[str, dict[str, Any]] = {
    "leave_party": {},
    "kick": {"user": BOB},
    "disband": {},
    "set_looking": {"lfg": True},
}

NOT_PARTICIPATING = Reply(404, {"match": "You are not participating in this match"})
NOT_LEADER = Reply(403, {"match": "You are not the leader of the party"})


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_match_that_nobody_may_know_of_is_not_found(match_stage: Stage, action: str) -> None:
    hidden, deleted = await match_stage.made("Hidden"), await match_stage.made("Deleted")
    for slug in (hidden, deleted):
        await match_stage.joined(slug, ALICE, BOB)
    await match_stage.data("change_match", "admin", match=hidden, is_visible=False)
    await match_stage.data("delete_match", "admin", match=deleted, delete=True)
    for slug in ("no-such", hidden, deleted):
        for name in (ALICE, BOB):
            reply = await match_stage.ask(action, name, match=slug, **ACTIONS[action])
            assert reply == Reply(404, {"match": "Match was not found"})


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("moment_ms", [START_MS, END_MS])
async def test_nothing_is_done_with_parties_once_the_match_has_started(
    match_stage: Stage, action: str, moment_ms: int
) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    match_stage.clock.now_ms = moment_ms
    for name in (ALICE, BOB):
        reply = await match_stage.ask(action, name, match=slug, **ACTIONS[action])
        assert reply == Reply(400, {"match": "The match has already started"})


@pytest.mark.parametrize("action", ACTIONS)
async def test_who_takes_no_part_can_do_nothing(match_stage: Stage, action: str) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, BOB)
    assert await match_stage.ask(action, ALICE, match=slug, **ACTIONS[action]) == NOT_PARTICIPATING


@pytest.mark.parametrize("action", ["kick", "disband", "set_looking"])
async def test_only_the_leader_decides_about_a_party(match_stage: Stage, action: str) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.ask(action, BOB, match=slug, **ACTIONS[action]) == NOT_LEADER


async def test_who_leaves_a_party_has_one_of_their_own_under_a_new_token(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB)
    reply = await match_stage.ask("leave_party", BOB, match=slug)
    assert reply.status == 201
    assert reply.data.keys() == {"party-token"}
    assert reply.data["party-token"] != token
    assert await match_stage.ask("join_party", BOB, party=token) == Reply(201, {"members": [ALICE, BOB]})


@pytest.mark.parametrize("others", [(), (BOB,)])
async def test_a_leader_does_not_leave_a_party(match_stage: Stage, others: tuple[str, ...]) -> None:
    """Not even one in which there is nobody else."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, *others)
    assert await match_stage.ask("leave_party", ALICE, match=slug) == Reply(
        403, {"match": "You are the leader of the party and cannot leave it"}
    )


async def test_who_is_kicked_has_a_party_of_their_own_and_is_told_by_mail(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB, CAROL)
    assert await match_stage.ask("kick", ALICE, match=slug, user=BOB) == Reply(200, {"members": [ALICE, CAROL]})
    (own,) = await match_stage.listed("list_parties", BOB)
    assert own["party"]["members"] == [BOB]
    (mail,) = match_stage.users.mails
    assert mail.to == "bob@example.org"
    assert "Test match" in mail.text
    assert token not in mail.text
    # The token of the party is still good (the leader may disband to be rid of it).
    assert (await match_stage.ask("join_party", BOB, party=token)).data == {"members": [ALICE, CAROL, BOB]}


async def test_a_name_is_found_however_it_is_written(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert (await match_stage.ask("kick", ALICE, match=slug, user="BOB")).status == 200


async def test_nobody_kicks_themselves(match_stage: Stage) -> None:
    """The key is that of the seed (requirements-003, 6.17); who does not lead is told that."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    assert await match_stage.ask("kick", ALICE, match=slug, user=ALICE) == Reply(
        403, {"match": "You are the leader of the party and cannot kick yourself"}
    )
    assert await match_stage.ask("kick", BOB, match=slug, user=BOB) == NOT_LEADER


async def test_only_members_of_the_own_party_are_kicked(match_stage: Stage) -> None:
    """Not somebody of another party, of none, or who does not exist; and nobody is written to."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    await match_stage.joined(slug, BOB, CAROL)
    for name in (BOB, CAROL, DAVE, "nobody", ""):
        reply = await match_stage.ask("kick", ALICE, match=slug, user=name)
        assert reply == Reply(404, {"user": "User could not be found in your party"})
    assert match_stage.users.mails == []


async def test_a_party_that_is_disbanded_is_private_and_has_a_new_token(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB, CAROL)
    await match_stage.data("set_looking", ALICE, match=slug, lfg=True)
    reply = await match_stage.ask("disband", ALICE, match=slug)
    assert reply.status == 201
    assert reply.data["party-token"] != token
    assert await match_stage.listed("list_looking_parties", match=slug) == []
    tokens = set()
    for name in (ALICE, BOB, CAROL):
        (own,) = await match_stage.listed("list_parties", name)
        assert own["party"]["members"] == [name]
        tokens.add(own["party"]["party-token"])
    assert len(tokens) == 3
    assert token not in tokens
    assert await match_stage.ask("join_party", BOB, party=token) == Reply(404, {"party": "Party not found"})


async def test_who_is_alone_may_disband_to_be_rid_of_a_token(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE)
    assert (await match_stage.data("disband", ALICE, match=slug))["party-token"] != token


async def test_public_parties_are_found_with_their_tokens_until_the_start(match_stage: Stage) -> None:
    slug = await match_stage.made()
    token = await match_stage.joined(slug, ALICE, BOB)
    await match_stage.joined(slug, CAROL)
    assert await match_stage.listed("list_looking_parties", match=slug) == []
    for _ in range(2):
        assert await match_stage.ask("set_looking", ALICE, match=slug, lfg=True) == Reply(200, {"lfg": True})
    looking = [{"leader": ALICE, "members": [ALICE, BOB], "party-token": token}]
    assert await match_stage.listed("list_looking_parties", match=slug) == looking
    assert await match_stage.ask("set_looking", ALICE, match=slug, lfg=False) == Reply(200, {"lfg": False})
    assert await match_stage.listed("list_looking_parties", match=slug) == []
    await match_stage.data("set_looking", ALICE, match=slug, lfg=True)
    match_stage.begin()
    assert await match_stage.listed("list_looking_parties", match=slug) == []
    assert await match_stage.ask("list_looking_parties", match="no-such") == Reply(404, {"match": "Match not found"})


async def test_own_parties_are_listed_by_the_start_of_their_matches(match_stage: Stage) -> None:
    """Past ones apart, also those that did not take part; not of matches that are hidden or deleted."""
    past = await match_stage.made("Past", start_date="2017-01-01 00:00", end_date="2031-01-01 00:00", min_members=1)
    early = await match_stage.made("Early", min_members=2)
    late = await match_stage.made("Late", start_date="2040-01-01 00:00", end_date="2040-01-02 00:00")
    hidden, deleted = await match_stage.made("Hidden"), await match_stage.made("Deleted")
    assert (await match_stage.ask("join_match", ALICE, match=past)).status == 403
    for slug in (late, early, hidden, deleted):
        await match_stage.joined(slug, ALICE)
    await match_stage.data("change_match", "admin", match=hidden, is_visible=False)
    await match_stage.data("delete_match", "admin", match=deleted, delete=True)
    listed = await match_stage.listed("list_parties", ALICE)
    assert [each["match"]["slug"] for each in listed] == [early, late]
    assert listed[1]["match"] == {
        "title": "Late",
        "start-date": "2040-01-01 00:00",
        "end-date": "2040-01-02 00:00",
        "slug": "late",
    }
    match_stage.end()
    assert [each["match"]["slug"] for each in await match_stage.listed("list_parties", ALICE)] == [late]
    assert [each["match"]["slug"] for each in await match_stage.listed("list_past_parties", ALICE)] == [early]
    assert await match_stage.listed("list_past_parties", BOB) == []
