"""Following: a large contest from nothing, beside an import of its feed; and how soon a line is on our feed.

The upstream is our own server. Upstream, follower and import are processes of their own. This module must not know how
anybody follows.
"""

import asyncio
import json
import os
import subprocess
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from urllib.request import Request, urlopen
from uuid import uuid4

import aiohttp

from cds.configuration import API_PREFIX
from cds.live_contest import stream_of
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from eventstore.store import Append, NewEvent
from tests.benchmarks.figures import Figure, Series, side_by_side
from tests.benchmarks.grown_contest import CONTEST_ID as GROWN_ID
from tests.benchmarks.grown_contest import write_grown_contest
from tests.benchmarks.posting_contest import CONTEST_ID as LIVE_ID
from tests.benchmarks.posting_contest import make_contest
from tests.benchmarks.processes import ADMIN_PASSWORD, CDS, RunningServer, contest_server
from tests.eventstore.embedded_processes import wait_until_ended

RUN_TIMEOUT_S = 600.0
ANSWER_TIMEOUT_S = 60.0
LIMIT_MS = 20.0
WRITES_PER_SECOND = 20.0
WARM_UP_WRITES = 5
PASSWORD_VARIABLE = "BENCHMARK_UPSTREAM_PASSWORD"  # the name of a variable
LOGIN = aiohttp.BasicAuth("admin", ADMIN_PASSWORD)

THE_END = "2031-05-18T00:00:00.000+02:00"
ENDED = dict.fromkeys(("started", "frozen", "ended", "thawed", "finalized", "end_of_updates"), THE_END)


def measure_following(room: Path, events: int, repeats: int, seconds: float) -> list[Figure]:
    """All of it, in directories of its own."""
    return [*measure_from_nothing(room, events, repeats), *measure_lines(room, repeats, seconds)]


def measure_from_nothing(room: Path, events: int, repeats: int) -> list[Figure]:
    """An upstream of so many events, followed to its end by a process that knows nothing; and its feed imported."""
    upstream_dir, target_dir, feed = room / "upstream", room / "following", room / "upstream.ndjson"
    asyncio.run(_prepare(upstream_dir, events))
    asyncio.run(_prepare(target_dir, 0))
    wait_until_ended(upstream_dir)
    with contest_server(upstream_dir) as upstream:
        lines = _keep_feed(upstream, feed)
        numbers = count(1)
        ours, baseline = asyncio.run(
            _side_by_side(
                target_dir,
                repeats,
                partial(_follow_s, upstream, target_dir, numbers),
                partial(_import_s, feed, target_dir, numbers),
            )
        )
    wait_until_ended(target_dir)
    return [
        Figure(
            subject=f"follow an upstream of {lines:,} events from nothing",
            unit="s",
            ours=ours,
            baseline=baseline,
            baseline_is="cds import of its feed (aim: a ratio of 0.5 or more)",
            more_is_better=False,
        )
    ]


def measure_lines(room: Path, repeats: int, seconds: float) -> list[Figure]:
    """From the arrival of a line of the upstream's feed to the same on the feed of the server that follows it."""
    upstream_dir, follower_dir, sources = room / "said", room / "followed", room / "sources.toml"
    writes = max(round(WRITES_PER_SECOND * seconds), 10)
    os.environ[PASSWORD_VARIABLE] = ADMIN_PASSWORD
    for directory in (upstream_dir, follower_dir):
        asyncio.run(_prepare(directory, 0))
        wait_until_ended(directory)
    with contest_server(upstream_dir) as upstream:
        asyncio.run(make_contest(upstream.port, teams=1))
        sources.write_text(
            f'[[source]]\ncontest_id = "{LIVE_ID}"\nurl = "{_url(upstream, LIVE_ID)}"\n'
            f'username = "admin"\npassword_env = "{PASSWORD_VARIABLE}"\n'
        )
        with contest_server(follower_dir, "--sources", str(sources)) as follower:
            ages = [asyncio.run(_ages_ms(upstream, follower, writes, run)) for run in range(repeats)]
    wait_until_ended(upstream_dir)
    wait_until_ended(follower_dir)
    limit = Series((LIMIT_MS,))
    return [
        Figure(
            subject=f"line of the upstream to our feed, {WRITES_PER_SECOND:.0f} lines/s, {name}",
            unit="ms",
            ours=Series(tuple(of(each) for each in ages)),
            baseline=limit,
            baseline_is="the limit for the median",
            more_is_better=False,
        )
        for name, of in (("median", median), ("99th percentile", _high))
    ]


async def _side_by_side(
    target_dir: Path, repeats: int, ours: Callable[[], float], baseline: Callable[[], float]
) -> tuple[Series, Series]:
    """Both in turn, while the Postgres that they write into is awake, so that neither has to wake it."""
    async with embedded_postgres(target_dir):
        return await asyncio.to_thread(side_by_side, repeats, ours, baseline)


async def _prepare(data_dir: Path, events: int) -> None:
    """A data directory, empty or with a contest of so many events that has ended its updates."""
    async with embedded_postgres(data_dir) as dsn:
        if not events:
            return
        await write_grown_contest(dsn, events - 1)
        store = await PostgresStore.open(dsn)
        try:
            ended = NewEvent(type="state", id="", data=json.dumps(ENDED).encode())
            await store.append(
                Append(
                    stream=stream_of(GROWN_ID),
                    expected_position=events - 1,
                    events=[ended],
                    actor="benchmark",
                    cause="benchmark",
                    batch_id=uuid4(),
                    recorded_at_us=0,
                )
            )
        finally:
            await store.close()


def _url(server: RunningServer, contest_id: str) -> str:
    return f"http://127.0.0.1:{server.port}{API_PREFIX}/contests/{contest_id}"


def _keep_feed(upstream: RunningServer, feed: Path) -> int:
    """Write the feed of the administrator into a file; how many lines it has."""
    login = b64encode(f"admin:{ADMIN_PASSWORD}".encode()).decode()
    request = Request(  # noqa: S310 - a server of our own
        f"{_url(upstream, GROWN_ID)}/event-feed?stream=false", headers={"Authorization": f"Basic {login}"}
    )
    with urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - as above
        body: bytes = answer.read()
    feed.write_bytes(body)
    return body.count(b"\n")


def _follow_s(upstream: RunningServer, data_dir: Path, numbers: "count[int]") -> float:
    contest_id = f"followed-{next(numbers)}"
    login = ("--username", "admin", "--log-level", "error")
    return _run_s(
        "follow",
        _url(upstream, GROWN_ID),
        "--contest-id",
        contest_id,
        "--until-end",
        *login,
        "--data-dir",
        str(data_dir),
    )


def _import_s(feed: Path, data_dir: Path, numbers: "count[int]") -> float:
    return _run_s("import", str(feed), "--contest-id", f"imported-{next(numbers)}", "--data-dir", str(data_dir))


def _run_s(*arguments: str) -> float:
    """Seconds that a command takes. Raises CalledProcessError when it fails."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    began_s = time.perf_counter()
    subprocess.run(
        [CDS, *arguments],
        env=environment | {"CDS_FOLLOW_PASSWORD": ADMIN_PASSWORD},
        check=True,
        capture_output=True,
        timeout=RUN_TIMEOUT_S,
    )
    return time.perf_counter() - began_s


async def _ages_ms(upstream: RunningServer, follower: RunningServer, writes: int, run: int) -> list[float]:
    """Milliseconds from the arrival of each line here, straight from the upstream, to its arrival by way of ours."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_TIMEOUT_S)
    async with aiohttp.ClientSession(auth=LOGIN, timeout=timeout) as session:
        await _until_followed(session, follower)
        async with _arrivals(session, upstream) as straight, _arrivals(session, follower) as by_ours:
            names = [f"run {run} write {number}" for number in range(WARM_UP_WRITES + writes)]
            async with asyncio.timeout(RUN_TIMEOUT_S):
                for name in names:
                    url = f"{_url(upstream, LIVE_ID)}/teams/t1"
                    async with session.put(url, json={"id": "t1", "name": name, "label": "1"}) as answer:
                        answer.raise_for_status()
                    await asyncio.sleep(1 / WRITES_PER_SECOND)
                while not by_ours.keys() >= set(names):
                    await asyncio.sleep(0.01)
            return [(by_ours[name] - straight[name]) * 1_000 for name in names[WARM_UP_WRITES:]]


async def _until_followed(session: aiohttp.ClientSession, follower: RunningServer) -> None:
    """Wait until the server that follows has the contest."""
    async with asyncio.timeout(ANSWER_TIMEOUT_S):
        while True:
            async with session.get(f"{_url(follower, LIVE_ID)}/teams/t1") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _arrivals(session: aiohttp.ClientSession, server: RunningServer) -> AsyncIterator[dict[str, float]]:
    """When the line came that first said a team's name, by that name; for as long as the block is open."""
    arrived: dict[str, float] = {}
    connected = asyncio.Event()

    async def listen() -> None:
        async with session.get(f"{_url(server, LIVE_ID)}/event-feed") as answer:
            answer.raise_for_status()
            connected.set()
            async for line in answer.content:
                arrived_s = time.perf_counter()
                said = json.loads(line) if line.strip() else {}
                if said.get("type") == "teams" and said["data"] is not None:
                    arrived.setdefault(said["data"]["name"], arrived_s)

    listening = asyncio.create_task(listen())
    try:
        await connected.wait()
        yield arrived
    finally:
        listening.cancel()


def _high(ages: list[float]) -> float:
    return sorted(ages)[int(len(ages) * 0.99)]
