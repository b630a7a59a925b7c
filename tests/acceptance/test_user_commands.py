"""`cds users` and `cds forget` beside a server that runs; and that nothing is left of whom is forgotten."""

import asyncio
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest

from tests.acceptance.command_line import Outcome, cds
from tests.cds.users.mail_sink import MailSink, mail_sink
from tests.cds.users.stage import PASSWORD, Stage, stage

NAME, ADDRESS, REAL_NAME = "ada-of-ockham", "lovelace@analytical.example.com", "Augusta King"
TRACES = (NAME, ADDRESS, REAL_NAME, "ockham", "analytical", "Augusta")
GONE = (404, {"status": "fail", "data": {"user": "User was not found"}})


class Place:
    """A server with a database, and commands on the same."""

    def __init__(self, desk: Stage, dsn: str, cwd: Path) -> None:
        """A server and the address of its database."""
        self.desk = desk
        self.dsn = dsn
        self._cwd = cwd

    async def cds(self, *arguments: str) -> Outcome:
        """How a command ended."""
        return await asyncio.to_thread(cds, *arguments, "--database-url", self.dsn, cwd=self._cwd)

    async def rows(self) -> str:
        """Every row of every table, as text; bytes in hexadecimal digits."""
        connection, found = await asyncpg.connect(self.dsn), BytesIO()
        try:
            tables = await connection.fetch(
                "SELECT table_schema AS schema, table_name AS name FROM information_schema.tables "
                "WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"
            )
            assert len(tables) > 5
            for table in tables:
                await connection.copy_from_table(table["name"], schema_name=table["schema"], output=found)
        finally:
            await connection.close()
        return found.getvalue().decode()


def stands_in(text: str, trace: str) -> bool:
    """Whether a trace is in rows, as text or as bytes."""
    return trace in text or trace.encode().hex() in text


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    """A sink for mails."""
    async with mail_sink() as opened:
        yield opened


@pytest.fixture
async def place(database_dsn: str, sink: MailSink, tmp_path: Path) -> AsyncIterator[Place]:
    """A server on an empty database."""
    async with stage(database_dsn, sink) as desk:
        yield Place(desk, database_dsn, tmp_path)


async def test_a_role_counts_at_once_for_the_administration_and_for_the_sync(place: Place) -> None:
    """Which asks for an administrator; a platform that there is not is refused behind that."""
    token = await place.desk.newcomer("ada")

    async def asked() -> tuple[int, int]:
        users, _ = await place.desk.ask("GET", "admin/users", token=token)
        caller, headers = place.desk.server.caller(), {"Authorization": f"Bearer {token}"}
        url = f"{place.desk.server.root}/contests/sync/topcoder"
        return users, (await caller.ask("POST", url, headers=headers)).status

    assert await asked() == (403, 403)
    outcome = await place.cds("users", "role", "Ada", "admin")
    assert (outcome.code, outcome.out) == (0, "user Ada is admin\n")
    assert await asked() == (200, 400)
    assert (await place.cds("users", "role", "u1", "user")).code == 0
    assert await asked() == (403, 403)


async def test_an_administrator_among_users_is_the_public_in_contests(place: Place) -> None:
    """Only accounts of the server run contests (roles.md)."""
    token = await place.desk.newcomer("ada")
    assert (await place.cds("users", "role", "ada", "admin")).code == 0
    answer = await place.desk.server.caller().ask(
        "POST",
        "contests",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        data=json.dumps({"id": "c", "name": "C", "duration": "5:00:00"}).encode(),
    )
    assert answer.status == 403


async def test_bans_and_the_list(place: Place) -> None:
    token = await place.desk.newcomer("ada")
    await place.desk.newcomer("bob")
    assert (await place.cds("users", "ban", "ada")).code == 0
    assert (await place.desk.ask("GET", "account/profile", token=token))[0] == 404
    assert (await place.cds("users", "list")).out == "bob\tu2\tuser\tactive\nada\tu1\tuser\tbanned\n"
    assert (await place.cds("users", "ban", "ada")).reasons == ["cds: user ada is banned already"]
    assert (await place.cds("users", "unban", "ada")).code == 0
    assert (await place.cds("users", "unban", "ada")).reasons == ["cds: user ada is not banned already"]
    await place.desk.log_in("ada")


async def test_commands_name_whom_they_do_not_find(place: Place) -> None:
    for command in (("users", "role", "nobody", "admin"), ("users", "ban", "u7"), ("forget", "nobody")):
        outcome = await place.cds(*command)
        assert outcome.code == 1
        assert outcome.reasons == [f"cds: there is no user {command[-2] if command[1] == 'role' else command[-1]}"]


async def test_nothing_is_left_of_who_is_forgotten(
    place: Place, sink: MailSink, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in any table, nor in the log of the server; who followed them sees them no more."""
    desk = place.desk
    token, other = await desk.newcomer(NAME, email=ADDRESS), await desk.newcomer("bob")
    change: dict[str, object] = {"email": ADDRESS, "name": REAL_NAME}
    assert (await desk.ask("PUT", "account/profile", change, token=token))[0] == 200
    follow: dict[str, object] = {"user": NAME, "follow": True}
    assert (await desk.ask("POST", "users/follow", follow, token=other))[0] == 200
    assert (await desk.ask("POST", "account/forgot-password", {"email": ADDRESS}))[0] == 200
    await sink.mail(2)
    wrong: dict[str, object] = {"username": NAME, "password": "wrong one"}
    assert (await desk.ask("POST", "account/login", wrong))[0] == 401
    before = await place.rows()
    assert all(stands_in(before, trace) for trace in (NAME, ADDRESS, REAL_NAME)), "the search finds what is there"
    assert b"$argon2id$".hex() in before

    outcome = await place.cds("forget", NAME)
    assert (outcome.code, outcome.out) == (0, "user u1 is forgotten: nothing is kept of them but this id\n")
    after = await place.rows()
    assert [trace for trace in TRACES if stands_in(after, trace)] == []
    assert (await desk.ask("GET", "account/profile", token=token))[0] == 404
    assert await desk.ask("GET", "users/profile", {"user": NAME}) == GONE
    assert await desk.ask("GET", "users/following", {"user": "bob"}) == (200, {"status": "success", "data": []})
    lists = [
        (await desk.ask("GET", f"admin/{path}", token=await desk.administrator()))[1]["data"]["list"]
        for path in ("users", "deleted-users")
    ]
    assert lists == [["bob"], []]
    assert (await place.cds("forget", "u1")).reasons == ["cds: there is no user u1"]
    assert (await desk.sign_up(NAME, email=ADDRESS))[0] == 201
    told = capfd.readouterr()
    assert [trace for trace in (*TRACES, PASSWORD) if trace in told.out + told.err] == []
