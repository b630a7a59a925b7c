"""The benchmarks of feeds run, and what they check on the way holds; no figure is judged here."""

from pathlib import Path

import pytest

from tests.benchmarks import feeding
from tests.benchmarks.feed_crowd import has_compiler

CLIENTS = 20

pytestmark = pytest.mark.skipif(not has_compiler(), reason="needs a C compiler (cc)")


def test_clients_that_reconnect_have_every_line_once(tmp_path: Path) -> None:
    """Measuring raises when a client has missed a line or has got one twice, or when the server is not ready."""
    (figure,) = feeding.measure_reconnecting(tmp_path, 1, CLIENTS)
    assert len(figure.ours.values) == feeding.RECONNECTIONS


def test_live_lines_reach_all_clients_of_both_servers(tmp_path: Path) -> None:
    figures, maxima = feeding.measure_live(tmp_path, 1, 0.05, CLIENTS)
    assert [figure.unit for figure in figures] == ["lines/s", "lines/s"]
    assert all(value > 0 for figure in figures for value in (*figure.ours.values, *figure.baseline.values))
    assert len(maxima) == 1
