"""All numbers of the model, taken on this machine in about two minutes.

This module puts the measurements together; it must not know what follows from them.
"""

import os
import platform
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec

from cds.passwords import matches, new_hash
from tests.benchmarks.capacity.asking import (
    BOARD_PATH,
    COMPRESSED,
    FEED_PATH,
    answer_us,
    connection_us,
    entity_tag,
    last_token,
    page_costs,
    start_us,
    unchanged_us,
    waiting_kib,
)
from tests.benchmarks.capacity.measuring_nats import MESSAGES, nats_costs
from tests.benchmarks.capacity.processes_seen import memory_kib
from tests.benchmarks.capacity.readers import request_of
from tests.benchmarks.capacity.recorded_load import recorded_load
from tests.benchmarks.capacity.servers import ADMIN, KINDS, OF_CONTEST, Measured, core, prepare_contest
from tests.benchmarks.capacity.streaming import (
    BOARDS,
    LINE_TEXT,
    LINES,
    LONG_LINES,
    LONG_TEXT,
    Kind,
    StreamCosts,
    stream_costs,
    write_us,
)
from tests.benchmarks.capacity.unit_costs import MeasuredOn, Numbers, UnitCosts
from tests.benchmarks.processes import EDGE_SECRET

CLIENTS_TLS = 300
WRITES_AT_CORE = 100
HASHINGS = 5
KIB = 1_024
MICROSECONDS = 1_000_000

Start = Callable[..., AbstractContextManager[Measured]]


def measure(scratch: Path, kind: str, clients: int, writes: int) -> Numbers:
    """Take all numbers of a server of this kind. Raises OSError and RuntimeError where that does not work here."""
    load_average, data_dir = os.getloadavg()[0], scratch / "data"
    prepare_contest(data_dir, scratch)
    start = partial(KINDS[kind], data_dir)
    return Numbers(
        measured_on=MeasuredOn(
            day=datetime.now(UTC).date().isoformat(),
            processor=_processor_name(),
            cores=os.cpu_count() or 1,
            python=platform.python_version(),
            kind=kind,
            clients=clients,
            load_average=load_average,
        ),
        costs=msgspec.convert(
            _of_streams(start, clients, writes)
            | _of_requests(start, min(clients, CLIENTS_TLS))
            | _of_nats(scratch, MESSAGES)
            | _of_core(data_dir),
            UnitCosts,
        ),
        load=recorded_load(),
    )


def _of_streams(start: Start, clients: int, writes: int) -> dict[str, float]:
    """Each kind of reader at a server of its own, since memory that was used once stays with a process."""
    few = min(clients, CLIENTS_TLS)

    def at_new_server(kind: Kind, count: int, *, tls: bool = False, idling: bool = False) -> StreamCosts:
        with start(tls=tls) as server:
            return stream_costs(server, kind, count, writes, idling=idling)

    feed, board = (at_new_server(kind, clients, idling=True) for kind in (LINES, BOARDS))
    feed_tls, board_tls = (at_new_server(kind, few, tls=True) for kind in (LINES, BOARDS))
    long, long_tls = (at_new_server(LONG_LINES, few, tls=tls) for tls in (False, True))
    return {
        "feed_send_us": feed.send_us,
        "feed_send_tls_us": feed_tls.send_us,
        "board_send_us": board.send_us,
        "board_send_tls_us": board_tls.send_us,
        "kib_us": _per_kib(long, feed),
        "kib_tls_us": _per_kib(long_tls, feed_tls),
        "feed_idle_us": feed.idle_us,
        "board_idle_us": board.idle_us,
        "feed_kib": feed.memory_kib,
        "feed_tls_kib": feed_tls.memory_kib,
        "board_kib": board.memory_kib,
        "board_tls_kib": board_tls.memory_kib,
        "line_us": max(board.line_us, 0.0),
    }


def _per_kib(long: StreamCosts, short: StreamCosts) -> float:
    return max(long.send_us - short.send_us, 0.0) / ((LONG_TEXT - LINE_TEXT) / KIB)


def _of_requests(start: Start, few: int) -> dict[str, float]:
    with start(tls=False) as server:
        server_mib, plain_us = memory_kib(server.pid) / KIB, connection_us(server)
        page = page_costs(server)
        feed_start = request_of(f"{FEED_PATH}?since_token={last_token(server)}")
        board_id = entity_tag(server, BOARD_PATH).strip('"')
        board_start = request_of(f"{BOARD_PATH}&last_event_id={board_id}", "Accept: text/event-stream")
        costs = {
            "connection_us": plain_us,
            "feed_start_us": start_us(server, feed_start),
            "board_start_us": start_us(server, board_start),
            "unchanged_us": unchanged_us(server, f"{OF_CONTEST}/awards"),
            "answer_us": answer_us(server, f"{OF_CONTEST}/teams", COMPRESSED),
            "page_requests": page.requests,
            "page_bytes": page.bytes,
            "page_us": page.us,
            "logo_bytes": page.logo_bytes,
            "server_mib": server_mib,
        }
    with start(tls=True) as server:
        costs["handshake_us"] = max(connection_us(server) - plain_us, 0.0)
    for name, tls in (("connection_kib", False), ("connection_tls_kib", True)):
        with start(tls=tls) as server:
            costs[name] = waiting_kib(server, few)
    return costs


def _of_core(data_dir: Path) -> dict[str, float]:
    """What the core does for edges and writers, whichever server is measured otherwise."""
    with core(data_dir) as server:
        secret = f"Contest-Edge: {EDGE_SECRET}"
        return {
            "viewer_us": answer_us(server, f"{OF_CONTEST}/x-viewer", secret, f"Authorization: {ADMIN}"),
            "password_us": _password_us(),
            "write_us": write_us(server, WRITES_AT_CORE),
        }


def _of_nats(scratch: Path, messages: int) -> dict[str, float]:
    costs = nats_costs(scratch, messages)
    return {
        "nats_publish_us": costs.publish_us,
        "nats_deliver_us": costs.deliver_us,
        "nats_publisher_us": costs.publisher_us,
        "nats_consumer_us": costs.consumer_us,
    }


def _password_us(count: int = HASHINGS) -> float:
    """To look whether a password is the one that was hashed."""
    kept = new_hash("password")
    began_s = time.process_time()
    for _ in range(count):
        matches(kept, "password")
    return (time.process_time() - began_s) / count * MICROSECONDS


def _processor_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown"
