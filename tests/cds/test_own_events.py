"""What a process has written itself it does not read back, and word of it does not make it do so."""

import asyncio
from functools import partial

import pytest

from cds.circumstances import SYSTEM
from cds.contests import Contests
from cds.importing import encoded_events
from cds.live_contest import Decision
from eventstore.postgres import PostgresStore
from eventstore.store import Event
from projections.contest import ContestState
from tests.builders import put, setup, submission
from tests.cds.test_contests import TOKENS

COMMANDS = 40
READS_MAX = COMMANDS // 4
"""A poll may see a commit before the one who made it: then it is read, which does no harm."""


def _decide(decision: Decision, _state: ContestState) -> Decision:
    return decision


async def test_own_commits_are_not_read_again(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for the word that the store gives of them, nor for that which comes back from the database."""
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = await contests.opened("own")
    reads = 0
    read = store.read

    async def counted(stream: str, after: int, limit: int) -> list[Event]:
        nonlocal reads
        reads += 1
        return await read(stream, after, limit)

    monkeypatch.setattr(store, "read", counted)
    for number in range(COMMANDS):
        changes = setup() if number == 0 else put(submission(str(number), "t1", "a", "0:30:00.000"))
        decide = partial(_decide, Decision(events=encoded_events(changes)))
        await contest.transact(decide, actor="test", cause="test", circumstances=SYSTEM)
        await asyncio.sleep(0.005)
    assert len(contest.state.objects["submissions"]) == COMMANDS - 1
    assert reads <= READS_MAX
    await contests.close()
