"""How much of the bodies of requests the server holds at once.

A team that sends many large archives at the same time must not take the memory from the contest. This module must not
know what the bodies are.
"""

from http import HTTPStatus

from aiohttp import hdrs, web

from cds.contest_api.errors import RETRY_AFTER_S, Failure

HELD_BYTES_MAX = 256 * 1024 * 1024
"""Bytes of bodies that are being read or worked on, all requests together."""

FREE_BYTES = 64 * 1024
"""So much of every body is not counted: however many large ones are on their way, a verdict gets through."""

READ_OF_REQUEST = web.RequestKey("body bytes read", int)
HELD_FOR_REQUEST = web.RequestKey("body bytes", int)


class HeldBodies:
    """Counts the bytes of the bodies that are held."""

    limit_bytes = HELD_BYTES_MAX

    def __init__(self) -> None:
        """None is held."""
        self.held_bytes = 0

    def take(self, request: web.Request, size_bytes: int) -> None:
        """Count more bytes of a request. Raises Failure (503) where it would be too many."""
        read_bytes = request.get(READ_OF_REQUEST, 0)
        request[READ_OF_REQUEST] = read_bytes + size_bytes
        size_bytes -= min(size_bytes, max(0, FREE_BYTES - read_bytes))
        if size_bytes and self.held_bytes + size_bytes > self.limit_bytes:
            raise Failure(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the server is busy with large requests; try again",
                {hdrs.RETRY_AFTER: str(RETRY_AFTER_S), hdrs.CONNECTION: "close"},
            )
        self.held_bytes += size_bytes
        request[HELD_FOR_REQUEST] = request.get(HELD_FOR_REQUEST, 0) + size_bytes

    def release(self, request: web.Request) -> None:
        """The request has been answered."""
        held_bytes = request.get(HELD_FOR_REQUEST, 0)
        if held_bytes:
            self.held_bytes -= held_bytes
            request[HELD_FOR_REQUEST] = 0


HELD_BODIES = web.AppKey("held bodies", HeldBodies)
