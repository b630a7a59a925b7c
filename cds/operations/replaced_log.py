"""The end of a server whose database has come to hold another log, such as an older backup of its own.

Whoever starts the program again (a supervisor, systemd, a restart policy of containers) has it read what there is.
This module must not know how that is noticed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import structlog

from eventstore.store import StoreRefused

log = structlog.get_logger(__name__)


class LogReplaced(StoreRefused):
    """The database has come to hold another log than the one that was served."""


class ReplacedStore(Protocol):
    """A store that notices."""

    async def log_replaced(self) -> str:
        """Come back when the database holds another log: with what differs."""
        ...


class LeavingServer(Protocol):
    """A server that can end; `refusal` is why it had to."""

    refusal: str | None

    def stop_soon(self, reason: str) -> None:
        """Have it end."""
        ...


def leaving_when_replaced(store: ReplacedStore, server: LeavingServer) -> "asyncio.Task[None]":
    """Watch a store until cancelled; the server ends when the log is another one."""

    async def watch() -> None:
        server.refusal = await store.log_replaced()
        log.critical("log_replaced", reason=server.refusal)
        server.stop_soon("log_replaced")

    return asyncio.create_task(watch(), name="watch for another log")


@asynccontextmanager
async def ending_when_replaced(store: ReplacedStore) -> AsyncIterator[None]:
    """End the block when the log is another one: it raises LogReplaced then. For commands, which serve nobody."""
    inside = asyncio.current_task()
    replaced: list[str] = []

    async def watch() -> None:
        replaced.append(await store.log_replaced())
        if inside is not None:
            inside.cancel()

    watching = asyncio.create_task(watch(), name="watch for another log")
    try:
        yield
    except asyncio.CancelledError:
        if replaced and inside is not None and not inside.uncancel():
            raise LogReplaced(replaced[0]) from None
        raise
    finally:
        watching.cancel()


def raise_refusal(server: LeavingServer) -> None:
    """Raise LogReplaced for a server that had to end."""
    if server.refusal is not None:
        raise LogReplaced(server.refusal)
