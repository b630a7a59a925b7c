"""The benchmark of the platform sync works, and finds what it must: every contest synced, none changed by the next."""

import pytest
from click.testing import CliRunner

from tests.benchmarks import platform_sync


def test_a_small_run_tells_of_both_syncs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform_sync, "IDLE_S", 0.05)
    monkeypatch.setattr(platform_sync, "PASSES", 1)
    outcome = CliRunner().invoke(platform_sync.main, ["--contests", "30"], catch_exceptions=False)
    assert outcome.exit_code == 0
    told = dict(line.split("  ", 1) for line in outcome.output.splitlines())
    assert told["first sync, synced 30"].strip().endswith("1 requests")
    assert told["second forced sync, updated 30"].strip().endswith("2 requests")
    assert told["contests with a new event in the second sync"].strip() == "0"
