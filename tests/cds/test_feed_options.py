"""Limits of the feeds on the command line and in the environment."""

import click
import pytest
from click.testing import CliRunner

from cds.fan_out.limits import FeedLimits
from cds.feed_options import feed_options


@click.command()
@feed_options
def show(feed_limits: FeedLimits) -> None:
    """Print what was understood."""
    click.echo(repr(feed_limits))


def test_without_the_option_all_limits_are_the_usual_ones() -> None:
    assert CliRunner().invoke(show).output.strip() == repr(FeedLimits())


def test_limits_are_named_one_by_one_or_together() -> None:
    given = ["--feed-limit", "stalled_s=2.5", "--feed-limit", "clients-max=10,tick_s=0.01"]
    expected = FeedLimits(stalled_s=2.5, clients_max=10, tick_s=0.01)
    assert CliRunner().invoke(show, given).output.strip() == repr(expected)
    from_environment = CliRunner().invoke(show, env={"CDS_FEED_LIMITS": "stalled_s=2.5,clients_max=10,tick_s=0.01"})
    assert from_environment.output.strip() == repr(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        "nonsense=1",
        "stalled_s",
        "stalled_s=soon",
        "clients_max=1.5",
        "clients_max=-1",
        "tick_s=nan",
        "tick_s=0",
        "sweep_s=0.000001",
        "stalled_s=0.01",
        "pumps_of_turn=0",
        "pump_bytes=0",
        "vanished_s=60",
    ],
)
def test_what_is_no_limit_is_refused(wrong: str) -> None:
    result = CliRunner().invoke(show, ["--feed-limit", wrong])
    assert result.exit_code == 2
    assert "Invalid value" in result.output


def test_the_shortest_times_are_accepted() -> None:
    result = CliRunner().invoke(show, ["--feed-limit", "sweep_s=0.05,stalled_s=0.1,tick_s=0.001"])
    assert result.output.strip() == repr(FeedLimits(sweep_s=0.05, stalled_s=0.1, tick_s=0.001))


def test_the_kernel_gives_nobody_up_before_we_would() -> None:
    assert FeedLimits().vanished_s >= 2 * FeedLimits().stalled_s
    assert FeedLimits(stalled_s=600).vanished_s >= 1_200
