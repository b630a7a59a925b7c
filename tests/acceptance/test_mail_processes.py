"""Mails of a group of workers: printed for trials where somebody can read them, and dropped in time when it stops."""

import asyncio
import re
from pathlib import Path

from cds.users.resets import SUBJECT
from tests.acceptance.command_line import until
from tests.cds.contest_api.worker_groups import Group, group_of
from tests.cds.users.mail_sink import mail_sink
from tests.cds.users.stage import CODE, Desk, code_in

LOG = ("--log-format", "json")


async def test_mails_that_are_printed_can_be_read(database_dsn: str, tmp_path: Path) -> None:
    """Whichever worker it is that would have sent them; the code in one is good."""
    errors = tmp_path / "serve.err"
    async with group_of(2, database_dsn, tmp_path, "--mail-log", *LOG) as group:
        await group.until_whole(2)
        for number in group.pids():
            async with group.on(number, None) as caller:
                desk, address = Desk(caller, group.root), f"user{number}@example.com"
                assert (await desk.sign_up(f"user{number}"))[0] == 201
                assert (await desk.ask("POST", "account/forgot-password", {"email": address}))[0] == 200
                code = await printed_code(errors, address)
                assert (await desk.ask("GET", "account/reset-password", {"token": code}))[0] == 200


async def printed_code(errors: Path, address: str) -> str:
    """The code in the mail to an address, once it has been printed."""
    mail = re.compile(rf"^To: {address}\nSubject: {SUBJECT}\n.*?{CODE.pattern}", re.MULTILINE | re.DOTALL)
    await until(lambda: mail.search(errors.read_text()) is not None)
    (whole,) = mail.findall(errors.read_text())
    return code_in(whole)


async def test_a_group_that_stops_waits_for_no_mail_server_that_hangs(database_dsn: str, tmp_path: Path) -> None:
    """Each worker ends by itself, in time, and says what it has dropped: what was under way, too."""
    async with mail_sink() as sink:
        sink.hanging = "RCPT"
        server = ("--smtp-url", f"smtp://127.0.0.1:{sink.port}")
        async with group_of(2, database_dsn, tmp_path, *server, *LOG) as group:
            await group.until_whole(2)
            await asyncio.gather(*(signed_up(group, number) for number in group.pids()))
            await sink.until(lambda: sink.verbs.count("RCPT") == 2)
            assert await group.process.stopped() == 0
            assert [line["count"] for line in group.logged("mails_dropped")] == [1, 1]
            assert group.logged("workers_killed") == []


async def signed_up(group: Group, number: int) -> None:
    """Sign somebody up with this worker."""
    async with group.on(number, None) as caller:
        assert (await Desk(caller, group.root).sign_up(f"user{number}"))[0] == 201
