"""Secrets that stand in files: taken without their line ends, never told, and never taken twice."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cds.cli import main
from cds.secret_options import ADMIN_PASSWORD_VARIABLE, SECRET_BYTES_MAX, SecretOption, secret_given
from cds.serve_command import serve

VARIABLES = {"CDS_DATABASE_URL", "CDS_EDGE_SECRET", "CDS_NATS_URL", "CDS_REDIS_URL", "CDS_SMTP_URL"}
"""What may hold a password, beside the password of the administrator and the token of CMS."""


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*VARIABLES, ADMIN_PASSWORD_VARIABLE):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def kept(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "secret"
    path.write_bytes(content)
    return str(path)


def test_every_option_with_a_secret_takes_it_out_of_a_file_too() -> None:
    found = {each.envvar for each in serve.params if isinstance(each, SecretOption)}
    assert found == VARIABLES


@pytest.mark.parametrize("content", [b"s3cret", b"s3cret\n", b"s3cret\r\n"])
def test_the_end_of_the_line_is_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setenv(f"{ADMIN_PASSWORD_VARIABLE}_FILE", kept(tmp_path, content))
    assert secret_given(ADMIN_PASSWORD_VARIABLE) == "s3cret"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_PASSWORD_VARIABLE, "")
    monkeypatch.setenv(f"{ADMIN_PASSWORD_VARIABLE}_FILE", "")
    assert secret_given(ADMIN_PASSWORD_VARIABLE) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"s3cret\nand more\n", b"\xff", b"s3cret" * SECRET_BYTES_MAX])
def test_a_file_that_holds_no_secret_is_refused_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setenv(f"{ADMIN_PASSWORD_VARIABLE}_FILE", kept(tmp_path, content))
    with pytest.raises(click.UsageError) as refused:
        secret_given(ADMIN_PASSWORD_VARIABLE)
    assert "s3cret" not in refused.value.message


def test_a_file_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ADMIN_PASSWORD_VARIABLE}_FILE", "/nowhere/at/all")
    with pytest.raises(click.UsageError, match="cannot be read"):
        secret_given(ADMIN_PASSWORD_VARIABLE)


def test_both_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADMIN_PASSWORD_VARIABLE, "one")
    monkeypatch.setenv(f"{ADMIN_PASSWORD_VARIABLE}_FILE", kept(tmp_path, b"other"))
    with pytest.raises(click.UsageError, match="both set"):
        secret_given(ADMIN_PASSWORD_VARIABLE)


def test_a_command_takes_its_database_out_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that is nobody's: the command has read it, and says which host it cannot reach, not the password."""
    address = "postgresql://cds:s3cret@127.0.0.1:1/cds"
    monkeypatch.setenv("CDS_DATABASE_URL_FILE", kept(tmp_path, address.encode()))
    outcome = CliRunner().invoke(main, ["verify", "--data-dir", str(tmp_path / "data")])
    assert "127.0.0.1:1 cannot be reached" in outcome.output
    assert "s3cret" not in outcome.output
    assert not (tmp_path / "data").exists()
