"""Connections to NATS: where its servers are, how they are known, and as whom we come.

A connection that is lost is made again for as long as it takes, with whichever of the servers is there. Passwords,
tokens and credentials are in no text that this module makes. It must not know what is published.
"""

import asyncio
import ssl
from typing import Any
from urllib.parse import urlsplit

import structlog
from nats import errors as nats_errors
from nats.aio.client import Client, Srv

from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.settings import NatsServers

CONNECT_S_MAX = 5
RECONNECT_S = 0.25
"""Between two attempts with the same server."""

PING_S = 10
PINGS_MISSED_MAX = 2
"""A connection on which a server answers nothing is given up after so many of these."""

FAILURES = (nats_errors.Error, OSError, TimeoutError)
"""What a connection may raise when nobody is there, or not now."""

TLS_SCHEMES = frozenset({"tls", "wss"})

log = structlog.get_logger(__name__)


class Connection(Client):
    """The client of NATS, which leaves no socket open behind it and makes no connection after its end.

    What has failed on the way (a greeting that does not come, a server that goes while it greets) would be forgotten
    but not closed, and so would what was being made when `connect` was cancelled. Up to Python 3.11 the client may also
    miss that it was cancelled (`heed_cancellation`), and go on for ever, or connect again after `close`.
    """

    def __init__(self) -> None:
        """Nothing is connected."""
        super().__init__()
        self._ended = False

    async def connect(self, *arguments: Any, **options: Any) -> None:
        """As the client does; no socket is left when that raises or is cancelled."""
        try:
            await super().connect(*arguments, **options)
        except BaseException:
            self._ended = True
            self._close_transport()
            raise

    async def close(self) -> None:
        """As the client does, for good."""
        self._ended = True
        try:
            await super().close()
        finally:
            self._close_transport()
            # What was begun by an attempt that was cancelled at its very end is not known to the client any more.
            for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
                if task is not None and task is not asyncio.current_task():
                    task.cancel()

    async def _connect_to_server(self, s: Srv) -> None:
        self._close_transport()
        if self._ended:
            raise asyncio.CancelledError
        heed_cancellation()
        await super()._connect_to_server(s)
        heed_cancellation()

    async def _process_connect_init(self) -> None:
        await super()._process_connect_init()
        heed_cancellation()

    def _close_transport(self) -> None:
        if self._transport is not None:
            self._transport.close()  # type: ignore[no-untyped-call]


def tls_of(servers: NatsServers) -> ssl.SSLContext | None:
    """What is believed and shown where connections are encrypted, None where that is not asked for.

    Raises OSError and ssl.SSLError for files that are none.
    """
    encrypted = any(urlsplit(url).scheme in TLS_SCHEMES for url in servers.urls)
    if not encrypted and servers.ca is None and servers.certificate is None:
        return None
    context = ssl.create_default_context(cafile=servers.ca)
    if servers.certificate is not None:
        context.load_cert_chain(servers.certificate, servers.key)
    return context


async def connected(servers: NatsServers, name: str) -> Connection:
    """A connection, to be closed. `name` is seen by whoever looks after the servers. Raises FAILURES."""
    client = Connection()

    async def disconnected() -> None:
        if not client.is_closed:
            log.warning("nats_lost", servers=servers.told)

    async def reconnected() -> None:
        log.info("nats_reached", servers=servers.told)

    async def failed(error: Exception) -> None:
        log.debug("nats_failure", error=type(error).__name__)

    await client.connect(
        servers=list(servers.urls),
        name=name,
        connect_timeout=CONNECT_S_MAX,
        reconnect_time_wait=RECONNECT_S,
        max_reconnect_attempts=-1,
        ping_interval=PING_S,
        max_outstanding_pings=PINGS_MISSED_MAX,
        user_credentials=None if servers.credentials is None else str(servers.credentials),
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
        error_cb=failed,
        tls=tls_of(servers),
    )
    return client
