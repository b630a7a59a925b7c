"""The options about JetStream and edges: what they come to, what is refused, and that no secret is repeated."""

from pathlib import Path
from typing import Unpack

import click
import msgspec
import pytest
from click.testing import CliRunner

from cds.jetstream.settings import PublishingSettings
from cds.jetstream_options import JetStreamOptions, chosen_publishing, jetstream_options

SECRET = "0123456789abcdef0123456789abcdef"


class Chosen(msgspec.Struct):
    """What options came to, and what was said."""

    publishing: PublishingSettings | None
    edge_secret: str | None


def chosen(*arguments: str, **environment: str) -> Chosen | str:
    """What options come to, or what is said where they are refused."""
    found: list[Chosen] = []

    @click.command()
    @jetstream_options
    def command(**options: Unpack[JetStreamOptions]) -> None:
        found.append(Chosen(chosen_publishing(options), options["edge_secret"]))

    outcome = CliRunner().invoke(command, arguments, env=environment)
    return found[0] if found else outcome.output


def test_nothing_is_published_unless_servers_are_named() -> None:
    assert chosen() == Chosen(None, None)


def test_servers_and_how_streams_are_kept() -> None:
    limits = ("--nats-replicas", "3", "--nats-max-age", "2", "--nats-max-size", "5", "--nats-max-payload", "64")
    told = chosen("--nats", "nats://a:4222,tls://b:4222", "--nats", "nats://c", "--nats-contest", "finals", *limits)
    assert isinstance(told, Chosen)
    settings = told.publishing
    assert settings is not None
    assert settings.servers.urls == ("nats://a:4222", "tls://b:4222", "nats://c")
    assert (settings.replicas, settings.age_s_max, settings.bytes_max) == (3, 7_200.0, 5 * 1024**2)
    assert (settings.payload_bytes_max, settings.prefix) == (64 * 1024, "cds")
    assert settings.publishes("finals")
    assert not settings.publishes("other")


def test_the_environment_and_files_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "urls").write_text("nats://user:word@a:4222\n")
    (tmp_path / "secret").write_text(SECRET)
    told = chosen(CDS_NATS_URL_FILE=str(tmp_path / "urls"), CDS_EDGE_SECRET_FILE=str(tmp_path / "secret"))
    assert isinstance(told, Chosen)
    assert told.edge_secret == SECRET
    assert told.publishing is not None
    assert told.publishing.servers.urls == ("nats://user:word@a:4222",)
    assert told.publishing.servers.told == "nats://a:4222"
    assert told.publishing.publishes("any")
    assert chosen(CDS_NATS_URL="nats://a:1, nats://b:2") == chosen("--nats", "nats://a:1", "--nats", "nats://b:2")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--edge-secret", SECRET[:-1]),
        ("--nats", "http://user:word@a"),
        ("--nats", "nats://"),
        ("--nats", "nats://a", "--nats-replicas", "6"),
        ("--nats", "nats://a", "--nats-prefix", "a.b"),
        ("--nats", "nats://a", "--nats-contest", "a b"),
        ("--nats", "nats://a", "--nats-max-payload", "7"),
    ],
)
def test_what_cannot_be_is_refused_and_no_secret_repeated(arguments: tuple[str, ...]) -> None:
    told = chosen(*arguments)
    assert isinstance(told, str)
    assert "Error" in told
    assert "word" not in told
    assert SECRET[:-1] not in told
