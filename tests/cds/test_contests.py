"""All contests of a log, on the memory store: followed, and not held up by one that cannot be read."""

import asyncio
import os
from functools import partial
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from cds import freshness
from cds.checkpoints import program_digest
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.contests import Contests
from cds.freshness import KnownBehind, LogCutShort
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest, stream_of
from cds.workers.marks import SharedMarks, marks_file
from eventstore.memory import MemoryStore
from eventstore.store import Append, Event, NewEvent
from projections.contest import ContestState
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


async def test_a_contest_that_cannot_be_made_ready_is_told_of_and_the_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store, settled = MemoryStore(), list[str]()

    async def settle(contest: LiveContest) -> None:
        if contest.contest_id == "broken":
            raise RuntimeError("it cannot be made ready, for the test")
        settled.append(contest.contest_id)

    monkeypatch.setattr(LiveContest, "settle", settle)
    for contest_id in ("broken", "later"):
        await write(store, contest_id, a_contest())
    contests = Contests(store, TOKENS)
    with capture_logs() as logs:
        await contests.load()
        async with asyncio.timeout(DEADLINE_S):
            while not logs:
                await asyncio.sleep(0)
    assert settled == ["later"]
    assert [(entry["event"], entry["task"]) for entry in logs] == [("task_failed", "settle")]
    await contests.close()


async def test_a_log_that_ends_before_what_the_group_knows_is_called_so() -> None:
    """Somebody has restored the database under a group that runs: readers are told, and no feed is sought for ever."""
    store, descriptor = MemoryStore(), marks_file(2)
    await write(store, "restored", a_contest())
    marks = [SharedMarks(descriptor, workers=2, own=own) for own in range(2)]
    contests = Contests(store, TOKENS, marks[0])
    await contests.load()
    marks[1].of(stream_of("restored")).raise_to(3)
    with capture_logs() as logs:
        for ask in (partial(contests.found, "restored"), contests.fresh):
            with pytest.raises(LogCutShort, match="contest:restored ends before position 3"):
                await ask()
    assert [entry["event"] for entry in logs] == ["log_cut_short"]
    contest = contests.find("restored")
    assert contest is not None
    contest.state.position = 3
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(KnownBehind, match="ends before position 3"):
            await contest.feed("judge")
    await contests.close()
    for each in marks:
        each.close()
    os.close(descriptor)


async def test_the_program_knows_itself_before_it_serves() -> None:
    """Later its files may be those of its successor, whose checkpoints it must not take for its own."""
    program_digest.cache_clear()
    contests = Contests(MemoryStore(), TOKENS)
    await contests.load()
    assert program_digest.cache_info().currsize == 1
    await contests.close()


class HangingStore(MemoryStore):
    """A store in which one stream cannot be read."""

    hanging = ""

    async def read(self, stream: str, after: int, limit: int) -> list[Event]:
        if stream == self.hanging:
            await asyncio.Event().wait()
        return await super().read(stream, after, limit)


async def test_a_reading_that_hangs_is_given_up_whatever_is_written_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What gets on in one contest is no reason to wait for another."""
    monkeypatch.setattr(freshness, "LOOK_S_MAX", 0.05)
    store = HangingStore()
    for contest_id in ("hanging", "busy"):
        await write(store, contest_id, a_contest())
    contests = Contests(store, TOKENS)
    await contests.load()
    store.hanging = stream_of("hanging")
    busy = contests.find("busy")
    assert busy is not None

    def decide(_state: ContestState) -> Decision:
        return Decision(events=a_contest())

    async def write_on() -> None:
        while True:
            await busy.transact(decide, actor="test", cause="test", circumstances=SYSTEM)
            await asyncio.sleep(0)

    await write(store, "hanging", a_contest())
    writing = asyncio.create_task(write_on())
    before = busy.position
    async with asyncio.timeout(DEADLINE_S):
        await contests.fresh()
    assert busy.position > before + 2
    assert contests._no_answer_at_s > float("-inf")
    writing.cancel()
    await contests.close()
