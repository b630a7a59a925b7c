"""The benchmarks run, whatever they measure; no figure is judged here."""

import subprocess
import sys

import pytest

from tests.benchmarks.bare_server import STREAM_PIECE_BYTES, pieces_of
from tests.benchmarks.figures import Figure, Series, side_by_side
from tests.benchmarks.processes import PROJECT

RUN_TIMEOUT_S = 900.0


def figure(ours: float, baseline: float, *, more_is_better: bool) -> Figure:
    """A figure of one measurement."""
    return Figure(
        subject="",
        unit="",
        ours=Series((ours,)),
        baseline=Series((baseline,)),
        baseline_is="",
        more_is_better=more_is_better,
    )


def test_a_quick_run_prints_the_whole_table() -> None:
    """Every part runs once, on a small contest, with our own load generators."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", "--quick"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    subjects = (
        "import",
        "replay",
        "ready",
        "memory",
        "cds verify",
        "1 client",
        "10 clients",
        "/teams",
        "/submissions",
        "/scoreboard",
        "POST",
        "at a random moment",
        "follow an upstream",
    )
    assert [subject for subject in subjects if subject not in run.stdout] == []


@pytest.mark.parametrize(("more_is_better", "ratio"), [(True, 0.5), (False, 2.0)])
def test_a_ratio_above_one_is_always_the_better_one(more_is_better: bool, ratio: float) -> None:
    """Half the rate is half as good, half the time is twice as good."""
    assert figure(50, 100, more_is_better=more_is_better).ratio == ratio


def test_ours_and_the_baseline_are_measured_in_turn() -> None:
    """So that a busy minute of the machine strikes both."""
    order: list[str] = []

    def measured(name: str) -> float:
        order.append(name)
        return len(order)

    ours, baseline = side_by_side(2, lambda: measured("ours"), lambda: measured("baseline"))
    assert order == ["ours", "baseline"] * 2
    assert (ours.values, baseline.values) == ((1, 3), (2, 4))


@pytest.mark.parametrize("length", [0, 1, STREAM_PIECE_BYTES, 3 * STREAM_PIECE_BYTES + 7])
def test_the_bare_stream_is_cut_at_line_ends_and_nowhere_else(length: int) -> None:
    """The pieces together are the body, and each ends with a line."""
    body = (b"x" * 99 + b"\n") * (length // 100) + b"}\n"
    pieces = pieces_of(body)
    assert b"".join(pieces) == body
    assert all(piece.endswith(b"\n") for piece in pieces)
