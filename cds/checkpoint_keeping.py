"""When a contest has grown enough since its checkpoint, another one is made, by a process of its own.

One process of all on the database looks after this, for all contests. This module must not know how a checkpoint is
made, nor what it holds.
"""

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog

from cds.checkpointing import DATABASE_VARIABLE
from cds.checkpoints import held_checkpoint
from cds.live_contest import LiveContest
from cds.operations.worker_metrics import DIRECTORY_VARIABLE
from cds.past.snapshots import last_snapshot, next_snapshot
from eventstore.store import EventStore
from projections.tokens import TokenMaker

DUTY = "checkpoints"
"""The name under which one process of all on the database sees to it that checkpoints are made."""

LOOK_S = 2.0
"""How often it is looked whether a contest has grown."""

GROWTH_MIN = 0.1
"""A large contest gets another checkpoint when it has grown by this part of itself, for making one costs as much."""

SETTLED_S = 60.0
SETTLED_SHARE = 0.05
"""One in which nothing has happened for so long gets one for this part of the events that are usual."""

AGAIN_S = 60.0
"""After a failure it is tried again when the contest has grown as much once more, or else after so long."""

STOP_S_MAX = 2.0
"""How long a process that makes one may take to end when it is told to; then it is killed."""

log = structlog.get_logger(__name__)


class _Failed(msgspec.Struct, frozen=True):
    """An attempt that came to nothing: where the contest stood, and until when (seconds of the loop) that counts."""

    position: int
    until_s: float


class CheckpointKeeper:
    """Looks after the checkpoints of all contests."""

    def __init__(
        self, store: EventStore, tokens: TokenMaker, dsn: str, contests: Iterable[LiveContest], every_events: int
    ) -> None:
        """`every_events`: by how many events a contest has to grow."""
        self._store = store
        self._tokens = tokens
        self._dsn = dsn
        self._contests = contests
        self._every_events = every_events
        self._done: dict[str, int] = {}
        self._failed: dict[str, _Failed] = {}
        self._unchanged: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Look again and again, and have checkpoints made one after the other, until cancelled."""
        while True:
            for contest in list(self._contests):
                if self._is_due(contest):
                    await self._renew(contest)
            await asyncio.sleep(LOOK_S)

    def _is_due(self, contest: LiveContest) -> bool:
        """Whether a contest has grown enough since the checkpoint that we know of."""
        done = self._done.get(contest.stream, 0)
        enough = max(self._every_events, GROWTH_MIN * done)
        if self._unchanged_s(contest) >= SETTLED_S:
            enough = SETTLED_SHARE * self._every_events
        failed = self._failed.get(contest.stream)
        if failed is not None and asyncio.get_running_loop().time() < failed.until_s:
            done = max(done, failed.position)
        return contest.position - done >= max(enough, 1)

    async def _lacks_snapshots(self, contest: LiveContest) -> bool:
        """Whether an import, say, has made a checkpoint and left the snapshots to us."""
        if contest.position < next_snapshot(0):
            return False
        last = await last_snapshot(self._store, contest.stream, contest.position, self._tokens)
        return last is None or next_snapshot(last.position) + self._every_events <= contest.position

    def _unchanged_s(self, contest: LiveContest) -> float:
        """For how long nothing has happened in a contest, as far as we have looked."""
        now_s = asyncio.get_running_loop().time()
        position, since_s = self._unchanged.get(contest.stream, (None, now_s))
        if position != contest.position:
            since_s = now_s
            self._unchanged[contest.stream] = (contest.position, now_s)
        return now_s - since_s

    async def _renew(self, contest: LiveContest) -> None:
        """Have a checkpoint made, unless there is a newer one than we knew of."""
        held = await held_checkpoint(self._store, contest.stream, self._tokens)
        if held is not None and held.position > self._done.get(contest.stream, 0):
            self._done[contest.stream] = held.position
            if not self._is_due(contest) and not await self._lacks_snapshots(contest):
                return
        position, loop = contest.position, asyncio.get_running_loop()
        began_s = loop.time()
        reason = await self._made(contest)
        if reason is None:
            self._done[contest.stream] = position
            self._failed.pop(contest.stream, None)
            took_s = round(loop.time() - began_s, 1)
            log.info("checkpoint_made", stream=contest.stream, position=position, took_s=took_s)
        else:
            self._failed[contest.stream] = _Failed(position, loop.time() + AGAIN_S)
            log.warning("checkpoint_failed", stream=contest.stream, position=position, reason=reason)

    def _environment(self) -> dict[str, str]:
        """Ours, with the address of the database, and without the place where the workers of a group count together.

        The process finds its modules where we have found ours, also when they are not installed.
        """
        inherited = {name: value for name, value in os.environ.items() if name != DIRECTORY_VARIABLE}
        modules = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        return inherited | {DATABASE_VARIABLE: self._dsn, "PYTHONPATH": modules}

    async def _made(self, contest: LiveContest) -> str | None:
        """Make a checkpoint with the feeds that are in use here; why it failed, if it did."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "cds.checkpointing",
            contest.contest_id,
            *contest.snapshot().audiences,
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, told = await process.communicate()
        finally:
            await _ended(process)
        return told.decode(errors="replace").strip().rpartition("\n")[2] or "no reason" if process.returncode else None


async def _ended(process: asyncio.subprocess.Process) -> None:
    """See to it that the process has ended, also when we are cancelled."""
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S_MAX)
        except TimeoutError:
            process.kill()
            await process.wait()
