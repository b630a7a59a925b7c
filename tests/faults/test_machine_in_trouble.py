"""What becomes of a server whose machine runs out of open files, or whose clock is set."""

import asyncio
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import asyncpg
import pytest

from tests.acceptance.command_line import ServerProcess, serving
from tests.acceptance.league import DAY_MS, HOUR_MS, league
from tests.cds.contest_api.live_contest_setup import (
    FROZEN,
    OVER,
    RUNNING,
    START_MS,
    Play,
    SetClock,
    below,
    make_contest,
    moment,
    playing,
    submission,
)
from tests.cds.contest_api.serving import DEADLINE_S, Json, fill
from tests.effort import takes_long
from tests.faults.processes import children_of

ADMIN = ("admin", "secret")
FILES_LEFT = 60
CROWD = 120
LOG_LINES_MAX = 500
CONTEST = {"id": "finals", "name": "Finals", "start_time": None, "duration": "5:00:00", "scoreboard_type": "pass-fail"}


def open_files(pid: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@contextmanager
def crowd(server: ServerProcess) -> Iterator[list[socket.socket]]:
    """So many connections at once, each with a request on it."""
    port = int(server.base.split(":")[2].split("/")[0])
    with ExitStack() as stack:
        sockets = []
        for _ in range(CROWD):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            client.setblocking(False)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            sockets.append(client)
        yield sockets


def answers(sockets: list[socket.socket]) -> Counter[bytes]:
    """What they have been told by now, by status; nothing where they wait still."""
    told = Counter[bytes]()
    for client in sockets:
        try:
            told[client.recv(1 << 16, socket.MSG_PEEK)[9:12]] += 1
        except BlockingIOError:
            continue
    return told


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=takes_long)])
async def test_without_files_to_open_new_clients_are_refused_in_order_and_nobody_else_notices(
    workers: str, database_dsn: str, tmp_path: Path
) -> None:
    """Whoever is connected reads and writes, the database is reached anew; when there is room again, all may come."""
    async with serving(tmp_path, "--workers", workers, CDS_DATABASE_URL=database_dsn) as server:
        processes = children_of(server.process.pid) if workers == "2" else [server.process.pid]
        administrator = server.caller(ADMIN)
        assert (await administrator.ask("PUT", "contests/finals", json=CONTEST)).status == 201
        async with administrator.stream("contests/finals/event-feed?types=groups") as feed:
            hard = resource.prlimit(processes[0], resource.RLIMIT_NOFILE)[1]
            for pid in processes:
                resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_files(pid) + FILES_LEFT, hard))
            with crowd(server) as sockets:
                async with asyncio.timeout(DEADLINE_S):
                    while answers(sockets).total() < CROWD:
                        await asyncio.sleep(0.02)
                told = answers(sockets)
                assert told[b"200"] > 0
                assert told[b"503"] > 0
                assert told.total() == told[b"200"] + told[b"503"]
                await end_sessions(database_dsn)
                for number in range(10):
                    body = {"id": "g", "name": str(number)}
                    async with asyncio.timeout(DEADLINE_S):
                        while (await administrator.ask("PUT", "contests/finals/groups/g", json=body)).status == 503:
                            await asyncio.sleep(0.02)
                    assert (await feed.notification())["data"] == body
            async with asyncio.timeout(DEADLINE_S):
                while (await server.caller().get("contests/finals/groups/g")).status != 200:
                    await asyncio.sleep(0.02)
        assert await server.stopped() == 0
    said = (tmp_path / "serve.err").read_text()
    assert "Traceback" not in said
    assert "clients_refused" in said
    assert len(said.splitlines()) < LOG_LINES_MAX


async def end_sessions(dsn: str) -> None:
    """Have the database end every connection but this one."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        connection.terminate()


# --- The clock is set


@pytest.fixture
async def play(database_dsn: str) -> AsyncIterator[Play]:
    """The contest goes on for an hour."""
    async with playing(database_dsn, SetClock()) as made:
        await make_contest(made)
        await made.at(RUNNING)
        yield made


async def states(play: Play) -> list[Json]:
    """What the feed has told of the state."""
    return [line["data"] for line in await play.feed("chief") if line["type"] == "state"]


async def test_a_clock_that_is_set_back_takes_nothing_back(play: Play) -> None:
    """The contest goes on, feeds are continued, and what happens is written after what happened."""
    first = await play.submitted()
    token, told = await play.token("public"), await states(play)
    async with play.caller("chief").stream(f"{below('event-feed')}?since_token={await play.token('chief')}") as feed:
        for minutes in (RUNNING - 50, -30.0, RUNNING - 20):
            await play.at(minutes)
            assert await states(play) == told
            assert (await play.get("public", "state"))["started"] == moment(0)
        second = await play.submitted()
        assert int(second) > int(first)
        assert (await feed.notification())["id"] == second
    assert await play.ids("chief", "submissions") == [first, second]
    assert [line["id"] for line in await play.feed("public", token)] == [second]
    await play.judged(second)
    await play.get("public", "scoreboard")


async def test_before_its_start_a_contest_that_has_started_takes_what_a_running_one_takes_or_refuses_it(
    play: Play,
) -> None:
    """No error of ours, whatever the moment: the clock stands before the start of a contest that goes on."""
    await play.at(-30)
    answer = await play.ask("team-one", "POST", "submissions", submission())
    assert answer.status in (201, 403), answer.body
    await play.at(RUNNING)
    await play.submitted()


async def test_a_clock_that_is_set_forward_and_back_ends_a_contest_once(play: Play) -> None:
    """What the clock has brought about stays, with the moments of the schedule; whether a submission is in time goes by
    the contest time alone, so a clock that ran ahead locks nobody out, and an administrator takes the end back.
    """
    await play.submitted()
    await play.at(OVER + 600)
    told = await states(play)
    assert told[-1]["ended"] == moment(300)
    assert next(state["frozen"] for state in told if state["frozen"]) == moment(240)
    for minutes in (RUNNING, FROZEN, OVER):
        await play.at(minutes)
        assert await states(play) == told
        answer = await play.ask("team-one", "POST", "submissions", submission())
        assert answer.status == (403 if minutes == OVER else 201)
    await play.at(RUNNING)
    assert (await play.patch("root", "state", {"ended": None}))["ended"] is None
    await play.at(OVER)
    assert (await play.get("chief", "state"))["ended"] == moment(300)
    await play.refused("team-one", "POST", "submissions", submission(), 403)


async def test_tokens_of_people_hold_whatever_is_done_to_the_clock(database_dsn: str) -> None:
    """A login of just now is good when the clock is set back by a day; it ends when it would have ended."""
    await fill(database_dsn, [])
    async with league(database_dsn) as played:
        player = await played.player()
        for change_ms in (-DAY_MS, HOUR_MS, -5 * 60_000, DAY_MS):
            played.clock.now_ms += change_ms
            assert (await played.ask("GET", "/v1/account/profile", {"token": player.token})).status == 200, change_ms
            await played.login(player.username)
        played.clock.now_ms += 6 * DAY_MS
        assert (await played.ask("GET", "/v1/account/profile", {"token": player.token})).status == 401


async def test_the_throttle_of_logins_knows_no_clock_that_can_be_set(play: Play) -> None:
    """Failed logins are slowed down by the time that passes: nobody is locked out for a year, nor let off."""
    wrong, good = play.server.caller(("team-one", "wrong")), play.caller("team-one")
    for minutes in (RUNNING - 50, 365 * 24 * 60.0, -365 * 24 * 60.0):
        play.clock.now_ms = START_MS + round(minutes * 60_000)
        for _ in range(3):
            assert (await wrong.get(below("teams"))).status in (401, 429)
        assert (await good.get(below("teams"))).status == 200
