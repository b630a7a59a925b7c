"""The benchmark of edges runs, and what it checks on the way holds; no figure is judged here."""

from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.benchmarks import edging
from tests.benchmarks.feed_crowd import has_compiler
from tests.benchmarks.test_feeding import check

CLIENTS = 20

pytestmark = pytest.mark.skipif(not has_compiler(), reason="needs a C compiler (cc)")


def test_lines_reach_all_clients_of_an_edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring raises unless all clients have the same lines; here the edge is what it is compared with, too."""
    with edging.at_an_edge(tmp_path) as edge:
        monkeypatch.setattr(edging, "at_an_edge", contextmanager(lambda _scratch: iter([edge])))
        monkeypatch.setattr(edging, "at_a_core", contextmanager(lambda _scratch: iter([edge])))
        monkeypatch.setattr(edging, "WRITES_PER_SECOND", (100.0,))
        figures = edging.measure_edge(tmp_path, 1, 0.02, CLIENTS)
    assert [figure.unit for figure in figures] == ["ms", "ms"] + 4 * ["lines/s"]
    check(figures, 1)
