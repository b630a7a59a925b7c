"""Sockets that listen, and what becomes of clients for whom there is no room: they are told so, and the server goes on.

Each client is an open file, and a process that has none left can neither reach its database nor open anything else;
left alone, the event loop would moreover try to accept a waiting client a thousand times over. So some files are kept
for other things, and whoever comes then is refused in order. This module must not know what is served.
"""

import asyncio
import errno
import os
import resource
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

import structlog

BACKLOG = 1_024
"""Connections that may wait to be accepted: a whole contest reconnects at once."""

FILES_KEPT = 64
"""Open files that clients leave alone: connections to the database, certificates, what is uploaded."""

KEPT_SHARE = 4
"""Of a small limit no more than one in so many is kept."""

READ_BYTES_MAX = 1 << 16
TELL_EVERY_S = 5.0
"""How often it is logged that clients are refused."""

NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

BODY = b'{"code":503,"message":"there is no room for more clients; try again"}'
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\n" + b"\r\n".join(
    (
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(BODY),
        b"Retry-After: 1",
        b"Connection: close",
        b"Access-Control-Allow-Origin: *",
        b"",
        BODY,
    )
)
"""What whoever is refused is told, in plain text alone."""

log = structlog.get_logger(__name__)


class ListeningSocket(socket.socket):
    """A socket that accepts clients while there is room for them, and refuses them in order when there is none."""

    in_plain_text = True
    """Whether clients speak no TLS, in which nothing can be said to who is refused."""

    _refused = 0
    _told_s = float("-inf")
    _spare = -1

    def accept(self) -> tuple[socket.socket, object]:
        """The next client. Raises ConnectionAbortedError for one that has been refused, as if it had gone by itself."""
        try:
            connection, address = super().accept()
        except OSError as failure:
            if failure.errno not in NO_ROOM:
                raise
            self._refuse_without_room()
            raise ConnectionAbortedError(failure.errno, "refused") from None
        if connection.fileno() < _limit():
            if self._spare < 0:
                self._keep_spare()
            return connection, address
        self._refuse(connection)
        raise ConnectionAbortedError(errno.EMFILE, "refused")

    def close(self) -> None:
        """Listen no more."""
        self._let_go_of_spare()
        super().close()

    def _refuse(self, connection: socket.socket) -> None:
        """Say so, and close; what it has sent is read first, since an answer is lost where something is left unread."""
        with connection, suppress(OSError):
            connection.settimeout(0)
            with suppress(BlockingIOError):
                connection.recv(READ_BYTES_MAX)
            connection.send(REFUSAL if self.in_plain_text else b"")
            connection.shutdown(socket.SHUT_WR)
        self._tell()

    def _refuse_without_room(self) -> None:
        """The last file is taken: the one that is kept for this lets one client in, who is refused."""
        self._let_go_of_spare()
        try:
            with suppress(OSError):
                self._refuse(super().accept()[0])
        finally:
            self._keep_spare()

    def _keep_spare(self) -> None:
        with suppress(OSError):
            self._spare = os.open(os.devnull, os.O_RDONLY)

    def _let_go_of_spare(self) -> None:
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1

    def _tell(self) -> None:
        self._refused += 1
        now_s = time.monotonic()
        if now_s - self._told_s >= TELL_EVERY_S:
            self._told_s = now_s
            log.warning("clients_refused", refused=self._refused, reason="too many open files", open_files=_limit())


def _limit() -> int:
    """From which file on clients are refused: the system gives the lowest number that is free."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit - min(FILES_KEPT, limit // KEPT_SHARE)


async def bound(host: str, port: int) -> Sequence[ListeningSocket]:
    """Sockets that listen on every address of a host, all on one port. Raises OSError for an address in use."""
    loop = asyncio.get_running_loop()
    # The loop knows how to turn a host into sockets; it lets go of its own copies.
    server = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
    try:
        sockets = [ListeningSocket(fileno=os.dup(each.fileno())) for each in server.sockets]
    finally:
        server.close()
    for made in sockets:
        made.listen(BACKLOG)
    return sockets
