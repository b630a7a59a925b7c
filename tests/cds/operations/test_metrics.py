"""`GET /metrics`: who may read it, that it is what Prometheus reads, and that every row of the table is measured."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import hdrs
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text

import cds.metrics
from cds.operations.watching import Watcher
from tests.cds.contest_api.raw_requests import raw_answer
from tests.cds.contest_api.serving import (
    DEADLINE_S,
    SERVER_ADMIN,
    Login,
    Running,
    append,
    opened,
    running,
    server_login,
)
from tests.cds.contest_api.small_contest import altered, login, small_contest

ROOT = Path(cds.metrics.__file__).parent
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
TABLE = {name: metric for name, metric in vars(cds.metrics).items() if isinstance(metric, MetricWrapperBase)}


async def scraped(server: Running, accept: str = "text/plain") -> dict[str, Metric]:
    """All measurements by name, as Prometheus would read them here."""
    answer = await server.caller().get(server.root + "/metrics", headers={hdrs.ACCEPT: accept})
    assert answer.status == 200, answer.body
    parse = open_metrics if accept == OPEN_METRICS else plain_text
    return {family.name: family for family in parse(answer.body.decode())}


def value(families: dict[str, Metric], sample: str, **labels: str) -> float:
    """One sample; 0 where there is none, as of a counter that has not begun."""
    found = [
        each.value
        for family in families.values()
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    return sum(found)


async def until_value(server: Running, wanted: float, sample: str, **labels: str) -> None:
    """Wait until a measurement has a value."""
    async with asyncio.timeout(DEADLINE_S):
        while value(await scraped(server), sample, **labels) != wanted:
            await asyncio.sleep(0.05)


async def test_what_is_scraped_parses_and_tells_what_happened(fresh: Running, fresh_dsn: str) -> None:
    before = await scraped(fresh)
    for path in (
        "contests/small/teams",
        "contests/other/teams/",
        "contests/small/teams/t1",
        "contests/small/nonsense/x",
    ):
        await fresh.caller().get(path)
    await fresh.caller().ask("BREW", "contests/small/teams")
    async with opened(fresh_dsn) as store:
        position = await append(store, "small", altered(small_contest(), "teams", "t1", name="Renamed"))
    await until_value(fresh, position, "cds_contest_position", contest="small")
    after = await scraped(fresh, OPEN_METRICS)

    def more(sample: str, **labels: str) -> float:
        return value(after, sample, **labels) - value(before, sample, **labels)

    requests = "cds_requests_total"
    assert more(requests, endpoint="/api/contests/{contest_id}/teams", method="GET", status="200") == 2
    assert more(requests, endpoint="/api/contests/{contest_id}/teams/{id}", method="GET", status="200") == 1
    assert more(requests, endpoint="other", method="GET", status="404") == 1
    assert more(requests, method="other") == 1
    assert more("cds_request_seconds_count") >= 5
    assert value(after, "cds_contests") == 4
    assert value(after, "cds_database_reachable") == 1
    assert value(after, "cds_event_loop_lag_seconds_count") > 0
    assert value(after, "process_resident_memory_bytes") > 1024 * 1024
    assert value(after, "process_open_fds") > 3
    assert value(after, "process_cpu_seconds_total") > 0
    assert value(after, "process_start_time_seconds") > 1.6e9
    assert {family.unit for family in after.values()} == {""}


async def test_a_contest_that_falls_behind_is_seen(fresh: Running, fresh_dsn: str) -> None:
    contest = fresh.service_contest("small")
    assert contest is not None
    watcher = Watcher(fresh.store, fresh.server.service.contests, "1.2.3")
    async with contest._reading, opened(fresh_dsn) as store:
        for name in ("One", "Two", "Three"):
            await append(store, "small", altered(small_contest(), "teams", "t1", name=name))
        await watcher.look_at_lag()
        assert value(await scraped(fresh), "cds_contest_lag_events", contest="small") == 3
        assert value(await scraped(fresh), "cds_contest_lag_events", contest="other") == 0
        position = contest.position + 3
    await fresh.level_with("small", position)
    await watcher.look_at_lag()
    assert value(await scraped(fresh), "cds_contest_lag_events", contest="small") == 0


async def test_paths_that_nobody_offers_make_no_measurements(fresh: Running) -> None:
    before = sum(len(family.samples) for family in (await scraped(fresh)).values())
    for number in range(20):
        for path in (f"contests/c{number}/teams", f"contests/small/e{number}", f"{fresh.root}/r{number}"):
            await fresh.caller().get(path)
    assert sum(len(family.samples) for family in (await scraped(fresh)).values()) <= before + 3


ASKERS: list[tuple[Login | None, int]] = [
    (None, 401),
    (server_login("judge"), 403),
    (server_login("analyst"), 403),
    (server_login("proxy"), 403),
    (server_login("staff"), 200),
    (SERVER_ADMIN, 200),
    (("admin", "wrong"), 401),
    (login("small", "staff"), 403),
    (login("small", "chief"), 403),
]


async def test_elsewhere_it_is_for_staff_of_the_server(fresh: Running) -> None:
    for asker, status in ASKERS:
        headers: dict[str, str] = {hdrs.X_FORWARDED_FOR: "203.0.113.9"}
        answer = await fresh.caller(asker).get(fresh.root + "/metrics", headers=headers)
        assert answer.status == status, asker
        assert (b"cds_" in answer.body) is (status == 200)
        assert status == 200 or answer.json["code"] == status


TRACES: list[dict[str, str]] = [
    {hdrs.X_FORWARDED_FOR: "127.0.0.1"},
    {hdrs.FORWARDED: "for=127.0.0.1"},
    {hdrs.VIA: "1.1 proxy"},
    {"X-Real-IP": "127.0.0.1"},
    {hdrs.X_FORWARDED_PROTO: "https"},
    {hdrs.HOST: "contest.example.org"},
    {hdrs.HOST: "localhost.example.org:80"},
    {hdrs.HOST: "[::2]"},
    {hdrs.ORIGIN: "https://evil.example"},
    {hdrs.ORIGIN: "null"},
]


async def test_the_address_is_enough_only_without_a_trace_of_anybody_else(fresh: Running) -> None:
    path = fresh.root + "/metrics"
    port = str(fresh.server.port)
    for host in ("127.0.0.1", f"localhost:{port}", f"[::1]:{port}", "127.8.9.1"):
        assert (await fresh.caller().get(path, headers={hdrs.HOST: host})).status == 200, host
    for trace in TRACES:
        assert (await fresh.caller().get(path, headers=trace)).status == 401, trace
    old = await raw_answer(fresh.caller(), b"GET /metrics HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
    assert old.status == 401


async def test_behind_a_proxy_the_address_is_not_enough(fresh_dsn: str) -> None:
    async with running(fresh_dsn, behind_proxy=True) as server:
        assert (await server.caller().get(server.root + "/metrics")).status == 401
        assert (await server.caller(SERVER_ADMIN).get(server.root + "/metrics")).status == 200


async def test_behind_a_trusted_proxy_the_forwarded_client_counts(fresh_dsn: str) -> None:
    async with running(fresh_dsn, behind_proxy=True, trusted_proxies=(ip_network("127.0.0.1/32"),)) as server:
        path = server.root + "/metrics"
        for forwarded, status in (
            ("203.0.113.9", 401),
            ("127.0.0.2", 200),
            ("127.0.0.2, 203.0.113.9", 401),
            ("127.0.0.1", 401),
            ("nonsense", 401),
        ):
            answer = await server.caller().get(path, headers={hdrs.X_FORWARDED_FOR: forwarded})
            assert answer.status == status, forwarded
        assert (await server.caller().get(path)).status == 401


def uses_of(name: str) -> Iterator[Path]:
    """Modules in which a metric is counted or set, not only mentioned."""
    touched = re.compile(rf"\b{name}(\.labels\(.*\))?\.(inc|dec|set|observe(_all)?|labels|time|track_inprogress)\(")
    for path in ROOT.rglob("*.py"):
        if path != Path(cds.metrics.__file__) and touched.search(path.read_text()):
            yield path


@pytest.mark.parametrize("name", TABLE)
def test_every_metric_of_the_table_is_measured_somewhere(name: str) -> None:
    assert list(uses_of(name)), f"{name} is declared, and nobody measures it"


@pytest.mark.parametrize("name", TABLE)
def test_a_metric_says_what_it_is_and_how_workers_are_put_together(name: str) -> None:
    metric = TABLE[name]
    (family, *_) = metric.describe()
    assert family.name.startswith(("cds_", "process_"))
    assert family.documentation.endswith(".")
    if family.type == "gauge":
        assert vars(metric)["_multiprocess_mode"].startswith("live")


WORKER = """
import sys
from cds import metrics
metrics.REQUESTS.labels("GET", "/api/contests", "200", "none").inc(int(sys.argv[1]))
metrics.FEED_CLIENTS.labels("public", "ndjson").inc(int(sys.argv[1]))
metrics.CONTEST_POSITION.labels("finals").set(int(sys.argv[1]))
metrics.CONTEST_LAG_EVENTS.labels("finals").set(int(sys.argv[1]))
metrics.CONTEST_POSITION.labels("gone").set(0)
metrics.CONTEST_LAG_EVENTS.labels("level").set(0)
metrics.REQUEST_S.observe(0.004)
"""
SCRAPER = """
import sys
from prometheus_client import generate_latest
from cds.operations.worker_metrics import measurements
sys.stdout.buffer.write(generate_latest(measurements(lambda labels: labels.get("contest") == "gone")))
"""


def test_any_worker_answers_for_all(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def output(program: str, *arguments: str) -> str:
        run = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=ROOT.parent,
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=True,
        )
        return run.stdout

    for count in ("3", "5"):
        output(WORKER, count)
    families = {family.name: family for family in plain_text(output(SCRAPER))}
    assert value(families, "cds_requests_total", endpoint="/api/contests") == 8
    assert value(families, "cds_feed_clients", role="public") == 8
    assert value(families, "cds_contest_position", contest="finals") == 3
    assert value(families, "cds_contest_lag_events", contest="finals") == 5
    assert value(families, "cds_request_seconds_count") == 2


async def test_a_nested_base_url_makes_no_other_names(fresh_dsn: str) -> None:
    async with running(fresh_dsn, base_url="https://contest.example.org/x/y/api/") as server:
        before = await scraped(server)
        for prefix in ("/api", "/x/y/api"):
            assert (await server.caller().get(f"{server.root}{prefix}/contests/small/teams")).status == 200
        after = await scraped(server)
    named = {"endpoint": "/api/contests/{contest_id}/teams", "status": "200"}
    assert value(after, "cds_requests_total", **named) == value(before, "cds_requests_total", **named) + 2
