"""Connections on which scoreboards are followed: over TLS, in HTTP/1.0, slow ones, stalled ones, and too many."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import hdrs
from structlog.testing import capture_logs

from cds.contest_api import scoreboard_stream
from cds.contest_api.board_channels import BoardChannel, BoardEvent
from cds.fan_out.connection import Uptake
from cds.fan_out.limits import FeedLimits
from cds.metrics import SCOREBOARD_STREAMS, SCOREBOARD_STREAMS_CUT_OFF, SCOREBOARD_STREAMS_REFUSED
from cds.own_certificate import FILE_NAME
from cds.packages.contents import Change
from tests.cds.contest_api.board_streams import EVENT_STREAM, FollowedBoard, following
from tests.cds.contest_api.serving import DEADLINE_S, Caller, Running, append, opened, running
from tests.cds.contest_api.test_http import CHIEF, check_error
from tests.cds.operations.certificates import NAME
from tests.cds.operations.test_encryption import session_over_tls, trusting

BOARD = "contests/small/scoreboard"
LARGE_FRAME = b": " + b" " * 8 * 1024**2
QUICK = FeedLimits(stalled_s=0.3)


async def until(condition: object) -> None:
    """Wait until something callable is true."""
    assert callable(condition)
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


@contextmanager
def connected(server: Running, version: str = "1.1", **headers: str) -> Iterator[socket.socket]:
    """A client that follows the board and has read nothing of it yet; its kernel takes little."""
    asked = {"Host": "x", hdrs.ACCEPT: EVENT_STREAM, **headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked.items())
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.server.port))
        client.sendall(f"GET /api/{BOARD} HTTP/{version}\r\n{lines}\r\n".encode())
        client.setblocking(False)
        yield client


@asynccontextmanager
async def over_tls(server: Running, certificate: Path) -> AsyncIterator[FollowedBoard]:
    """The board, followed by a client that trusts this certificate."""
    async with session_over_tls(trusting(certificate)) as session:
        caller = Caller(session, f"https://{NAME}:{server.server.port}/api/", None)
        async with following(caller, BOARD) as board:
            yield board


async def test_over_tls_it_goes_on_after_the_first_event(fresh_dsn: str, tmp_path: Path) -> None:
    limits = FeedLimits(stalled_s=0.5)
    cut_off = SCOREBOARD_STREAMS_CUT_OFF._value.get()
    async with (
        running(fresh_dsn, tls_self_signed=True, data_dir=tmp_path, keep_alive_s=0.1, feed_limits=limits) as server,
        over_tls(server, tmp_path / FILE_NAME) as board,
        opened(fresh_dsn) as store,
    ):
        whole = (await board.event()).json
        for _ in range(10):
            assert (await board.next()).kind == "comment"
        await append(store, "small", Change("teams", "t1", None))
        assert (await board.event()).kind in ("changes", "scoreboard")
        assert board.board["rows"] != whole["rows"]
    assert SCOREBOARD_STREAMS_CUT_OFF._value.get() == cut_off


async def test_the_end_of_an_old_connection_is_the_end_of_the_stream(fresh_dsn: str) -> None:
    """HTTP/1.0 has no chunks, so the connection cannot be kept, whatever the client would like."""
    async with running(fresh_dsn, keep_alive_s=0.1) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(
            f"GET /api/{BOARD} HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\nAccept: {EVENT_STREAM}\r\n\r\n".encode()
        )
        async with asyncio.timeout(DEADLINE_S):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert b"keep-alive" not in head
            assert b"chunked" not in head
            assert (await reader.readline()).startswith(b"retry: ")
            await reader.readuntil(b"event: scoreboard\n")
            stopping = asyncio.create_task(server.server.stop())
            await reader.read()
            await stopping
        writer.close()


async def test_one_that_takes_a_large_board_slowly_is_waited_for(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes many times as long as a client may take nothing."""
    monkeypatch.setattr(BoardChannel, "event_since", lambda _self, known: _large_frame(known))
    cut_off = SCOREBOARD_STREAMS_CUT_OFF._value.get()
    async with running(fresh_dsn, feed_limits=QUICK, keep_alive_s=60) as server:
        with connected(server) as client:
            loop, received = asyncio.get_running_loop(), 0
            began_s = loop.time()
            async with asyncio.timeout(DEADLINE_S):
                while received < len(LARGE_FRAME):
                    # Slowly at first, as long as it would take to be cut off several times; then the rest.
                    slow = loop.time() < began_s + 4 * QUICK.stalled_s
                    received += len(await loop.sock_recv(client, 16 * 1024 if slow else 1024**2))
                    await asyncio.sleep(0.01 if slow else 0)
    assert SCOREBOARD_STREAMS_CUT_OFF._value.get() == cut_off


def _large_frame(known: str | None) -> BoardEvent | None:
    """A board of many megabytes, once."""
    return None if known == "x" else BoardEvent("x", LARGE_FRAME)


async def test_one_that_takes_nothing_is_cut_off_by_us_told_and_counted(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one to whom there is so little to give that nothing ever waits for room here; the kernel knows."""
    monkeypatch.setattr(scoreboard_stream, "KEEP_ALIVE", b":" + b"x" * 4_000 + b"\n\n")
    cut_off, followed = SCOREBOARD_STREAMS_CUT_OFF._value.get(), SCOREBOARD_STREAMS._value.get()
    async with running(fresh_dsn, feed_limits=QUICK, keep_alive_s=0.05) as server:
        with capture_logs() as logs, connected(server):
            await until(lambda: SCOREBOARD_STREAMS_CUT_OFF._value.get() == cut_off + 1)
            await until(lambda: SCOREBOARD_STREAMS._value.get() == followed)
    (told,) = [each for each in logs if each["event"] == "scoreboard_client_cut_off"]
    assert (told["reason"], told["address"], told["stalled_s"]) == ("stalled", "127.0.0.1", 0.3)
    assert told["bytes_behind"] > 0


async def test_one_of_whose_connection_nothing_can_be_learnt_is_cut_off(
    fresh_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_uptake: Uptake) -> int:
        raise OSError("no such device")

    monkeypatch.setattr(Uptake, "untaken_bytes", refuse)
    cut_off, followed = SCOREBOARD_STREAMS_CUT_OFF._value.get(), SCOREBOARD_STREAMS._value.get()
    async with running(fresh_dsn, feed_limits=QUICK, keep_alive_s=60) as server:
        with capture_logs() as logs, connected(server):
            await until(lambda: SCOREBOARD_STREAMS_CUT_OFF._value.get() == cut_off + 1)
            await until(lambda: SCOREBOARD_STREAMS._value.get() == followed)
    (told,) = [each for each in logs if each["event"] == "scoreboard_client_cut_off"]
    assert (told["reason"], told["error"]) == ("failed", "no such device")


async def test_one_that_has_left_is_missed_before_there_is_anything_to_send(fresh_dsn: str) -> None:
    followed = SCOREBOARD_STREAMS._value.get()
    async with running(fresh_dsn, feed_limits=QUICK, keep_alive_s=600) as server:
        with connected(server):
            await until(lambda: SCOREBOARD_STREAMS._value.get() == followed + 1)
        await until(lambda: SCOREBOARD_STREAMS._value.get() == followed)


async def test_when_all_places_are_taken_another_is_told_to_come_again(fresh_dsn: str) -> None:
    """Feeds have places of their own, and a board that is asked for once needs none."""
    limits = FeedLimits(boards_max=2, places_for_logins=1, clients_max=1)
    refused = SCOREBOARD_STREAMS_REFUSED._value.get()
    async with running(fresh_dsn, feed_limits=limits) as server, AsyncExitStack() as stack:
        anonymous, chief = server.caller(), server.caller(CHIEF)
        await stack.enter_async_context(following(anonymous, BOARD))
        answer = await anonymous.get(BOARD, headers={hdrs.ACCEPT: EVENT_STREAM})
        check_error(answer.status, answer.body, answer.headers["Content-Type"], 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert (await anonymous.get(BOARD)).status == 200
        assert (await anonymous.get("contests/small/event-feed?stream=false")).status == 200
        await stack.enter_async_context(following(chief, BOARD))
        assert (await chief.ask("HEAD", BOARD, headers={hdrs.ACCEPT: EVENT_STREAM})).status == 503
        assert SCOREBOARD_STREAMS_REFUSED._value.get() == refused + 2
