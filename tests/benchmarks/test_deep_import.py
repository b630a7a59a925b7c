"""The benchmark of the deep import works, and finds what it must: everything comes, and nothing the second time."""

from click.testing import CliRunner

from tests.benchmarks import deep_import


def test_a_small_run_tells_of_both_imports() -> None:
    outcome = CliRunner().invoke(deep_import.main, ["--parties", "12", "--submissions", "90"], catch_exceptions=False)
    assert outcome.exit_code == 0
    told = dict(line.split("  ", 1) for line in outcome.output.splitlines())
    assert told["first import, 90 submissions"].strip().endswith("3 requests")
    assert told["second import, nothing new"].strip().endswith("6 requests")
