"""A server for the length of a process: it is started, announced, drained and stopped, and signals are heeded.

This module must not know what the server serves.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar

import structlog

from cds.configuration import Configuration
from cds.operations.hangup import heed_hangup
from cds.operations.open_files import raise_open_files_limit

log = structlog.get_logger(__name__)


class ProcessServer(Protocol):
    """A server as far as its process is concerned. `started_s` is by the monotonic clock."""

    stopping: asyncio.Event
    started_s: float

    async def start(self) -> None:
        """Begin to serve."""
        ...

    async def stop(self) -> None:
        """Serve no more."""
        ...

    def stop_soon(self, reason: str) -> None:
        """Set `stopping`, and say so."""
        ...

    def reload_certificate(self) -> None:
        """Take the certificate as it is now."""
        ...


Served = TypeVar("Served", bound=ProcessServer)


async def serve_until_told(
    server: Served, configuration: Configuration, announce: Callable[[Served], Awaitable[None]]
) -> None:
    """Run a server until SIGTERM or SIGINT; `announce` is called when it is ready. Raises as its `start`."""
    raise_open_files_limit()
    _heed_signals(server, configuration)
    starting = asyncio.create_task(_start_and_announce(server, announce))
    stopping = asyncio.create_task(server.stopping.wait())
    try:
        done, _ = await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if starting in done:
            starting.result()
            await stopping
            # Balancers see that this server is not ready, and whoever is still sent here is served.
            await asyncio.sleep(configuration.drain_s)
    finally:
        for task in (starting, stopping):
            task.cancel()
        await asyncio.gather(starting, stopping, return_exceptions=True)
        await server.stop()
    log.info("stopped", served_s=round(time.monotonic() - server.started_s, 3))


def _heed_signals(server: ProcessServer, configuration: Configuration) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop_soon, number.name)
    heed_hangup(
        encrypted=configuration.encrypted,
        reload=server.reload_certificate,
        stop=partial(server.stop_soon, signal.SIGHUP.name),
    )


async def _start_and_announce(server: Served, announce: Callable[[Served], Awaitable[None]]) -> None:
    await server.start()
    if not server.stopping.is_set():
        await announce(server)
