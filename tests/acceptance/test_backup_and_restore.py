"""Backup and restore as somebody does them: in processes that are killed in the middle, beside a server that works.

What must come back is a record of its own: bytes that the server answered, and tokens that it handed out.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.acceptance.command_line import POLL_S, Process, ServerProcess, cds, serving, started, until
from tests.cds.contest_api.feeds import token_of
from tests.cds.contest_api.serving import CHANGING_HEADERS, Caller, Login
from tests.cds.contest_api.webhook_receiver import Receiver, receiving
from tests.effort import BREAKING_LONG

ADMINISTRATOR: Login = ("admin", "secret")
CONTEST = "contests/finals"
FEED = f"{CONTEST}/event-feed"
PATHS = (
    "contests",
    CONTEST,
    *(f"{CONTEST}/{each}" for each in ("state", "teams", "submissions", "groups", "scoreboard", "accounts", "access")),
)
OPTIONS = {"CDS_WEBHOOK_ALLOW_PRIVATE": "1"}
BACKUP_KILLED_AT = ("copying tables", "copying rows", "looking for files") if BREAKING_LONG else ("copying rows",)
RESTORE_KILLED_AT = ("restoring rows", "restoring rows", "restoring files") if BREAKING_LONG else ("restoring rows",)
"""Words of the progress at which a command is killed; each is begun again, until it is let go on to its end."""

Record = Mapping[tuple[str, bool], tuple[int, Mapping[str, str], bytes]]


class Said:
    """What a server has answered: GETs of a few paths, and the feeds, to the public and to the administrator."""

    def __init__(self, answers: Record, feeds: Mapping[bool, Sequence[bytes]]) -> None:
        self.answers = answers
        self.feeds = feeds


async def said(server: ServerProcess) -> Said:
    """What it says now."""
    answers, feeds = {}, {}
    for login in (None, ADMINISTRATOR):
        caller = server.caller(login)
        for path in PATHS:
            answer = await caller.get(path)
            headers = {name: value for name, value in answer.headers.items() if name not in CHANGING_HEADERS}
            answers[path, login is None] = answer.status, headers, answer.body
        feeds[login is None] = await caller.lines(FEED)
    return Said(answers, feeds)


async def grouped(caller: Caller, count: int, *, key: str | None = None) -> list[str]:
    """The ids of new groups, which everybody sees."""
    ids = []
    for number in range(count):
        headers = {} if key is None else {"Idempotency-Key": f"{key}-{number}"}
        answer = await caller.ask("POST", f"{CONTEST}/groups", json={"name": "Another"}, headers=headers)
        assert answer.status in (200, 201), answer.body
        ids.append(answer.json["id"])
    return ids


async def killed_at(words: str, arguments: Sequence[str | Path], cwd: Path) -> Process:
    """A command that was killed when it said something; it may have ended just before."""
    errors = cwd / f"errors-{time.monotonic_ns()}.txt"
    with (cwd / "nothing").open("w+") as nothing, errors.open("w") as err:
        process = started(arguments, cwd=cwd, files=(nothing, nothing, err))
    await until(lambda: words in errors.read_text() or process.poll() is not None)
    process.kill()
    process.wait()
    assert process.returncode in (0, -signal.SIGKILL), errors.read_text()
    return process


@asynccontextmanager
async def writing(caller: Caller) -> AsyncIterator[list[str]]:
    """Groups are made for the length of the block; the ids of those that were acknowledged."""
    ids: list[str] = []

    async def write() -> None:
        while True:
            ids.extend(await grouped(caller, 1))
            await asyncio.sleep(POLL_S)

    task = asyncio.create_task(write())
    try:
        yield ids
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A directory with a contest in `data`, on which a server may run."""
    made = cds("simulate", "p.zip", "--contest-id", "finals", "--teams", "30", "--phase", "running", cwd=tmp_path)
    assert made.code == 0, made.err
    imported = cds("import", "p.zip", "--data-dir", "data", cwd=tmp_path)
    assert imported.code == 0, imported.err
    return tmp_path


async def backed_up_under_fire(room: Path, server: ServerProcess) -> None:
    """A backup that is killed again and again while groups are made; what was acknowledged before is in it.

    That is looked at where there is time for it: it takes another restore.
    """
    caller = server.caller(ADMINISTRATOR)
    async with writing(caller) as ids:
        for words in BACKUP_KILLED_AT:
            await killed_at(words, ("backup", "out", "--data-dir", "data"), room)
        acknowledged = list(ids)
        done = await asyncio.to_thread(cds, "backup", "out", "--data-dir", "data", cwd=room)
        assert done.code == 0, done.err
    checked = cds("restore", "out", "--check", cwd=room)
    assert checked.code == 0, checked.err
    if not BREAKING_LONG:
        return
    await restored_while_killed(room, "first")
    async with serving(room, "--data-dir", "first") as other:
        there = {each["id"] for each in await other.caller(ADMINISTRATOR).json(f"{CONTEST}/groups")}
        assert set(acknowledged) <= there
        lines = await other.caller().lines(FEED)
        assert (await server.caller().lines(FEED))[: len(lines)] == lines


async def restored_while_killed(room: Path, data_dir: str) -> None:
    """A restore that is killed again and again; until it is done, no server starts on what is there."""
    for words in RESTORE_KILLED_AT:
        await killed_at(words, ("restore", "out", "--data-dir", data_dir), room)
        outcome = await asyncio.to_thread(cds, "serve", "--port", "0", "--data-dir", data_dir, cwd=room, CDS_DRAIN="0")
        assert outcome.code == 1
        assert "cds restore" in outcome.reasons[0]
    done = await asyncio.to_thread(cds, "restore", "out", "--data-dir", data_dir, cwd=room)
    assert done.code == 0, done.err
    again = await asyncio.to_thread(cds, "restore", "out", "--data-dir", data_dir, cwd=room)
    assert again.code == 1
    assert "not empty" in again.reasons[0]


async def registered(caller: Caller, receiver: Receiver) -> None:
    """Have a receiver called."""
    answer = await caller.ask("POST", "webhooks", json={"url": receiver.url, "token": receiver.secret})
    assert answer.status == 201, answer.body


async def refused_tokens(server: ServerProcess, lines: Sequence[bytes], login: Login | None) -> None:
    """Each token of these lines gets 400."""
    for line in lines:
        answer = await server.caller(login).get(f"{FEED}?stream=false&since_token={token_of(line)}")
        assert answer.status == 400, answer.body


async def test_a_backup_under_fire_comes_back_byte_for_byte_and_later_tokens_get_400(room: Path) -> None:
    async with receiving() as receiver:
        async with serving(room, "--data-dir", "data", **OPTIONS) as server:
            caller = server.caller(ADMINISTRATOR)
            await registered(caller, receiver)
            await backed_up_under_fire(room, server)
            keyed = await grouped(caller, 2, key="before")
            before = await said(server)
            last = token_of(before.feeds[False][-1])
            await receiver.until(lambda: receiver.tokens()[-1:] == [last])
            done = await asyncio.to_thread(cds, "backup", "out", "--data-dir", "data", "--verify", cwd=room)
            assert done.code == 0, done.err
            await grouped(caller, 5, key="after")
            later = await said(server)
            await server.stopped(signal.SIGKILL)
        calls = len(receiver.tokens())
        await restored_while_killed(room, "second")
        async with serving(room, "--data-dir", "second", **OPTIONS) as server:
            caller = server.caller(ADMINISTRATOR)
            again = await said(server)
            assert again.feeds == before.feeds
            assert again.answers == before.answers
            for public, login in ((True, None), (False, ADMINISTRATOR)):
                lines = before.feeds[public]
                for number in (0, len(lines) // 2, len(lines) - 1):
                    since = f"{FEED}?since_token={token_of(lines[number])}"
                    assert await server.caller(login).lines(since) == lines[number + 1 :]
                newer = later.feeds[public][len(lines) :]
                assert len(newer) >= 5
                await refused_tokens(server, newer, login)
            # A request that was answered before the backup is the same request still; later ones never happened.
            assert await grouped(caller, 2, key="before") == keyed
            fresh = await grouped(caller, 7, key="after")
            assert len(set(fresh)) == 7
            for public, login in ((True, None), (False, ADMINISTRATOR)):
                await refused_tokens(server, later.feeds[public][len(before.feeds[public]) :], login)
            # Those who are called are told what is new, all of it and once.
            new = [token_of(line) for line in (await caller.lines(FEED))[len(before.feeds[False]) :]]
            await receiver.until(lambda: receiver.tokens()[-1:] == new[-1:])
            assert [token for token in receiver.tokens()[calls:] if token in new] == new


def test_what_cannot_be_backed_up_or_restored_is_one_line(tmp_path: Path) -> None:
    nothing = cds("backup", "out", "--data-dir", "nowhere", cwd=tmp_path)
    assert (nothing.code, len(nothing.reasons)) == (1, 1)
    assert "nowhere" in nothing.reasons[0]
    (tmp_path / "empty").mkdir()
    for arguments in (("empty",), ("empty", "--check")):
        empty = cds("restore", *arguments, "--data-dir", "new", cwd=tmp_path)
        assert (empty.code, len(empty.reasons)) == (1, 1)
        assert "holds no backup" in empty.reasons[0]
    assert cds("restore", "nowhere", cwd=tmp_path).code == 2
    assert cds("restore", "empty", "--at", "yesterday", cwd=tmp_path).code == 2
    assert not (tmp_path / "new").exists()
