"""`cds verify` and `cds head` as people use them: what they say, how they end, beside a server and without one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from eventstore.embedded.layout import Layout
from tests.acceptance.command_line import Outcome, cds, executed, processes_in, serving, until

ORPHAN_S_MAX = 15.0
FINE, DIFFERS, NOT_VERIFIED = 0, 1, 2
PAPER = "head.txt"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log with two contests, and a Postgres that stays awake."""
    room = tmp_path_factory.mktemp("verify")
    simulated = ("--contest-id", "finals", "--teams", "6", "--problems", "3", "--submissions", "60")
    assert cds("simulate", "package", *simulated, cwd=room).code == 0
    for more in ((), ("--contest-id", "copy")):
        imported = cds("import", "package", *more, "--data-dir", "data", cwd=room)
        assert imported.code == 0, imported.err
    assert cds("dsn", "--data-dir", "data", cwd=room).code == 0
    yield room
    Layout((room / "data").resolve()).linger_file.unlink()
    asyncio.run(until(lambda: not processes_in((room / "data").resolve()), ORPHAN_S_MAX))


def of_log(room: Path, command: str, *arguments: str | Path, **more: str) -> Outcome:
    """Run a command on the log."""
    return cds(command, *arguments, "--data-dir", "data", cwd=room, **more)


def do(room: Path, statement: str) -> None:
    """Do something to the database."""

    async def run() -> None:
        connection = await asyncpg.connect(of_log(room, "dsn").out.strip())
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def test_a_log_as_it_was_written(room: Path) -> None:
    """As a user's shell runs it; every stream has a line where that is asked for."""
    verified = executed("verify", "--verbose", "--data-dir", "data", cwd=room)
    assert verified.code == FINE, verified.err
    lines = verified.out.splitlines()
    assert [line.partition(" rows")[0].rpartition(" ")[0] for line in lines[:2]] == [
        "stream contest:finals:",
        "stream contest:copy:",
    ]
    assert lines[-1].startswith("verified ")
    assert lines[-1].endswith(": no difference")
    assert "rows: " in verified.err


def test_a_head_on_paper(room: Path) -> None:
    """Printed, or written; its key alone; and the log agrees with it."""
    printed, written = of_log(room, "head"), of_log(room, "head", "--out", PAPER)
    assert (printed.code, written.code, written.out) == (0, 0, "")
    text = (room / PAPER).read_text()
    assert [line for line in text.splitlines() if "time" not in line and "sig" not in line][:4] == [
        line for line in printed.out.splitlines() if "time" not in line and "sig" not in line
    ][:4]
    key = of_log(room, "head", "--public-key").out.strip()
    assert f"key {key}\n" in text
    (room / "key.txt").write_text(key.upper(), encoding="utf-8-sig")
    (room / "typed.txt").write_text(text.upper().replace(" ", "\n"), encoding="utf-8-sig")
    for against in (PAPER, "typed.txt"):
        for given in (key, "key.txt"):
            verified = of_log(room, "verify", "--quick", "--against", against, "--key", given)
            assert verified.code == FINE, verified.err
            assert f"signed under {key}\n" in verified.out
    verified = of_log(room, "verify", "--quick", "--against", PAPER)
    assert "whose key that is was not asked" in verified.out
    of_one = of_log(room, "head", "finals", "--out", "one.txt")
    assert (of_one.code, (room / "one.txt").read_text().count("contest:")) == (0, 1)
    verified = of_log(room, "verify", "--quick", "--against", "one.txt")
    assert verified.code == FINE
    assert [line for line in verified.out.splitlines() if line.endswith("does not tell of contest:copy")]


def test_beside_a_server(room: Path) -> None:
    """Both commands, and the server goes on."""

    async def beside() -> None:
        async with serving(room, "--data-dir", "data") as server:
            for command in ("verify", "head"):
                outcome = await asyncio.to_thread(of_log, room, command)
                assert outcome.code == FINE, outcome.err
            answer = await server.caller().get("contests")
            assert answer.status == 200

    asyncio.run(beside())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("nowhere",), "there is no stream contest:nowhere"),
        (("--against", "package/api.json"), "begins with the words"),
        (("--against", PAPER, "--key", "00" * 32), "under another key"),
        (("--against", PAPER, "--key", "x"), "'x' is neither a public key (of 64 digits) nor a file"),
        (("--key", "00" * 32), "there is none: --against FILE"),
        (("--against", "missing.txt"), "missing.txt"),
        (("--data-dir", "nothing"), "there is no data directory"),
        (("--database-url", "postgresql://127.0.0.1:1/x"), "cannot be reached"),
        (("--processes", "0"), "--processes"),
    ],
)
def test_what_cannot_be_verified_ends_with_another_code(room: Path, arguments: tuple[str, ...], reason: str) -> None:
    """So that a script knows that nothing is known."""
    of_log(room, "head", "--out", PAPER)
    chosen = arguments if "--data-dir" in arguments else (*arguments, "--data-dir", "data")
    verified = cds("verify", *chosen, cwd=room)
    assert verified.code == NOT_VERIFIED
    assert reason in verified.err
    assert "no difference" not in verified.out


def test_a_head_of_what_is_not_there(room: Path) -> None:
    refused = of_log(room, "head", "nowhere")
    assert (refused.code, refused.reasons) == (1, ["cds: there is no stream contest:nowhere"])
    assert cds("head", "--data-dir", "nothing", cwd=room).code == 1
    assert not (room / "nothing").exists()


def test_a_log_that_was_tampered_with(room: Path) -> None:
    """The first place stands first; other streams are as they were; a paper tells what the log cannot."""
    of_log(room, "head", "--out", "before.txt")
    do(
        room,
        "UPDATE event SET actor = 'x' FROM stream "
        "WHERE stream = number AND name = 'contest:copy' AND event.position = 9",
    )
    found = of_log(room, "verify", "--verbose")
    assert found.code == DIFFERS
    differing = [line for line in found.out.splitlines() if "difference" in line.casefold()]
    assert differing[0].endswith(": 1 difference")
    assert differing[1].startswith("FIRST DIFFERENCE: stream contest:copy, row 9: altered: the row (")
    assert found.out.splitlines()[-1].endswith(": 1 difference")
    assert of_log(room, "verify", "finals").code == FINE
    do(room, "UPDATE event SET id = E'x\\x1b[2J\\nverified everything: no difference' WHERE actor = 'x'")
    found = of_log(room, "verify", "--quick")
    assert found.code == DIFFERS
    assert "\x1b" not in found.out
    assert len(found.out.splitlines()) == len(("first difference", "summary"))
    do(
        room,
        "DELETE FROM batch; DELETE FROM event USING stream WHERE stream = number AND name = 'contest:copy' "
        "AND event.position >= 9; UPDATE stream SET position = 8, chain = (SELECT chain FROM event "
        "WHERE stream = number AND event.position = 8) WHERE name = 'contest:copy'; "
        "DELETE FROM checkpoint WHERE stream = 'contest:copy'; DELETE FROM snapshot WHERE stream = 'contest:copy'",
    )
    assert of_log(room, "verify", "--quick").code == FINE
    found = of_log(room, "verify", "--quick", "--against", "before.txt")
    assert found.code == DIFFERS
    assert "FIRST DIFFERENCE: stream contest:copy, row " in found.out
    assert "cut off" in found.out
