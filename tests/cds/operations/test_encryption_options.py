"""The options about encryption: what goes together, and that nobody is served in plain text by accident."""

from pathlib import Path

import click
import pytest

from cds.encryption_options import EncryptionOptions, chosen_encryption, is_loopback

FILE = Path("certificate.pem")
OTHER = Path("key.pem")
NOTHING: EncryptionOptions = {"tls_cert": None, "tls_key": None, "tls": None, "behind_proxy": False}


def options(
    *, cert: Path | None = None, key: Path | None = None, tls: str | None = None, behind_proxy: bool = False
) -> EncryptionOptions:
    return {"tls_cert": cert, "tls_key": key, "tls": tls, "behind_proxy": behind_proxy}


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.8.7", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - every address, which is what is asked about
        ("::", False),
        ("", False),
        ("192.0.2.1", False),
        ("fe80::1%lo", False),
    ],
)
def test_addresses_that_other_machines_reach_are_known(host: str, *, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["no such name.invalid", "name." + "x" * 80])
def test_a_name_that_nobody_knows_is_wrong_usage_and_named(host: str) -> None:
    with pytest.raises(click.UsageError, match=f"--host '{host}' is no address of this machine: ") as refused:
        chosen_encryption(host, **NOTHING)
    assert "plain text" not in refused.value.message
    with pytest.raises(click.UsageError, match=f"--host '{host}' "):
        chosen_encryption(host, **options(behind_proxy=True))


def test_plain_text_is_for_this_machine_alone_unless_a_proxy_is_named() -> None:
    assert chosen_encryption("127.0.0.1", **NOTHING).behind_proxy is False
    with pytest.raises(click.UsageError, match=r"--tls-cert .*--tls self-signed.*--behind-proxy") as refused:
        chosen_encryption("192.0.2.1", **NOTHING)
    assert refused.value.exit_code == 2
    for given in (options(cert=FILE, key=OTHER), options(tls="self-signed"), options(behind_proxy=True)):
        chosen_encryption("192.0.2.1", **given)


def test_the_key_is_looked_for_in_the_file_of_the_certificate() -> None:
    assert chosen_encryption("::1", **options(cert=FILE)).key == FILE
    assert chosen_encryption("::1", **options(cert=FILE, key=OTHER)).key == OTHER


@pytest.mark.parametrize(
    "given", [options(key=OTHER), options(tls="self-signed", cert=FILE), options(tls="self-signed", key=OTHER)]
)
def test_what_contradicts_itself_is_wrong_usage(given: EncryptionOptions) -> None:
    with pytest.raises(click.UsageError):
        chosen_encryption("127.0.0.1", **given)
