"""The options about JetStream and edges: what they come to, what is refused, and that no secret is repeated."""

from pathlib import Path
from typing import Unpack

import click
import msgspec
import pytest
from click.testing import CliRunner

from cds.jetstream.encryption import is_encrypted
from cds.jetstream.server_urls import NatsLogin, address_of, login_of
from cds.jetstream.settings import PublishingSettings
from cds.jetstream_options import JetStreamOptions, chosen_publishing, jetstream_options
from tests.cds.operations.certificates import key_pem, new_key, written
from tests.nats_credentials import Accounts

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
        ("--edge-secret", ""),
        ("--edge-secret", " " + SECRET),
        ("--edge-secret", SECRET + "\n" + SECRET),
        ("--edge-secret", SECRET + "\N{LATIN SMALL LETTER A WITH DIAERESIS}"),
        ("--edge-secret", SECRET * 40),
        ("--nats", "http://user:hidden@a"),
        ("--nats", "ws://user:hidden@a"),
        ("--nats", "nats://[user:hidden@a"),
        ("--nats", "nats://user:hidden@a:port"),
        ("--nats", "nats://user:hid/hidden@a:4222"),
        ("--nats", "nats://user:12/hidden@a:4222"),
        ("--nats", "nats://user:12?hidden@a:4222"),
        ("--nats", "nats://user:12#hidden@a:4222"),
        ("--nats", "nats://user:hid,hidden@a:4222"),
        ("--nats", "nats://user:@a:4222"),
        ("--nats", "nats://:hidden@a:4222"),
        ("--nats", "nats://a\tb"),
        ("--nats", "nats://user:hidden@a,nats://other:hidden@b"),
        ("--nats", "nats://a", "--nats-max-age", "nan"),
        ("--nats", "nats://a", "--nats-max-age", "inf"),
        ("--nats", "nats://a", "--nats-max-age", "1e300"),
        ("--nats", "nats://a", "--nats-max-age", "-1"),
        ("--nats", "nats://a", "--nats-max-age", "0.001"),
        ("--nats", "nats://a", "--nats-max-size", "99999999999"),
        ("--nats", "nats://a", "--nats-max-payload", "99999999999"),
        ("--nats-replicas", "3"),
        ("--nats-max-age", "3"),
        ("--nats-contest", "finals"),
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
    assert "hidden" not in told
    assert SECRET[:-1] not in told


def test_one_login_holds_for_all_servers_and_is_percent_encoded() -> None:
    told = chosen("--nats", "nats://us%40er:w%2Ford@a,nats://b:4333,nats://us%40er:w%2Ford@[::1]:4444")
    assert isinstance(told, Chosen)
    assert told.publishing is not None
    urls = told.publishing.servers.urls
    assert [address_of(url).url for url in urls] == ["nats://a:4222", "nats://b:4333", "nats://[::1]:4444"]
    assert login_of(urls) == NatsLogin("us@er", "w/ord")
    assert login_of(["nats://to%6ben@a", "tls://b"]) == NatsLogin("token")
    assert [address_of(url).encrypted for url in ("nats://a", "tls://b/")] == [False, True]


def test_how_streams_are_kept_may_stand_in_an_environment_without_servers() -> None:
    assert chosen(CDS_NATS_REPLICAS="3", CDS_NATS_MAX_AGE="2") == Chosen(None, None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--nats nats://a --nats-ca none", "none: there is no certificate in PEM"),
        ("--nats nats://a --nats-cert none", "none: there is no certificate in PEM"),
        ("--nats nats://a --nats-cert certificate.pem --nats-key other.pem", "this is not the key"),
        ("--nats nats://a --nats-cert certificate.pem --nats-key locked.pem", "the key is encrypted"),
        ("--nats nats://a --nats-key key.pem", "--nats-key needs --nats-cert"),
        ("--nats nats://a --nats-credentials none", "there are no JWT and seed"),
        ("--nats nats://a --nats-credentials certificate.pem", "there are no JWT and seed"),
        ("--nats-ca certificate.pem", "--nats-ca says nothing without --nats"),
        ("--nats-credentials user.creds", "--nats-credentials says nothing without --nats"),
    ],
)
def test_files_that_no_connection_could_be_made_with_are_refused(
    options: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "none").write_text("none")
    written(tmp_path, new_key())
    (tmp_path / "other.pem").write_bytes(key_pem(new_key()))
    (tmp_path / "locked.pem").write_bytes(key_pem(new_key(), "passphrase"))
    Accounts().credentials(tmp_path / "user.creds")
    monkeypatch.chdir(tmp_path)
    told = chosen(*options.split())
    assert isinstance(told, str)
    assert said in " ".join(told.split())


def test_files_of_a_connection_that_are_what_they_should_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files, credentials = written(tmp_path, new_key()), Accounts().credentials(tmp_path / "user.creds")
    told = chosen(
        *("--nats", "nats://a", "--nats-ca", "certificate.pem", "--nats-credentials", str(credentials)),
        CDS_NATS_CERT=str(files.certificate),
        CDS_NATS_KEY=str(files.key),
    )
    assert isinstance(told, Chosen)
    assert told.publishing is not None
    servers = told.publishing.servers
    assert is_encrypted(servers)
    assert (servers.certificate, servers.key, servers.credentials) == (files.certificate, files.key, credentials)
