"""Feeds: resumed in the middle, live to a thousand clients, beside stalled ones, idle ones and a crowd that returns.

Ours is the whole server with its Postgres, the baseline does the minimum with the same bytes. This module must not
know how the lines are delivered.
"""

import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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

STALLED_CLIENTS = 100
STALLED_KIB = 40
"""What a stalled reader is compared with."""

IDLE_CLIENTS = 2_000
RECONNECTIONS = 5
ROUNDS_SECONDS = 100
"""Rounds of live lines for each second that a run may take."""

BURST = 20
LARGE_BURST = 100
WRITES_PER_SECOND = 100.0
RESUMING_CLIENTS = (1, 10, 100)
SEED = 4
KIB = 1_024
BYTES_PER_MB = 1_000_000
ANSWER_TIMEOUT_S = 60.0
READY_PAUSE_S = 0.01
"""Between an answer of /readyz and the next question."""

SETTLE_S = 0.5
"""After a thousand clients have connected, before anything is measured."""


def measure_resuming(
    data_dir: Path, scratch: Path, repeats: int, crowds: tuple[int, ...] = RESUMING_CLIENTS
) -> list[Figure]:
    """The feed of a large contest, resumed at random tokens: lines per second, and time to the first byte.

    Every repeat has a token of its own, the same one for all clients and for both servers.
    """
    chance, figures = random.Random(SEED), list[Figure]()
    with contest_server(data_dir) as ours:
        rests = _rests(ours, chance, repeats)
        with _bare(rests, scratch) as bare:
            of_ours = [Downloads(ours.port, rest.path, rest.lines) for rest in rests]
            of_bare = [Downloads(bare.port, rest.bare_path, rest.lines) for rest in rests]
            largest = max(len(rest.body) for rest in rests) / BYTES_PER_MB
            for clients in crowds:
                series = side_by_side(
                    repeats,
                    _one_by_one([partial(each.rate, clients) for each in of_ours]),
                    _one_by_one([partial(each.rate, clients) for each in of_bare]),
                )
                subject = f"feed resumed at random tokens, {clients} client{'s' * (clients > 1)}, to {largest:.1f} MB"
                figures.append(_figure(subject, "events/s", series, "bare aiohttp handler, same bytes"))
            first = side_by_side(
                repeats,
                _one_by_one([partial(_first_byte_ms, ours.port, rest.path) for rest in rests]),
                _one_by_one([partial(_first_byte_ms, bare.port, rest.bare_path) for rest in rests]),
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
                partial(deliveries, ours, our_crowd, rounds, size),
                partial(deliveries, bare, bare_crowd, rounds, size),
            )
            subject = f"live lines to {clients:,} clients, {name}"
            figures.append(_figure(subject, "lines/s", series, "bare loop of transport.write"))
        taken = [deliveries(bare, bare_crowd, max(rounds // 5, 2), LARGE_BURST) for _ in range(repeats)]
        if not (our_crowd.tell("same")[0] and bare_crowd.tell("same")[0]):
            raise RuntimeError("not all clients have got the same lines")
    reached = Series(tuple(taken))
    return figures, [Maximum(subject="crowd of clients in C, large bursts", unit="lines/s", reached=reached)]


def measure_latency(scratch: Path, repeats: int, seconds: float, clients: int = CLIENTS) -> list[Figure]:
    """From the request of a write to its line at each of a thousand clients; the same with stalled readers, in turn."""
    program, writes, figures = compiled_client(scratch), max(round(WRITES_PER_SECOND * seconds), 20), list[Figure]()
    stalled_clients = max(clients // STALLED_SHARE, 1)
    with live_server("ours", scratch) as server, crowd_at(server, program) as crowd:
        crowd.join(clients, server.lines())
        time.sleep(SETTLE_S)
        _grow(server, crowd)
        trips: list[float] = []

        def calm() -> Ages:
            ages = ages_of_writes(server, crowd, writes, WRITES_PER_SECOND)
            trips.append(_round_trip_ms(server.port))
            return ages

        def beside_stalled() -> Ages:
            with _stalled(server, program, stalled_clients):
                return ages_of_writes(server, crowd, writes, WRITES_PER_SECOND)

        calm()
        trips.clear()
        measured = [(beside_stalled(), calm()) for _ in range(repeats)]
    for name, quantile in (("median", median_ms), ("99th percentile", high_ms)):
        series = Series(tuple(quantile(ages) for _, ages in measured)), Series(tuple(trips))
        subject = f"write to line received, {clients:,} clients, {WRITES_PER_SECOND:.0f} writes/s, {name}"
        figures.append(_figure(subject, "ms", series, "one loopback round trip (GET /healthz)", more_is_better=False))
    stalled = Series(tuple(high_ms(ages) for ages, _ in measured)), Series(tuple(high_ms(ages) for _, ages in measured))
    subject = f"the same, 99th percentile, with {stalled_clients} stalled readers among them"
    figures.append(_figure(subject, "ms", stalled, "the same without them", more_is_better=False))
    return figures


def measure_stalled(scratch: Path, repeats: int, clients: int = STALLED_CLIENTS) -> Figure:
    """Memory for readers that take nothing of a feed which is longer than all buffers; a new server each time."""
    program = compiled_client(scratch)

    def held_mb() -> float:
        with live_server("ours", scratch) as server, crowd_at(server, program) as crowd:
            crowd.join(1, server.lines())
            _grow(server, crowd)
            before_bytes = server.memory_bytes()
            with _stalled(server, program, clients):
                return (server.memory_bytes() - before_bytes) / BYTES_PER_MB

    held = Series(tuple(held_mb() for _ in range(repeats)))
    baseline = Series((clients * STALLED_KIB * KIB / BYTES_PER_MB,))
    subject = f"memory for {clients} stalled readers"
    return _figure(subject, "MB", (held, baseline), f"{STALLED_KIB} KiB for each", more_is_better=False)


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
    program, waits_s, asked = compiled_client(scratch), list[float](), 0
    with live_server("ours", scratch) as server, crowd_at(server, program) as crowd:
        crowd.join(clients + 1, server.lines())
        storms, alone = [], []
        for _ in range(RECONNECTIONS * repeats):
            alone.append(_seconds_until_ready(server.port))
            with _asking_ready(server.port) as answers_s:
                storms.append(_storm(server, crowd))
            waits_s.append(max(answers_s))
            asked += len(answers_s)
        if not crowd.tell("same")[0]:
            raise RuntimeError("after reconnecting not all clients have the same lines")
    series = Series(tuple(storms)), Series(tuple(clients * each for each in alone))
    subject = f"{clients:,} clients reconnect with tokens, until all have everything, {RECONNECTIONS} times over"
    waits_ms, alone_ms = (Series(tuple(1_000 * each for each in some)) for some in (waits_s, alone))
    meanwhile = f"slowest of the GET /readyz during each of these, {asked} in all"
    return [
        _figure(subject, "s", series, f"{clients:,} times one GET /readyz on a new connection", more_is_better=False),
        _figure(meanwhile, "ms", (waits_ms, alone_ms), "one GET /readyz before", more_is_better=False),
    ]


def deliveries(server: LiveServer, crowd: Crowd, rounds: int, size: int) -> float:
    """Lines per second to all clients together, from the first byte to the last."""
    crowd.tell("forget")
    crowd.say(f"expect {rounds * size}")
    server.tell(f"publish {rounds} {size}")
    taken = crowd.taken()
    return taken.lines / taken.seconds


def ages_of_writes(server: LiveServer, crowd: Crowd, writes: int, per_second: float) -> Ages:
    """How old lines are when the clients have them, of so many writes at that pace."""
    crowd.tell("forget")
    crowd.say(f"expect {writes}")
    write_at_pace(server.port, writes, per_second)
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
    return took_s


@contextmanager
def _stalled(server: LiveServer, program: Path, clients: int) -> Iterator[None]:
    """So many readers that take nothing, for the length of the block."""
    with crowd_at(server, program) as crowd:
        crowd.stall(clients)
        time.sleep(SETTLE_S)
        yield


@contextmanager
def _asking_ready(port: int) -> Iterator[list[float]]:
    """Ask again and again whether the server is ready; the seconds that each answer took, at least one.

    Raises RuntimeError at the end when it was not ready once.
    """
    ended, answers_s = threading.Event(), list[float]()

    def ask() -> None:
        answers_s.append(_seconds_until_ready(port))
        while not ended.wait(READY_PAUSE_S):
            answers_s.append(_seconds_until_ready(port))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield answers_s
        finally:
            ended.set()
        asking.result(ANSWER_TIMEOUT_S)


def _seconds_until_ready(port: int) -> float:
    began_s = time.perf_counter()
    if not _answer(port, "/readyz")[0].startswith(b"HTTP/1.1 200"):
        raise RuntimeError("the server is not ready")
    return time.perf_counter() - began_s


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


class _Rest(msgspec.Struct, frozen=True):
    """The rest of a feed behind a token: where ours has it and the bare server, and its bytes."""

    path: str
    bare_path: str
    body: bytes
    content_type: str

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return self.body.count(b"\n")


def _rests(ours: RunningServer, chance: random.Random, count: int) -> list[_Rest]:
    """What is behind random tokens of the second quarter of the feed. Raises RuntimeError unless ours gives that."""
    whole, rests = fetched(ours, WHOLE_FEED_PATH), list[_Rest]()
    lines = whole.body.splitlines(keepends=True)
    for number in range(count):
        begin = chance.randrange(len(lines) // 4, len(lines) // 2)
        token = msgspec.json.decode(lines[begin - 1], type=_Tokened).token
        path, body = f"{whole.path}&since_token={token}", b"".join(lines[begin:])
        if fetched(ours, path).body != body:
            raise RuntimeError("what was resumed is not the rest of the feed")
        rests.append(_Rest(path, f"/rest-{number}", body, whole.headers["Content-Type"]))
    return rests


class _Tokened(msgspec.Struct):
    """A line, as far as its token."""

    token: str


@contextmanager
def _bare(rests: list[_Rest], scratch: Path) -> Iterator[RunningServer]:
    """A bare aiohttp server that streams the same bodies."""
    answers, manifest = list[BareAnswer](), scratch / "rest-manifest.json"
    for rest in rests:
        body_file = scratch / rest.bare_path.removeprefix("/")
        body_file.write_bytes(rest.body)
        headers = {"Content-Type": rest.content_type}
        answers.append(BareAnswer(path=rest.bare_path, body_file=str(body_file), headers=headers, streamed=True))
    manifest.write_bytes(msgspec.json.encode(answers))
    with bare_process("tests.benchmarks.bare_server", str(manifest)) as server:
        yield server


def _one_by_one(measurements: list[Callable[[], float]]) -> Callable[[], float]:
    """A measurement that is another one each time."""
    coming = iter(measurements)

    def measured() -> float:
        return next(coming)()

    return measured


def median_ms(ages: Ages) -> float:
    """The age in the middle."""
    return ages.median_ms


def high_ms(ages: Ages) -> float:
    """The 99th percentile."""
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
