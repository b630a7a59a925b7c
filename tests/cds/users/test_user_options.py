"""The options about users, as `cds serve` reads them."""

import click
import pytest
from click.testing import CliRunner

from cds.mail_settings import SmtpServer
from cds.user_options import UserOptions, chosen_users, user_options
from cds.users.settings import UserSettings


def chosen(*arguments: str, **environment: str) -> UserSettings | str:
    """The settings that arguments and the environment come to, or the output of the refusal."""
    found: list[UserSettings] = []

    @click.command()
    @user_options
    def command(**options: object) -> None:
        found.append(chosen_users(UserOptions(**options)))  # type: ignore[typeddict-item] # as click gives them

    result = CliRunner().invoke(command, arguments, env=environment)
    return found[0] if found else result.output


def test_what_is_so_without_options() -> None:
    """Five days, a year and a day are those of the contract."""
    assert chosen() == UserSettings()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://localhost:2525", SmtpServer(scheme="smtp", host="localhost", port=2525)),
        ("smtp://127.0.0.1", SmtpServer(scheme="smtp", host="127.0.0.1", port=25)),
        ("smtp://[::1]:26/", SmtpServer(scheme="smtp", host="::1", port=26)),
        (
            "smtps://ada%40x:p%2Fw@mail.example.com",
            SmtpServer(scheme="smtps", host="mail.example.com", port=465, username="ada@x", password="p/w"),
        ),
    ],
)
def test_where_mails_go(url: str, server: SmtpServer) -> None:
    settings = chosen(CDS_SMTP_URL=url)
    assert isinstance(settings, UserSettings)
    assert settings.mail.server == server
    assert settings == chosen("--smtp-url", url)


@pytest.mark.parametrize(
    "url",
    ["http://x", "smtp://", "smtp://x:0", "smtp://x:99999", "smtp://x/y", "smtp://secret@x", "secret", "smtp://x?y"],
)
def test_what_is_refused_is_not_repeated(url: str) -> None:
    refused = chosen(CDS_SMTP_URL=url)
    assert isinstance(refused, str)
    assert "not like smtp://host:25" in refused
    assert "secret" not in refused


def test_the_rest() -> None:
    settings = chosen(
        CDS_MAIL_FROM="loc@example.com",
        CDS_MAIL_LOG="1",
        CDS_SESSION_DAYS="1",
        CDS_REMEMBERED_SESSION_DAYS="30",
        CDS_RESET_HOURS="0.5",
    )
    assert isinstance(settings, UserSettings)
    assert (settings.mail.sender, settings.mail.printed) == ("loc@example.com", True)
    assert (settings.session_s, settings.remembered_s, settings.reset_s) == (86_400, 30 * 86_400, 1_800)


@pytest.mark.parametrize("sender", ["", "loc", "@x", "a b@x", "a@x\nBcc: y", "<a@x>"])
def test_from_whom_mails_cannot_come(sender: str) -> None:
    assert isinstance(chosen("--mail-from", sender), str)


@pytest.mark.parametrize("hours", ["0", "25", "-1"])
def test_codes_are_good_for_a_day_at_most(hours: str) -> None:
    assert isinstance(chosen("--reset-hours", hours), str)
