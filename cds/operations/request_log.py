"""What is known of each request when it has been answered: counted always, and one line of the log where asked for.

It must cost next to nothing beside a request, so a line is rendered in one go and written without the chain of
processors that other lines go through. No password, token or value that may be one is written.
"""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger

from cds.addresses import NOWHERE, client_of
from cds.configuration import Configuration, LogFormat, LogLevel
from cds.observability import LEVELS, is_json
from cds.operations.endpoints import OTHER, EndpointNames
from cds.operations.held_lines import HeldLines
from cds.operations.held_measurements import HeldMeasurements
from cds.operations.readiness import READINESS_PATH
from cds.operations.request_marks import REQUEST_ID_HEADER, RequestMarks, marks_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STREAM_TYPES = frozenset({"application/x-ndjson", "text/event-stream"})
TOLD_CHARACTERS_MAX = 1_024
"""As much of a path or a query is written: a line stays short enough to be written at once."""

SECRET_WORDS = ("token", "since", "pass", "pwd", "secret", "key", "auth", "cred", "sign", "session")
"""A query parameter with one of these in its name is written without its value."""

WITHHELD = "..."
MS_PER_S = 1_000
US_PER_S = 1_000_000

log = structlog.get_logger(__name__)


class RequestLine(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A line of the log: one request. `duration_ms` ends with the last byte handed on, `bytes` include the headers."""

    timestamp: str
    level: str
    event: str
    method: str
    path: str
    query: str | None = None
    endpoint: str
    status: int
    duration_ms: float
    bytes: int
    role: str
    account: str | None = None
    client: str
    request_id: str
    worker: int | None = None


class RequestLog(AbstractAccessLogger):
    """Counts and writes down the requests of a process; one for all connections."""

    def __init__(
        self,
        names: EndpointNames,
        address_of: Callable[[web.BaseRequest], str],
        *,
        lines: bool,
        log_format: LogFormat = "auto",
        level: LogLevel = "info",
    ) -> None:
        """`address_of` tells where a request comes from; `lines`: whether requests are written down at all."""
        self._names = names
        self._address_of = address_of
        self._lines = lines
        self._all_lines = lines and LEVELS[level] <= logging.INFO
        self._json = is_json(log_format)
        self._worker: int | None = structlog.contextvars.get_contextvars().get("worker")
        self._encoder = msgspec.json.Encoder()
        self._held_lines = HeldLines()
        self._held_measurements = HeldMeasurements()
        self._second = 0
        self._second_text = ""

    def for_connections(self) -> type[AbstractAccessLogger]:
        """What a connection is given, which would make a log of its own, and gets this one."""
        return cast("type[AbstractAccessLogger]", lambda _logger, _log_format: self)

    async def prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        """Before an answer is sent: put the id of the request on it, and announce a stream."""
        marks = marks_of(request)
        marks.led_to = request.match_info
        response.headers[REQUEST_ID_HEADER] = marks.request_id
        marks.stream = response.content_type in STREAM_TYPES
        if self._all_lines and marks.stream and request.method == hdrs.METH_GET:
            log.info(
                "stream_started",
                path=_path(request),
                query=_query(request),
                endpoint=self._names.name(request.match_info),
                role=marks.viewer.role,
                account=marks.viewer.account_id or marks.viewer.server_username,
                client=self._address_of(request),
                request_id=marks.request_id,
            )

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """When an answer has been sent, or its client has left; `time` is in seconds."""
        marks = marks_of(request)
        method = request.method if request.method in METHODS else OTHER
        endpoint = OTHER if marks.led_to is None else self._names.name(marks.led_to)
        status = response.status
        stream = marks.stream and endpoint != OTHER
        self._held_measurements.count(method, endpoint, status, None if stream else time)
        if self._all_lines or (self._lines and _is_failure(status, endpoint)):
            self._write(self._line(request, marks, status, time, endpoint, stream=stream))

    def flush_measurements(self) -> None:
        """Have every request in the measurements that has been answered."""
        self._held_measurements.flush()

    def flush(self) -> None:
        """Let nothing be lost: the process is about to end."""
        self._held_lines.flush()
        self._held_measurements.flush()

    def _line(
        self,
        request: web.BaseRequest,
        marks: RequestMarks,
        status: int,
        duration_s: float,
        endpoint: str,
        *,
        stream: bool,
    ) -> RequestLine:
        viewer, url = marks.viewer, request.rel_url
        return RequestLine(
            timestamp=self._now(),
            level="error" if _is_failure(status, endpoint) else "info",
            event="stream_ended" if stream else "request",
            method=request.method,
            path=url.raw_path[:TOLD_CHARACTERS_MAX],
            query=_query(request) if url.raw_query_string else None,
            endpoint=endpoint,
            status=status,
            duration_ms=int(duration_s * US_PER_S) / MS_PER_S,
            bytes=request.writer.output_size,
            role=viewer.role,
            account=viewer.account_id or viewer.server_username,
            client=self._address_of(request),
            request_id=marks.request_id,
            worker=self._worker,
        )

    def _write(self, line: RequestLine) -> None:
        if self._json:
            self._held_lines.write(self._encoder.encode(line))
        else:
            told = {name: value for name, value in msgspec.structs.asdict(line).items() if value is not None}
            for name in ("timestamp", "level", "event", "worker"):
                told.pop(name, None)
            (log.info if line.level == "info" else log.error)(line.event, **told)

    def _now(self) -> str:
        """The time in the form of the other lines; the second is rendered once."""
        now_us = time.time_ns() // MS_PER_S
        second, us = divmod(now_us, US_PER_S)
        if second != self._second:
            self._second, self._second_text = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{us:06}Z"


REQUEST_LOG = web.AppKey("request log", RequestLog)


def request_log_of(configuration: Configuration) -> RequestLog:
    """The log of requests that a configuration asks for."""
    trusted = configuration.trusted_proxies

    def forwarded_address(request: web.BaseRequest) -> str:
        return client_of(request.remote, request.headers.getall(hdrs.X_FORWARDED_FOR, ()), trusted).address

    return RequestLog(
        EndpointNames(configuration.prefixes),
        forwarded_address if trusted else _peer_address,
        lines=configuration.access_log,
        log_format=configuration.log_format,
        level=configuration.log_level,
    )


def _is_failure(status: int, endpoint: str) -> bool:
    """Whether the server has failed to answer; to say that it is not ready is an answer."""
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR and endpoint != READINESS_PATH


def _peer_address(request: web.BaseRequest) -> str:
    return request.remote or NOWHERE


def _path(request: web.BaseRequest) -> str:
    return request.rel_url.raw_path[:TOLD_CHARACTERS_MAX]


def _query(request: web.BaseRequest) -> str | None:
    """The query without what may be secret in it."""
    if not request.rel_url.raw_query_string:
        return None
    told = "&".join(
        f"{quote(name, safe='')}={WITHHELD if _is_secret(name) else quote(value, safe=',:')}"
        for name, value in request.query.items()
    )
    return told[:TOLD_CHARACTERS_MAX]


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in SECRET_WORDS)
