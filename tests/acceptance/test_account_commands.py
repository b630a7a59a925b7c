"""`cds accounts`, as a user runs it: on an embedded Postgres, and beside a server that runs."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cds.accounts import READABLE_CHARACTERS, generated_password
from eventstore.embedded.layout import Layout
from tests.acceptance.command_line import (
    Outcome,
    ServerProcess,
    cds,
    ended,
    processes_in,
    serving,
    until,
)
from tests.cds.contest_api.serving import DEADLINE_S, Login

ORPHAN_S_MAX = 15.0
CONTEST = "finals"
WHO = f"contests/{CONTEST}/account"
ACCOUNTS_YAML = """\
- id: desk1
  username: team01
  password: first secret
  type: team
  team_id: {team_id}
  ip: 10.0.0.11
- id: 7
  username: jury
  password: "0123"
  type: judge
  name: Jury
"""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with a data directory that holds a contest before its start; its Postgres stays up meanwhile."""
    room = tmp_path_factory.mktemp("accounts")
    size = ("--teams", "3", "--problems", "2", "--phase", "before")
    for arguments in (
        ("simulate", "finals.zip", "--contest-id", CONTEST, *size),
        ("import", "finals.zip", "--data-dir", "data"),
        ("dsn", "--data-dir", "data"),
    ):
        outcome = cds(*arguments, cwd=room)
        assert outcome.code == 0, outcome.err
    yield room
    Layout((room / "data").resolve()).linger_file.unlink(missing_ok=True)
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


@pytest.fixture
async def server(room: Path) -> AsyncIterator[ServerProcess]:
    """A server that runs on the data."""
    async with serving(room, "--data-dir", "data") as server:
        yield server


def accounts(room: Path, *arguments: str | Path, typed: str = "") -> Outcome:
    """Run `cds accounts …`, with something on standard input."""
    return ended(("accounts", *arguments, "--data-dir", "data"), cwd=room, typed=typed)


def done(outcome: Outcome) -> str:
    """What a command said that did as it was told."""
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.out


def refused(outcome: Outcome) -> str:
    """Why a command refused, in one line."""
    assert outcome.code == 1, outcome.err
    (reason,) = outcome.reasons
    return reason


def listed(room: Path, account: str, target: str = CONTEST) -> list[str]:
    """What the list says of an account behind its first column; nothing where it is not in it."""
    lines = [line.split("\t") for line in done(accounts(room, "list", target)).splitlines()]
    return next((line[1:] for line in lines if line[0] == account), [])


def printed_password(out: str) -> str:
    """The password that a command made up."""
    found = re.search(r"^account .+, password (\S+) \(printed this once\)$", out, re.MULTILINE)
    assert found is not None
    return found[1]


async def answered(server: ServerProcess, login: Login, status: int) -> None:
    """The server answers so, as soon as it has heard of the change."""
    async with asyncio.timeout(DEADLINE_S):
        while (await server.caller(login).get(WHO)).status != status:
            await asyncio.sleep(0.02)


def test_generated_passwords_are_readable_and_differ() -> None:
    passwords = {generated_password() for _ in range(200)}
    assert len(passwords) == 200
    assert all(re.fullmatch(rf"([{READABLE_CHARACTERS}]{{4}}-){{2}}[{READABLE_CHARACTERS}]{{4}}", p) for p in passwords)
    assert not set("0Oo1lI") & set(READABLE_CHARACTERS)


async def test_an_account_lives_beside_a_running_server(room: Path, server: ServerProcess) -> None:
    made = done(accounts(room, "add", CONTEST, "ana", "--type", "analyst", "--name", "Ana", "--generate"))
    assert made.startswith("finals: 1 created, 0 changed, 0 unchanged, 1 new passwords\n")
    login = ("ana", printed_password(made))
    await answered(server, login, 200)
    assert listed(room, "ana") == ["ana", "analyst", "-", "-", "enabled"]

    assert done(accounts(room, "disable", CONTEST, "ana")) == "finals: account ana is disabled\n"
    await answered(server, login, 401)
    assert done(accounts(room, "disable", CONTEST, "ana")) == "finals: account ana is already disabled\n"
    assert listed(room, "ana")[-1] == "disabled"
    assert done(accounts(room, "enable", CONTEST, "ana")) == "finals: account ana is enabled\n"
    await answered(server, login, 200)

    changed = done(accounts(room, "password", CONTEST, "ana", typed="another secret\n"))
    assert changed == "finals: account ana has a new password\n"
    await answered(server, login, 401)
    await answered(server, ("ana", "another secret"), 200)

    assert done(accounts(room, "role", CONTEST, "ana", "staff")) == "finals: account ana is staff\n"
    async with asyncio.timeout(DEADLINE_S):
        while (await server.caller(("ana", "another secret")).json(WHO))["type"] != "staff":
            await asyncio.sleep(0.02)

    assert done(accounts(room, "remove", CONTEST, "ana")) == "finals: account ana is removed\n"
    await answered(server, ("ana", "another secret"), 401)
    assert listed(room, "ana") == []
    assert "there is no account ana" in refused(accounts(room, "enable", CONTEST, "ana"))


async def test_many_accounts_come_from_a_file_in_one_go(room: Path, server: ServerProcess) -> None:
    team_id = (await server.caller().json(f"contests/{CONTEST}/teams"))[0]["id"]
    file = room / "accounts.yaml"
    file.write_text(ACCOUNTS_YAML.format(team_id=team_id))
    added = done(accounts(room, "add", CONTEST, "--from", file))
    assert added == "finals: 2 created, 0 changed, 0 unchanged, 2 new passwords\n"
    await answered(server, ("team01", "first secret"), 200)
    await answered(server, ("jury", "0123"), 200)
    assert listed(room, "desk1") == ["team01", "team", team_id, "10.0.0.11", "enabled"]

    again = done(accounts(room, "add", CONTEST, "--from", file))
    assert again == "finals: 0 created, 0 changed, 2 unchanged, 0 new passwords\n"

    changed = [{"id": "desk1", "username": "team01", "type": "team", "team_id": team_id, "name": "Desk 1"},
               {"id": "8", "username": "helper", "type": "staff"}]  # fmt: skip
    (room / "accounts.json").write_text(json.dumps(changed))
    outcome = done(accounts(room, "add", CONTEST, "--from", room / "accounts.json", "--generate"))
    assert outcome.startswith("finals: 1 created, 1 changed, 0 unchanged, 1 new passwords\n")
    assert listed(room, "desk1")[3] == "10.0.0.11"  # what the file does not say stays
    await answered(server, ("helper", printed_password(outcome)), 200)
    await answered(server, ("team01", "first secret"), 200)


def test_a_file_is_taken_whole_or_not_at_all(room: Path) -> None:
    file = room / "broken.yaml"
    for broken, why in (
        (ACCOUNTS_YAML.format(team_id="nowhere"), "account desk1: team_id nowhere does not exist"),
        ("- {id: fine, username: fine, type: judge}\n- {id: worse, username: worse, type: team}\n", "needs the team"),
        ("- {id: fine, username: fine, type: judge}\n- {id: worse, username: fine, type: judge}\n", "user name fine"),
        ("- {id: fine, username: fine, type: judge}\n- {id: worse, username: 'a:b', type: judge}\n", "account worse"),
        ('- {id: fine, username: fine, type: judge, password: "a\\nb"}\n', "control characters"),
        ("accounts: none\n", "broken.yaml: is not a list of accounts"),
        ("- just text\n", "broken.yaml:1"),
        ("- {id: fine, id: fine}\n", "twice"),
    ):
        file.write_text(broken)
        assert why in refused(accounts(room, "add", CONTEST, "--from", file))
    for account in ("fine", "worse"):
        assert listed(room, account) == []


def test_an_account_that_is_there_is_changed_and_keeps_the_rest(room: Path) -> None:
    done(accounts(room, "add", CONTEST, "obs", "--type", "analyst", "--username", "observer", "--password", "x y"))
    said = done(accounts(room, "add", CONTEST, "obs", "--ip", "10.9.0.0/24, 10.8.0.1"))
    assert said == "finals: 0 created, 1 changed, 0 unchanged, 0 new passwords\n"
    assert listed(room, "obs") == ["observer", "analyst", "-", "10.9.0.0/24, 10.8.0.1", "enabled"]
    done(accounts(room, "add", CONTEST, "silent", "--type", "analyst"))
    assert listed(room, "silent") == ["silent", "analyst", "-", "-", "no password"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("list", "nowhere"), "there is no contest nowhere"),
        (("add", CONTEST, "new"), "needs a type"),
        (("add", CONTEST, "new", "--type", "team"), "needs the team"),
        (("add", CONTEST, "new", "--type", "judge", "--ip", "judge.example"), "neither an address nor a network"),
        (("add", CONTEST, "new", "--type", "judge", "--password", ""), "the password is empty"),
        (("password", CONTEST, "nobody", "--generate"), "there is no account nobody"),
        (("remove", CONTEST, "nobody"), "there is no account nobody"),
        (("disable", "--server", "nobody"), "there is no account nobody of the server"),
        (("role", "--server", "admin", "judge", "--team-id", "t"), "has no team"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_done_is_refused_with_one_line(room: Path, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in refused(accounts(room, *arguments))


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--server", CONTEST),
        ("disable", "ana"),
        ("add", CONTEST),
        ("role", CONTEST, "ana", "emperor"),
        ("role", "--server", "admin", "team"),
        ("add", "--server", "new"),
        ("add", "--server", "new", "--type", "judge", "--ip", "10.0.0.1", "--generate"),
        ("add", CONTEST, "new", "--type", "judge", "--generate", "--password", "x"),
        ("add", CONTEST, "--from", "nowhere.yaml"),
        ("password", CONTEST, "ana", "--password-file", "nowhere.txt"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    outcome = accounts(tmp_path, *arguments)
    assert outcome.code == 2, outcome.err
    assert "Traceback" not in outcome.err
    assert not list(tmp_path.iterdir())


async def test_accounts_of_the_server_are_changed_with_an_option(room: Path, server: ServerProcess) -> None:
    (room / "secret.txt").write_text("from a file\nnot this line\n")
    assert done(accounts(room, "add", "--server", "chief", "--type", "judge", "--password-file", room / "secret.txt"))
    login = ("chief", "from a file")
    await answered(server, login, 200)
    assert listed(room, "chief", "--server") == ["judge", "enabled"]
    assert "already" in refused(accounts(room, "add", "--server", "chief", "--type", "judge", "--generate"))
    assert done(accounts(room, "disable", "--server", "chief")) == "server: account chief is disabled\n"
    await answered(server, login, 401)
    assert done(accounts(room, "enable", "--server", "chief")) == "server: account chief is enabled\n"
    await answered(server, login, 200)
    changed = done(accounts(room, "password", "--server", "chief", "--generate"))
    await answered(server, login, 401)
    login = ("chief", printed_password(changed))
    await answered(server, login, 200)
    assert done(accounts(room, "role", "--server", "chief", "admin")) == "server: account chief is admin\n"
    assert listed(room, "chief", "--server") == ["admin", "enabled"]
    assert done(accounts(room, "remove", "--server", "chief")) == "server: account chief is removed\n"
    await answered(server, login, 401)
    assert listed(room, "chief", "--server") == []
