"""All contests of a log, on the memory store: followed, and not held up by one that cannot be read."""

import asyncio
from uuid import uuid4

import pytest

from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import stream_of
from eventstore.memory import MemoryStore
from eventstore.store import Append, NewEvent
from projections.tokens import KEY_BYTES, TokenMaker
from tests.builders import CONTEST, put

TOKENS = TokenMaker(bytes(KEY_BYTES))
DEADLINE_S = 10
FROM_A_NEWER_PROGRAM = NewEvent(type="x-parties", id="p1", data=b"{}")
NOT_AN_OBJECT = NewEvent(type="teams", id="t1", data=b'{"id":1}')


async def write(store: MemoryStore, contest_id: str, events: list[NewEvent]) -> None:
    """Append to a contest, as any program on the same log may."""
    stream = stream_of(contest_id)
    head = await store.head(stream)
    appended = await store.append(
        Append(
            stream=stream,
            expected_position=head.position,
            events=events,
            actor="test",
            cause="test",
            batch_id=uuid4(),
            recorded_at_us=0,
        )
    )
    assert appended is not None


def a_contest() -> list[NewEvent]:
    """The beginning of a contest."""
    return encoded_events([ObjectChange(change.type, change.id, change.instance) for change in put(CONTEST)])


async def appears(contests: Contests, contest_id: str) -> None:
    """Wait until a contest is there."""
    async with asyncio.timeout(DEADLINE_S):
        while contests.find(contest_id) is None:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("poison", [FROM_A_NEWER_PROGRAM, NOT_AN_OBJECT])
async def test_an_event_that_cannot_be_read_sets_its_contest_aside_alone(
    poison: NewEvent, capsys: pytest.CaptureFixture[str]
) -> None:
    """At the start and while following: the contest stays as it was before the event, the others go on."""
    store = MemoryStore()
    await write(store, "poisoned", [*a_contest(), poison])
    await write(store, "healthy", a_contest())
    contests = Contests(store, TOKENS)
    await contests.load()
    assert contests.find("healthy") is not None
    await write(store, "poisoned", [poison])
    await write(store, "later", a_contest())
    await appears(contests, "later")
    assert contests.following
    said = "".join(capsys.readouterr())
    assert "contest_set_aside" in said
    assert "contest:poisoned 2" in said
    await contests.close()
    await store.close()


async def test_what_stood_before_an_unreadable_event_is_served() -> None:
    store = MemoryStore()
    await write(store, "poisoned", a_contest())
    contests = Contests(store, TOKENS)
    await contests.load()
    await write(store, "poisoned", [FROM_A_NEWER_PROGRAM])
    await write(store, "later", a_contest())
    await appears(contests, "later")
    contest = contests.find("poisoned")
    assert contest is not None
    assert contest.position == 1
    await contests.close()
    await store.close()
