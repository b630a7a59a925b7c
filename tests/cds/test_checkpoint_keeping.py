"""Checkpoints are made beside a server that runs, by a process of its own, and the next start begins there."""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cds import checkpoint_keeping, transfer
from cds.checkpoint_keeping import CheckpointKeeper
from cds.checkpointing import make_checkpoint
from cds.contests import Contests
from cds.live_contest import LiveContest, stream_of
from cds.simulation.contest import simulate
from cds.simulation.package import write_simulated_package
from cds.simulation.parameters import SimulationParameters
from cds.transfer import import_source
from eventstore.memory import MemoryStore
from eventstore.postgres import PostgresStore
from eventstore.store import Checkpoint
from tests.builders import small_contest
from tests.cds.contest_api.serving import running
from tests.cds.test_checkpoints import CONTEST_ID, STREAM, TOKENS, answers, write

DEADLINE_S = 30.0


async def until(happened: Callable[[], bool]) -> None:
    """Wait for something."""
    async with asyncio.timeout(DEADLINE_S):
        while not happened():
            await asyncio.sleep(0.02)


async def test_a_server_has_a_checkpoint_made_and_its_successor_begins_there(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a process that is not present for others; the answers stay what they were."""
    monkeypatch.setattr(checkpoint_keeping, "LOOK_S", 0.02)
    changes, alone = small_contest(), set()
    with capture_logs() as logs:
        async with running(database_dsn, checkpoint_events=len(changes)) as server:
            await write(server.store, changes)
            await server.level_with(CONTEST_ID, len(changes))

            def is_made() -> bool:
                alone.add(server.store.alone)
                return any(entry["event"].startswith("checkpoint_") for entry in logs)

            await until(is_made)
            contest = server.service_contest(CONTEST_ID)
            assert contest is not None
            expected = await answers(contest)
    assert [entry["event"] for entry in logs if "checkpoint" in entry["event"]] == ["checkpoint_made"]
    assert alone == {True}
    async with running(database_dsn) as server:
        checkpoint = await server.store.checkpoint(STREAM)
        assert checkpoint is not None
        assert checkpoint.position >= len(changes)
        contest = server.service_contest(CONTEST_ID)
        assert contest is not None
        assert await answers(contest) == expected


async def test_one_that_cannot_be_made_is_told_of_and_left_until_there_is_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here because there is no such database."""
    monkeypatch.setattr(checkpoint_keeping, "LOOK_S", 0.01)
    store = MemoryStore()
    contests = Contests(store, TOKENS)
    await write(store, small_contest())
    await contests.load()
    keeper = CheckpointKeeper(store, TOKENS, "postgresql://127.0.0.1:1/nowhere", contests, 10)
    with capture_logs() as logs:
        running_keeper = asyncio.create_task(keeper.run())
        await until(lambda: len(logs) > 0)
        for _ in range(20):
            await asyncio.sleep(0.01)
        running_keeper.cancel()
    await contests.close()
    assert [entry["event"] for entry in logs] == ["checkpoint_failed"]
    assert "StoreUnavailable" in logs[0]["reason"]


class Told(CheckpointKeeper):
    """A keeper that makes checkpoints here and now, and remembers where."""

    made_at: list[int]

    async def _made(self, contest: LiveContest) -> str | None:
        self.made_at.append(contest.position)
        await make_checkpoint(self._store, CONTEST_ID, TOKENS)
        return None


async def test_it_is_time_when_a_contest_has_grown_enough_or_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for one event more, and not for what another process has made a checkpoint of already."""
    monkeypatch.setattr(checkpoint_keeping, "LOOK_S", 0.0)
    changes, store = small_contest(), MemoryStore()
    await write(store, changes[:30])
    contests = Contests(store, TOKENS)
    await contests.load()
    contest = contests.find(CONTEST_ID)
    assert contest is not None
    keeper = Told(store, TOKENS, "", contests, 10)
    keeper.made_at = []
    looking = asyncio.create_task(keeper.run())

    async def grown_to(position: int) -> list[int]:
        """Where checkpoints have been made when it has been looked many times."""
        await write(store, changes[contest.position : position])
        await contest.catch_up()
        for _ in range(50):
            await asyncio.sleep(0)
        return keeper.made_at

    assert await grown_to(30) == [30]
    assert await grown_to(39) == [30]
    assert await grown_to(40) == [30, 40]
    monkeypatch.setattr(checkpoint_keeping, "SETTLED_S", 0.0)
    monkeypatch.setattr(checkpoint_keeping, "SETTLED_SHARE", 0.2)
    assert await grown_to(41) == [30, 40]
    assert await grown_to(42) == [30, 40, 42]
    looking.cancel()
    again = Told(store, TOKENS, "", contests, 10)
    again.made_at = []
    looking = asyncio.create_task(again.run())
    for _ in range(50):
        await asyncio.sleep(0)
    looking.cancel()
    await contests.close()
    assert again.made_at == []


async def test_a_large_import_leaves_a_checkpoint_behind(
    store: PostgresStore, database_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that already the first start after it is fast; a small one does not."""
    parameters = SimulationParameters(teams=3, submissions=4, logos=False, sources=False, statements=False)
    write_simulated_package(simulate(parameters), tmp_path / "package")

    async def checkpoint_after_import(contest_id: str) -> Checkpoint | None:
        await import_source(
            tmp_path / "package", contest_id, strict=False, data_dir=tmp_path, database_url=database_dsn
        )
        return await store.checkpoint(stream_of(contest_id))

    assert await checkpoint_after_import("small") is None
    monkeypatch.setattr(transfer, "CHECKPOINT_EVENTS", 50)
    checkpoint = await checkpoint_after_import("large")
    assert checkpoint is not None
    assert checkpoint.position == (await store.head(stream_of("large"))).position


class Failing(CheckpointKeeper):
    """A keeper that fails at first."""

    failures = 0

    async def _made(self, _contest: LiveContest) -> str | None:
        self.failures += 1
        return "it fails for the test" if self.failures < 3 else None


async def test_after_a_failure_it_is_tried_again_also_where_nothing_more_happens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A contest that has ended grows no more, and still gets its checkpoint."""
    monkeypatch.setattr(checkpoint_keeping, "LOOK_S", 0.0)
    monkeypatch.setattr(checkpoint_keeping, "AGAIN_S", 0.0)
    store = MemoryStore()
    contests = Contests(store, TOKENS)
    await write(store, small_contest())
    await contests.load()
    keeper = Failing(store, TOKENS, "", contests, 10)
    with capture_logs() as logs:
        looking = asyncio.create_task(keeper.run())
        await until(lambda: any(entry["event"] == "checkpoint_made" for entry in logs))
        for _ in range(50):
            await asyncio.sleep(0)
        looking.cancel()
    await contests.close()
    assert [entry["event"] for entry in logs] == ["checkpoint_failed", "checkpoint_failed", "checkpoint_made"]


async def test_the_process_finds_the_modules_that_we_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those of a source tree that is not installed, which only our own path knows."""
    (tmp_path / "only_here.py").write_text("")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    store = MemoryStore()
    keeper = CheckpointKeeper(store, TOKENS, "", Contests(store, TOKENS), 10)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-c",
        "import only_here",
        env=keeper._environment(),
    )
    assert await process.wait() == 0


async def test_a_process_that_does_not_end_is_killed_and_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint_keeping, "STOP_S_MAX", 0.01)
    program = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", program, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await process.stdout.readline()
    await checkpoint_keeping._ended(process)
    assert process.returncode == -signal.SIGKILL
