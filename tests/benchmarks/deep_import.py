"""`python -m tests.benchmarks.deep_import`: a large contest of Codeforces with all its results, imported twice.

The platform is a small server of this process with made-up results, the contest server a process of its own that is
asked other things all the while. Times, requests, memory and the longest wait of those others are printed; that
everything came, and nothing the second time, is checked. This module must not know how an import works.
"""

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import click

from tests.benchmarks.platform_sync import asked
from tests.benchmarks.processes import RunningServer, contest_server
from tests.eventstore.embedded_processes import wait_until_ended
from tests.platform_servers.codeforces import Results
from tests.platform_servers.results import codeforces_results
from tests.platform_servers.server import JsonValue

NUMBER = 1234
PARTIES = 15_000
SUBMISSIONS = 100_000
BYTES_PER_KB = 1_024
BYTES_PER_MB = 1_000_000
ASKED_EVERY_S = 0.02
CONTEST = f"/api/contests/codeforces-{NUMBER}"


@contextmanager
def platform(results: Results, requests: Counter[str]) -> Iterator[int]:
    """A server that has the results of one contest, for the length of the block: its port."""
    standings = _envelope(results.standings)

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            requests[parts.path] += 1
            body = standings
            if parts.path == "/api/contest.status":
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                first, count = int(query["from"]) - 1, int(query["count"])
                body = _envelope([*results.submissions[first : first + count]])
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _envelope(result: JsonValue) -> bytes:
    return json.dumps({"status": "OK", "result": result}).encode()


def imported(server: RunningServer, expected: dict[str, int]) -> float:
    """Import once; the seconds that it took. Raises RuntimeError when the counts are others."""
    began_s = time.perf_counter()
    answer = json.loads(asked(server, "POST", "/contests/sync/codeforces", b'{"contestId": %d}' % NUMBER))
    took_s = time.perf_counter() - began_s
    if {name: answer[name] for name in expected} != expected:
        raise RuntimeError(f"expected {expected}: {answer}")
    return took_s


def longest_wait_while(server: RunningServer, work: Callable[[], float]) -> tuple[float, float]:
    """Seconds that the work took, and those of the slowest of the small requests that were made all the while."""
    done = threading.Event()
    waits: list[float] = []

    def ask() -> None:
        while not done.is_set():
            began_s = time.perf_counter()
            asked(server, "GET", "/api/contests")
            waits.append(time.perf_counter() - began_s)
            time.sleep(ASKED_EVERY_S)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        took_s = work()
    finally:
        done.set()
        thread.join()
    return took_s, max(waits)


def highest_memory_mb(server: RunningServer) -> float:
    """The most resident memory that the server has had."""
    status = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * BYTES_PER_KB / BYTES_PER_MB


def took(server: RunningServer, path: str) -> str:
    """How long one answer takes, and how long it is."""
    began_s = time.perf_counter()
    body = asked(server, "GET", path)
    return f"{time.perf_counter() - began_s:.2f} s, {len(body) / BYTES_PER_MB:.1f} MB"


def _say(subject: str, value: str) -> None:
    click.echo(f"{subject:<58}{value}")


@click.command()
@click.option("--parties", default=PARTIES, show_default=True, type=click.IntRange(1), help="So many take part.")
@click.option("--submissions", default=SUBMISSIONS, show_default=True, type=click.IntRange(1), help="So many are made.")
def main(parties: int, submissions: int) -> None:
    """Measure the import of one contest with its results, on loopback."""
    results = codeforces_results(NUMBER, parties=parties, submissions=submissions)
    requests: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="cds-bench-") as room,
        platform(results, requests) as port,
    ):
        data_dir = Path(room) / "data"
        options = (
            *("--sync-every-s", "0", "--rate-limits", "off", "--upstream-interval-s", "0"),
            *("--codeforces-url", f"http://127.0.0.1:{port}"),
        )
        with contest_server(data_dir, *options) as server:
            _say("memory without contests", f"{server.memory_mb:.0f} MB")
            _import_twice(server, requests, submissions)
        wait_until_ended(data_dir)
        with contest_server(data_dir, *options) as server:
            _say("start to ready", f"{server.ready_s:.2f} s")
            _say("memory after the start", f"{server.memory_mb:.0f} MB")
            _say("scoreboard", took(server, f"{CONTEST}/scoreboard"))
        wait_until_ended(data_dir)


def _import_twice(server: RunningServer, requests: Counter[str], submissions: int) -> None:
    first_s, wait_s = longest_wait_while(server, lambda: imported(server, {"synced": 1, "updated": 0, "failed": 0}))
    told = len(json.loads(asked(server, "GET", f"{CONTEST}/submissions")))
    if told != submissions:
        raise RuntimeError(f"{told} submissions of {submissions}")
    _say(f"first import, {submissions:,} submissions", f"{first_s:.2f} s, {sum(requests.values())} requests")
    _say("longest wait of others meanwhile", f"{wait_s * 1_000:.0f} ms")
    _say("memory after it, and the most", f"{server.memory_mb:.0f} MB, {highest_memory_mb(server):.0f} MB")
    second_s, wait_s = longest_wait_while(server, lambda: imported(server, {"synced": 0, "updated": 1, "failed": 0}))
    changed = json.loads(asked(server, "GET", "/contests/sync/codeforces?limit=1"))["history"][0]["changed"]
    if changed:
        raise RuntimeError("the second import has changed something")
    _say("second import, nothing new", f"{second_s:.2f} s, {sum(requests.values())} requests")
    _say("longest wait of others meanwhile", f"{wait_s * 1_000:.0f} ms")
    _say("memory after both, and the most", f"{server.memory_mb:.0f} MB, {highest_memory_mb(server):.0f} MB")
    _say("scoreboard", took(server, f"{CONTEST}/scoreboard"))
    _say("submissions", took(server, f"{CONTEST}/submissions"))


if __name__ == "__main__":
    main()
