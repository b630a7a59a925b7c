"""The chain in processes of its own, each of which is killed while the contest goes on, and started again.

By default that befalls a simulated contest and the smallest recorded one; with `CHAIN=long` (`make chain`) all those
whose answers are compared with those of an import.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.chain import SERVER_LOGINS, until_followed, until_same, without
from tests.acceptance.chain_contests import SIMULATED, Chained, simulated
from tests.acceptance.command_line import Process, ServerProcess, cds, serving, started, until
from tests.acceptance.test_follow_chain import LONG, UPSTREAM_LOGIN, chained, expected_answers
from tests.cds.contest_api.serving import ADMIN_PASSWORD, SERVER_ADMIN, cloned_database, fill
from tests.upstream_server.bad_line import BadLine
from tests.upstream_server.faults import Faults
from tests.upstream_server.server import UpstreamServer, serving_upstream

CUT = Faults(cut_every=100, doubled=0.05, sent_again=0.05, overlap=1)
CUT_BETWEEN = Faults(cut_every=300, seed=2)
CONTEST = msgspec.structs.replace(SIMULATED, contest_id="killed", photos=False, submissions=30, teams=6)
LINES_AT_ONCE = 5
PORTIONS_MAX = 60
PAUSE_S = 0.05
SIMULATED_HERE = "simulated"
KILLED = (SIMULATED_HERE, "csus", *(("swerc", "wf44") if LONG else ()))
PASSWORD_VARIABLE = "CDS_TEST_UPSTREAM_PASSWORD"  # the name of a variable


class Follower:
    """A `cds follow` on a database, killed and started again at will."""

    def __init__(self, room: Path, dsn: str, url: str, contest_id: str = CONTEST.contest_id) -> None:
        self._room = room
        self._command: list[str] = [
            *("follow", url, "--contest-id", contest_id, "--database-url", dsn, "--until-end"),
            *("--pause", "0.05", "--username", UPSTREAM_LOGIN[0]),
        ]
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    @property
    def told(self) -> str:
        """What all of them have said on their standard output."""
        return (self._room / "follow.out").read_text()

    @property
    def logged(self) -> str:
        """What all of them have logged."""
        return (self._room / "follow.err").read_text()

    def start(self) -> None:
        """Start it."""
        with (
            Path(os.devnull).open() as nothing,
            (self._room / "follow.out").open("a") as out,
            (self._room / "follow.err").open("a") as errors,
        ):
            password = {"CDS_FOLLOW_PASSWORD": UPSTREAM_LOGIN[1]}
            files = (nothing, out, errors)
            self._process = started(self._command, cwd=self._room, files=files, variables=password)

    def kill(self) -> None:
        """End it as the machine does that loses power."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


async def said(upstream: UpstreamServer, share: float) -> None:
    """Wait until the upstream has come so far."""
    await until(lambda: upstream.said >= share * len(upstream.recording.lines))


@asynccontextmanager
async def served_on(room: Path, dsn: str, port: int, *options: str | Path) -> AsyncIterator[ServerProcess]:
    """`cds serve` on a database; port 0 is any."""
    login = {"CDS_ADMIN_PASSWORD": ADMIN_PASSWORD, PASSWORD_VARIABLE: ADMIN_PASSWORD}
    async with serving(room, "--database-url", dsn, "--port", str(port), *options, **login) as server:
        yield server


def port_of(server: ServerProcess) -> int:
    """Where it listens."""
    return int(server.base.split(":")[2].split("/")[0])


def follow_in(sources: Path, url: str, contest_id: str) -> None:
    """Write the file that has a server follow the contest at a URL."""
    sources.write_text(
        f'[[source]]\ncontest_id = "{contest_id}"\nurl = "{url}"\n'
        f'username = "{SERVER_ADMIN[0]}"\npassword_env = "{PASSWORD_VARIABLE}"\n'
    )


async def check_both(template_dsn: str, contest: Chained, first: ServerProcess, second: ServerProcess) -> None:
    """Both servers come to answer as one does after an import."""
    every_login = SERVER_LOGINS + contest.team_logins
    expected = await expected_answers(template_dsn, contest, every_login)
    await until_same(first.caller, expected, contest.contest_id, every_login)
    lines = await first.caller(SERVER_ADMIN).lines(f"contests/{contest.contest_id}/event-feed")
    await until_followed(second.caller(SERVER_ADMIN), contest.contest_id, len(lines))
    await until_same(second.caller, without(expected, contest.team_logins), contest.contest_id, SERVER_LOGINS)


async def check_followed_to_the_end(contest: Chained, first: ServerProcess, follower: Follower) -> None:
    """Everything that was said has come; where that is the end of the updates, the follower ends too."""
    lines = set(contest.recording.lines)
    await until_followed(first.caller(SERVER_ADMIN), contest.contest_id, len(lines))
    if any(b"end_of_updates" in each for each in lines):
        await until(lambda: follower.process.poll() is not None)
        assert follower.process.returncode == 0, follower.logged
        assert "the upstream has ended its updates" in follower.told


@pytest.mark.parametrize("contest_id", KILLED)
async def test_everybody_in_the_chain_may_be_killed_and_come_back(
    postgres_dsn_template: str, tmp_path: Path, contest_id: str
) -> None:
    """The upstream, the follower, the server in the middle and the last server: in the end all of them agree."""
    is_recorded = contest_id != SIMULATED_HERE
    contest = chained(contest_id, tmp_path, whole=False) if is_recorded else simulated(tmp_path, CONTEST)
    at_once = max(LINES_AT_ONCE, len(contest.recording.lines) // PORTIONS_MAX)
    room = tmp_path / "room"
    room.mkdir()
    sources = room / "sources.toml"
    async with (
        cloned_database(postgres_dsn_template) as first_dsn,
        cloned_database(postgres_dsn_template) as second_dsn,
        serving_upstream(contest.recording, CUT, login=UPSTREAM_LOGIN) as upstream,
        BadLine("", CUT_BETWEEN).open() as line,
    ):
        await fill(first_dsn, ())
        await fill(second_dsn, ())
        upstream.said = 0
        follow_in(sources, line.url(contest.contest_id), contest.contest_id)
        follower = Follower(room, first_dsn, upstream.url, contest.contest_id)
        follower.start()
        going_on: asyncio.Task[None] | None = None
        try:
            async with (
                served_on(room, first_dsn, 0) as first,
                served_on(room, second_dsn, 0, "--sources", sources) as second,
            ):
                line.root = first.base.removesuffix("/api/")
                port, second_port = port_of(first), port_of(second)
                going_on = asyncio.create_task(upstream.say_on(at_once, PAUSE_S))
                await said(upstream, 0.2)
                await until(lambda: bool(upstream.asked))
                follower.kill()
                follower.start()
                await said(upstream, 0.4)
                await first.stopped(signal.SIGKILL)
            async with served_on(room, first_dsn, port) as first:
                await upstream.die()
                follower.kill()
                follower.start()
                asked = len(upstream.asked)
                await upstream.rise()
                async with served_on(room, second_dsn, second_port, "--sources", sources) as second:
                    await said(upstream, 0.7)
                    await until(lambda: len(upstream.asked) > asked)
                    follower.kill()
                    await second.stopped(signal.SIGKILL)
                    follower.start()
                async with served_on(room, second_dsn, second_port, "--sources", sources) as second:
                    await going_on
                    await check_followed_to_the_end(contest, first, follower)
                    await check_both(postgres_dsn_template, contest, first, second)
        finally:
            if going_on is not None:
                going_on.cancel()
            if follower.process.poll() is None:
                follower.kill()
    assert sum(count for fault, count in upstream.fate.happened.items() if fault.startswith("cut ")) >= 3
    assert UPSTREAM_LOGIN[1] not in follower.logged + follower.told


async def test_the_command_that_imports_and_the_one_that_follows_come_to_the_same(
    postgres_dsn_template: str, tmp_path: Path
) -> None:
    """`cds follow` of everything at once beside `cds import` of the same, into one database each."""
    contest = simulated(tmp_path, msgspec.structs.replace(CONTEST, submissions=15, seed=9))
    async with (
        cloned_database(postgres_dsn_template) as followed_dsn,
        cloned_database(postgres_dsn_template) as imported_dsn,
        serving_upstream(contest.recording, login=UPSTREAM_LOGIN) as upstream,
    ):
        follower = Follower(tmp_path, followed_dsn, upstream.url)
        follower.start()
        done = await asyncio.to_thread(
            cds,
            "import",
            contest.importable,
            "--contest-id",
            contest.contest_id,
            "--database-url",
            imported_dsn,
            cwd=tmp_path,
        )
        assert done.code == 0, done.err
        await until(lambda: follower.process.poll() is not None)
        assert follower.process.returncode == 0, follower.logged
        again = await asyncio.to_thread(
            cds,
            "import",
            contest.importable,
            "--contest-id",
            contest.contest_id,
            "--database-url",
            followed_dsn,
            cwd=tmp_path,
        )
        assert (again.code, "0 events" in again.out or "nothing" in again.out) == (0, True), again.out + again.err
