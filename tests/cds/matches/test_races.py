"""Races between two servers on one database: exactly one wins, and the other is told the documented code.

Each server has a connection, a memory and a clock of its own; what is decided is decided by the log.
"""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest

from schemas.matches import MATCHES
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import opened
from tests.cds.matches.stage import (
    ADMIN,
    ALICE,
    BOB,
    CAROL,
    DAVE,
    END_MS,
    NAMES,
    NOW_MS,
    START_MS,
    Reply,
    Stage,
    StandInUsers,
    stage,
)

TITLES = count(1)
ROUNDS = range(5)
"""A race is run several times, since who is first is not said."""


class Two:
    """Two servers with the same users."""

    def __init__(self, first: Stage, second: Stage) -> None:
        self.first = first
        self.second = second

    async def match(self, **changes: object) -> str:
        """A new match."""
        return await self.first.made(f"Match {next(TITLES)}", **changes)

    def set_clocks(self, now_ms: int) -> None:
        """Both clocks."""
        self.first.clock.now_ms = self.second.clock.now_ms = now_ms

    async def agree(self) -> None:
        """Both have read the same, and nobody is in two parties, nor is any party too large."""
        first, second = await self.first.state(), await self.second.state()
        assert first.position == second.position
        for match in first:
            parties = first.parties_of(match.id)
            assert parties == second.parties_of(match.id)
            members = [member for party in parties for member in party.members]
            assert len(members) == len(set(members))
            assert all(0 < len(party.members) <= match.max_members for party in parties)


@pytest.fixture
async def two(database_dsn: str) -> AsyncIterator[Two]:
    """Two servers on one database."""
    users = StandInUsers(NAMES)
    async with opened(database_dsn) as first, opened(database_dsn) as second:
        clocks = SetClock(NOW_MS), SetClock(NOW_MS, first_number=5_000_000)
        yield Two(
            await stage(store=first, users=users, clock=clocks[0]),
            await stage(store=second, users=users, clock=clocks[1]),
        )


def statuses(*replies: Reply) -> list[int]:
    """The statuses of answers, in order."""
    return sorted(reply.status for reply in replies)


async def test_of_two_who_join_for_the_last_place_one_is_told_that_the_party_is_full(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match(max_members=2)
        token = await two.first.joined(slug, ALICE)
        for name in (BOB, CAROL):
            await two.first.joined(slug, name)
        bob, carol = await asyncio.gather(
            two.first.ask("join_party", BOB, party=token), two.second.ask("join_party", CAROL, party=token)
        )
        assert statuses(bob, carol) == [201, 409]
        assert Reply(409, {"party": "The party is full"}) in (bob, carol)
        await two.agree()


async def test_of_several_who_join_for_two_places_two_get_them(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match(max_members=3)
        token = await two.first.joined(slug, ALICE)
        for name in (BOB, CAROL, DAVE):
            await two.second.joined(slug, name)
        replies = await asyncio.gather(
            two.first.ask("join_party", BOB, party=token),
            two.second.ask("join_party", CAROL, party=token),
            two.first.ask("join_party", DAVE, party=token),
        )
        assert statuses(*replies) == [201, 201, 409]
        await two.agree()


async def test_who_joins_a_match_on_both_servers_at_once_has_joined_it_once(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match()
        replies = await asyncio.gather(
            two.first.ask("join_match", ALICE, match=slug), two.second.ask("join_match", ALICE, match=slug)
        )
        assert statuses(*replies) == [200, 409]
        assert Reply(409, {"match": "You are already participating in the match"}) in replies
        await two.agree()


async def test_a_leader_leaves_or_somebody_joins_but_not_both(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match()
        token = await two.first.joined(slug, ALICE)
        await two.first.joined(slug, BOB)
        left, joined = await asyncio.gather(
            two.first.ask("leave_match", ALICE, match=slug), two.second.ask("join_party", BOB, party=token)
        )
        assert (left, joined.status) in (
            (Reply(200, None), 404),
            (Reply(403, {"match": "The party is not empty"}), 201),
        )
        await two.agree()


async def test_who_is_kicked_while_leaving_is_in_one_party(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match()
        await two.first.joined(slug, ALICE, BOB)
        left, kicked = await asyncio.gather(
            two.first.ask("leave_party", BOB, match=slug), two.second.ask("kick", ALICE, match=slug, user=BOB)
        )
        # Who has been kicked leads a party of their own by then.
        assert (left.status, kicked.status) in ((201, 404), (403, 200))
        await two.agree()


async def test_two_who_join_each_others_party_do_not_lose_both(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match()
        alices, bobs = await two.first.joined(slug, ALICE), await two.first.joined(slug, BOB)
        replies = await asyncio.gather(
            two.first.ask("join_party", ALICE, party=bobs), two.second.ask("join_party", BOB, party=alices)
        )
        assert statuses(*replies) == [201, 404]
        await two.agree()


async def test_who_joins_while_the_party_is_disbanded_is_kicked_or_not_let_in(two: Two) -> None:
    for _ in ROUNDS:
        slug = await two.match()
        token = await two.first.joined(slug, ALICE)
        await two.first.joined(slug, BOB)
        joined, disbanded = await asyncio.gather(
            two.first.ask("join_party", BOB, party=token), two.second.ask("disband", ALICE, match=slug)
        )
        assert disbanded.status == 201
        assert joined.status in (201, 404)
        for name in (ALICE, BOB):
            own = await two.first.listed("list_parties", name)
            assert all(each["party"]["members"] == [name] for each in own)
        await two.agree()


async def test_who_joins_while_the_match_starts_takes_part_or_is_told_that_it_has_started(two: Two) -> None:
    """The clock of one server has come to the start, that of the other is a moment behind."""
    for _ in ROUNDS:
        two.set_clocks(NOW_MS)
        slug = await two.match(min_members=2)
        token = await two.first.joined(slug, ALICE)
        await two.first.joined(slug, BOB)
        two.first.clock.now_ms, two.second.clock.now_ms = START_MS, START_MS - 1
        participants, joined = await asyncio.gather(
            two.first.ask("list_participants", match=slug), two.second.ask("join_party", BOB, party=token)
        )
        in_time = joined == Reply(201, {"members": [ALICE, BOB]})
        late = joined == Reply(400, {"party": "The party cannot accept any more members"})
        assert in_time or late
        listed = await two.first.listed("list_participants", match=slug)
        assert participants.data["list"] == listed
        assert [party["members"] for party in listed] == ([[ALICE, BOB]] if in_time else [])
        # What has started stays so for whoever's clock is behind.
        assert (await two.second.ask("join_match", CAROL, match=slug)).status == 403
        await two.agree()
        two.set_clocks(END_MS)
        await two.agree()


async def test_a_start_that_both_find_due_is_written_down_once(two: Two) -> None:
    for _ in ROUNDS:
        two.set_clocks(NOW_MS)
        slug = await two.match()
        await two.first.joined(slug, ALICE)
        before = (await two.first.store.head(MATCHES)).position
        two.set_clocks(END_MS)
        first, second = await asyncio.gather(
            two.first.listed("list_participants", match=slug), two.second.listed("list_participants", match=slug)
        )
        assert first == second == [{"leader": ALICE, "members": [ALICE]}]
        # The party takes part, its project, and the match, which has started and ended.
        assert (await two.first.store.head(MATCHES)).position == before + 3


async def test_an_edit_at_the_end_is_in_time_or_refused(two: Two) -> None:
    """What an acknowledged edit has written is what everybody sees after the end."""
    for number in ROUNDS:
        two.set_clocks(NOW_MS)
        slug = await two.match()
        await two.first.joined(slug, ALICE)
        two.set_clocks(END_MS - 1)
        await two.first.data("put_submission", ALICE, match=slug, title="before")
        two.first.clock.now_ms = END_MS
        seen, edited = await asyncio.gather(
            two.first.ask("get_submission", match=slug, party=ALICE),
            two.second.ask("put_submission", ALICE, match=slug, title=f"last {number}"),
        )
        final = await two.first.data("get_submission", match=slug, party=ALICE)
        assert edited.status in (200, 403)
        assert final["title"] == (f"last {number}" if edited.status == 200 else "before")
        assert seen.data == final


async def test_of_two_matches_of_one_title_made_at_once_there_is_one(two: Two) -> None:
    for number in ROUNDS:
        wish = {
            "title": f"Twin {number}",
            "short_description": "s",
            "long_description": "l",
            "start_date": "2040-01-01 00:00",
            "end_date": "2040-01-05 00:00",
            "min_members": 1,
            "max_members": 5,
            "is_visible": True,
        }
        replies = await asyncio.gather(
            two.first.ask("create_match", ADMIN, **wish), two.second.ask("create_match", ADMIN, **wish)
        )
        assert statuses(*replies) == [201, 409]
        assert Reply(409, {"title": "A match with this title already exists"}) in replies
        await two.agree()


async def test_each_server_sees_at_once_what_the_other_has_acknowledged(two: Two) -> None:
    slug = await two.match()
    token = await two.first.joined(slug, ALICE)
    await two.second.joined(slug, BOB)
    assert (await two.second.ask("join_party", BOB, party=token)).status == 201
    (own,) = await two.first.listed("list_parties", BOB)
    assert own["party"]["members"] == [ALICE, BOB]
