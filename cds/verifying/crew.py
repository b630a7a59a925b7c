"""Gives pieces of work to processes, so that several cores work, or does them in this one.

This module must not know what the work is about.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain, islice
from pathlib import Path

import msgspec

from cds.checkpoints import program_digest
from cds.verifying.messages import message, received
from cds.verifying.work import Failed, Outcome, Progress, Told, Work
from cds.verifying.worker_process import DATABASE_VARIABLE, PROGRAM_VARIABLE
from cds.verifying.working import worker
from eventstore.store import StoreRefused, StoreUnavailable

STOP_S_MAX = 5.0
"""How long a process may take to end when there is nothing more to do; then it is killed."""

Take = Callable[[Work, Outcome], None]
"""Is given what came of each piece."""

_decoder: msgspec.msgpack.Decoder[Told] = msgspec.msgpack.Decoder(Told)


async def do_here(dsn: str, work: Iterable[Work], report: Callable[[Progress], None], take: Take) -> None:
    """Do all of it in this process, one piece after the other. Raises what the store raises."""
    async with worker(dsn, report) as working:
        for piece in work:
            take(piece, await working.done(piece))


async def do_in_processes(
    dsn: str, work: Iterable[Work], processes: int, report: Callable[[Progress], None], take: Take
) -> None:
    """Do it in so many processes; the first pieces are begun first. Raises what the store raises."""
    # A piece is taken when it is begun: what has been found by then may be reason enough to begin no more.
    waiting = iter(work)
    try:
        # Processes are ended out here: inside, the end of one would be broken off when another fails.
        async with AsyncExitStack() as processes_begun, asyncio.TaskGroup() as crew:

            async def employ(first: Work) -> None:
                process = await processes_begun.enter_async_context(_process(dsn))
                for piece in chain((first,), waiting):
                    take(piece, await _done(process, piece, report))

            for first in islice(waiting, processes):
                crew.create_task(employ(first))
    except* (StoreUnavailable, StoreRefused) as failures:
        raise failures.exceptions[0] from None


async def _done(process: asyncio.subprocess.Process, piece: Work, report: Callable[[Progress], None]) -> Outcome:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a process without pipes")
    try:
        process.stdin.write(message(piece))
        await process.stdin.drain()
    except ConnectionError:
        # It has ended; what it said last tells why.
        pass
    while (content := await received(process.stdout)) is not None:
        told = _decoder.decode(content)
        if isinstance(told, Outcome):
            return told
        if isinstance(told, Failed):
            raise StoreUnavailable(told.reason)
        report(told)
    raise StoreRefused(_told_of_end(await process.wait()))


def _told_of_end(code: int) -> str:
    if code == -signal.SIGKILL:
        return "a process that verified was killed; if memory has run out, --processes 1 takes less of it"
    return f"a process that verified has ended with code {code}"


@asynccontextmanager
async def _process(dsn: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process for the length of the block. It finds its modules where we have found ours."""
    modules = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        "cds.verifying.worker_process",
        env=os.environ | {DATABASE_VARIABLE: dsn, PROGRAM_VARIABLE: program_digest().hex(), "PYTHONPATH": modules},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        # An interruption of the command is for us alone, and we end the process.
        start_new_session=True,
    )
    try:
        yield process
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.wait_for(process.wait(), STOP_S_MAX)
    except TimeoutError:
        # Whatever keeps it has nothing to do with what it has told.
        process.kill()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
