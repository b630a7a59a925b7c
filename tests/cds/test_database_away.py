"""Commands while the database hangs: nobody waits long, and nobody is told that nothing was written when it may be."""

import asyncio
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
    """A database that is known to be away while something is being written, and answers once `awake` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.awake = asyncio.Event()
        self.awake.set()
        self.writing = asyncio.Event()

    @property
    def reachable(self) -> bool:
        return self.awake.is_set()

    async def append(self, append: Append) -> Head | None:
        self.writing.set()
        await self.awake.wait()
        return await super().append(append)


async def test_while_the_database_is_away_nobody_waits_long_for_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being written may have been: its answer waits. What has not been begun is turned away, unwritten."""
    monkeypatch.setattr(cds.turn, "AWAY_S_MAX", 0.01)
    store = HungStore()
    contest = LiveContest("finals", store, TokenMaker(KEY), eager_roles=())
    await written(contest, setup())
    store.awake.clear()
    store.writing.clear()
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
