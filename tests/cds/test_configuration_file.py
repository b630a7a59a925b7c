"""The TOML file of `--config`: options by the names of the command line, and errors that name the file."""

from ipaddress import ip_network
from pathlib import Path

import click
import pytest

from cds.cli import demo, main
from cds.fan_out.limits import FeedLimits
from cds.serve_command import serve

EVERY_SHAPE = """
port = 9000
drain = 2.5
"webhook-timeout" = 4
feed_limit = ["stalled_s=60", "clients_max=7"]
trusted_proxy = "10.0.0.0/8,192.0.2.1"
access_log = false
auto_login = true
seed = 7
"""


def read(tmp_path: Path, text: str, *arguments: str, command: click.Command = serve) -> dict[str, object]:
    """What a command understands of a file and of what is said beside it. Raises BadParameter."""
    file = tmp_path / "cds.toml"
    file.write_text(text)
    with click.Context(main) as root:
        return command.make_context("it", ["--config", str(file), *arguments], parent=root).params


def test_options_are_named_as_on_the_command_line(tmp_path: Path) -> None:
    given = read(tmp_path, EVERY_SHAPE)
    assert (given["port"], given["drain_s"], given["webhook_call_s_max"]) == (9000, 2.5, 4.0)
    assert given["feed_limits"] == FeedLimits(stalled_s=60, clients_max=7)
    assert given["trusted_proxies"] == (ip_network("10.0.0.0/8"), ip_network("192.0.2.1"))
    assert (given["access_log"], given["auto_login"]) == (False, True)


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    given = read(tmp_path, EVERY_SHAPE, "--drain", "1", "--trusted-proxy", "192.0.2.7")
    assert (given["drain_s"], given["trusted_proxies"]) == (1.0, (ip_network("192.0.2.7"),))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("drain_s = 1", "no command has an option 'drain_s'"),
        ('feed_limits = ["stalled_s=60"]', "no command has an option 'feed_limits'"),
        ('config = "other.toml"', "no command has an option 'config'"),
        ('port = "many"', "port: 'many' is not a valid integer"),
        ('trusted_proxy = ["everybody"]', "trusted_proxy: 'everybody' does not appear to be"),
        ('feed_limit = "patience=1"', "feed_limit: 'patience' is none of"),
        ("feed_limit = {stalled_s = 60}", "feed_limit: one value is meant here"),
        ('host = ["127.0.0.1"]', "host: one value is meant here"),
        ("port = ", "Invalid value (at"),
    ],
)
def test_what_is_wrong_is_said_with_the_file_and_the_name(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(click.BadParameter) as refused:
        read(tmp_path, line)
    assert str(tmp_path / "cds.toml") in refused.value.message
    assert reason in refused.value.message


def test_one_file_serves_all_commands(tmp_path: Path) -> None:
    assert read(tmp_path, EVERY_SHAPE, command=demo)["seed"] == 7
