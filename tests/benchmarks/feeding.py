"""Feeds: resumed in the middle, live to a thousand clients, beside stalled ones, idle ones and a crowd that returns.

Ours is the whole server with its Postgres, the baseline does the minimum with the same bytes. This module must not
know how the lines are delivered.
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from tests.benchmarks.bare_server import BareAnswer
from tests.benchmarks.feed_crowd import Ages, Crowd, LiveServer, compiled_client, crowd_at, live_server, write_at_pace
from tests.benchmarks.feed_server import FEED_PATH
from tests.benchmarks.figures import Figure, Maximum, Series, side_by_side
from tests.benchmarks.generators import Downloads
from tests.benchmarks.processes import RunningServer, bare_process, contest_server
from tests.benchmarks.serving import FEED_PATH as WHOLE_FEED_PATH
from tests.benchmarks.serving import fetched

CLIENTS = 1_000
STALLED_SHARE = 10
"""One stalled reader to so many others."""

IDLE_CLIENTS = 2_000
RECONNECTIONS = 5
ROUNDS_SECONDS = 100
"""Rounds of live lines for each second that a run may take."""

BURST = 20
LARGE_BURST = 100
WRITES_PER_SECOND = 100.0
RESUMING_CLIENTS = (1, 10)
SEED = 4
KIB = 1_024
BYTES_PER_MB = 1_000_000
ANSWER_TIMEOUT_S = 60.0
SETTLE_S = 0.5
"""After a thousand clients have connected, before anything is measured."""


def measure_resuming(data_dir: Path, scratch: Path, repeats: int) -> list[Figure]:
    """The feed of a large contest, resumed at random tokens: lines per second, and time to the first byte."""
    chance, figures = random.Random(SEED), list[Figure]()
    with contest_server(data_dir) as ours:
        whole = fetched(ours, WHOLE_FEED_PATH)
        lines = whole.body.splitlines(keepends=True)
        begin = chance.randrange(len(lines) // 4, len(lines) // 2)
        body = b"".join(lines[begin:])
        token = msgspec.json.decode(lines[begin - 1], type=dict[str, msgspec.Raw])["token"]
        path = f"{whole.path}&since_token={msgspec.json.decode(token, type=str)}"
        if fetched(ours, path).body != body:
            raise RuntimeError("what was resumed is not the rest of the feed")
        with _bare(body, whole.headers["Content-Type"], scratch) as bare:
            of_ours = Downloads(ours.port, path, len(lines) - begin)
            of_bare = Downloads(bare.port, "/rest", len(lines) - begin)
            for clients in RESUMING_CLIENTS:
                series = side_by_side(repeats, partial(of_ours.rate, clients), partial(of_bare.rate, clients))
                subject = (
                    f"feed resumed at a random token, {clients} client{'s' * (clients > 1)}, {len(body) / 1e6:.1f} MB"
                )
                figures.append(_figure(subject, "events/s", series, "bare aiohttp handler, same bytes"))
            first = side_by_side(
                repeats, partial(_first_byte_ms, ours.port, path), partial(_first_byte_ms, bare.port, "/rest")
            )
            figures.append(
                _figure("first byte of a resumed feed", "ms", first, "bare aiohttp handler", more_is_better=False)
            )
    return figures


def measure_live(
    scratch: Path, repeats: int, seconds: float, clients: int = CLIENTS
) -> tuple[list[Figure], list[Maximum]]:
    """Live lines to a thousand clients, one at a time and in bursts, and what the crowd can take."""
    program, rounds, figures = compiled_client(scratch), max(round(ROUNDS_SECONDS * seconds), 5), list[Figure]()
    with (
        live_server("ours", scratch) as ours,
        live_server("bare", scratch) as bare,
        crowd_at(ours, program) as our_crowd,
        crowd_at(bare, program) as bare_crowd,
    ):
        for crowd, server in ((our_crowd, ours), (bare_crowd, bare)):
            crowd.join(clients, server.lines())
        for size, name in ((1, "one at a time"), (BURST, f"in bursts of {BURST}")):
            series = side_by_side(
                repeats,
                partial(_deliveries, ours, our_crowd, rounds, size),
                partial(_deliveries, bare, bare_crowd, rounds, size),
            )
            subject = f"live lines to {clients:,} clients, {name}"
            figures.append(_figure(subject, "lines/s", series, "bare loop of transport.write"))
        taken = [_deliveries(bare, bare_crowd, max(rounds // 5, 2), LARGE_BURST) for _ in range(repeats)]
        if not (our_crowd.tell("same")[0] and bare_crowd.tell("same")[0]):
            raise RuntimeError("not all clients have got the same lines")
    reached = Series(tuple(taken))
    return figures, [Maximum(subject="crowd of clients in C, large bursts", unit="lines/s", reached=reached)]


def measure_latency(scratch: Path, repeats: int, seconds: float, clients: int = CLIENTS) -> list[Figure]:
    """From the request of a write to its line at each of a thousand clients; the same with stalled readers."""
    program, writes, figures = compiled_client(scratch), max(round(WRITES_PER_SECOND * seconds), 20), list[Figure]()
    with live_server("ours", scratch) as server, crowd_at(server, program) as crowd:
        crowd.join(clients, server.lines())
        time.sleep(SETTLE_S)
        measured = partial(_ages_of_writes, server, crowd, writes)
        measured()
        calm = [(measured(), _round_trip_ms(server.port)) for _ in range(repeats)]
        trips = Series(tuple(trip for _, trip in calm))
        _grow(server, crowd)
        before_bytes = server.memory_bytes()
        stalled_clients = max(clients // STALLED_SHARE, 1)
        crowd.stall(stalled_clients)
        time.sleep(SETTLE_S)
        held_mb = Series(((server.memory_bytes() - before_bytes) / BYTES_PER_MB,))
        with_stalled = [measured() for _ in range(repeats)]
    for name, quantile in (("median", _median), ("99th percentile", _high)):
        series = Series(tuple(quantile(ages) for ages, _ in calm)), trips
        subject = f"write to line received, {clients:,} clients, {WRITES_PER_SECOND:.0f} writes/s, {name}"
        figures.append(_figure(subject, "ms", series, "one loopback round trip (GET /healthz)", more_is_better=False))
    stalled = Series(tuple(_high(ages) for ages in with_stalled)), Series(tuple(_high(ages) for ages, _ in calm))
    subject = f"the same, 99th percentile, with {stalled_clients} stalled readers among them"
    figures.append(_figure(subject, "ms", stalled, "the same without them", more_is_better=False))
    subject = f"memory for {stalled_clients} stalled readers"
    baseline = Series((stalled_clients * 40 * KIB / BYTES_PER_MB,))
    return [*figures, _figure(subject, "MB", (held_mb, baseline), "40 KiB for each", more_is_better=False)]


def measure_idle(scratch: Path, repeats: int, clients: int = IDLE_CLIENTS) -> list[Figure]:
    """Resident memory for each client that has everything and waits."""
    program = compiled_client(scratch)

    def held_kib(kind: str) -> float:
        with live_server(kind, scratch) as server, crowd_at(server, program) as crowd:
            crowd.join(1, server.lines())
            before = server.memory_bytes()
            crowd.join(clients, server.lines())
            time.sleep(SETTLE_S)
            return (server.memory_bytes() - before) / clients / KIB

    series = side_by_side(repeats, partial(held_kib, "ours"), partial(held_kib, "bare"))
    return [_figure("memory for each idle feed client", "KiB", series, "bare aiohttp handler", more_is_better=False)]


def measure_reconnecting(scratch: Path, repeats: int, clients: int = CLIENTS) -> list[Figure]:
    """A thousand clients that leave and come back at the same moment with their tokens, while lines come.

    Raises RuntimeError when any of them has missed a line or got one twice, or the server was not ready throughout.
    """
    program = compiled_client(scratch)
    with live_server("ours", scratch) as server, crowd_at(server, program) as crowd:
        crowd.join(clients + 1, server.lines())
        storms = [_storm(server, crowd) for _ in range(RECONNECTIONS * repeats)]
        if not crowd.tell("same")[0]:
            raise RuntimeError("after reconnecting not all clients have the same lines")
        alone = [_storm_of_one(server.port) for _ in range(repeats)]
    series = Series(tuple(storms)), Series(tuple(clients * each for each in alone))
    subject = f"{clients:,} clients reconnect with tokens, until all have everything, {RECONNECTIONS} times over"
    return [
        _figure(subject, "s", series, f"{clients:,} times one GET /healthz on a new connection", more_is_better=False)
    ]


def _deliveries(server: LiveServer, crowd: Crowd, rounds: int, size: int) -> float:
    """Lines per second to all clients together, from the first byte to the last."""
    crowd.tell("forget")
    crowd.say(f"expect {rounds * size}")
    server.tell(f"publish {rounds} {size}")
    taken = crowd.taken()
    return taken.lines / taken.seconds


def _ages_of_writes(server: LiveServer, crowd: Crowd, writes: int) -> Ages:
    crowd.tell("forget")
    crowd.say(f"expect {writes}")
    write_at_pace(server.port, writes, WRITES_PER_SECOND)
    crowd.taken()
    return crowd.ages()


def _grow(server: LiveServer, crowd: Crowd) -> None:
    """Make the feed longer than what fits into the buffers of those who do not read."""
    crowd.tell("forget")
    crowd.say("expect 4000")
    server.tell(f"publish {4_000 // BURST} {BURST}")
    crowd.taken()


def _storm(server: LiveServer, crowd: Crowd) -> float:
    """Seconds until everybody has everything again; lines come while they reconnect."""
    crowd.tell("forget")
    began_s = time.perf_counter()
    server.say("publish 20 1")
    crowd.tell(f"reconnect {FEED_PATH}")
    crowd.tell("expect 20")
    took_s = time.perf_counter() - began_s
    server.hear()
    _check_ready(server.port)
    return took_s


def _storm_of_one(port: int) -> float:
    began_s = time.perf_counter()
    _check_ready(port)
    return time.perf_counter() - began_s


def _check_ready(port: int) -> None:
    if not _answer(port, "/readyz")[0].startswith(b"HTTP/1.1 200"):
        raise RuntimeError("the server is not ready")


def _round_trip_ms(port: int) -> float:
    """The median of some small requests on one connection."""
    taken_s = []
    with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S) as connection:
        for _ in range(50):
            began_s = time.perf_counter()
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.recv(KIB * 4)
            taken_s.append(time.perf_counter() - began_s)
    return sorted(taken_s)[len(taken_s) // 2] * 1_000


def _first_byte_ms(port: int, path: str) -> float:
    return _answer(port, path)[1]


def _answer(port: int, path: str) -> tuple[bytes, float]:
    """An answer with its headers up to the first bytes of the body, and the milliseconds until they came."""
    began_s = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), ANSWER_TIMEOUT_S) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        came = b""
        while not came.partition(b"\r\n\r\n")[2]:
            more = connection.recv(KIB)
            if not more:
                raise RuntimeError(f"nothing came of {path}: {came[:100]!r}")
            came += more
        first_ms = (time.perf_counter() - began_s) * 1_000
        while connection.recv(BYTES_PER_MB):
            pass
        return came, first_ms


@contextmanager
def _bare(body: bytes, content_type: str, scratch: Path) -> Iterator[RunningServer]:
    """A bare aiohttp server that streams a body at /rest."""
    body_file, manifest = scratch / "rest", scratch / "rest-manifest.json"
    body_file.write_bytes(body)
    answer = BareAnswer(path="/rest", body_file=str(body_file), headers={"Content-Type": content_type}, streamed=True)
    manifest.write_bytes(msgspec.json.encode([answer]))
    with bare_process("tests.benchmarks.bare_server", str(manifest)) as server:
        yield server


def _median(ages: Ages) -> float:
    return ages.median_ms


def _high(ages: Ages) -> float:
    return ages.high_ms


def _figure(
    subject: str, unit: str, series: tuple[Series, Series], baseline_is: str, *, more_is_better: bool = True
) -> Figure:
    ours, baseline = series
    return Figure(
        subject=subject,
        unit=unit,
        ours=ours,
        baseline=baseline,
        baseline_is=baseline_is,
        more_is_better=more_is_better,
    )
