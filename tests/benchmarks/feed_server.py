"""Servers with live lines at command: ours as it is, and a bare loop of `transport.write` with the same bytes.

A process of its own that says its port and then obeys lines on standard input. `publish ROUNDS SIZE` makes so many
lines come, SIZE at a time, each round when the one before has been handed out, and answers when all have been;
`memory` tells resident bytes, `cpu` nanoseconds of the processor, `lines` how many lines the feed has. It ends when its
standard input does. This module must not know who listens.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import hdrs, web

from cds.application import Server
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange
from cds.configuration import Configuration
from cds.importing import encoded_events, import_contest
from cds.jetstream.settings import NatsServers, PublishingSettings
from cds.live_contest import Decision, LiveContest
from cds.observability import configure_logging
from projections.contest import ContestState
from schemas.objects import Team
from tests.benchmarks.processes import EDGE_SECRET
from tests.cds.contest_api.small_contest import small_contest

NATS_URL_VARIABLE = "CDS_NATS_URL"
CONTEST_ID = "small"
FEED_PATH = f"/api/contests/{CONTEST_ID}/event-feed"
LINE_BYTES = 400
"""About the length of a line about a judgement or a submission."""

PAGE_BYTES = 4_096

Publish = Callable[[int, int], Awaitable[None]]


class Feeding(msgspec.Struct, frozen=True):
    """A server that listens: its port, how to make lines come, and how many there are."""

    port: int
    publish: Publish
    lines: Callable[[], Awaitable[int]]


async def ours(data_dir: Path, **more: Any) -> Feeding:
    """A whole server with its own Postgres; every line is a change of a team that is decided, committed and folded."""
    server = Server(Configuration(port=0, data_dir=data_dir, admin_password="of the benchmark", **more))
    await server.start()
    service = server.service
    await import_contest(
        service.store, small_contest(), cause="benchmark", circumstances=SYSTEM, progress=lambda *_: None
    )
    contest = await service.contests.opened(CONTEST_ID)
    numbers = count(1)

    async def publish(rounds: int, size: int) -> None:
        for _ in range(rounds):
            names = [f"{next(numbers):0{LINE_BYTES - 100}}" for _ in range(size)]
            changes = [ObjectChange("teams", "t1", Team(id="t1", name=name, label="1")) for name in names]
            decision = Decision(events=encoded_events(changes))
            await contest.transact(
                partial(_decided, decision), actor="benchmark", cause="benchmark", circumstances=SYSTEM
            )
            while is_being_handed_out(server, contest):
                await asyncio.sleep(0)

    async def lines() -> int:
        feed = await contest.feed("public")
        chunks, place = 0, 0
        while (chunk := feed.after(place, b"")) is not None:
            chunks, place = chunks + chunk.data.count(b"\n"), chunk.sequence
        return chunks

    return Feeding(server.port, publish, lines)


def _decided(decision: Decision, _state: ContestState) -> Decision:
    return decision


def is_being_handed_out(server: Server, contest: LiveContest) -> bool:
    """Whether a channel has lines that it has not begun to publish."""
    broadcaster = server.service.feeds._broadcasters.get(contest)
    return broadcaster is not None and any(channel.behind for channel in broadcaster._channels.values())


async def publishing(data_dir: Path) -> Feeding:
    """The same as a core of edges: what it publishes goes to the nats-server whose URL the environment has."""
    servers = NatsServers(urls=(os.environ[NATS_URL_VARIABLE],))
    return await ours(data_dir, publishing=PublishingSettings(servers=servers), edge_secret=EDGE_SECRET)


async def bare(_data_dir: Path) -> Feeding:
    """An aiohttp handler that keeps the transports, and a loop that writes the same ready chunk to all of them."""
    transports: list[asyncio.Transport] = []
    numbers = count(1)

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: "application/x-ndjson"})
        await response.prepare(request)
        await response.write(line(0))
        if request.transport is not None:
            transports.append(request.transport)
        await asyncio.Event().wait()
        return response

    def line(number: int) -> bytes:
        form = b'{"type":"teams","id":"t1","data":{"name":"%0*d"},"token":"%034d"}\n'
        return form % (LINE_BYTES - 100, number, number)

    async def publish(rounds: int, size: int) -> None:
        for _ in range(rounds):
            lines = b"".join(line(next(numbers)) for _ in range(size))
            chunk = b"%x\r\n%b\r\n" % (len(lines), lines)
            for transport in transports:
                transport.write(chunk)
            await asyncio.sleep(0)

    async def lines() -> int:
        return 1

    application = web.Application()
    application.router.add_get(FEED_PATH, stream)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1_024)
    await site.start()
    return Feeding(runner.addresses[0][1], publish, lines)


async def _obey(feeding: Feeding) -> None:
    _say(feeding.port)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while told := (await reader.readline()).split():
        match told:
            case [b"publish", rounds, size]:
                await feeding.publish(int(rounds), int(size))
                _say(0)
            case [b"memory"]:
                _say(int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES)
            case [b"cpu"]:
                _say(time.process_time_ns())
            case [b"lines"]:
                _say(await feeding.lines())


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


async def _serve(kind: str, data_dir: Path) -> None:
    configure_logging("json", "warning")
    await _obey(await {"ours": ours, "publishing": publishing, "bare": bare}[kind](data_dir))
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
