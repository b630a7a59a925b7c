"""What clients are told while something is wrong with the database, and that everything goes on when it is over.

Reads come from memory and say what they are; writes get 503 with Retry-After, and nothing of them is written, not even
their files. Nobody has to restart anything.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import pytest

from cds.contest_api.errors import RETRY_AFTER_S
from cds.contest_api.middleware import TAKES_NOTHING
from eventstore import holding, listening
from eventstore.appending import CONNECT_PAUSE_S
from eventstore.connecting import CONNECT_TIMEOUT_S
from eventstore.embedded.launcher import embedded_postgres
from tests.cds.contest_api.live_contest_setup import (
    RUNNING,
    Play,
    SetClock,
    archive,
    below,
    data_of,
    make_contest,
    playing,
    submission,
)
from tests.cds.contest_api.serving import DEADLINE_S, Answer, Stream, cloned_database
from tests.effort import takes_long
from tests.faults.breaking import DISK_AGAIN, FULL_DISK
from tests.faults.proxy import Proxy

KEY = "Idempotency-Key"
WARNING = "Warning"
SLOW_S = 0.15
DISK_BYTES = 320 * 1024 * 1024
"""A file system that holds an empty cluster and little more."""

PATIENCE_S = 30.0
BACK_S_MAX = 5.0
"""How long after the return of the database a write may be refused still."""

FEW_SESSIONS = 4
"""One each for hints, commits and duties, and one for everything else."""

PATHS = ("", "state", "teams", "problems", "submissions", "scoreboard", "access", "event-feed?stream=false")
"""What everybody may read."""


def socket_of(dsn: str) -> Path:
    """Where the Postgres of an address listens."""
    return Path(parse_qs(urlsplit(dsn).query)["host"][0]) / ".s.PGSQL.5432"


def through(proxy: Proxy, dsn: str, user: str = "cds") -> str:
    """The same database by way of a proxy."""
    return f"postgresql://{user}@127.0.0.1:{proxy.port}{urlsplit(dsn).path}?sslmode=disable"


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who sees to the database."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        connection.terminate()


@asynccontextmanager
async def troubled(dsn: str, user: str = "cds") -> AsyncIterator[tuple[Play, Proxy]]:
    """A contest that goes on, on a server that reaches its database through a bad network."""
    async with Proxy(socket_of(dsn), speaks_postgres=True) as proxy, AsyncExitStack() as stack:
        play = await stack.enter_async_context(playing(through(proxy, dsn, user), SetClock()))
        await make_contest(play)
        await play.at(RUNNING)
        yield play, proxy


@pytest.fixture
async def dsn(postgres_dsn_template: str) -> AsyncIterator[str]:
    """An empty database."""
    async with cloned_database(postgres_dsn_template) as made:
        yield made


async def submitted(play: Play, key: str, **changed: object) -> Answer:
    """One attempt at a submission, with a key under which it may be repeated."""
    return await play.ask("team-one", "POST", "submissions", submission(**changed), headers={KEY: key})


async def refused(play: Play, key: str) -> str:
    """A write that is told to try again; the reason."""
    answer = await submitted(play, key)
    assert answer.status == 503, answer.body
    assert int(answer.headers["Retry-After"]) >= 1
    reason: str = answer.json["message"]
    return reason


async def until_written(play: Play, key: str) -> str:
    """Try the same again until it is acknowledged, twice: the id of the one thing that it made."""
    identifiers: list[str] = []
    for _ in range(2):
        async with asyncio.timeout(PATIENCE_S):
            while (answer := await submitted(play, key)).status == 503:
                await asyncio.sleep(0.05)
        assert answer.status == 201, answer.body
        identifiers.append(answer.json["id"])
    identifier, again = identifiers
    assert again == identifier
    return identifier


async def readiness(play: Play) -> Answer:
    """What `/readyz` says."""
    return await play.caller("public").get(f"{play.server.root}/readyz")


async def until_ready(play: Play, *, ready: bool) -> Answer:
    """Wait until `/readyz` says so."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await readiness(play)).status != (200 if ready else 503):
            await asyncio.sleep(0.02)
    return answer


async def read(play: Play) -> dict[str, Answer]:
    """What everybody reads."""
    answers = {path: await play.caller("public").get(below(path)) for path in PATHS}
    assert {path: answer.status for path, answer in answers.items()} == dict.fromkeys(PATHS, 200)
    return answers


async def kept_files(dsn: str) -> set[str]:
    """The addresses of all files in the database."""
    async with connected(dsn) as connection:
        return {row[0] for row in await connection.fetch("SELECT address FROM file")}


async def fresh_line(stream: Stream, identifier: str) -> None:
    """Wait until a feed tells of a submission."""
    async with asyncio.timeout(DEADLINE_S):
        while (await stream.notification())["id"] != identifier:
            continue


async def test_a_database_that_is_gone_is_told_of_and_comes_back_by_itself(dsn: str) -> None:
    """Feeds stay open meanwhile, and go on."""
    async with troubled(dsn) as (play, proxy), play.caller("team-one").stream(below("event-feed")) as feed:
        before = await read(play)
        assert not any(WARNING in answer.headers for answer in before.values())
        proxy.refusing = True
        proxy.cut()
        told = await until_ready(play, ready=False)
        assert told.json["reasons"] == ["the database cannot be reached"]
        during = await read(play)
        assert {path: answer.body for path, answer in during.items()} == {p: a.body for p, a in before.items()}
        assert {answer.headers[WARNING] for answer in during.values()} == {
            '110 contest-data-server "Response is Stale"'
        }
        key = str(uuid4())
        assert "away" in await refused(play, key)
        proxy.heal()
        identifier = await until_written(play, key)
        await until_ready(play, ready=True)
        assert await play.ids("chief", "submissions") == [identifier]
        await fresh_line(feed, identifier)
        assert not any(WARNING in answer.headers for answer in (await read(play)).values())


def test_whoever_waits_for_the_database_looks_for_it_again_within_five_seconds() -> None:
    """An attempt to connect to a machine that says nothing, and the pause behind it: no restart is ever needed."""
    assert CONNECT_TIMEOUT_S + max(listening.RECONNECT_MAX_S, holding.RECONNECT_MAX_S, CONNECT_PAUSE_S) < BACK_S_MAX
    assert RETRY_AFTER_S < BACK_S_MAX


async def test_a_database_that_says_nothing_is_found_out(dsn: str) -> None:
    """Connections stay open and no byte comes: reads go on, and a write that was not begun is turned away."""
    async with troubled(dsn) as (play, proxy):
        proxy.hold()
        await until_ready(play, ready=False)
        await read(play)
        proxy.heal()
        identifier = await until_written(play, str(uuid4()))
        await until_ready(play, ready=True)
        assert await play.ids("chief", "submissions") == [identifier]


DATABASE_READ_ONLY = ('ALTER DATABASE "{}" SET default_transaction_read_only = on',)
"""Of one database; it holds for sessions that are begun behind it."""

DATABASE_WRITABLE = (
    "SET default_transaction_read_only = off",
    'ALTER DATABASE "{}" RESET default_transaction_read_only',
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(FULL_DISK, DISK_AGAIN, id="disk full"),
        pytest.param(DATABASE_READ_ONLY, DATABASE_WRITABLE, id="read-only"),
    ],
)
async def test_a_database_that_takes_nothing_is_told_of_and_nothing_is_half_written(
    dsn: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """53100 and 25006, as Postgres says them."""
    name = urlsplit(dsn).path.lstrip("/")
    async with troubled(dsn) as (play, proxy), connected(dsn) as connection:
        kept, lines = await kept_files(dsn), await play.feed("chief")
        for statement in before:
            await connection.execute(statement.replace("{}", name))
        proxy.cut()
        key = str(uuid4())
        async with asyncio.timeout(PATIENCE_S):
            while await refused(play, key) != TAKES_NOTHING:
                await asyncio.sleep(0.02)
        assert await refused(play, str(uuid4())) == TAKES_NOTHING
        await read(play)
        await until_ready(play, ready=True)
        assert await play.feed("chief") == lines
        assert await kept_files(dsn) == kept
        for statement in after:
            await connection.execute(statement.replace("{}", name))
        proxy.cut()
        identifier = await until_written(play, key)
        assert await play.ids("chief", "submissions") == [identifier]
        assert len(await kept_files(dsn)) == len(kept) + 1


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """A file system of its own, with little room, for the length of the block."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", directory], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


def can_mount() -> bool:
    """Whether this user may put up a file system."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False, capture_output=True
    )
    return tried.returncode == 0


@takes_long
@pytest.mark.skipif(not can_mount(), reason="a full disk needs a file system of its own, which this user may not mount")
async def test_a_disk_that_is_full_in_truth_costs_writes_alone(tmp_path: Path) -> None:
    """Postgres itself may go down for want of room for its log; with room again everything comes back by itself."""
    room = tmp_path / "disk"
    room.mkdir()
    with small_disk(room):
        async with embedded_postgres(room / "data", durable=False) as dsn, troubled(dsn) as (play, _):
            first = await until_written(play, str(uuid4()))
            ballast = room / "ballast"
            free = os.statvfs(room)
            with ballast.open("wb") as file:
                for _ in range(free.f_bavail * free.f_frsize // 4096 - 8):
                    file.write(bytes(4096))
            key, acknowledged = str(uuid4()), [first]
            async with asyncio.timeout(PATIENCE_S):
                while (answer := await submitted(play, str(uuid4()), **large())).status != 503:
                    acknowledged.append(answer.json["id"])
            assert int(answer.headers["Retry-After"]) >= 1
            await read(play)
            ballast.unlink()
            last = await until_written(play, key)
            await until_ready(play, ready=True)
            found = await play.ids("chief", "submissions")
            assert set(found) >= {*acknowledged, last}
            assert len(set(found)) == len(found)


def large() -> dict[str, object]:
    """What makes a submission that takes room on a disk."""
    return {"files": [{"data": data_of(archive({"main.cc": os.urandom(60_000)}))}]}


async def test_a_slow_database_slows_writes_alone(dsn: str) -> None:
    """Everything to and from it comes late: reads do not wait for it, nothing is lost, everybody is in order."""
    async with troubled(dsn) as (play, proxy), play.caller("team-one").stream(below("event-feed")) as feed:
        proxy.delay_s = SLOW_S
        keys = [str(uuid4()) for _ in range(4)]
        writing = [asyncio.create_task(until_written(play, key)) for key in keys]
        for _ in range(3):
            answers = await read(play)
            assert not any(WARNING in answer.headers for answer in answers.values())
        identifiers = await asyncio.gather(*writing)
        assert (await readiness(play)).status == 200
        assert await play.ids("chief", "submissions") == sorted(identifiers, key=int)
        await fresh_line(feed, max(identifiers, key=int))


async def test_when_there_are_too_many_connections_the_server_goes_on_with_those_it_gets(dsn: str) -> None:
    """53300: writes and reads that need a new one are told to try again; nobody gets 500, and it passes."""
    name = urlsplit(dsn).path.lstrip("/")
    role = f"few_{uuid4().hex}"
    async with connected(dsn) as connection:
        await connection.execute(f'CREATE ROLE "{role}" LOGIN IN ROLE pg_signal_backend')
        await connection.execute(f'ALTER DATABASE "{name}" OWNER TO "{role}"')
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            await connection.execute(f'GRANT ALL ON ALL {kind} IN SCHEMA public TO "{role}"')
        try:
            async with troubled(dsn, role) as (play, proxy):
                await until_written(play, str(uuid4()))
                await connection.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT 0')
                proxy.cut()
                await until_ready(play, ready=False)
                await read(play)
                key = str(uuid4())
                assert "away" in await refused(play, key)
                await connection.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT {FEW_SESSIONS}')
                await until_ready(play, ready=True)
                await until_written(play, key)
                statuses = set()
                for path in ("teams", "submissions/1/files", "logo", "problems/apples"):
                    statuses.add((await play.caller("chief").get(below(path))).status)
                assert statuses <= {200, 404, 503}
                await connection.execute(f'ALTER ROLE "{role}" CONNECTION LIMIT -1')
                await until_written(play, str(uuid4()))
                assert len(await play.ids("chief", "submissions")) == 3
        finally:
            await connection.execute(f'DROP OWNED BY "{role}"')
            await connection.execute(f'ALTER DATABASE "{name}" OWNER TO cds')
            await connection.execute(f'DROP ROLE "{role}"')
