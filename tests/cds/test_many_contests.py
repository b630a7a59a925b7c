"""Thousands of contests of few events: read together at the start, and looked at only when they change."""

from collections.abc import Sequence

import pytest

from cds import contests as contests_module
from cds.circumstances import SYSTEM
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest
from eventstore.memory import MemoryStore
from eventstore.store import Event, NewEvent, StoreUnavailable
from projections.tokens import TokenMaker
from schemas.objects import Group
from tests.builders import CONTEST, KEY, put
from tests.eventstore.builders import append_of

MANY = 30
LONG = 25
"""More events than a short contest has."""


class CountingStore(MemoryStore):
    """A store that counts how often a stream is read by itself, and that may not be able to read many at once."""

    def __init__(self) -> None:
        super().__init__()
        self.read_alone: list[str] = []
        self.reads_many = True

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        """Read one."""
        self.read_alone.append(stream)
        return await super().read(stream, after, limit)

    async def read_beginnings(self, streams: Sequence[str], limit: int) -> dict[str, list[Event]]:
        """Read many."""
        if not self.reads_many:
            raise StoreUnavailable("away")
        found = await super().read_beginnings(streams, limit)
        self.read_alone.clear()
        return found


async def written(contest: LiveContest, *events: NewEvent) -> None:
    """Append to a contest."""
    await contest.transact(lambda _: Decision(events=events), actor="a", cause="c", circumstances=SYSTEM)


async def filled(store: MemoryStore) -> None:
    """Many short contests, and a long one in their midst."""
    contests = Contests(store, TokenMaker(KEY))
    (contest_event,) = encoded_events(put(CONTEST))
    for number in range(MANY):
        contest = await contests.opened(f"c{MANY - number}")
        await written(contest, contest_event)
        if number == MANY // 2:
            groups = [Group(id=f"g{each}", name="Group") for each in range(LONG)]
            await written(contest, *encoded_events([change for group in groups for change in put(group)]))


@pytest.mark.parametrize("reads_many", [True, False])
async def test_all_contests_are_there_in_the_order_in_which_they_were_made(
    monkeypatch: pytest.MonkeyPatch, *, reads_many: bool
) -> None:
    """Also where they cannot be read together: then each is read by itself."""
    monkeypatch.setattr(contests_module, "STREAMS_AT_ONCE", 7)
    store = CountingStore()
    await filled(store)
    store.reads_many = reads_many
    contests = Contests(store, TokenMaker(KEY))
    await contests.load()
    assert [contest.contest_id for contest in contests] == [f"c{MANY - number}" for number in range(MANY)]
    long = contests.find(f"c{MANY - MANY // 2}")
    assert long is not None
    assert len(long.state.objects["groups"]) == LONG
    if reads_many:
        assert set(store.read_alone) == {long.stream}
    await contests.close()


async def test_a_contest_that_cannot_be_read_is_set_aside_and_the_others_are_there() -> None:
    store = CountingStore()
    await filled(store)
    event = NewEvent(type="contest", id="", data=b'{"from_the_future":1}')
    await store.append(append_of("contest:newer", 0, [event]))
    contests = Contests(store, TokenMaker(KEY))
    await contests.load()
    assert len(list(contests)) == MANY
    assert contests.find("newer") is None
    await contests.close()


async def test_whoever_asks_what_has_changed_is_told_each_contest_once() -> None:
    store = CountingStore()
    await filled(store)
    contests = Contests(store, TokenMaker(KEY))
    assert contests.changed_since(0) == []
    await contests.load()
    assert len(contests.changed_since(0)) == MANY
    seen = contests.changes
    assert contests.changed_since(seen) == []
    for contest_id in ("c3", "c7", "c3"):
        contest = contests.find(contest_id)
        assert contest is not None
        group = Group(id=f"g{contest.position}", name="Group")
        await written(contest, *encoded_events(put(group)))
    assert [contest.contest_id for contest in contests.changed_since(seen)] == ["c7", "c3"]
    seen = contests.changes
    gone = contests.find("c7")
    assert gone is not None
    await written(gone, NewEvent(type="contest", id="", data=None))
    assert contests.changes > seen
    assert contests.changed_since(seen) == []
    await contests.close()
