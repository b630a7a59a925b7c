"""`cds token`, as a user runs it: with a server stopped and beside one that runs; and no token in any log."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from cds.throttling import FREE_FAILURES
from eventstore.embedded.layout import Layout
from tests.acceptance.command_line import ServerProcess, cds, processes_in, serving, until
from tests.cds.contest_api.serving import Answer

ORPHAN_S_MAX = 15.0
DATA = ("--data-dir", "data")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a data directory in which there is an administrator and a member of staff."""
    room = tmp_path_factory.mktemp("tokens")
    for name, role in (("admin", "admin"), ("desk", "staff")):
        outcome = cds("accounts", "add", name, "--server", "--type", role, "--password", "secret", *DATA, cwd=room)
        assert outcome.code == 0, outcome.err
    assert cds("dsn", *DATA, cwd=room).code == 0
    yield room
    Layout((room / "data").resolve()).linger_file.unlink(missing_ok=True)
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


def token(room: Path, *arguments: str) -> str:
    """The last line that `cds token` prints."""
    outcome = cds("token", *arguments, *DATA, cwd=room)
    assert outcome.code == 0, outcome.err
    return outcome.out.splitlines()[-1]


async def asked(server: ServerProcess, path: str, bearer: str) -> Answer:
    """A GET with a token."""
    return await server.caller().get(path, headers={"Authorization": f"Bearer {bearer}"})


def test_what_a_token_says(room: Path) -> None:
    before_s = int(time.time())
    made = jwt.decode(token(room, "--role", "admin", "--expires", "60"), options={"verify_signature": False})
    assert (made["sub"], made["role"], made["exp"] - made["iat"]) == ("admin", "admin", 60)
    assert before_s <= made["iat"] <= time.time()
    nobody = jwt.decode(token(room, "--role", "team"), options={"verify_signature": False})
    assert (nobody["sub"], nobody["role"]) == ("", "team")
    team = jwt.decode(token(room, "--role", "team", "--account", "team01"), options={"verify_signature": False})
    assert (team["sub"], team["role"]) == ("team01", "team")
    named = jwt.decode(token(room, "--role", "staff", "--account", "desk"), options={"verify_signature": False})
    assert (named["sub"], named["role"]) == ("desk", "staff")


async def test_a_token_made_before_and_one_made_beside_a_server_are_let_in_and_stand_in_no_log(room: Path) -> None:
    before = token(room, "--role", "admin")
    arguments = (*DATA, "--access-log", "--log-level", "debug", "--log-format", "json")
    async with serving(room, *arguments) as server:
        beside = token(room, "--role", "staff", "--account", "desk")
        nobody = token(room, "--role", "team")
        team = token(room, "--role", "team", "--account", "team01")
        short = token(room, "--role", "admin", "--expires", "1")
        assert (await asked(server, "webhooks", before)).status == 200
        assert (await asked(server, "webhooks", beside)).status == 200
        assert (await asked(server, "webhooks", nobody)).status == 403
        assert (await asked(server, "webhooks", team)).status == 403
        wrong = before[:-5] + "AAAAA"
        assert (await asked(server, f"contests?token={before}", wrong)).status == 401
        async with asyncio.timeout(ORPHAN_S_MAX):
            while (answer := await asked(server, "webhooks", short)).status != 401:
                await asyncio.sleep(0.1)
        assert answer.json["message"] == "the bearer token has expired"
        changed = cds("accounts", "password", "admin", "--server", "--password", "another", *DATA, cwd=room)
        assert changed.code == 0, changed.err
        renewed = token(room, "--role", "admin")
        assert (await asked(server, "webhooks", renewed)).status == 200, "at once, whatever is remembered here"
        assert (await asked(server, "webhooks", before)).status == 401
        await server.stopped()
        written = server.output + (room / "serve.err").read_text()
    assert '"account":"admin"' in written
    for secret in (before, beside, nobody, team, short, wrong, renewed):
        assert secret not in written
        assert secret.rpartition(".")[2] not in written


async def test_limits_are_switched_off_by_the_environment(room: Path) -> None:
    """A wrong password costs a wait after a few; not with CDS_RATE_LIMITS=off."""
    for limits, expected in (("on", {401, 429}), ("off", {401})):
        async with serving(room, *DATA, CDS_RATE_LIMITS=limits) as server:
            guesses = range(FREE_FAILURES + 2)
            statuses = {(await server.caller(("admin", f"guess {each}")).get("contests")).status for each in guesses}
            assert statuses == expected


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--role", "staff"), "name an account of the role staff (--account)"),
        (("--role", "admin", "--account", "desk"), "account desk is staff, not admin"),
        (("--role", "team", "--account", "desk"), "account desk is staff, not team"),
        (("--role", "judge", "--account", "team01"), "there is no account team01 of the server"),
        (("--role", "team", "--account", ""), "name an account of the role team (--account)"),
    ],
)
def test_for_whom_there_is_no_token(room: Path, arguments: tuple[str, ...], reason: str) -> None:
    outcome = cds("token", *arguments, *DATA, cwd=room)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.reasons == [f"cds: {reason}"]


def test_an_account_that_is_disabled_gets_none(room: Path) -> None:
    assert cds("accounts", "disable", "desk", "--server", *DATA, cwd=room).code == 0
    try:
        outcome = cds("token", "--role", "staff", "--account", "desk", *DATA, cwd=room)
        assert (outcome.code, outcome.reasons) == (1, ["cds: account desk is disabled"])
    finally:
        assert cds("accounts", "enable", "desk", "--server", *DATA, cwd=room).code == 0


def test_before_the_first_start_it_is_said_what_makes_the_administrator(tmp_path: Path) -> None:
    made = cds("accounts", "add", "desk", "--server", "--type", "staff", "--password", "secret", *DATA, cwd=tmp_path)
    assert made.code == 0, made.err
    outcome = cds("token", "--role", "admin", *DATA, cwd=tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.reasons == [
        "cds: there is no account admin of the server: `cds serve` makes it when it starts for the first time"
    ]


def test_where_there_is_no_log_there_is_no_token(tmp_path: Path) -> None:
    outcome = cds("token", "--role", "admin", "--data-dir", "nowhere", cwd=tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert "`cds serve` makes it" in outcome.reasons[0]
    assert not os.path.lexists(tmp_path / "nowhere")


@pytest.mark.parametrize("arguments", [(), ("--role", "king"), ("--role", "admin", "--expires", "0")])
def test_wrong_usage(room: Path, arguments: tuple[str, ...]) -> None:
    assert cds("token", *arguments, *DATA, cwd=room).code == 2
