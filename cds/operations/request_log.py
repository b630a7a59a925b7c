"""What is known of each request when it has been answered: counted always, and one line of the log where asked for.

It must cost next to nothing beside a request, so requests are noted, and soon told of together; a line is rendered in
one go, without the chain of processors that other lines go through. No password, token or value that may be one is
written.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus
from time import gmtime, strftime, time_ns
from typing import cast
from urllib.parse import quote

import msgspec
import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger
from multidict import MultiMapping
from yarl import URL

from cds.addresses import NOWHERE, client_of
from cds.configuration import Configuration, LogFormat, LogLevel
from cds.observability import LEVELS, is_json
from cds.operations.endpoints import OTHER, EndpointNames
from cds.operations.held import Held, write_lines
from cds.operations.held_measurements import Fault, HeldMeasurements
from cds.operations.readiness import READINESS_PATH
from cds.operations.request_marks import REQUEST_ID_HEADER, RequestMarks, marks_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STREAM_TYPES = frozenset({"application/x-ndjson", "text/event-stream"})

REQUESTS_HELD_MAX = 256
"""So many requests are told of at once; that takes about a millisecond, in which nobody is answered."""

TOLD_CHARACTERS_MAX = 1_024
"""As much of a path or a query is written: a line stays short enough to be written at once."""

SECRET_WORDS = (
    *("token", "since", "pass", "pwd", "secret", "key", "auth", "cred", "sign", "session"),
    *("user", "party", "mail"),
)
"""A query parameter with one of these in its name is written without its value: a secret, or the name of somebody."""

WITHHELD = "..."
MS_PER_S = 1_000
US_PER_S = 1_000_000
NS_PER_US = 1_000

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


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A request that has been answered, at `time_ns` after the epoch, and what there is to tell of it."""

    marks: RequestMarks
    method: str
    url: URL
    status: int
    time_ns: int
    duration_s: float
    bytes: int
    client: str


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
        # A line for people gets its time where it is written, so it is written at once.
        self._held = Held(self._tell, REQUESTS_HELD_MAX if self._json else 1)
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
                path=_path(request.rel_url),
                query=_query(request.rel_url),
                endpoint=self._names.name(request.match_info),
                role=marks.viewer.role_told,
                account=marks.viewer.account_told,
                client=self._address_of(request),
                request_id=marks.request_id,
            )

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """When an answer has been sent, or its client has left; `time` is in seconds."""
        self._held.take(
            Answered(
                marks_of(request),
                request.method,
                request.rel_url,
                response.status,
                time_ns(),
                time,
                request.writer.output_size,
                self._address_of(request),
            )
        )

    def flush_measurements(self) -> None:
        """Have every request in the measurements that has been answered; its line is written then, too."""
        self._held.flush()
        self._held_measurements.flush()

    def flush(self) -> None:
        """Let nothing be lost: the process is about to end."""
        self.flush_measurements()

    def _tell(self, requests: list[Answered]) -> None:
        """Count requests, and write down those that are to be."""
        lines = []
        for request in requests:
            marks, status = request.marks, request.status
            method = request.method if request.method in METHODS else OTHER
            endpoint = OTHER if marks.led_to is None else self._names.name(marks.led_to)
            stream = marks.stream and endpoint != OTHER
            fault = _fault(status, marks)
            self._held_measurements.count(method, endpoint, status, fault, None if stream else request.duration_s)
            # To say that it is not ready is an answer.
            failure = fault == "server" and endpoint != READINESS_PATH
            if self._all_lines or (self._lines and failure):
                lines.append(self._line(request, endpoint, failure=failure, stream=stream))
        if self._json:
            write_lines(map(self._encoder.encode, lines))
        else:
            for line in lines:
                _log_for_people(line)

    def _line(self, request: Answered, endpoint: str, *, failure: bool, stream: bool) -> RequestLine:
        marks, url = request.marks, request.url
        return RequestLine(
            timestamp=self._timestamp(request.time_ns),
            level="error" if failure else "info",
            event="stream_ended" if stream else "request",
            method=request.method,
            path=_path(url),
            query=_query(url),
            endpoint=endpoint,
            status=request.status,
            duration_ms=int(request.duration_s * US_PER_S) / MS_PER_S,
            bytes=request.bytes,
            role=marks.viewer.role_told,
            account=marks.viewer.account_told,
            client=request.client,
            request_id=marks.request_id,
            worker=self._worker,
        )

    def _timestamp(self, time_ns: int) -> str:
        """A time in the form of the other lines; the second is rendered once."""
        second, us = divmod(time_ns // NS_PER_US, US_PER_S)
        if second != self._second:
            self._second, self._second_text = second, strftime("%Y-%m-%dT%H:%M:%S", gmtime(second))
        return f"{self._second_text}.{us:06}Z"


REQUEST_LOG = web.AppKey("request log", RequestLog)


def request_log_of(configuration: Configuration) -> RequestLog:
    """The log of requests that a configuration asks for."""
    trusted = configuration.trusted_proxies

    def forwarded_address(request: web.BaseRequest) -> str:
        # What cannot be read at all is answered under the name of a request that has a plain dictionary of headers.
        headers: object = request.headers
        forwarded_for = headers.getall(hdrs.X_FORWARDED_FOR, ()) if isinstance(headers, MultiMapping) else ()
        return client_of(request.remote, forwarded_for, trusted).address

    return RequestLog(
        EndpointNames(configuration.prefixes),
        forwarded_address if trusted else _peer_address,
        lines=configuration.access_log,
        log_format=configuration.log_format,
        level=configuration.log_level,
    )


def _fault(status: int, marks: RequestMarks) -> Fault:
    """Whose fault it is that a request was not answered as it wanted."""
    if status < HTTPStatus.BAD_REQUEST:
        return "none"
    return "client" if status < HTTPStatus.INTERNAL_SERVER_ERROR or marks.clients_fault else "server"


def _peer_address(request: web.BaseRequest) -> str:
    return request.remote or NOWHERE


def _log_for_people(line: RequestLine) -> None:
    told = {name: value for name, value in msgspec.structs.asdict(line).items() if value is not None}
    for name in ("timestamp", "level", "event", "worker"):
        told.pop(name, None)
    (log.info if line.level == "info" else log.error)(line.event, **told)


def _path(url: URL) -> str:
    return url.raw_path[:TOLD_CHARACTERS_MAX]


def _query(url: URL) -> str | None:
    """The query without what may be secret in it, None where there is none."""
    if not url.raw_query_string:
        return None
    told = "&".join(
        f"{quote(name, safe='')}={WITHHELD if _is_secret(name) else quote(value, safe=',:')}"
        for name, value in url.query.items()
    )
    return told[:TOLD_CHARACTERS_MAX]


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in SECRET_WORDS)
