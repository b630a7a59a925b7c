"""The register: what is written and what is not, when something is due again and again, when the database is away."""

from collections.abc import Collection
from itertools import count

import pytest

from cds.commands.matches.joining import decide_join_match
from cds.committing import Contended
from cds.matches.register import MatchRegister
from eventstore.memory import MemoryStore
from eventstore.store import Append, StoreUnavailable
from projections.matches import Matches
from schemas.matches import MATCHES, Party
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.matches.stage import ALICE, BOB, END_MS, NOW_MS, START_MS, Stage

WHO = {"actor": "u1", "cause": "test"}


async def test_what_changes_nothing_is_not_written(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    await match_stage.data("set_looking", ALICE, match=slug, lfg=True)
    match_stage.begin()
    await match_stage.data("put_submission", ALICE, match=slug, title="x")
    await match_stage.data("set_leaderboard", "admin", match=slug, positions=[{"party": ALICE, "position": 1}])
    before = await match_stage.store.head(MATCHES)
    await match_stage.data("put_submission", ALICE, match=slug, title="x")
    await match_stage.data("put_submission", ALICE, match=slug)
    await match_stage.data("set_leaderboard", "admin", match=slug, positions=[{"party": ALICE, "position": 1}])
    await match_stage.data("change_match", "admin", match=slug, max_members=3)
    assert await match_stage.store.head(MATCHES) == before


async def test_who_did_what_is_in_the_log(match_stage: Stage) -> None:
    """Users by id, an account of the server by name, and what nobody did as done by the clock."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    match_stage.begin()
    await match_stage.state()
    rows = await match_stage.store.read(MATCHES, 0, 100)
    assert [(row.actor, row.cause) for row in rows] == [
        ("admin", "create match"),
        (match_stage.users.id_of(ALICE), "join match"),
        *[("clock", "due")] * 3,
    ]


async def test_while_something_is_due_again_and_again_nothing_is_decided(match_stage: Stage) -> None:
    """Instead of deciding on what is not so any more, or of never ending."""
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE, BOB)
    turns = count()

    async def departed() -> Collection[str]:
        # Somebody else is gone every time, and so somebody else has to hand over the lead.
        return {match_stage.users.id_of((ALICE, BOB)[next(turns) // 2 % 2])}

    def decide(state: Matches, now_ms: int) -> tuple[Party]:
        return (decide_join_match(state, slug, "u3", now_ms),)

    match_stage.begin()
    await match_stage.state()
    register = MatchRegister(match_stage.store, lambda party: party.id, departed, SetClock(START_MS, 5_000))
    with pytest.raises(Contended):
        await register.carry_out(decide, **WHO)


async def test_while_the_database_is_away_nothing_has_happened(
    match_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = await match_stage.made()
    told: list[Collection[str]] = []

    async def note(_state: Matches, touched: Collection[str]) -> None:
        told.append(touched)

    async def away(_append: Append) -> None:
        raise StoreUnavailable("away")

    match_stage.register.watch(note)
    with monkeypatch.context() as patched:
        patched.setattr(match_stage.store, "append", away)
        with pytest.raises(StoreUnavailable):
            await match_stage.ask("join_match", ALICE, match=slug)
        match_stage.begin()
        # Nor is it told that a match has started before that is written down.
        with pytest.raises(StoreUnavailable):
            await match_stage.ask("list_participants", match=slug)
    assert told == []
    match_stage.clock.now_ms = NOW_MS
    await match_stage.joined(slug, ALICE)
    assert told == [{"loc-1"}]


async def test_a_clock_that_goes_back_takes_nothing_back(match_stage: Stage) -> None:
    slug = await match_stage.made()
    await match_stage.joined(slug, ALICE)
    match_stage.end()
    await match_stage.state()
    match_stage.clock.now_ms = NOW_MS
    assert (await match_stage.ask("join_match", BOB, match=slug)).status == 403
    assert (await match_stage.ask("put_submission", ALICE, match=slug, title="x")).status == 403
    assert [each["slug"] for each in await match_stage.listed("list_past_matches")] == [slug]
    match_stage.clock.now_ms = END_MS
    assert (await match_stage.ask("get_submission", match=slug, party=ALICE)).status == 200


async def test_a_store_without_any_match_has_nothing_due(match_stage: Stage) -> None:
    assert len(await match_stage.state()) == 0
    assert isinstance(match_stage.store, MemoryStore)
    assert (await match_stage.store.head(MATCHES)).position == 0
