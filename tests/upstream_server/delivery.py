"""One answer of an event feed on its way to a client, with everything that befalls it.

This module knows sockets. It must not know where lines come from.
"""

import asyncio
import socket
import struct
from collections.abc import Sequence

from aiohttp import web

from tests.upstream_server.faults import Ending, Fate

PIECE_BYTES = 32 * 1024
TRICKLED_LINES = 3
TRICKLE_BYTES = 7
TRICKLE_PAUSE_S = 0.001
SILENT_AFTER_LINES = 4
GONE_S_MAX = 5.0
"""How long it may take until what has been written has left this process."""


class Delivery:
    """Writes lines, until the connection is cut or who listens has gone."""

    def __init__(self, request: web.Request, fate: Fate) -> None:
        """An answer whose head has not been sent."""
        self._request = request
        self._fate = fate
        self._response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        self._waiting = bytearray()
        self._lines = 0
        self._silent = False
        self._trickles = False

    @property
    def response(self) -> web.StreamResponse:
        """The answer."""
        return self._response

    async def begin(self) -> None:
        """Send the head."""
        self._trickles = self._fate.trickles()
        await self._response.prepare(self._request)

    async def line(self, index: int, line: bytes, place: str | None, earlier: Sequence[bytes]) -> bool:
        """Send a line, soon; False when the connection is cut by it."""
        if self._silent:
            return True
        cut = self._fate.cut(index, line, place)
        if cut is not None:
            self._waiting += cut.begin
            await self._end(cut.ending)
            return False
        for each in self._fate.told(index, line, earlier):
            self._waiting += each + b"\n"
        self._lines += 1
        if self._lines == SILENT_AFTER_LINES and self._fate.falls_silent():
            await self.flush()
            self._silent = True
        if len(self._waiting) >= PIECE_BYTES or (self._trickles and self._lines <= TRICKLED_LINES):
            await self.flush()
        return True

    async def blank(self) -> None:
        """A sign of life."""
        self._waiting += b"\n"
        await self.flush()

    async def flush(self) -> None:
        """Send what waits. Raises ConnectionError when who listens has gone."""
        data, self._waiting = bytes(self._waiting), bytearray()
        if self._silent or not data:
            return
        if self._trickles and self._lines <= TRICKLED_LINES:
            for begin in range(0, len(data), TRICKLE_BYTES):
                await self._response.write(data[begin : begin + TRICKLE_BYTES])
                await asyncio.sleep(TRICKLE_PAUSE_S)
            return
        await self._response.write(data)

    async def break_off(self) -> None:
        """Close the connection where it stands."""
        await self._end(Ending.CLOSED)

    async def _end(self, ending: Ending) -> None:
        await self.flush()
        if ending is Ending.PROPER:
            await self._response.write_eof()
            return
        transport = self._request.transport
        if transport is None:
            return
        async with asyncio.timeout(GONE_S_MAX):
            while not transport.is_closing() and transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
        connection = transport.get_extra_info("socket")
        if ending is Ending.RESET and connection is not None and connection.fileno() >= 0:
            # To linger for no time at all is to send a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
