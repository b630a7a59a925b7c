"""Award keeping: awards follow what anybody writes, once, and also when the database goes away in between."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import msgspec
import pytest

from cds import award_keeping
from cds.award_keeping import AwardKeeper
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest, UnreadableEvent, stream_of
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Event, EventStore, Head, NewEvent, StoreUnavailable
from projections.awards import computed_awards
from projections.contest import ContestState
from projections.scoreboard import Board
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.object_types import SINGLETON_ID
from schemas.objects import Award, Organization
from schemas.records import AwardSettings, Settings
from tests.builders import clarification, gone, judgement, put, small_contest

TOKENS = TokenMaker(bytes(KEY_BYTES))
CONTEST_ID = "finals"
DEADLINE_S = 20
PAGE = 1_000
KEPT = ObjectChange("x-settings", SINGLETON_ID, Settings(awards=AwardSettings(computed=True)))
SOLVED = put(judgement("j2", "s2", "AC", "4:00:10.000"))
REJUDGED = put(judgement("j2", "s2", "WA", "4:00:10.000"))


class UnsteadyStore(MemoryStore):
    """A store whose appends can be held up before they are made and before they are answered, or fail."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.appends = 0
        self.away = False

    async def append(self, append: Append) -> Head | None:
        """As in memory, when it is allowed to go on."""
        self.appends += 1
        self.asked.set()
        await self.open.wait()
        if self.away:
            raise StoreUnavailable("away for the test")
        head = await super().append(append)
        if append.actor == "awards":
            await self.answering.wait()
        return head


async def write_elsewhere(store: EventStore, changes: list[ObjectChange], contest_id: str = CONTEST_ID) -> None:
    """Append as another process does that does not keep awards."""
    await append_elsewhere(store, encoded_events(changes), contest_id)


async def append_elsewhere(store: EventStore, events: list[NewEvent], contest_id: str = CONTEST_ID) -> None:
    head = await store.head(stream_of(contest_id))
    appended = await store.append(
        Append(
            stream=stream_of(contest_id),
            expected_position=head.position,
            events=events,
            actor="elsewhere",
            cause="test",
            batch_id=uuid4(),
            recorded_at_us=0,
        )
    )
    assert appended is not None


async def write(contest: LiveContest, changes: list[ObjectChange]) -> None:
    """Write as a request of this process does."""
    events = encoded_events(changes)
    await contest.transact(lambda _: Decision(events=events), actor="judge", cause="test", circumstances=SYSTEM)


def up_to_date(contest: LiveContest) -> bool:
    """Whether every award is there as it is computed from scratch."""
    wanted = computed_awards(contest.state, Board(contest.state, frozen=False))
    return bool(wanted) and wanted.items() <= contest.state.objects["awards"].items()


async def becomes_up_to_date(contests: Contests, contest_id: str = CONTEST_ID) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (contest := contests.find(contest_id)) is None or not up_to_date(contest):
            await asyncio.sleep(0.01)


async def written_awards(store: EventStore, after: int) -> list[Event]:
    """The events of awards behind a position."""
    return [event for event in await store.read(stream_of(CONTEST_ID), after, PAGE) if event.type == "awards"]


@pytest.fixture
async def store() -> AsyncIterator[UnsteadyStore]:
    """A store with the small contest, whose awards nobody has looked at yet."""
    opened = UnsteadyStore()
    await write_elsewhere(opened, [KEPT, *small_contest()])
    yield opened
    await opened.close()


@pytest.fixture
async def contests(store: UnsteadyStore) -> AsyncIterator[Contests]:
    """The contests of the store, followed."""
    loaded = Contests(store, TOKENS)
    await loaded.load()
    yield loaded
    await loaded.close()


@pytest.fixture
async def keeper(contests: Contests) -> AsyncIterator[AwardKeeper]:
    """A keeper that does not watch."""
    made = AwardKeeper(contests, SYSTEM)
    yield made
    await made.stop()


@pytest.fixture
def contest(contests: Contests) -> LiveContest:
    """The contest."""
    found = contests.find(CONTEST_ID)
    assert found is not None
    return found


@pytest.fixture
def computations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The positions at which awards were computed."""
    positions: list[int] = []
    compute = computed_awards

    def counted(state: ContestState, board: Board) -> dict[str, Award]:
        positions.append(state.position)
        return compute(state, board)

    monkeypatch.setattr(award_keeping, "computed_awards", counted)
    return positions


async def test_awards_follow_a_verdict_and_a_rejudgement(
    keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore
) -> None:
    """Only what differs is written, and it is written as the awards' doing."""
    await keeper.settle(contest)
    assert up_to_date(contest)
    for changes in (SOLVED, REJUDGED):
        position = contest.position
        await write(contest, changes)
        assert not up_to_date(contest)
        await keeper.settle(contest)
        assert up_to_date(contest)
        events = await written_awards(store, position)
        assert {event.id for event in events} == {"gold-medal", "first-to-solve-b"}
        assert {(event.actor, event.cause) for event in events} == {("awards", "awards")}


async def test_what_shapes_no_award_costs_nothing(
    keeper: AwardKeeper, contest: LiveContest, computations: list[int]
) -> None:
    await keeper.settle(contest)
    await write(contest, put(clarification("another")))
    await keeper.settle(contest)
    settled = len(computations)
    await write(contest, put(clarification("a-third")))
    await keeper.settle(contest)
    assert len(computations) == settled
    await write(contest, put(Organization(id="uni", name="Renamed", country="NLD")))
    await keeper.settle(contest)
    assert len(computations) > settled
    assert b"Winner of Renamed" in msgspec.json.encode(contest.state.objects["awards"]["organization-winner-uni"])


async def test_an_award_that_another_process_deleted_comes_back(
    keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore
) -> None:
    await keeper.settle(contest)
    await keeper.settle(contest)
    await write_elsewhere(store, [gone("awards", "winner"), gone("awards", "first-to-solve-b")])
    await contest.catch_up()
    assert not up_to_date(contest)
    await keeper.settle(contest)
    assert up_to_date(contest)


async def test_awards_of_a_source_are_not_touched(keeper: AwardKeeper, contest: LiveContest) -> None:
    await write(contest, [ObjectChange("x-settings", SINGLETON_ID, None)])
    position = contest.position
    await keeper.settle(contest)
    assert contest.position == position


async def test_those_who_settle_at_the_same_time_share_the_work(
    keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore, computations: list[int]
) -> None:
    await keeper.settle(contest)
    await write(contest, SOLVED)
    position, before = contest.position, len(computations)
    await asyncio.gather(*(keeper.settle(contest) for _ in range(50)))
    assert up_to_date(contest)
    assert len(await written_awards(store, position)) == 2
    assert len(computations) - before == 2  # Whether there is anything to write, and what.


async def test_work_that_began_before_a_change_does_not_settle_it(
    keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore
) -> None:
    """While the database is slow to say that it has the awards, the verdict of another process comes in."""
    position = contest.position
    store.answering.clear()
    first = asyncio.create_task(keeper.settle(contest))
    async with asyncio.timeout(DEADLINE_S):
        while (await store.head(contest.stream)).position == position:
            await asyncio.sleep(0)
    await write_elsewhere(store, SOLVED)
    await contest.catch_up()
    assert not up_to_date(contest)
    second = asyncio.create_task(keeper.settle(contest))
    await asyncio.sleep(0)
    assert not second.done()
    store.answering.set()
    await asyncio.gather(first, second)
    assert up_to_date(contest)


@pytest.fixture
def drafts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of every decision, whether it was asked for on a draft."""
    found: list[bool] = []
    decide = award_keeping._decision

    def noted(contest: LiveContest, state: ContestState, *, on_drafts: bool) -> Decision:
        found.append(state.position != contest.position)
        return decide(contest, state, on_drafts=on_drafts)

    monkeypatch.setattr(award_keeping, "_decision", noted)
    return found


@pytest.mark.parametrize("avoided", [0, 1, 3])
async def test_a_verdict_in_the_same_commit_is_counted(
    keeper: AwardKeeper,
    contest: LiveContest,
    store: UnsteadyStore,
    drafts: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    avoided: int,
) -> None:
    """Commands that wait together are decided on a draft: on it at once, or when it is written."""
    monkeypatch.setattr(award_keeping, "DRAFTS_AVOIDED_MAX", avoided)
    position = contest.position
    store.open.clear()
    store.asked.clear()
    first = asyncio.create_task(write(contest, put(clarification("another"))))
    await store.asked.wait()
    others = [asyncio.create_task(write(contest, SOLVED)), asyncio.create_task(keeper.settle(contest))]
    while not keeper._looking:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(first, *others)
    assert up_to_date(contest)
    assert drafts == ([True] if avoided == 0 else [True, False])
    ids = [event.id for event in await written_awards(store, position)]
    assert len(ids) == len(set(ids)) > 0


async def test_awards_are_written_although_others_never_stop(
    keeper: AwardKeeper, contest: LiveContest, drafts: list[bool]
) -> None:
    """Every commit holds commands of others that come first, so that there is never anything but drafts."""
    settling = asyncio.create_task(keeper.settle(contest))
    writers = [asyncio.create_task(write_until(contest, f"chatter-{number}-", settling)) for number in range(4)]
    async with asyncio.timeout(DEADLINE_S):
        await settling
    await asyncio.gather(*writers)
    assert up_to_date(contest)
    assert any(drafts)


async def write_until(contest: LiveContest, prefix: str, done: asyncio.Task[None]) -> None:
    """Say one thing after the other."""
    number = 0
    while not done.done():
        number += 1
        await write(contest, put(clarification(f"{prefix}{number}")))


async def test_awards_follow_later_when_the_database_was_away(
    keeper: AwardKeeper,
    contest: LiveContest,
    contests: Contests,
    store: UnsteadyStore,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The caller goes on, the failure is in the log with its traceback, the watch does it later."""
    monkeypatch.setattr(award_keeping, "RETRY_S", 0.02)
    monkeypatch.setattr(award_keeping, "DEBOUNCE_S", 0.01)
    store.away = True
    await keeper.settle(contest)
    assert not up_to_date(contest)
    said = "".join(capsys.readouterr())
    assert "awards_not_kept" in said
    assert "Traceback" in said
    assert "away for the test" in said
    watch = asyncio.create_task(keeper.watch())
    await asyncio.sleep(0.1)
    assert not up_to_date(contest)
    store.away = False
    await becomes_up_to_date(contests)
    watch.cancel()


async def test_the_watch_waits_after_a_failure(
    keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes by again and again, and leaves the contest alone."""
    monkeypatch.setattr(award_keeping, "RETRY_S", 1_000)
    monkeypatch.setattr(award_keeping, "DEBOUNCE_S", 0.001)
    store.away = True
    await keeper.settle(contest)
    failed = store.appends
    watch = asyncio.create_task(keeper.watch())
    await asyncio.sleep(0.1)
    assert store.appends == failed
    store.away = False
    await keeper.settle(contest)
    assert up_to_date(contest)
    watch.cancel()


async def test_what_else_goes_wrong_is_raised(keeper: AwardKeeper, contest: LiveContest, store: UnsteadyStore) -> None:
    """Somebody wrote what this program cannot read: nothing can be decided."""
    await append_elsewhere(store, [NewEvent(type="x-parties", id="p1", data=b"{}")])
    with pytest.raises(UnreadableEvent):
        await keeper.settle(contest)


async def test_the_watch_keeps_what_others_wrote_and_did_not_settle(
    keeper: AwardKeeper,
    contests: Contests,
    contest: LiveContest,
    store: UnsteadyStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the start, after a change, and in a contest that appears later; a broken one does not hold up the others."""
    monkeypatch.setattr(award_keeping, "DEBOUNCE_S", 0.01)
    watch = asyncio.create_task(keeper.watch())
    await becomes_up_to_date(contests)
    await write_elsewhere(store, SOLVED)
    async with asyncio.timeout(DEADLINE_S):
        while b'["t2"]' not in msgspec.json.encode(contest.state.objects["awards"]["first-to-solve-b"]):
            await asyncio.sleep(0.01)
    await becomes_up_to_date(contests)
    await write_elsewhere(store, [KEPT, *small_contest()], "broken")
    await append_elsewhere(store, [NewEvent(type="x-parties", id="p1", data=b"{}")], "broken")
    await write_elsewhere(store, [KEPT, *small_contest()], "later")
    await becomes_up_to_date(contests, "later")
    watch.cancel()


async def test_of_several_workers_one_writes(database_dsn: str) -> None:
    """Two processes that learn of the same verdict settle it at the same time; the log gets the awards once."""
    stores = [await PostgresStore.open(database_dsn) for _ in range(2)]
    workers = [Contests(store, TOKENS) for store in stores]
    keepers = [AwardKeeper(contests, SYSTEM) for contests in workers]
    try:
        await write_elsewhere(stores[0], [KEPT, *small_contest()])
        live = [await contests.opened(CONTEST_ID) for contests in workers]
        for changes, expected in (([], None), (SOLVED, 2), (REJUDGED, 2)):
            if changes:
                await write_elsewhere(stores[0], changes)
            await asyncio.gather(*(contest.catch_up() for contest in live))
            position = live[0].position
            await asyncio.gather(*(keeper.settle(contest) for keeper, contest in zip(keepers, live, strict=True)))
            events = await written_awards(stores[1], position)
            assert len({event.id for event in events}) == len(events)
            assert expected is None or len(events) == expected
            for contest in live:
                await contest.catch_up()
                assert up_to_date(contest)
    finally:
        await asyncio.gather(*(keeper.stop() for keeper in keepers))
        await asyncio.gather(*(store.close() for store in stores))
