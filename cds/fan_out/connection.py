"""The connection of a client who stays: what the kernel is told about it, and what it says of the other side.

This module must not know what is sent.
"""

import asyncio
import fcntl
import random
import socket
import sys
import termios

QUEUE_SIZE_BYTES = 4
"""The size of the number in which the kernel tells how much it holds back."""

RECONNECT_FROM_MS, RECONNECT_TO_MS = 1_000, 4_000
"""When an EventSource whose connection was lost is to connect again: somewhere in between, not all at once."""

_UNSENT_LIMIT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
"""Not every platform has them."""


def reconnect_ms() -> int:
    """After how many milliseconds one client is to connect again."""
    return random.randint(RECONNECT_FROM_MS, RECONNECT_TO_MS)  # noqa: S311 - no secret


def prepared_socket(
    transport: asyncio.Transport, *, buffered_bytes_max: int, unsent_bytes_max: int, vanished_s: float
) -> socket.socket | None:
    """Let a client that takes nothing hold little memory, here and in the kernel; its socket, where that is TCP.

    `buffered_bytes_max`, at least 1, is what may wait with us before a writer has to. What the kernel may hold that is
    not on its way is `unsent_bytes_max`, and `vanished_s` is when it gives up a host that does not answer.
    """
    transport.set_write_buffer_limits(high=buffered_bytes_max)
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0 or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    if _UNSENT_LIMIT is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _UNSENT_LIMIT, unsent_bytes_max)
    if _USER_TIMEOUT is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, round(vanished_s * 1000))
    return connection


class Uptake:
    """What the other side of a connection has taken of what it was given, and whether it takes anything."""

    __slots__ = ("_clear_at_bytes", "_connection", "_stuck_since_s", "_taken_bytes", "_transport")

    def __init__(self, transport: asyncio.Transport, connection: socket.socket | None) -> None:
        """Nothing has been given yet. `connection` is None where it is not TCP."""
        self._transport = transport
        self._connection = connection
        self._clear_at_bytes = self._taken_bytes = 0
        self._stuck_since_s: float | None = None

    def untaken_bytes(self) -> int:
        """What the other side has not taken yet: in our buffer, and in the kernel's, which may hold megabytes.

        Over TLS a buffer between the two does not tell its size: up to 64 KiB more may wait than this says. Whether
        something is taken is seen all the same, as that buffer only empties when something is. Raises OSError.
        """
        connection = self._connection
        if connection is None or connection.fileno() < 0:
            return self._transport.get_write_buffer_size()
        queued = bytearray(QUEUE_SIZE_BYTES)
        fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, queued)
        return self._transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def stuck_for_s(self, given_bytes: int, now_s: float) -> float:
        """For how many seconds it has been seen to take nothing, although there is something. Raises OSError.

        `given_bytes` is what it has been given in all. To be asked again and again.
        """
        untaken = 0 if given_bytes == self._clear_at_bytes else self.untaken_bytes()
        if untaken == 0:
            self._clear_at_bytes, self._stuck_since_s = given_bytes, None
            return 0.0
        if given_bytes - untaken > self._taken_bytes or self._stuck_since_s is None:
            self._taken_bytes = max(given_bytes - untaken, self._taken_bytes)
            self._stuck_since_s = now_s
        return now_s - self._stuck_since_s
