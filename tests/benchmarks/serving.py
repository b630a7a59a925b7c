"""Starting, feeds, collections and scoreboards of `cds serve`, beside bare aiohttp handlers that give the same bytes.

Every server is a process of its own. This module must not know how the answers come about.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from cds.configuration import API_PREFIX
from tests.benchmarks.bare_server import BareAnswer
from tests.benchmarks.contest_package import CONTEST_ID
from tests.benchmarks.figures import Figure, Maximum, Series, side_by_side
from tests.benchmarks.generators import Downloads, RequestGenerator
from tests.benchmarks.processes import RunningServer, bare_process, contest_server

ANSWER_TIMEOUT_S = 60.0
FEED_CLIENTS = (1, 10, 100)

OF_CONTEST = f"{API_PREFIX}/contests/{CONTEST_ID}"
FEED_PATH = f"{OF_CONTEST}/event-feed?stream=false"
COLLECTION_PATHS = (f"{OF_CONTEST}/teams", f"{OF_CONTEST}/submissions", f"{OF_CONTEST}/scoreboard")

ADDED_BY_AIOHTTP = ("Content-Length", "Date", "Server", "Transfer-Encoding")
"""Headers that the bare handler gets without naming them, as ours do."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """What the measured server answers at a path."""

    path: str
    body: bytes
    headers: dict[str, str]

    @property
    def plain_path(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def lines(self) -> int:
        """How many lines the body has."""
        return self.body.count(b"\n")


def measure_answers(
    data_dir: Path, scratch: Path, generator: RequestGenerator, repeats: int, crowds: tuple[int, ...] = FEED_CLIENTS
) -> tuple[list[Figure], list[Maximum]]:
    """Feed downloads by so many clients at once, and GETs, ours and the bare handlers' in turn."""
    with contest_server(data_dir) as ours:
        feed = fetched(ours, FEED_PATH)
        collections = [fetched(ours, path) for path in COLLECTION_PATHS]
        with _bare_server([feed, *collections], scratch) as bare:
            _check_same(ours, bare, [feed, *collections])
            figures = _feed_figures(ours, bare, feed, repeats, crowds)
            figures += [_get_figure(ours, bare, each, generator, repeats) for each in collections]
            figures.append(_memory_figure(ours, bare))
    return figures, [
        *_feed_maxima(scratch, feed, repeats, crowds),
        _get_maximum(scratch, collections[0], generator, repeats),
    ]


def fetched(server: RunningServer, path: str) -> Fetched:
    """One GET. Raises RuntimeError for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_TIMEOUT_S)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"GET {path}: {response.status} {body[:200]!r}")
    return Fetched(path=path, body=body, headers=dict(response.getheaders()))


@contextmanager
def _bare_server(answers: list[Fetched], scratch: Path) -> Iterator[RunningServer]:
    """A bare aiohttp server that gives these answers."""
    manifest = scratch / "manifest.json"
    told = []
    for number, answer in enumerate(answers):
        body_file = scratch / f"body-{number}"
        body_file.write_bytes(answer.body)
        headers = {name: value for name, value in answer.headers.items() if name not in ADDED_BY_AIOHTTP}
        streamed = "Transfer-Encoding" in answer.headers
        told.append(BareAnswer(path=answer.plain_path, body_file=str(body_file), headers=headers, streamed=streamed))
    manifest.write_bytes(msgspec.json.encode(told))
    with bare_process("tests.benchmarks.bare_server", str(manifest)) as server:
        yield server


def _check_same(ours: RunningServer, bare: RunningServer, answers: list[Fetched]) -> None:
    """Raise RuntimeError unless both servers give the same bytes and headers: only then is it a comparison."""
    for answer in answers:
        mine, other = fetched(ours, answer.path), fetched(bare, answer.path)
        if mine.body != other.body or mine.headers.keys() != other.headers.keys():
            raise RuntimeError(f"the bare server answers otherwise at {answer.path}")


def _feed_figures(
    ours: RunningServer, bare: RunningServer, feed: Fetched, repeats: int, crowds: tuple[int, ...]
) -> list[Figure]:
    """Full downloads by one client and by several at once."""
    of_ours, of_bare = (Downloads(server.port, feed.path, feed.lines) for server in (ours, bare))
    figures = []
    for clients in crowds:
        mine, baseline = side_by_side(repeats, partial(of_ours.rate, clients), partial(of_bare.rate, clients))
        figures.append(
            Figure(
                subject=f"full feed, {_clients(clients)}, {len(feed.body) / 1e6:.1f} MB each",
                unit="events/s",
                ours=mine,
                baseline=baseline,
                baseline_is="bare aiohttp handler, same bytes",
            )
        )
    return figures


def _get_figure(
    ours: RunningServer, bare: RunningServer, answer: Fetched, generator: RequestGenerator, repeats: int
) -> Figure:
    mine, baseline = side_by_side(
        repeats,
        lambda: generator.rate(ours.port, answer.path),
        lambda: generator.rate(bare.port, answer.path),
    )
    return Figure(
        subject=f"GET /{answer.path.rpartition('/')[2]}, {len(answer.body) / 1e3:,.0f} kB",
        unit="requests/s",
        ours=mine,
        baseline=baseline,
        baseline_is="bare aiohttp handler, same bytes",
    )


def _memory_figure(ours: RunningServer, bare: RunningServer) -> Figure:
    return Figure(
        subject="memory of the server afterwards",
        unit="MB",
        ours=Series((ours.memory_mb,)),
        baseline=Series((bare.memory_mb,)),
        baseline_is="the bare server",
        more_is_better=False,
    )


def _feed_maxima(scratch: Path, feed: Fetched, repeats: int, crowds: tuple[int, ...]) -> list[Maximum]:
    """What the download client reaches against a process that only hands over ready bytes."""
    body = scratch / "feed"
    body.write_bytes(feed.body)
    with bare_process("tests.benchmarks.raw_server", str(body), "close") as server:
        downloads = Downloads(server.port, "/", feed.lines)
        return [
            Maximum(
                subject=f"raw sockets download, {_clients(clients)}",
                unit="events/s",
                reached=Series(tuple(downloads.rate(clients) for _ in range(repeats))),
            )
            for clients in crowds
        ]


def _get_maximum(scratch: Path, answer: Fetched, generator: RequestGenerator, repeats: int) -> Maximum:
    body = scratch / "answer"
    body.write_bytes(answer.body)
    with bare_process("tests.benchmarks.raw_server", str(body), "stay") as server:
        reached = [generator.rate(server.port, "/") for _ in range(repeats)]
    return Maximum(
        subject=f"{generator.name} GET, {len(answer.body) / 1e3:,.0f} kB",
        unit="requests/s",
        reached=Series(tuple(reached)),
    )


def _clients(number: int) -> str:
    return "1 client" if number == 1 else f"{number} clients"
