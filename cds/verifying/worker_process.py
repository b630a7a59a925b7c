"""`python -m cds.verifying.worker_process`: does pieces of the work of verifying that come on its standard input.

Each message is its length in four bytes, and msgpack. What comes of a piece goes to standard output, and progress
before it. The address of the database comes from CDS_DATABASE_URL, which no list of processes shows, and from
CDS_PROGRAM which program the command is. It ends with its input. This module must not know how anything is verified.
"""

import asyncio
import gc
import os
import sys
from contextlib import suppress

import asyncpg
import msgspec

from cds.checkpoints import program_digest
from cds.observability import configure_logging
from cds.verifying.messages import message, received_from
from cds.verifying.work import Failed, Progress, Told, Work
from cds.verifying.working import worker
from eventstore.connecting import one_line
from eventstore.store import StoreRefused, StoreUnavailable

NICENESS = 10
"""Servers on the same machine come first."""
DATABASE_VARIABLE = "CDS_DATABASE_URL"

PROGRAM_VARIABLE = "CDS_PROGRAM"
"""The digest of the program that the command is (cds.checkpoints), in hexadecimal."""

OTHER_PROGRAM = "the program was changed since the command began, begin again"
"""Why nothing is done: another program may come to other feeds, and that is no difference."""

_decoder: msgspec.msgpack.Decoder[Work] = msgspec.msgpack.Decoder(Work)


async def run(dsn: str) -> None:
    """Do what comes until nothing comes any more."""
    if program_digest().hex() != os.environ.get(PROGRAM_VARIABLE):
        _tell(Failed(OTHER_PROGRAM))
        return
    try:
        async with worker(dsn, _tell_progress) as working:
            while (received := await asyncio.to_thread(received_from, sys.stdin.buffer)) is not None:
                _tell(await working.done(_decoder.decode(received)))
    except BrokenPipeError:
        raise
    except (StoreRefused, StoreUnavailable, OSError, asyncpg.PostgresError) as reason:
        _tell(Failed(one_line(reason)))


def _tell_progress(progress: Progress) -> None:
    _tell(progress)


def _tell(told: Told) -> None:
    sys.stdout.buffer.write(message(told))
    sys.stdout.buffer.flush()


def main() -> None:
    """Work until the input ends."""
    os.nice(NICENESS)
    # What is replayed stays until the end of its piece, and looking for garbage in it takes longer than all else.
    gc.set_threshold(1_000_000, 50, 50)
    configure_logging("auto", "error")
    with suppress(BrokenPipeError):
        # Whoever wanted to know is gone.
        asyncio.run(run(os.environ[DATABASE_VARIABLE]))


if __name__ == "__main__":
    main()
