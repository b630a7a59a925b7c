"""Which account goes to which server when two contests are compared: never one that is meant for another."""

from pathlib import Path
from typing import Unpack

import click
import pytest
from click.testing import CliRunner

from cds.compare_access import AccessOptions, access_options, chosen_access
from cds.comparing.fetching import Access

A, B = "http://a.example/api/contests/x", "http://b.example/api/contests/x"
PLAIN = {"CDS_COMPARE_USERNAME": "me", "CDS_COMPARE_PASSWORD": "secret"}
OF_A = {"CDS_COMPARE_USERNAME_A": "anna", "CDS_COMPARE_PASSWORD_A": "first"}
OF_B = {"CDS_COMPARE_USERNAME_B": "bert", "CDS_COMPARE_PASSWORD_B": "second"}
ME, ANNA, BERT = ("me", "secret"), ("anna", "first"), ("bert", "second")


def chosen(a: str, b: str, environment: dict[str, str], *arguments: str) -> tuple[Access, Access]:
    """What a command with these options makes of them. Raises UsageError."""
    found: list[tuple[Access, Access]] = []

    @click.command()
    @access_options
    def command(**options: Unpack[AccessOptions]) -> None:
        found.append(chosen_access(a, b, options))

    result = CliRunner().invoke(command, arguments, env=environment, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


@pytest.mark.parametrize(
    ("a", "b", "environment", "expected"),
    [
        (A, B, {}, (None, None)),
        (A, "finals", PLAIN, (ME, ME)),
        (A, A.replace("/x", "/y"), PLAIN, (ME, ME)),
        (A, B, OF_A | OF_B, (ANNA, BERT)),
        (A, B, OF_A, (ANNA, None)),
        (A, B, PLAIN | OF_B, (ME, BERT)),
        (A, B, PLAIN | OF_A, (ANNA, ME)),
        (A, B, PLAIN | OF_A | OF_B, (ANNA, BERT)),
    ],
)
def test_each_server_is_asked_with_its_own_account(
    a: str, b: str, environment: dict[str, str], expected: tuple[tuple[str, str] | None, ...]
) -> None:
    assert tuple(access.login for access in chosen(a, b, environment)) == expected


@pytest.mark.parametrize("b", [B, A.replace("http:", "https:"), A.replace("a.example", "a.example:8080")])
def test_one_account_is_not_sent_to_two_servers(b: str) -> None:
    with pytest.raises(click.UsageError, match="two servers"):
        chosen(A, b, PLAIN)


@pytest.mark.parametrize("side", ["", "-a", "-b"])
def test_half_a_login_is_none(side: str) -> None:
    with pytest.raises(click.UsageError, match=f"--password-file{side} or CDS_COMPARE_PASSWORD"):
        chosen(A, "finals", {}, f"--username{side}", "me")


def test_passwords_and_certificates_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("second\n")
    (tmp_path / "certificates.pem").touch()
    options = ("--username-b", "bert", "--password-file-b", str(tmp_path / "password"))
    access_a, access_b = chosen(A, B, OF_A, *options, "--certificates", str(tmp_path / "certificates.pem"))
    assert (access_a.login, access_b.login) == (ANNA, BERT)
    assert access_a.certificates == access_b.certificates == tmp_path / "certificates.pem"
