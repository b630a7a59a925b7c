"""Commands while the database hangs: nobody waits long, and nobody is told that nothing was written when it may be."""

import asyncio
import gc
from collections.abc import Sequence

import pytest

import cds.turn
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest
from eventstore.memory import MemoryStore
from eventstore.store import Append, Head, NewEvent, StoreUnavailable
from projections.tokens import TokenMaker
from schemas.objects import Group
from tests.builders import KEY, put, setup

DEADLINE_S = 20.0


async def written(contest: LiveContest, changes: Sequence[ObjectChange]) -> Sequence[NewEvent]:
    """One command that makes these changes."""
    decision = Decision(events=encoded_events(changes))
    return await contest.transact(lambda _: decision, actor="somebody", cause="test", circumstances=SYSTEM)


async def grouped(contest: LiveContest, identifier: str) -> list[str]:
    """A command that makes a group; the ids of what it made."""
    return [event.id for event in await written(contest, put(Group(id=identifier, name="Group")))]


class HungStore(MemoryStore):
    """A database that hangs while something is being written, is `known` to do so, and answers once `awake` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = asyncio.Event()
        self.awake.set()
        self.writing = asyncio.Event()
        self.known = True

    @property
    def reachable(self) -> bool:
        return self.awake.is_set() or not self.known

    async def append(self, append: Append) -> Head | None:
        self.writing.set()
        await self.awake.wait()
        return await super().append(append)


async def hanging(monkeypatch: pytest.MonkeyPatch) -> tuple[HungStore, LiveContest]:
    """A contest whose database hangs from now on, and the little patience that commands have with it."""
    monkeypatch.setattr(cds.turn, "AWAY_S_MAX", 0.01)
    monkeypatch.setattr(cds.turn, "AWAY_LOOK_S", 0.005)
    store = HungStore()
    contest = LiveContest("finals", store, TokenMaker(KEY), eager_roles=())
    await written(contest, setup())
    store.awake.clear()
    store.writing.clear()
    return store, contest


async def test_while_the_database_is_away_nobody_waits_long_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being written may have been: its answer waits. What has not been begun is turned away, unwritten."""
    store, contest = await hanging(monkeypatch)
    begun_before = asyncio.create_task(grouped(contest, "begun"))
    async with asyncio.timeout(DEADLINE_S):
        await store.writing.wait()
        for number in range(2):
            with pytest.raises(StoreUnavailable):
                await grouped(contest, f"late-{number}")
        assert not begun_before.done()
        store.awake.set()
        assert await begun_before == ["begun"]
        assert await grouped(contest, "after") == ["after"]
    assert {"begun", "after"} <= contest.state.objects["groups"].keys()
    assert not [identifier for identifier in contest.state.objects["groups"] if identifier.startswith("late")]


async def test_who_waits_already_when_the_database_is_found_to_be_away_does_not_wait_long_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that hangs is known to do so only after a while."""
    store, contest = await hanging(monkeypatch)
    store.known = False
    begun = asyncio.create_task(grouped(contest, "begun"))
    async with asyncio.timeout(DEADLINE_S):
        await store.writing.wait()
        queued = [asyncio.create_task(grouped(contest, f"queued-{number}")) for number in range(2)]
        await asyncio.sleep(3 * cds.turn.AWAY_S_MAX)
        assert not any(task.done() for task in queued)
        store.known = True
        outcomes = await asyncio.gather(*queued, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 2
        assert not begun.done()
        store.awake.set()
        assert await begun == ["begun"]
    assert not [identifier for identifier in contest.state.objects["groups"] if identifier.startswith("queued")]


async def test_a_database_that_comes_back_in_time_takes_those_who_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    store, contest = await hanging(monkeypatch)
    monkeypatch.setattr(cds.turn, "AWAY_S_MAX", 2 * DEADLINE_S)
    async with asyncio.timeout(DEADLINE_S):
        begun = asyncio.create_task(grouped(contest, "begun"))
        await store.writing.wait()
        queued = asyncio.create_task(grouped(contest, "queued"))
        await asyncio.sleep(0.05)
        assert not queued.done()
        store.awake.set()
        assert (await begun, await queued) == (["begun"], ["queued"])


async def test_who_goes_while_the_database_is_away_leaves_no_answer_that_nobody_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither to one that is being written nor to one that waits; asyncio would complain of it."""
    store, contest = await hanging(monkeypatch)
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, about: complaints.append(about))
    tasks = [asyncio.create_task(grouped(contest, name)) for name in ("begun", "gone")]
    async with asyncio.timeout(DEADLINE_S):
        await store.writing.wait()
        tasks += [asyncio.create_task(grouped(contest, "waiting")) for _ in range(2)]
        await asyncio.sleep(0)
        for task in (tasks[0], tasks[2]):
            task.cancel()
        with pytest.raises(StoreUnavailable):
            await tasks[3]
        await store.close()
        store.awake.set()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[:1] + outcomes[2:]] == [
        asyncio.CancelledError,
        asyncio.CancelledError,
        StoreUnavailable,
    ]
    gc.collect()
    assert complaints == []
