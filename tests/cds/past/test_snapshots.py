"""Snapshots change no answer: with them, without them, spoilt, and those of another program or of another log."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from structlog.testing import capture_logs

from cds import checkpoint_keeping
from cds.checkpoint_keeping import CheckpointKeeper
from cds.checkpointing import make_checkpoint, make_snapshots
from cds.contests import Contests
from cds.live_contest import LiveContest, stream_of
from cds.past import snapshots
from cds.past.pasts import Pasts
from cds.past.snapshots import keep_snapshots, last_snapshot, next_snapshot, state_before
from cds.past.states import Moment
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.snapshots import MemoryPast
from eventstore.store import Checkpoint, EventStore
from projections.contest import ContestState
from projections.served_versions import DRAFT
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.viewers import Viewer
from tests.appended_changes import append_changes
from tests.builders import small_contest

CONTEST_ID = "contest"
STREAM = stream_of(CONTEST_ID)
TOKENS = TokenMaker(bytes(KEY_BYTES))
OTHER_TOKENS = TokenMaker(bytes(range(KEY_BYTES)))
LAST = 2**63 - 1
STAFF = Viewer(role="staff")


@pytest.fixture(autouse=True)
def close_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot every ten events."""
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 10)


async def write(store: EventStore, *, again: bool = False) -> int:
    """Append the small contest; how many events there are."""
    head = await append_changes(store, STREAM, small_contest(), cause="test again" if again else "test")
    return head.position


async def bodies(store: EventStore, tokens: TokenMaker = TOKENS) -> dict[tuple[int, str], bytes]:
    """What staff is told of some positions."""
    contest = LiveContest(CONTEST_ID, store, tokens)
    await contest.catch_up()
    pasts, found = Pasts(store, tokens), {}
    for position in range(1, contest.position + 1, 3):
        view = await pasts.collection(contest, Moment(position), "staff", DRAFT, "submissions")
        found[position, "submissions"] = b"\n".join(view.audience.collection(view.state, "submissions", None))
        found[position, "scoreboard"] = await pasts.scoreboard(
            contest, Moment(position), STAFF, frozen=False, group_id=None
        )
    return found


def test_snapshots_lie_further_apart_the_more_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SNAPSHOT_EVENTS", 5_000)
    assert (next_snapshot(0), next_snapshot(5_000), next_snapshot(100_000)) == (5_000, 10_000, 105_000)
    assert next_snapshot(1_000_000) == 1_050_000


async def test_they_stand_where_they_are_due_and_only_missing_ones_are_made(store: PostgresStore) -> None:
    end = await write(store)
    expected = await bodies(store)
    assert await keep_snapshots(store, STREAM, TOKENS) == end // 10 >= 3
    assert await keep_snapshots(store, STREAM, TOKENS) == 0
    found = await last_snapshot(store, STREAM, 29, TOKENS)
    assert found is not None
    assert found.position == 20
    assert found.chain == (await store.read(STREAM, 19, 1))[0].chain
    assert await bodies(store) == expected
    later = await write(store, again=True)
    assert await keep_snapshots(store, STREAM, TOKENS) == later // 10 - end // 10
    assert await bodies(store) == (await bodies(store) | expected)


async def test_a_snapshot_is_the_state_at_its_position(memory_store: MemoryStore) -> None:
    await write(memory_store)
    await keep_snapshots(memory_store, STREAM, TOKENS)
    state = await state_before(memory_store, STREAM, 31, TOKENS)
    slow = ContestState()
    for position, change in enumerate(small_contest()[:30], start=1):
        slow.apply(position, change.type, change.id, change.instance)
    assert state.position == slow.position == 30
    assert {name: dict(members) for name, members in state.objects.items()} == slow.objects
    assert dict(state.versions) == dict(slow.versions)
    assert (await state_before(memory_store, STREAM, 30, TOKENS)).position == 20
    assert (await state_before(memory_store, STREAM, 10, TOKENS)).position == 0


async def test_what_is_not_wanted_of_one_is_not_read(memory_store: MemoryStore) -> None:
    await write(memory_store)
    await keep_snapshots(memory_store, STREAM, TOKENS)
    some = await state_before(memory_store, STREAM, 31, TOKENS, snapshots.Selection(frozenset({"teams"}), frozenset()))
    assert {name for name, members in some.objects.items() if members} == {"teams"}


def _spoilt(past: MemoryPast) -> None:
    for parts in past._parts.values():
        for address in parts:
            parts[address] = b"spoilt"


def _without_parts(past: MemoryPast) -> None:
    past._parts.clear()


def _of_nothing(past: MemoryPast) -> None:
    _change(past, lambda snapshot: msgspec.structs.replace(snapshot, parts=()))


def _of_another_log(past: MemoryPast) -> None:
    _change(past, lambda snapshot: msgspec.structs.replace(snapshot, chain=bytes(32)))


def _of_another_program(past: MemoryPast) -> None:
    _change(past, lambda snapshot: msgspec.structs.replace(snapshot, fingerprint=b"another"))


def _moved(past: MemoryPast) -> None:
    snapshots_ = past._snapshots[STREAM]
    first = snapshots_[10]
    past._snapshots[STREAM] = {at: msgspec.structs.replace(each, parts=first.parts) for at, each in snapshots_.items()}


def _change(past: MemoryPast, changed: Callable[[Checkpoint], Checkpoint]) -> None:
    past._snapshots[STREAM] = {at: changed(each) for at, each in past._snapshots[STREAM].items()}


@pytest.mark.parametrize("harm", [_spoilt, _without_parts, _of_nothing, _of_another_log, _of_another_program, _moved])
async def test_one_that_does_not_count_changes_nothing(
    memory_store: MemoryStore, harm: Callable[[MemoryPast], None]
) -> None:
    end = await write(memory_store)
    expected = await bodies(memory_store)
    await keep_snapshots(memory_store, STREAM, TOKENS)
    harm(memory_store.past)
    with capture_logs() as logs:
        assert await bodies(memory_store) == expected
    assert {entry["event"] for entry in logs} == ({"snapshot_ignored"} if harm is not _of_another_program else set())
    made = await keep_snapshots(memory_store, STREAM, TOKENS)
    assert made >= end // 10 - 1
    with capture_logs() as logs:
        assert await bodies(memory_store) == expected
    assert logs == []


async def test_those_under_another_key_are_made_anew(memory_store: MemoryStore) -> None:
    end = await write(memory_store)
    await keep_snapshots(memory_store, STREAM, OTHER_TOKENS)
    assert await keep_snapshots(memory_store, STREAM, TOKENS) == end // 10


class Making(CheckpointKeeper):
    """A keeper that makes what is due here and now."""

    made = 0

    async def _made(self, _contest: LiveContest) -> str | None:
        self.made += 1
        await make_checkpoint(self._store, CONTEST_ID, TOKENS)
        await make_snapshots(self._store, CONTEST_ID, TOKENS)
        return None


async def test_a_contest_with_a_checkpoint_and_no_snapshots_gets_these(
    memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an import leaves it."""
    monkeypatch.setattr(checkpoint_keeping, "LOOK_S", 0.0)
    end = await write(memory_store)
    await make_checkpoint(memory_store, CONTEST_ID, TOKENS)
    contests = Contests(memory_store, TOKENS)
    await contests.load()
    for times in (1, 0):
        keeper = Making(memory_store, TOKENS, "", contests, 10)
        looking = asyncio.create_task(keeper.run())
        for _ in range(200):
            await asyncio.sleep(0)
        looking.cancel()
        assert keeper.made == times
    await contests.close()
    last = await last_snapshot(memory_store, STREAM, LAST, TOKENS)
    assert last is not None
    assert last.position == end // 10 * 10
