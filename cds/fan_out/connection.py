"""The connection of a client who stays: what the kernel is told about it, and what it says of the other side.

This module must not know what is sent.
"""

import asyncio
import fcntl
import random
import socket
import struct
import sys
import termios
from contextlib import suppress
from typing import Literal

import msgspec

WAITING_BYTES_MAX = 1
"""Who waits for room waits until all is with the kernel, which holds enough to go on. With 0 there would never be room
over TLS (asyncio)."""

QUEUE_SIZE_BYTES = 4
"""The size of the number in which the kernel tells how much it holds back."""

ACKNOWLEDGED = struct.Struct("@120xQ")
"""`tcpi_bytes_acked` in `struct tcp_info` (linux/tcp.h, since Linux 4.1)."""

RESET_WHEN_CLOSED = struct.pack("@ii", 1, 0)
"""`struct linger`: what has not been taken is thrown away, and the other side is told at once."""

RECONNECT_FROM_MS, RECONNECT_TO_MS = 1_000, 4_000
"""When an EventSource whose connection was lost is to connect again: somewhere in between, not all at once."""

_UNSENT_LIMIT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)
_TCP_INFO: int | None = getattr(socket, "TCP_INFO", None) if sys.platform == "linux" else None
"""Not every platform has them, and what the last one tells is not everywhere the same."""


class Fault(msgspec.Struct, frozen=True):
    """Why a client is to be cut off: it takes nothing, or nothing can be learnt of its connection (`error`)."""

    reason: Literal["stalled", "failed"]
    untaken_bytes: int = 0
    error: str | None = None


def reconnect_ms() -> int:
    """After how many milliseconds one client is to connect again."""
    return random.randint(RECONNECT_FROM_MS, RECONNECT_TO_MS)  # noqa: S311 - no secret


def prepared_socket(transport: asyncio.Transport, *, unsent_bytes_max: int) -> socket.socket | None:
    """Let a client that takes nothing hold little memory, here and in the kernel; its socket, where that is TCP.

    What the kernel may hold that is not on its way is `unsent_bytes_max`.
    """
    transport.set_write_buffer_limits(high=WAITING_BYTES_MAX)
    connection: socket.socket | None = transport.get_extra_info("socket")
    if connection is None or connection.fileno() < 0 or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    if _UNSENT_LIMIT is not None:
        connection.setsockopt(socket.IPPROTO_TCP, _UNSENT_LIMIT, unsent_bytes_max)
    return connection


class Uptake:
    """What the other side of a connection takes of what it was given, and what is done when it takes nothing.

    Whoever has one asks it again and again. The kernel must not give the connection up meanwhile: with
    TCP_USER_TIMEOUT, Linux would also end one that reads slowly, without a word.
    """

    __slots__ = ("_clear_at_bytes", "_connection", "_stuck_since_s", "_taken_bytes", "_transport")

    def __init__(self, transport: asyncio.Transport, connection: socket.socket | None) -> None:
        """Nothing has been given yet. `connection` is None where it is not TCP."""
        self._transport = transport
        self._connection = connection
        self._clear_at_bytes = self._taken_bytes = 0
        self._stuck_since_s: float | None = None

    def untaken_bytes(self) -> int:
        """What the other side has not taken yet: in our buffer, and in the kernel's, which may hold megabytes.

        Over TLS a buffer between the two does not tell its size: up to two pieces more may wait than this says; but
        then the kernel's is not empty either. Raises OSError.
        """
        connection = self._open_connection()
        if connection is None:
            return self._transport.get_write_buffer_size()
        queued = bytearray(QUEUE_SIZE_BYTES)
        fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, queued)
        return self._transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def stuck_for_s(self, given_bytes: int, now_s: float) -> float:
        """For how many seconds it has been seen to take nothing, although there is something. Raises OSError.

        `given_bytes` is what it has been given in all.
        """
        untaken = 0 if given_bytes == self._clear_at_bytes else self.untaken_bytes()
        if untaken == 0:
            self._clear_at_bytes, self._stuck_since_s = given_bytes, None
            return 0.0
        taken = self._acknowledged_bytes()
        if taken is None:
            taken = given_bytes - untaken
        if taken > self._taken_bytes or self._stuck_since_s is None:
            self._taken_bytes = max(taken, self._taken_bytes)
            self._stuck_since_s = now_s
        return now_s - self._stuck_since_s

    def fault(self, given_bytes: int, now_s: float, stalled_s: float) -> Fault | None:
        """Why the client is to be cut off, None when it is not: it may take nothing for `stalled_s` seconds."""
        try:
            if self.stuck_for_s(given_bytes, now_s) < stalled_s:
                return None
            return Fault("stalled", self.untaken_bytes())
        except OSError as error:
            return Fault("failed", error=str(error))

    def cut_off(self) -> None:
        """Give the connection up, with all that was not taken: nothing of it stays in the kernel."""
        self._tell_kernel(socket.SOL_SOCKET, socket.SO_LINGER, RESET_WHEN_CLOSED)
        self._transport.abort()

    def leave_to_kernel(self, vanished_s: float) -> None:
        """Nobody asks any more: let the kernel give the connection up if nothing is taken for so many seconds."""
        if _USER_TIMEOUT is not None:
            self._tell_kernel(socket.IPPROTO_TCP, _USER_TIMEOUT, round(vanished_s * 1000))

    def _tell_kernel(self, level: int, option: int, value: int | bytes) -> None:
        connection = self._open_connection()
        if connection is not None:
            # A kernel that refuses has no connection any more, and nothing of it to keep.
            with suppress(OSError):
                connection.setsockopt(level, option, value)

    def _acknowledged_bytes(self) -> int | None:
        """What the other side's kernel has told ours to have got; None where ours does not tell it.

        Where it cannot, what is taken is what was given and no longer waits: over TLS that goes up and down with a
        buffer in between that does not tell its size, so a slow reader may look as if it took nothing.
        """
        connection = self._open_connection()
        if connection is None or _TCP_INFO is None:
            return None
        told = connection.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, ACKNOWLEDGED.size)
        if len(told) < ACKNOWLEDGED.size:
            return None
        acknowledged: int = ACKNOWLEDGED.unpack(told)[0]
        return acknowledged

    def _open_connection(self) -> socket.socket | None:
        connection = self._connection
        return None if connection is None or connection.fileno() < 0 else connection
