"""The benchmarks of feeds run, and what they check on the way holds; no figure is judged here."""

import asyncio
import threading
from pathlib import Path

import pytest

from eventstore.embedded.launcher import embedded_postgres
from tests.benchmarks import feeding
from tests.benchmarks.contest_package import write_package
from tests.benchmarks.feed_crowd import has_compiler
from tests.benchmarks.figures import Figure
from tests.benchmarks.storing import measure_import
from tests.eventstore.embedded_processes import wait_until_ended

CLIENTS = 20
EVENTS = 1_000
DEADLINE_S = 10.0

pytestmark = pytest.mark.skipif(not has_compiler(), reason="needs a C compiler (cc)")


def test_clients_that_reconnect_have_every_line_once(tmp_path: Path) -> None:
    """Measuring raises when a client has missed a line or has got one twice, or when the server is not ready."""
    figures = feeding.measure_reconnecting(tmp_path, 1, CLIENTS)
    assert [figure.unit for figure in figures] == ["s", "ms"]
    check(figures, feeding.RECONNECTIONS)


def test_a_server_that_is_not_ready_meanwhile_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, all_asked = [b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"], threading.Event()

    def answer(_port: int, _path: str) -> tuple[bytes, float]:
        if len(answers) == 1:
            all_asked.set()
        return answers.pop(0), 1.0

    monkeypatch.setattr(feeding, "_answer", answer)
    with pytest.raises(RuntimeError, match="not ready"), feeding._asking_ready(1):
        all_asked.wait(DEADLINE_S)


def test_live_lines_reach_all_clients_of_both_servers(tmp_path: Path) -> None:
    figures, maxima = feeding.measure_live(tmp_path, 1, 0.05, CLIENTS)
    assert [figure.unit for figure in figures] == ["lines/s", "lines/s"]
    check(figures, 1)
    assert len(maxima) == 1


def test_lines_are_as_old_as_they_are_also_beside_stalled_readers(tmp_path: Path) -> None:
    figures = feeding.measure_latency(tmp_path, 1, 0.05, CLIENTS)
    assert [figure.unit for figure in figures] == ["ms", "ms", "ms"]
    check(figures, 1)


def test_memory_is_that_of_so_many_clients(tmp_path: Path) -> None:
    stalled = feeding.measure_stalled(tmp_path, 1, CLIENTS)
    (idle,) = feeding.measure_idle(tmp_path, 1, CLIENTS)
    assert [(len(each.ours.values), each.unit) for each in (stalled, idle)] == [(1, "MB"), (1, "KiB")]


def test_what_is_resumed_is_the_rest_of_the_feed_at_every_token(tmp_path: Path) -> None:
    data_dir, package = tmp_path / "data", tmp_path / "package"
    write_package(package, EVENTS)
    asyncio.run(imported(data_dir, package))
    figures = feeding.measure_resuming(data_dir, tmp_path, 2, (2,))
    wait_until_ended(data_dir)
    assert [figure.unit for figure in figures] == ["events/s", "ms"]
    check(figures, 2)


async def imported(data_dir: Path, package: Path) -> None:
    """Import a package into a database of its own."""
    async with embedded_postgres(data_dir) as dsn:
        await measure_import(dsn, package, 1)


def check(figures: list[Figure], repeats: int) -> None:
    """As many measurements as there are to be, of ours and of the baseline, and all of them are something."""
    for figure in figures:
        assert len(figure.ours.values) == len(figure.baseline.values) == repeats
        assert min(*figure.ours.values, *figure.baseline.values) > 0
