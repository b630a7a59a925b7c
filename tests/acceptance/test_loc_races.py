"""Races between two servers on one database, over HTTP: exactly one outcome, and the documented code for the other."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.acceptance.league import FIRST_MS, PASSWORD, League, Player, Reply, league
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import fill, running

OTHER_NUMBERS = 5_000_000
"""From where the ids of the second server count, since no two are ever the same."""

ROUNDS = range(3)


class Two:
    """Two servers; what is no race is done on the first."""

    def __init__(self, first: League, second: League) -> None:
        self.first = first
        self.second = second

    def set_clocks(self, now_ms: int) -> None:
        """Both clocks."""
        self.first.clock.now_ms = self.second.clock.now_ms = now_ms

    async def players(self, count: int) -> list[Player]:
        """So many players, who have logged in."""
        return [await self.first.player() for _ in range(count)]

    async def at_once(self, first: tuple[str, dict[str, str]], second: tuple[str, dict[str, str]]) -> list[Reply]:
        """One POST on each server, at once."""
        return list(
            await asyncio.gather(self.first.ask("POST", *first), self.second.ask("POST", *second)),
        )


@pytest.fixture
async def two(database_dsn: str) -> AsyncIterator[Two]:
    """Two servers on one database."""
    await fill(database_dsn, [])
    clock = SetClock(now_ms=FIRST_MS, first_number=OTHER_NUMBERS)
    async with league(database_dsn) as first, running(database_dsn, circumstances=clock, rate_limits=False) as served:
        yield Two(first, League(served, clock))


def one_of(replies: list[Reply], won: int, lost: int) -> Reply:
    """The answer of who lost; there is one of each."""
    assert sorted(reply.status for reply in replies) == sorted((won, lost))
    return max(replies, key=lambda reply: reply.status == lost)


async def test_two_who_join_for_the_last_place(two: Two) -> None:
    leader, one, other = await two.players(3)
    for _ in ROUNDS:
        slug = await two.first.match(max_members=2)
        party = await two.first.join(slug, leader)
        for player in (one, other):
            await two.first.join(slug, player)
        lost = one_of(
            await two.at_once(
                ("/v1/parties/join", {"token": one.token, "party": party}),
                ("/v1/parties/join", {"token": other.token, "party": party}),
            ),
            won=201,
            lost=409,
        )
        assert lost.json == {"status": "fail", "data": {"party": "The party is full"}}


async def test_one_who_joins_a_match_on_both_servers(two: Two) -> None:
    (player,) = await two.players(1)
    for _ in ROUNDS:
        join = "/v1/match/join", {"token": player.token, "match": await two.first.match()}
        lost = one_of(await two.at_once(join, join), won=200, lost=409)
        assert lost.data == {"match": "You are already participating in the match"}


async def test_a_leader_who_leaves_while_somebody_joins(two: Two) -> None:
    leader, other = await two.players(2)
    for _ in ROUNDS:
        slug = await two.first.match()
        party = await two.first.join(slug, leader)
        await two.first.join(slug, other)
        left, joined = await two.at_once(
            ("/v1/match/leave", {"token": leader.token, "match": slug}),
            ("/v1/parties/join", {"token": other.token, "party": party}),
        )
        assert (left.status, joined.status) in ((200, 404), (403, 201))
        refused = left if left.status == 403 else joined
        assert refused.data in ({"match": "The party is not empty"}, {"party": "Party not found"})


async def test_somebody_who_joins_while_the_match_starts(two: Two) -> None:
    """The second server's clock is a moment behind; the contest has the teams that the log has."""
    leader, other = await two.players(2)
    for number in ROUNDS:
        two.set_clocks(two.first.clock.now_ms)
        slug = await two.first.match(min_members=2)
        party = await two.first.join(slug, leader)
        await two.first.join(slug, other)
        two.first.begin()
        two.second.clock.now_ms = two.first.clock.now_ms - 1
        participants, joined = await asyncio.gather(
            two.first.ask("GET", "/v1/matches/participants", {"match": slug}),
            two.second.ask("POST", "/v1/parties/join", {"token": other.token, "party": party}),
        )
        assert joined.status in (201, 400)
        in_time = joined.status == 201
        if not in_time:
            assert joined.data == {"party": "The party cannot accept any more members"}
        listed = participants.data["list"]
        assert [each["members"] for each in listed] == ([[leader.username, other.username]] if in_time else [])
        for server in (two.first, two.second):
            assert await server.done("GET", "/v1/matches/participants", {"match": slug}) == participants.data
            teams = await server.served.of_role("public").json(f"contests/loc-{number + 1}/teams")
            assert len(teams) == in_time


async def test_two_who_sign_up_under_one_name(two: Two) -> None:
    for _ in ROUNDS:
        name = two.first.new_name("twin")
        lost = one_of(
            await two.at_once(
                ("/v1/account/signup", {"username": name, "email": f"{name}@example.com", "password": PASSWORD}),
                (
                    "/v1/account/signup",
                    {"username": name.upper(), "email": f"{name}@example.org", "password": PASSWORD},
                ),
            ),
            won=201,
            lost=409,
        )
        assert lost.data == "A user with the specified details already exists"


async def test_somebody_who_is_banned_while_joining(two: Two) -> None:
    """Either is first; in the end they are in no party, and nobody lists them as looking for others."""
    (leader,) = await two.players(1)
    for _ in ROUNDS:
        (player,) = await two.players(1)
        slug = await two.first.match(max_members=2)
        party = await two.first.join(slug, leader)
        await two.first.join(slug, player)
        _, joined = await asyncio.gather(
            two.first.ban(player.username),
            two.second.ask("POST", "/v1/parties/join", {"token": player.token, "party": party}),
        )
        assert joined.status in (201, 400, 401)
        two.first.begin()
        two.second.clock.now_ms = two.first.clock.now_ms
        for server in (two.second, two.first):
            data = await server.done("GET", "/v1/matches/participants", {"match": slug})
            assert [each["members"] for each in data["list"]] == [[leader.username]]
