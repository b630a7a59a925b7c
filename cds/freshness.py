"""When a reader asks the database whether memory is still the newest there is, and what it may not answer.

This module must not know contests, nor any wire.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache

import structlog

from eventstore.store import EventStore, StoreUnavailable

LOOK_S_MAX = 3.0
"""How long a reader waits for the database to tell what others wrote; memory answers when it does not.

While something is being applied the database has answered, so a large release is waited for, however long it takes.
"""

LOOK_AGAIN_S = 1.0
"""How long a database that gave a reader no answer is left alone by readers, unless it is known to be back."""

TOLD_MAX = 1_024
"""Streams of which it is remembered that it has been told that they are cut short."""

log = structlog.get_logger(__name__)


class KnownBehind(StoreUnavailable):
    """Another worker of our group has applied what we cannot read now: memory would be an older answer than its own."""

    def __init__(self, reason: str = "another worker knows more, and the log cannot be read") -> None:
        super().__init__(reason)


class LogCutShort(KnownBehind):
    """The log was read to its end, which lies before what our group has applied: it is not the log that it was."""

    def __init__(self, stream: str, known: int) -> None:
        """`known`: the position that has been applied."""
        super().__init__(f"{stream} ends before position {known}, which is known here: restart after a log is restored")


def reason_of_being_behind(stream: str, known: int, *, read_to_end: bool) -> KnownBehind:
    """Why a reader cannot be told what stands at a position that our group has applied."""
    if not read_to_end:
        return KnownBehind()
    _tell_of_log_cut_short(stream, known)
    return LogCutShort(stream, known)


@lru_cache(maxsize=TOLD_MAX)
def _tell_of_log_cut_short(stream: str, known: int) -> None:
    """Told once, not to everybody who asks: it stays so until somebody restarts the group."""
    log.error("log_cut_short", stream=stream, known_position=known)


async def while_it_gets_on(reading: Coroutine[None, None, None], progress: Callable[[], int]) -> None:
    """Wait until some reading of the log is through; what it raises is raised.

    Raises TimeoutError, and cancels the reading, once `progress` has told the same number for LOOK_S_MAX.
    """
    task = asyncio.create_task(reading)
    try:
        while not task.done():
            before = progress()
            await asyncio.wait((task,), timeout=LOOK_S_MAX)
            if not task.done() and progress() == before:
                raise TimeoutError
        task.result()
    finally:
        task.cancel()
        await asyncio.wait((task,))


def is_worth_a_look(store: EventStore, no_answer_at_s: float) -> bool:
    """Whether a reader should ask the database, which gave no answer at that moment (seconds of the loop).

    A store that has just lost its connection for hints may well answer; one that is away must not make everybody wait.
    """
    return store.reachable or asyncio.get_running_loop().time() >= no_answer_at_s + LOOK_AGAIN_S
