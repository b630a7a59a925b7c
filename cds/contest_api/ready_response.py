"""Answers whose headers are bytes already: what does not change from one request to the next is rendered once.

Such an answer leaves in one piece, and carries what the signals of the application put on others (cross-origin access,
the id of the request) by itself. This module must not know what is answered.
"""

import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter

from cds.contest_api.away import STALE, WARNING, is_away
from cds.contest_api.cross_origin import MARKS
from cds.operations.request_marks import REQUEST_ID_HEADER, marks_of

HTTP_1_1 = b"HTTP/1.1"
HTTP_1_0 = b"HTTP/1.0"
KEEP_ALIVE = "Connection: keep-alive\r\n"
CLOSE = "Connection: close\r\n"

_forbidden = re.compile(r"[\x00-\x1f\x7f]")


def ready_head(status: HTTPStatus, headers: Mapping[str, str], length_bytes: int | None) -> bytes:
    """The status line and the headers of an answer, but those that each has for itself; None: without a body.

    Raises ValueError for a control character in a header, which could be the beginning of another answer.
    """
    if _forbidden.search("".join(headers.values())):
        raise ValueError("a header of an answer holds a control character")
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    length = "" if length_bytes is None else f"{hdrs.CONTENT_LENGTH}: {length_bytes}\r\n"
    return f"{_status_lines[status]}{lines}{_on_every_answer}{length}".encode()


_status_lines = {status: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_on_every_answer = "".join(f"{name}: {value}\r\n" for name, value in MARKS.items())


class ReadyResponse(web.StreamResponse):
    """An answer that is all there."""

    def __init__(self, status: HTTPStatus, head: bytes, body: bytes) -> None:
        """`head` is a `ready_head`, of the length of `body`."""
        super().__init__(status=status)
        self._pieces: tuple[bytes, ...] = (head, body)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Choose what is sent: with the version and for the method that was asked with. It waits for no one."""
        head, body = self._pieces
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        connection = "" if self._keep_alive else CLOSE
        if request.version < HttpVersion11:
            head = head.replace(HTTP_1_1, HTTP_1_0, 1)
            connection = KEEP_ALIVE if self._keep_alive else ""
        if request.method == hdrs.METH_HEAD:
            body = b""
        stale = f"{WARNING}: {STALE}\r\n" if is_away(request) else ""
        own = f"{_date.line()}{connection}{stale}{REQUEST_ID_HEADER}: {marks_of(request).request_id}\r\n\r\n".encode()
        self._pieces = (head, own, body)
        self._payload_writer = request.writer
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send it, once. Raises ConnectionError when the client has gone, ValueError for more than was announced."""
        if data:
            raise ValueError("an answer that is all there takes no more")
        writer = self._payload_writer
        if writer is None or self._eof_sent:
            return
        self._eof_sent = True
        # The whole is not kept: a connection holds its last answer until the next one, and memory that is let go at
        # once serves the next answer out of the caches of the processor.
        await writer.write_eof(b"".join(self._pieces))


class _Date:
    """The header that tells the time, rendered once in each second."""

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def line(self) -> str:
        second = int(time.time())
        if second != self._second:
            self._second, self._line = second, f"{hdrs.DATE}: {formatdate(second, usegmt=True)}\r\n"
        return self._line


_date = _Date()
