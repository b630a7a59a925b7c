"""When a reader asks the database whether memory is still the newest there is, and what it may not answer.

This module must not know contests, nor any wire.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import lru_cache
from typing import TypeVar

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

Answer = TypeVar("Answer")


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


async def answered_soon(asking: Coroutine[None, None, Answer]) -> Answer:
    """What the database answers; what asking raises is raised. Raises TimeoutError after LOOK_S_MAX.

    It is not waited for until the asking has been given up: with a database that hangs that takes many seconds more.
    """
    task = asyncio.create_task(asking)
    task.add_done_callback(_heard)
    try:
        await asyncio.wait((task,), timeout=LOOK_S_MAX)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


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


class Looks:
    """Looks of readers at the database: one for all who ask together, and none while it is known to be away."""

    def __init__(self, store: EventStore, read: Callable[[], Awaitable[bool]], what: str) -> None:
        """`read` reads what is new and says whether that was all; `what` names it in the log."""
        self.no_answer_at_s = float("-inf")
        """When the database gave no answer last, in seconds of the loop."""
        self._store = store
        self._read = read
        self._what = what
        self._looking = asyncio.Lock()
        self._next: asyncio.Task[bool] | None = None

    async def now(self) -> bool:
        """Read what any process had written before this call; says whether all of it was read.

        Raises what `read` raises, but for StoreUnavailable and TimeoutError.
        """
        if not is_worth_a_look(self._store, self.no_answer_at_s):
            return False
        if self._next is None:
            self._next = asyncio.create_task(self._look(), name=f"look at {self._what}")
            self._next.add_done_callback(_heard)
        return await asyncio.shield(self._next)

    async def _look(self) -> bool:
        async with self._looking:
            self._next = None  # whoever comes from here on may know of something that this look does not see
            if not is_worth_a_look(self._store, self.no_answer_at_s):
                return False  # the look before this one has just had no answer
            try:
                return await self._read()
            except (StoreUnavailable, TimeoutError):
                self.no_answer_at_s = asyncio.get_running_loop().time()
                log.warning("database_unavailable", stream=self._what)
                return False


def _heard(task: asyncio.Task[Answer]) -> None:
    """Whoever waited has been told; when all of them have left, nobody has to be."""
    if not task.cancelled():
        task.exception()


def is_worth_a_look(store: EventStore, no_answer_at_s: float) -> bool:
    """Whether a reader should ask the database, which gave no answer at that moment (seconds of the loop).

    A store that has just lost its connection for hints may well answer; one that is away must not make everybody wait.
    """
    return store.reachable or asyncio.get_running_loop().time() >= no_answer_at_s + LOOK_AGAIN_S
