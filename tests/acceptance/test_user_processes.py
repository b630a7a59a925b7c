"""Users in processes of their own: what one worker is told, all know with the next request; mails of a real server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cds.contest_api.worker_groups import Group, group_of
from tests.cds.users.mail_sink import MailSink, mail_sink
from tests.cds.users.stage import PASSWORD, Desk, code_in

NEW = "another horse"


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A sink for mails."""
    async with mail_sink() as opened:
        yield opened


@pytest.fixture
async def group(database_dsn: str, tmp_path: Path, sink: MailSink) -> AsyncIterator[Group]:
    """Two workers on an empty database."""
    arguments = ("--smtp-url", f"smtp://127.0.0.1:{sink.port}", "--rate-limits", "off", "--log-format", "json")
    async with group_of(2, database_dsn, tmp_path / "group", *arguments) as started:
        await started.until_whole(2)
        yield started


async def test_workers_agree_on_users(group: Group, sink: MailSink, tmp_path: Path) -> None:
    """Sign-ups, logins, a code, a ban; and no name, address, password, token or code in the log."""
    one_number, two_number = sorted(group.pids())
    async with group.on(one_number, None) as one_caller, group.on(two_number, None) as two_caller:
        one, two = Desk(one_caller, group.root), Desk(two_caller, group.root)
        told = await asyncio.gather(*(desk.sign_up("ada-lovelace") for desk in (one, two)))
        assert sorted(status for status, _ in told) == [201, 409]
        token, admin = await two.log_in("ada-lovelace"), await one.administrator()
        assert (await one.ask("GET", "account/profile", token=token))[0] == 200

        await sink.mail(0)
        assert (await one.ask("POST", "account/forgot-password", {"email": "ada-lovelace@example.com"}))[0] == 200
        code = code_in((await sink.mail(1)).get_content())
        wanted: dict[str, object] = {"token": code, "password": NEW, "confirm-password": NEW}
        assert (await two.ask("GET", "account/reset-password", {"token": code}))[0] == 200
        used = await asyncio.gather(*(desk.ask("POST", "account/reset-password", wanted) for desk in (one, two)))
        assert sorted(status for status, _ in used) == [200, 404]
        assert (await one.ask("GET", "account/profile", token=token))[0] == 401

        again = await one.log_in("ada-lovelace", NEW)
        assert (await two.ask("GET", "account/logout", token=again))[0] == 200
        assert (await one.ask("GET", "account/profile", token=again))[0] == 401
        last = await one.log_in("ada-lovelace", NEW)
        ban: dict[str, object] = {"user": "ada-lovelace", "delete": True}
        assert (await one.ask("PUT", "admin/user-delete", ban, token=admin))[0] == 200
        assert (await two.ask("GET", "account/profile", token=last))[0] == 404
    logged = (group.process.output, (tmp_path / "group" / "serve.err").read_text())
    secrets = ("lovelace", PASSWORD, NEW, code, token, again, last, admin)
    assert [secret for secret in secrets for text in logged if secret in text] == []
