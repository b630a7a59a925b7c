"""`make edges`: one part after the other is killed while many write; afterwards nothing is missing at any edge.

Killed are a node of NATS, the node that leads the stream, and the worker that publishes. Every reader's lines must be
the very lines of the core's feed, each once and in its order, and everything that was acknowledged must be among them.
"""

import asyncio
import os
import signal
import statistics
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
import click
import msgspec

from cds.jetstream.subjects import DEFAULT_PREFIX, stream_name
from tests.cds.contest_api.serving import Login, server_login
from tests.cds.contest_api.small_contest import login
from tests.edges.clients import Reader, Who, Writers, feed_url, headers_of
from tests.edges.installation import CONTEST_ID, Installation, installed
from tests.nats_servers import leader_of, serves

CALM_S = 5.0
"""Before something is killed, and after it is back."""

DOWN_S = 5.0
LEVEL_S_MAX = 90.0
READING = (
    Who(name="public", login=None, sees_all=False),
    Who(name="judge", login=server_login("judge"), sees_all=True),
    Who(name="admin", login=server_login("admin"), sees_all=True),
    Who(name="team-one", login=login(CONTEST_ID, "team-one"), sees_all=False, team_id="t1"),
    Who(name="team-two", login=login(CONTEST_ID, "team-two"), sees_all=False, team_id="t2"),
)
"""Who reads at each server: of the role team those for whom there are lines of their own among the common ones."""


class Phase(msgspec.Struct, frozen=True):
    """What was done, from when to when (seconds of the loop's clock)."""

    name: str
    begun_s: float
    ended_s: float


class Campaign:
    """One course of it."""

    def __init__(self, installation: Installation, rate: float) -> None:
        """Nobody reads or writes yet."""
        self._installation = installation
        self.writers = Writers(installation.core, rate)
        addresses = (*installation.edges, installation.core)
        self.readers = [Reader(address, who) for address in addresses for who in READING]
        self.phases: list[Phase] = []

    async def run(self) -> None:
        """Everything, to the moment at which all readers have all."""
        reading = [asyncio.create_task(reader.read()) for reader in self.readers]
        over = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.writers.write(over))
                await self._break()
                over.set()
            await self._all_have_all()
        finally:
            for task in reading:
                task.cancel()
            ended = await asyncio.gather(*reading, return_exceptions=True)
        for outcome in ended:
            if isinstance(outcome, Exception):
                raise outcome

    async def _break(self) -> None:
        await self._phase("nothing is killed", _nothing)
        await self._phase("a node of NATS is killed", self._kill_node)
        await self._phase("the leader of the stream is killed", self._kill_leader)
        await self._phase("the worker that publishes is killed", self._kill_publisher)

    async def _phase(self, name: str, kill: Callable[[], Awaitable[None]]) -> None:
        begun_s = asyncio.get_running_loop().time()
        await asyncio.sleep(CALM_S)
        await kill()
        acknowledged = len(self.writers.acknowledged)
        await asyncio.sleep(CALM_S)
        assert len(self.writers.acknowledged) > acknowledged, f"nothing was written after {name}"
        self.phases.append(Phase(name, begun_s, asyncio.get_running_loop().time()))

    async def _kill_node(self) -> None:
        nodes = self._installation.nodes
        leader = await leader_of(nodes, stream_name(DEFAULT_PREFIX, CONTEST_ID))
        await self._kill(next(node for node in nodes if node is not leader).name)

    async def _kill_leader(self) -> None:
        await self._kill((await leader_of(self._installation.nodes, stream_name(DEFAULT_PREFIX, CONTEST_ID))).name)

    async def _kill(self, name: str) -> None:
        (node,) = [node for node in self._installation.nodes if node.name == name]
        await node.kill()
        await asyncio.sleep(DOWN_S)
        await node.start()
        await serves([node])

    async def _kill_publisher(self) -> None:
        os.kill(self._installation.publishing_worker(), signal.SIGKILL)

    async def _all_have_all(self) -> None:
        """Wait until every reader has what was acknowledged. Raises AssertionError for who does not get it."""
        try:
            async with asyncio.timeout(LEVEL_S_MAX):
                while any(reader.lacks(self.writers.acknowledged) for reader in self.readers):
                    await asyncio.sleep(0.1)
        except TimeoutError:
            missing = {
                f"{reader.address} {reader.who.name}": len(reader.lacks(self.writers.acknowledged))
                for reader in self.readers
            }
            raise AssertionError(f"lines are missing: {missing}") from None


async def _nothing() -> None:
    await asyncio.sleep(DOWN_S)


async def feed_of(address: str, credentials: Login | None) -> list[bytes]:
    """The whole feed of a server as it stands."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(feed_url(address), params={"stream": "false"}, headers=headers_of(credentials)) as response,
    ):
        assert response.status == 200, await response.text()
        return (await response.read()).splitlines(keepends=True)


async def compare(campaign: Campaign, installation: Installation) -> None:
    """Every reader's lines are those of the core, and so is every edge's feed and collection."""
    for who in READING:
        expected = [line for line in await feed_of(installation.core, who.login) if line != b"\n"]
        for address in installation.edges:
            lines = [line for line in await feed_of(address, who.login) if line != b"\n"]
            assert lines == expected, (address, who.name)
            await _same_collection(installation, address, who.login)
        for reader in campaign.readers:
            if reader.who == who:
                assert reader.lines == expected, (reader.address, who.name)


async def _same_collection(installation: Installation, edge: str, credentials: Login | None) -> None:
    bodies = []
    for address in (installation.core, edge):
        url = f"{address}/api/contests/{CONTEST_ID}/clarifications"
        async with aiohttp.ClientSession() as session, session.get(url, headers=headers_of(credentials)) as response:
            bodies.append((response.status, response.headers.get("ETag"), await response.read()))
    assert bodies[0] == bodies[1], edge


def figures(campaign: Campaign) -> list[str]:
    """How long a line took from the request that wrote it to a reader, by phase and kind of server."""
    written, edges = campaign.writers.begun_s, campaign.readers[: -len(READING)]
    core = campaign.readers[-len(READING) :]
    rows = [f"{'':38}{'writes/s':>9}  {'edges: p50':>10} {'p99':>9} {'longest':>9}  {'core: p50':>10} {'longest':>9}"]
    for phase in campaign.phases:
        numbers = [n for n, at_s in written.items() if phase.begun_s <= at_s < phase.ended_s]
        rate = len(numbers) / (phase.ended_s - phase.begun_s)
        at_edges, at_core = (_ages_ms(readers, written, numbers) for readers in (edges, core))
        p99 = statistics.quantiles(at_edges, n=100)[98]
        rows.append(
            f"{phase.name:38}{rate:9.0f}  {statistics.median(at_edges):7.1f} ms {p99:6.0f} ms {max(at_edges):6.0f} ms"
            f"  {statistics.median(at_core):7.1f} ms {max(at_core):6.0f} ms"
        )
    lines = sum(len(reader.lines) for reader in edges)
    connections = sum(reader.connections for reader in edges)
    rows.append(f"{len(campaign.writers.acknowledged)} writes acknowledged; {lines} lines at edges over {connections}")
    rows[-1] += " connections; none lost, none twice, none out of order"
    return rows


def _ages_ms(readers: Sequence[Reader], written: Mapping[int, float], numbers: Sequence[int]) -> list[float]:
    """How old these writes were when they came to those whom they reach."""
    return [
        (reader.arrived_s[number] - written[number]) * 1000
        for reader in readers
        for number in numbers
        if reader.who.is_shown(number)
    ]


async def course(rate: float, directory: Path) -> None:
    """The campaign, in a directory of its own."""
    async with installed(directory) as installation:
        campaign = Campaign(installation, rate)
        await campaign.run()
        await compare(campaign, installation)
        sys.stdout.write("\n".join(figures(campaign)) + "\n")


@click.command()
@click.option("--rate", default=200.0, show_default=True, help="Writes a second.")
@click.option("--keep", type=click.Path(path_type=Path), help="Work in this directory and leave it behind.")
def main(rate: float, keep: Path | None) -> None:
    """Kill one part after the other while many write, and look for what is lost."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        asyncio.run(course(rate, keep))
        return
    with TemporaryDirectory() as directory:
        asyncio.run(course(rate, Path(directory)))


if __name__ == "__main__":
    main()
