"""Connections to NATS: where its servers are, how they are known, and as whom we come.

A connection that is lost is made again for as long as it takes, with whichever of the servers is there, whatever the
server says that ends it; what it is made with is read anew each time. Passwords, tokens and credentials are in no text
that this module makes. It must not know what is published.
"""

import asyncio
import ssl
from collections.abc import Callable
from random import SystemRandom
from typing import Any, TypedDict

import structlog
from nats import errors as nats_errors
from nats.aio.client import Client, Srv
from nats.protocol.parser import Parser

from cds.encryption import EncryptionRefused
from cds.jetstream.cancellation import heed_cancellation
from cds.jetstream.credentials import CredentialsRefused, read_credentials
from cds.jetstream.encryption import context_of, is_encrypted
from cds.jetstream.server_urls import address_of, login_of
from cds.jetstream.settings import NatsServers

CONNECT_S_MAX = 5
RECONNECT_S = 0.25
"""Between two attempts with the same server."""

PING_S = 2.0
PINGS_MISSED_MAX = 2
"""A connection on which nothing comes any more, and so many of these are not answered, is given up at the next one."""

TAKEN_S_MAX = 1.0
"""Who has more to say than the client keeps (2 MiB) waits for so long at a time that the server takes some of it."""

TOLD_EVERY_S = 10.0
"""How often the same reason is told while it lasts."""

REASONS_MAX = 32
"""So many of which it is known when they were told last."""

REASON_CHARACTERS_MAX = 300

INBOX = "_INBOX"
INBOX_OF_CORE = "_INBOX.cds-core"
INBOX_OF_EDGES = "_INBOX.cds-edge"
"""What the subjects of answers begin with, so that a user of NATS may be given the answers to itself alone."""

FAILURES = (nats_errors.Error, OSError, TimeoutError)
"""What a connection may raise when nobody is there, or not now."""

GOES_ON = ("permissions violation", "stale connection")
"""Complaints of a server of which the client itself makes what is right: nothing, and another connection."""

log = structlog.get_logger(__name__)


class SignsOfLife(Parser):
    """What reads all that a server says: whatever it is, the server is there.

    The client counts the answers to its pings alone, and these come behind everything else that is on its way.
    """

    async def parse(self, data: bytes = b"") -> None:
        """As the client does."""
        self.nc.has_heard()
        await super().parse(data)


class Connection(Client):
    """The client of NATS, which leaves no socket open behind it, makes no connection after its end, and one until then.

    What has failed on the way (a greeting that does not come, a server that goes while it greets) would be forgotten
    but not closed, and so would what was being made when `connect` was cancelled. Up to Python 3.11 the client may also
    miss that it was cancelled (`heed_cancellation`), and go on for ever, or connect again after `close`. And it would
    be closed for good by most of what a server may complain of: a login that has changed or expired, a server that is
    full. Where encryption is asked for, who we are is said to nobody without it, though the server may not offer it.

    A server may also go without a word (its machine is lost, it hangs). The client would wait until such a one had
    taken all that it was to be sent, or had said goodbye, before it did anything else, also before its end. Here a
    connection that is lost or not needed any more is cut off at once, and another server is asked first.
    """

    def __init__(self, servers: NatsServers | None = None) -> None:
        """Nothing is connected. `servers` say how connections are encrypted, and hold the credentials."""
        super().__init__()
        self._ended = False
        self._servers = servers
        self._encrypted = servers is not None and is_encrypted(servers)
        self._ps = SignsOfLife(self)

    async def connect(self, *arguments: Any, **options: Any) -> None:
        """As the client does; no socket is left when that raises or is cancelled."""
        try:
            await super().connect(*arguments, **options)
        except BaseException:
            self._ended = True
            self._cut_off()
            raise

    def has_heard(self) -> None:
        """Note that something has come from the server."""
        self._pings_outstanding = 0

    async def close(self) -> None:
        """As the client does, for good, and without a wait: what has not been sent by now is not sent any more."""
        self._ended = True
        self._leave()
        try:
            await super().close()
        except OSError as failure:
            log.debug("nats_lost_at_the_end", reason=reason_of(failure))
        finally:
            self._cut_off()
            # What was begun by an attempt that was cancelled at its very end is not known to the client any more.
            self._end_tasks()

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """What is believed and shown, as the files say at this moment."""
        return context_of(self._servers) if self._servers is not None else super().ssl_context

    async def _attempt_reconnect(self) -> None:
        self._leave()
        # The one that is left may take connections and say nothing; the order of the others stays.
        self._server_pool.sort(key=lambda server: server is self._current_server)
        await super()._attempt_reconnect()

    async def _connect_to_server(self, s: Srv) -> None:
        self._cut_off()
        self._end_tasks()
        if self._ended:
            raise asyncio.CancelledError
        heed_cancellation()
        await super()._connect_to_server(s)
        heed_cancellation()

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except FAILURES:
            raise
        except (EncryptionRefused, CredentialsRefused, ValueError, EOFError) as failure:
            # The client would take it for the end of its attempts. (A greeting may be too long, or no greeting.)
            raise nats_errors.Error(str(failure)) from failure
        heed_cancellation()

    async def _process_info(
        self,
        info: Any,
        initial_connection: bool = False,  # noqa: FBT001, FBT002 - the client hands it over so
    ) -> None:
        if initial_connection and self._encrypted:
            # Anybody on the way may have said this, and would have us say to others who we are.
            info.pop("connect_urls", None)
        await super()._process_info(info, initial_connection)

    def _connect_command(self) -> bytes:
        """What tells the server who we are."""
        if self._encrypted and not self._speaks_encrypted():
            raise nats_errors.SecureConnWantedError
        return super()._connect_command()

    async def _process_err(self, err_msg: str) -> None:
        if any(complaint in err_msg for complaint in GOES_ON):
            await super()._process_err(err_msg)
            return
        self._err = nats_errors.Error(f"nats: {err_msg}")
        await self._error_cb(self._err)
        await self._process_op_err(self._err)

    def _speaks_encrypted(self) -> bool:
        writer = self._writer()
        return writer is not None and writer.get_extra_info("ssl_object") is not None

    def _writer(self) -> asyncio.StreamWriter | None:
        """What the connection is written to, which the client keeps to itself."""
        writer: asyncio.StreamWriter | None = getattr(self._transport, "_io_writer", None)
        return writer

    def _end_tasks(self) -> None:
        """End what reads from and writes to the connection that was there last."""
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None and task is not asyncio.current_task():
                task.cancel()

    def _leave(self) -> None:
        """Be done with a server. What it was to be told it may have heard or not: nobody else is told instead."""
        self._pending, self._pending_data_size = [], 0
        self._cut_off()

    def _cut_off(self) -> None:
        """Close the socket at once, whatever was to be sent or waited for."""
        writer = self._writer()
        if writer is not None:
            writer.transport.abort()


class Failures:
    """What is told of a connection: each reason at once, and then at intervals for as long as it lasts."""

    def __init__(self, servers: NatsServers, connection: Connection) -> None:
        """None has been told."""
        self._servers = servers
        self._connection = connection
        self._told_at_s: dict[str, float] = {}

    async def failed(self, error: Exception) -> None:
        """Tell of a failure."""
        reason, now_s = reason_of(error), asyncio.get_running_loop().time()
        if now_s - self._told_at_s.get(reason, -TOLD_EVERY_S) < TOLD_EVERY_S:
            return
        if len(self._told_at_s) >= REASONS_MAX:
            self._told_at_s.clear()
        self._told_at_s[reason] = now_s
        event = "nats_failure" if self._connection.is_connected else "nats_unreachable"
        log.warning(event, servers=self._servers.told, reason=reason)

    async def disconnected(self) -> None:
        """Tell that the connection was lost, unless it was ended."""
        if not self._connection.is_closed:
            log.warning("nats_lost", servers=self._servers.told)

    async def reached(self) -> None:
        """Tell that there is a connection."""
        log.info("nats_reached", servers=self._servers.told)


def reason_of(error: BaseException) -> str:
    """What a failure says, as logs may tell it."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")[:REASON_CHARACTERS_MAX]


async def connected(servers: NatsServers, name: str, inbox: str = INBOX) -> Connection:
    """A connection, to be closed; it takes as long as nobody is there or lets us in, which is told in the log.

    `name` is seen by whoever looks after the servers; `inbox` begins the subjects of answers. Raises ValueError for
    URLs that are none.
    """
    connection = Connection(servers)
    failures, login = Failures(servers, connection), login_of(servers.urls)
    urls = [address_of(url).url for url in servers.urls]
    SystemRandom().shuffle(urls)
    await connection.connect(
        servers=urls,
        dont_randomize=True,  # Afterwards in turn: see `_attempt_reconnect`.
        name=name,
        inbox_prefix=inbox,
        connect_timeout=CONNECT_S_MAX,
        reconnect_time_wait=RECONNECT_S,
        max_reconnect_attempts=-1,
        ping_interval=PING_S,
        max_outstanding_pings=PINGS_MISSED_MAX,
        flush_timeout=TAKEN_S_MAX,
        user=None if login is None or login.password is None else login.user,
        password=None if login is None else login.password,
        token=login.user if login is not None and login.password is None else None,
        disconnected_cb=failures.disconnected,
        reconnected_cb=failures.reached,
        error_cb=failures.failed,
        **callbacks_of(servers),
    )
    await failures.reached()
    return connection


class CredentialCallbacks(TypedDict, total=False):
    """What the client asks of credentials, by the names of its options."""

    user_jwt_cb: Callable[[], bytes]
    signature_cb: Callable[[str], bytes]


def callbacks_of(servers: NatsServers) -> CredentialCallbacks:
    """What the client asks of credentials: they are read each time, for they may have been renewed."""
    path = servers.credentials
    if path is None:
        return {}

    def user_jwt() -> bytes:
        return read_credentials(path).jwt.encode()

    def signature(nonce: str) -> bytes:
        return read_credentials(path).signed(nonce)

    return {"user_jwt_cb": user_jwt, "signature_cb": signature}
