"""The audiences of a live contest in several versions: built when asked for, told in pieces, kept in no checkpoint."""

import asyncio

import pytest

from cds.checkpointing import make_checkpoint
from cds.checkpoints import held_checkpoint
from cds.dialects.contest_api_2026_01 import CONTEST_API_2026_01
from cds.importing import encoded_events
from cds.live_contest import LiveContest, stream_of
from cds.releasing import RELEASED_AT_ONCE_MAX
from cds.served_versions import EARLIER_VERSIONS
from eventstore.memory import MemoryStore
from projections.contest import Change, ContestState
from projections.served_versions import DRAFT, ServedVersion
from projections.versioned_audience import VersionedAudience, audience_of_state
from schemas.objects import Group
from schemas.viewers import Role
from tests.builders import gone, moment, put, small_contest, state
from tests.cds.test_contests import TOKENS, write
from tests.cds.test_releasing import (
    CONTEST_ID,
    DEADLINE_S,
    LATER,
    READERS,
    THAW,
    UNTIL_THAW,
    Onlooker,
    frozen_contest,
    transact,
    whole,
)

EARLIER_START = encoded_events(put(state(**UNTIL_THAW | {"started": moment("-0:01:00.000")})))
"""A correction that moves every contest time that is computed."""

AT_LAST = encoded_events([gone("judgements", "j5"), *put(Group(id="late", name="Late"))])

ROLES_ASKED: tuple[Role, ...] = ("public", "team", "judge")


class Watching(Onlooker):
    """Somebody who counts how often there was something new."""

    pieces = 0

    async def look(self) -> None:
        """Law 1, just now."""
        before = dict(self.places)
        await super().look()
        self.pieces += before != self.places


async def started(store: MemoryStore, stream: str | None = None) -> LiveContest:
    """The contest as a process that has just started has it."""
    contest = LiveContest(CONTEST_ID, store, TOKENS, stream=stream)
    await contest.catch_up()
    return contest


async def test_contest_times_move_in_pieces_between_which_law_one_holds() -> None:
    """It is one line to those who speak as we do, and hundreds in a version that says contest times."""
    contest = await frozen_contest(MemoryStore())
    ours, theirs, done = Watching(contest), Watching(contest, CONTEST_API_2026_01), asyncio.Event()
    await asyncio.gather(ours.look(), theirs.look())
    ours.pieces = theirs.pieces = 0
    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as tasks:
        watching = [tasks.create_task(each.look_until(done)) for each in (ours, theirs)]
        await transact(contest, EARLIER_START)
        done.set()
        await asyncio.gather(*watching)
    assert ours.pieces <= len(READERS)
    assert theirs.pieces > len(READERS), "nobody could look between the pieces"
    for role in ROLES_ASKED:
        late = audience_of_state(role, CONTEST_API_2026_01, contest.state)
        assert contest.audience(role, CONTEST_API_2026_01).shown == late.shown


async def test_a_feed_that_is_built_later_is_the_one_that_was_told_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """It lets others be served while hundreds of contest times move."""
    store = MemoryStore()
    live = await frozen_contest(store)
    told = {version.name: await live.feed("judge", version) for version in EARLIER_VERSIONS}
    await write(store, CONTEST_ID, EARLIER_START)
    await live.catch_up()
    late = await started(store)
    advance = VersionedAudience.advance

    def in_one_go(audience: VersionedAudience, now: ContestState, change: Change, chain: bytes) -> None:
        assert len(audience.concerned(now, change).keys) <= RELEASED_AT_ONCE_MAX
        advance(audience, now, change, chain)

    monkeypatch.setattr(VersionedAudience, "advance", in_one_go)
    for version in EARLIER_VERSIONS:
        assert whole(await late.feed("judge", version)) == whole(told[version.name])


async def test_only_what_somebody_has_asked_for_is_kept() -> None:
    """The public's feed in our own words is there from the start; two who ask for another wait for the same one."""
    store = MemoryStore()
    await write(store, CONTEST_ID, encoded_events(small_contest()))
    contest = await started(store)
    kept = contest._audiences
    assert [(audience.role, type(audience) is VersionedAudience) for audience in kept] == [("public", False)]
    one, other = await asyncio.gather(*(contest.feed("judge", CONTEST_API_2026_01) for _ in range(2)))
    assert one is other
    assert one is contest.audience("judge", CONTEST_API_2026_01).lines
    assert contest.audience("judge") is not contest.audience("judge", CONTEST_API_2026_01)
    assert contest.audience("judge").lines is None
    assert contest.audience("judge", DRAFT) is contest.audience("judge")


@pytest.mark.parametrize("version", [DRAFT, *EARLIER_VERSIONS], ids=lambda version: version.name)
async def test_an_audience_is_made_bit_by_bit_while_things_happen(version: ServedVersion) -> None:
    """Others are served in between, whoever asks gets it whole, and what comes meanwhile is in it."""
    store = MemoryStore()
    contest = await frozen_contest(store)
    made = [asyncio.create_task(contest.ready_audience(role, version)) for role in (*ROLES_ASKED, "judge", "judge")]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(list(contest._audiences)) == 1 + len(ROLES_ASKED) - (version is DRAFT)
        for events in (EARLIER_START, THAW, LATER, AT_LAST):
            await transact(contest, events)
        audiences = await asyncio.gather(*made)
    assert audiences[2] is audiences[3] is audiences[4]
    for role, audience in zip(ROLES_ASKED, audiences, strict=False):
        assert audience is contest.audience(role, version)
        late = audience_of_state(role, version, contest.state)
        assert (audience.shown, audience.owners) == (late.shown, late.owners)
        kept = {team_id: own for team_id, own in audience.shown_to_owner.items() if own}
        assert kept == {team_id: own for team_id, own in late.shown_to_owner.items() if own}


async def test_checkpoints_hold_our_own_words_alone() -> None:
    """The feeds of versions come to the same lines behind one, also when they were asked for before it was read."""
    store = MemoryStore()
    await write(store, CONTEST_ID, encoded_events(small_contest()))
    contest = await started(store)
    told = {version.name: whole(await contest.feed("judge", version)) for version in EARLIER_VERSIONS}
    assert contest.snapshot().audiences.keys() == {"public"}
    await make_checkpoint(store, CONTEST_ID, TOKENS, ["judge"])
    held = await held_checkpoint(store, stream_of(CONTEST_ID), TOKENS)
    assert held is not None
    assert held.roles == {"public", "judge"}
    early = LiveContest(CONTEST_ID, store, TOKENS)
    assert early.audience("judge", CONTEST_API_2026_01).shown["teams"] == {}
    await early.catch_up()
    assert len(early.audience("judge", CONTEST_API_2026_01).shown["teams"]) == 3
    for version in EARLIER_VERSIONS:
        assert whole(await early.feed("judge", version)) == told[version.name]


async def test_a_contest_may_be_kept_in_a_stream_of_another_name() -> None:
    """Beside the contest of the same id, which hears nothing of it."""
    store = MemoryStore()
    await write(store, CONTEST_ID, encoded_events(small_contest()))
    contest, beside = await started(store), await started(store, stream="shadow:released/second")
    assert not beside.exists
    await transact(beside, encoded_events(small_contest()))
    await transact(beside, encoded_events([gone("persons", "p1")]))
    assert (beside.stream, beside.contest_id) == ("shadow:released/second", CONTEST_ID)
    assert "p1" not in beside.state.objects["persons"]
    await contest.catch_up()
    assert contest.position == len(small_contest())
    assert "p1" in contest.state.objects["persons"]
