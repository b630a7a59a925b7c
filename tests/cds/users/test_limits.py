"""What is limited over HTTP: guessing, signing up, mails; and what is said of it (mapping, 5)."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from cds.mailing import Mail
from cds.throttling import FREE_FAILURES
from cds.users import users
from cds.users.resets import SUBJECT
from tests.cds.users.mail_sink import MailSink
from tests.cds.users.stage import PASSWORD, Stage, code_in, stage


@pytest.fixture
async def desk(database_dsn: str, sink: MailSink, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """A server that limits, on an empty database; three sign-ups in a row are free."""
    monkeypatch.setattr(users, "SIGNUPS_AT_ONCE", 3)
    async with stage(database_dsn, sink, rate_limits=True) as opened:
        yield opened


async def refused(desk: Stage, path: str, body: dict[str, object], token: str | None = None) -> tuple[int, str]:
    """The status of a request, and after how many seconds to come again."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{desk.server.root}/v1/{path}"
    answer = await desk.server.caller().ask("POST", url, json=body, headers=headers)
    if answer.status != 200:
        assert answer.json["status"] in ("error", "fail")
    return answer.status, answer.headers.get("Retry-After", "")


@pytest.mark.parametrize("username", ["ada", "nobody"])
async def test_guessing_a_password_is_slowed(desk: Stage, username: str) -> None:
    """In the same way for a name that is nobody's; the others are not kept out."""
    await desk.newcomer("ada")
    await desk.newcomer("bob")
    guesses = [
        await refused(desk, "account/login", {"username": username, "password": f"wrong {number}"})
        for number in range(FREE_FAILURES + 1)
    ]
    assert [status for status, _ in guesses] == [401] * FREE_FAILURES + [429]
    assert int(guesses[-1][1]) >= 1
    await desk.log_in("bob")


async def test_guessing_the_present_password_is_slowed_together_with_logins(desk: Stage) -> None:
    """Who has stolen a token has no more guesses than anybody."""
    token = await desk.newcomer("ada")

    async def guess(password: str) -> tuple[int, str]:
        body: dict[str, object] = {"current-password": password, "new-password": "another horse"}
        return await refused(desk, "account/change-password", body, token)

    for number in range(FREE_FAILURES):
        assert (await guess(f"wrong {number}"))[0] == 403
    status, again_s = await guess("one more")
    assert (status, int(again_s) >= 1) == (429, True)
    assert (await refused(desk, "account/login", {"username": "ada", "password": "and another"}))[0] == 429
    # Whoever has logged in before goes on doing so.
    assert (await refused(desk, "account/login", {"username": "ada", "password": PASSWORD}))[0] == 200


async def test_sign_ups_of_one_address_are_counted(desk: Stage) -> None:
    for number in range(3):
        assert (await desk.sign_up(f"user{number}"))[0] == 201
    body: dict[str, object] = {"username": "one-more", "email": "one@example.com", "password": PASSWORD}
    status, again_s = await refused(desk, "account/signup", body)
    assert (status, int(again_s) >= 1) == (429, True)


async def test_mails_to_one_user_are_counted_and_nobody_is_told(desk: Stage, sink: MailSink) -> None:
    await desk.newcomer("ada")
    for _ in range(users.MAILS_AT_ONCE + 2):
        assert await refused(desk, "account/forgot-password", {"email": "ada@example.com"}) == (200, "")
    await desk.server.server.service.users.resets.drained()
    await desk.server.server.service.users.mailer.drained()
    assert len(sink.messages) == 1 + users.MAILS_AT_ONCE
    codes = [code_in(mail.get_content()) for mail in sink.messages if mail["Subject"] == SUBJECT]
    told = [(await desk.ask("GET", "account/reset-password", {"token": code}))[0] for code in codes]
    assert sorted(told) == [200] + [404] * (users.MAILS_AT_ONCE - 1), "the newest is good"


async def test_mails_to_one_mailbox_are_counted(desk: Stage, sink: MailSink) -> None:
    """Whoever makes the server write to somebody, again and again and under whichever name, comes to an end.

    Nobody is told; others get their mails, and so does whoever has forgotten the password.
    """
    service = desk.server.server.service.users
    with capture_logs() as logs:
        for number in range(users.OTHER_MAILS_AT_ONCE + 3):
            address = ("ada@example.com", "ADA@example.com", f"ada+{number}@example.com")[number % 3]
            service.mail(Mail(to=address, subject="s", text="t"))
        service.mail(Mail(to="bob@example.com", subject="s", text="t"))
        await service.mailer.drained()
    assert [line["event"] for line in logs if line["event"].startswith("mail")] == ["mail_passed_over"] * 3
    assert "ada" not in str(logs)
    assert len(sink.messages) == users.OTHER_MAILS_AT_ONCE + 1
    assert "bob@example.com" in sink.recipients
    await desk.newcomer("ada")
    assert await refused(desk, "account/forgot-password", {"email": "ada@example.com"}) == (200, "")
    await service.resets.drained()
    await service.mailer.drained()
    assert [mail["Subject"] for mail in sink.messages[users.OTHER_MAILS_AT_ONCE + 1 :]] == [SUBJECT]
