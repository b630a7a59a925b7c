"""`python -m tests.benchmarks.platform_sync`: all contests of Codeforces synced twice, and a server that holds them.

The platform is a small server of this process with the recorded contests of ../shared, over and over under other ids
(made-up ones where they are not beside this checkout); the contest server is a process of its own. Times, requests,
memory and idle processor time are printed; that the counts and the log are right is checked. This module must not know
how a sync works.
"""

import base64
import http.client
import http.server
import json
import os
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from tests.benchmarks.processes import ADMIN_PASSWORD, RunningServer, contest_server
from tests.eventstore.embedded_processes import wait_until_ended

CONTESTS = 2_100
FUTURE = 6
"""Of these, contests that have not begun."""

CONTEST_EVERY_S = 2 * 86_400
DURATION_S = 2 * 3_600
IDLE_S = 10.0
ANSWER_TIMEOUT_S = 300.0
PASSES = 5
"""Times that the list of all contests is fetched; the quickest counts."""


RECORDED = Path(__file__).resolve().parents[2].parent / "shared/data/platforms/codeforces/contest.list.json"


def contest_list(contests: int, now_s: int) -> bytes:
    """What `contest.list` answers, newest first: recorded contests as often as it takes, or made-up ones."""
    if not RECORDED.is_file():
        return made_up_list(contests, now_s)
    recorded = json.loads(RECORDED.read_text())["result"]
    rows = [{**recorded[number % len(recorded)], "id": contests - number} for number in range(contests)]
    return json.dumps({"status": "OK", "result": rows}).encode()


def made_up_list(contests: int, now_s: int) -> bytes:
    """The same with contests every other day up to the near future, newest first, some of ICPC type."""
    rows = []
    for number in range(contests, 0, -1):
        start_s = now_s + (number - contests + FUTURE) * CONTEST_EVERY_S
        begun = start_s + DURATION_S < now_s
        row: dict[str, object] = {
            "id": number,
            "name": f"Codeforces Round {number} (Div. {1 + number % 4})",
            "type": "ICPC" if number % 9 == 0 else "CF",
            "phase": "FINISHED" if begun else "BEFORE",
            "frozen": False,
            "durationSeconds": DURATION_S,
            "startTimeSeconds": start_s,
            "relativeTimeSeconds": now_s - start_s,
        }
        if number % 9 == 0:
            row["freezeDurationSeconds"] = 3_600
        rows.append(row)
    return json.dumps({"status": "OK", "result": rows}).encode()


@contextmanager
def platform(body: bytes, requests: Counter[str]) -> Iterator[int]:
    """A server that answers everything with this, for the length of the block: its port."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests[self.path] += 1
            self.send_response(http.HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def asked(server: RunningServer, method: str, path: str, body: bytes | None = None) -> bytes:
    """One request of the administrator. Raises RuntimeError for anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=ANSWER_TIMEOUT_S)
    login = base64.b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    try:
        connection.request(method, path, body, {"Authorization": f"Basic {login}", "Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.read()
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{method} {path}: {response.status} {answer[:200]!r}")
    return answer


def synced(server: RunningServer, expected: dict[str, int]) -> float:
    """Sync once, forced; the seconds that it took. Raises RuntimeError when the counts are others."""
    began_s = time.perf_counter()
    answer = json.loads(asked(server, "POST", "/contests/sync/codeforces", b'{"forceSync": true}'))
    took_s = time.perf_counter() - began_s
    if {name: answer[name] for name in expected} != expected:
        raise RuntimeError(f"expected {expected}: {answer}")
    return took_s


def events_changed(server: RunningServer) -> int:
    """In how many contests the last run wrote something."""
    changed: int = json.loads(asked(server, "GET", "/contests/sync/codeforces?limit=1"))["history"][0]["changed"]
    return changed


def idle_share(server: RunningServer) -> float:
    """The part of one core that a server takes to which nobody speaks."""
    before_s = _processor_s(server.pid)
    time.sleep(IDLE_S)
    return (_processor_s(server.pid) - before_s) / IDLE_S


def quickest(server: RunningServer, path: str) -> float:
    """Seconds of the quickest of several requests."""
    took: list[float] = []
    for _ in range(PASSES):
        began_s = time.perf_counter()
        asked(server, "GET", path)
        took.append(time.perf_counter() - began_s)
    return min(took)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _say(subject: str, value: str) -> None:
    click.echo(f"{subject:<58}{value}")


@click.command()
@click.option("--contests", default=CONTESTS, show_default=True, type=click.IntRange(FUTURE + 1), help="So many.")
def main(contests: int) -> None:
    """Measure the sync of a whole platform, on loopback."""
    requests: Counter[str] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="cds-bench-") as room,
        platform(contest_list(contests, int(time.time())), requests) as port,
    ):
        data_dir = Path(room) / "data"
        options = ("--sync-every-s", "0", "--rate-limits", "off", "--codeforces-url", f"http://127.0.0.1:{port}")
        with contest_server(data_dir, *options) as server:
            _say("start to ready of a new server", f"{server.ready_s:.2f} s")
            _say("memory without contests", f"{server.memory_mb:.0f} MB")
            _say("idle processor time of a core without contests", f"{idle_share(server):.1%}")
            first_s = synced(server, {"synced": contests, "updated": 0, "failed": 0})
            _say(f"first sync, synced {contests:,}", f"{first_s:.2f} s, {sum(requests.values())} requests")
            second_s = synced(server, {"synced": 0, "updated": contests, "failed": 0})
            _say(f"second forced sync, updated {contests:,}", f"{second_s:.2f} s, {sum(requests.values())} requests")
            if events_changed(server):
                raise RuntimeError("the second sync has changed something")
            _say("contests with a new event in the second sync", "0")
            _say("memory after both", f"{server.memory_mb:.0f} MB")
            _tell_of_serving(server)
        wait_until_ended(data_dir)
        with contest_server(data_dir, *options) as server:
            _say("start to ready", f"{server.ready_s:.2f} s")
            _say("memory after the start", f"{server.memory_mb:.0f} MB")
            _tell_of_serving(server)
            _say("memory after that", f"{server.memory_mb:.0f} MB")
        wait_until_ended(data_dir)


def _tell_of_serving(server: RunningServer) -> None:
    _say("GET /api/contests", f"{quickest(server, '/api/contests') * 1_000:.0f} ms")
    _say("GET /metrics", f"{quickest(server, '/metrics') * 1_000:.0f} ms")
    _say("idle processor time of a core", f"{idle_share(server):.1%}")


if __name__ == "__main__":
    main()
