"""Groups of workers as they are run: real processes on one port, and callers that know which of them answers.

This module knows how to start a group and to reach each worker of it. It must not know what they should answer.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg

from eventstore.listening import CHANNEL
from tests.acceptance.command_line import ServerProcess, serving, until
from tests.cds.contest_api.serving import ADMIN_PASSWORD, LINE_BYTES_MAX, SERVER_ADMIN, Caller, Json, Login

CONNECTIONS_MAX = 500
"""Connections that are tried until one is with the worker that is wanted."""

SWALLOW_NOTIFY = (
    "CREATE FUNCTION public.pg_notify(text, text) RETURNS void LANGUAGE sql AS 'SELECT'",
    'ALTER DATABASE "{name}" SET search_path = public, pg_catalog',
)
"""What makes a database keep every word to itself: ours is found before the one that notifies."""


class Group:
    """A running group of workers."""

    def __init__(self, process: ServerProcess, errors: Path) -> None:
        """The group behind a command that has said that it serves; `errors` is where its logs go."""
        self.process = process
        self._errors = errors

    @property
    def base(self) -> str:
        """The base URL."""
        return self.process.base

    @property
    def root(self) -> str:
        """The address without the path of the API."""
        return self.base.removesuffix("/api/")

    def logged(self, event: str) -> list[Json]:
        """The lines of the log with that event, in order; the last one may be being written."""
        whole = self._errors.read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    async def players(self) -> list[int]:
        """The workers that have begun to play the clock, in order; waits for the first."""
        await until(lambda: bool(self._played()))
        return self._played()

    def _played(self) -> list[int]:
        return [line["worker"] for line in self.logged("duty_begun") if line["duty"] == "contest clock"]

    def pids(self) -> dict[int, int]:
        """The process of each worker that is alive, by the worker's number."""
        ended = {line["pid"] for line in self.logged("worker_ended")}
        ready = {line["worker"]: line["pid"] for line in self.logged("worker_ready")}
        return {number: pid for number, pid in ready.items() if pid not in ended}

    @asynccontextmanager
    async def on(self, worker: int, login: Login | None = SERVER_ADMIN) -> AsyncIterator[Caller]:
        """Somebody whose requests, one after the other, all go to this worker: on one connection that stays open."""
        wanted = self.pids()[worker]
        for _ in range(CONNECTIONS_MAX):
            connector = aiohttp.TCPConnector(limit=1)
            async with aiohttp.ClientSession(connector=connector, read_bufsize=LINE_BYTES_MAX) as session:
                caller = Caller(session, self.base, login)
                if (await caller.get(f"{self.root}/readyz")).json["pid"] == wanted:
                    yield caller
                    return
        raise AssertionError(f"no connection came to worker {worker}")

    async def until_whole(self, workers: int) -> None:
        """Come back when so many workers are ready."""
        await until(lambda: len(self.pids()) == workers)


@asynccontextmanager
async def group_of(workers: int, dsn: str, directory: Path, *arguments: str) -> AsyncIterator[Group]:
    """A group on a database for the length of the block."""
    directory.mkdir(exist_ok=True)
    chosen = ("--workers", str(workers), "--database-url", dsn, *arguments)
    async with serving(directory, *chosen, CDS_ADMIN_PASSWORD=ADMIN_PASSWORD) as process:
        yield Group(process, directory / "serve.err")


async def swallow_notify(dsn: str) -> None:
    """Make a database keep every word to itself, for all sessions from now on."""
    connection = await asyncpg.connect(dsn)
    try:
        name = await connection.fetchval("SELECT current_database()")
        for statement in SWALLOW_NOTIFY:
            await connection.execute(statement.format(name=name))
    finally:
        await connection.close()


@asynccontextmanager
async def words_of(dsn: str) -> AsyncIterator[list[object]]:
    """What a database tells those who listen, for the length of the block."""
    words: list[object] = []
    connection = await asyncpg.connect(dsn)
    await connection.add_listener(CHANNEL, lambda *said: words.append(said[-1]))
    try:
        yield words
    finally:
        connection.terminate()


async def is_never_older(callers: list[Caller], readers: list[Caller], followers: list[Caller], rounds: int) -> None:
    """Write through some callers at once, follow the feed, and ask after each line somebody else: never older.

    Groups `w0`, `w1` … of the contest `live` get names that are numbers, which only grow; each has one writer.
    """

    async def write(number: int, caller: Caller) -> None:
        for value in range(rounds):
            path, body = f"contests/live/groups/w{number}", {"id": f"w{number}", "name": str(value)}
            answer = await caller.ask("PUT", path, json=body)
            assert answer.status in (200, 201), answer.body
            for reader in readers:
                assert int((await reader.json(path))["name"]) >= value

    async def follow(follower: Caller, reader: Caller) -> None:
        since = json.loads((await reader.lines("contests/live/event-feed"))[-1])["token"]
        async with follower.stream(f"contests/live/event-feed?types=groups&since_token={since}") as feed:
            started.release()
            left = rounds * len(callers)
            while left:
                line = await feed.notification()
                shown = await reader.json(f"contests/live/groups/{line['id']}")
                assert int(shown["name"]) >= int(line["data"]["name"]), (line, shown)
                left -= 1

    started = asyncio.Semaphore(0)
    following = [
        asyncio.create_task(follow(follower, reader)) for follower, reader in zip(followers, readers, strict=True)
    ]
    for _ in following:
        await started.acquire()
    await all_of([*following, *(write(number, caller) for number, caller in enumerate(callers))])


async def all_of(works: list[Awaitable[None]]) -> None:
    """Wait for all, and fail with the first that fails."""
    async with asyncio.timeout(60):
        await asyncio.gather(*works)


@asynccontextmanager
async def callers_on(places: list[tuple[Group, int]]) -> AsyncIterator[list[Caller]]:
    """A caller, each with a connection of its own, for each of these workers."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(group.on(worker)) for group, worker in places]


async def happens(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until something is so. Raises AssertionError."""
    try:
        async with asyncio.timeout(30):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never: {what}") from None


def alive(pid: int) -> bool:
    """Whether a process does anything still; one that has ended may wait to be noticed."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
