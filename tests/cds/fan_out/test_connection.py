"""What the kernel says of a connection, plain and over TLS: who takes slowly is known from who takes nothing."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from cds.fan_out.connection import Uptake, prepared_socket
from tests.cds.operations.certificates import NAME, new_key, written

DEADLINE_S = 20.0
UNSENT_BYTES_MAX = 128 * 1024
PIECE_BYTES = 64 * 1024
SLOWLY_BYTES, SLOWLY_PAUSE_S = 1_024, 0.025
"""Much slower than the buffers are large: it takes seconds until one of them has room again."""

STALLED_S = 1.0
LOOK_S = 0.05
READ_SLOWLY_S = 4.0


class Served:
    """The server's end of a connection, whose client is always given more, and the client's end."""

    def __init__(self, transport: asyncio.Transport, writer: asyncio.StreamWriter, client: socket.socket) -> None:
        self.connection = prepared_socket(transport, unsent_bytes_max=UNSENT_BYTES_MAX)
        self.uptake = Uptake(transport, self.connection)
        self.client = client
        self.given_bytes = 0
        self._transport = transport
        self._writer = writer

    async def give(self) -> None:
        """Give pieces, each when there is room, without end."""
        while True:
            self._transport.write(bytes(PIECE_BYTES))
            self.given_bytes += PIECE_BYTES
            await self._writer.drain()

    def stuck_for_s(self) -> float:
        """For how long the client has been seen to take nothing."""
        return self.uptake.stuck_for_s(self.given_bytes, asyncio.get_running_loop().time())


@asynccontextmanager
async def serving(certificates: Path | None) -> AsyncIterator[Served]:
    """A connection whose client has read nothing yet; over TLS if there is a place for certificates."""
    accepted: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    of_server, of_client = contexts(certificates)
    server = await asyncio.start_server(
        lambda _, writer: accepted.set_result(writer), "127.0.0.1", 0, ssl=of_server, start_serving=True
    )
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(DEADLINE_S)
        client = plain
        await asyncio.to_thread(plain.connect, server.sockets[0].getsockname())
        if of_client is not None:
            client = await asyncio.to_thread(of_client.wrap_socket, plain, server_hostname=NAME)
        with client:
            client.setblocking(False)
            writer = await accepted
            assert isinstance(writer.transport, asyncio.Transport)
            served = Served(writer.transport, writer, client)
            giving = asyncio.create_task(served.give())
            try:
                yield served
            finally:
                giving.cancel()
                await asyncio.gather(giving, return_exceptions=True)
                writer.transport.abort()
                server.close()
                await server.wait_closed()


def contexts(certificates: Path | None) -> tuple[ssl.SSLContext | None, ssl.SSLContext | None]:
    """Of the server, and of a client that trusts it."""
    if certificates is None:
        return None, None
    files = written(certificates, new_key())
    of_server, of_client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    of_server.load_cert_chain(files.certificate, files.key)
    of_client.load_verify_locations(files.certificate)
    return of_server, of_client


async def read_slowly(served: Served) -> None:
    """Read a little now and then."""
    while True:
        with suppress(BlockingIOError, ssl.SSLWantReadError):
            served.client.recv(SLOWLY_BYTES)
        await asyncio.sleep(SLOWLY_PAUSE_S)


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(LOOK_S)


@pytest.fixture(params=["plain", "tls"])
def certificates(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Both kinds of connections."""
    return tmp_path if request.param == "tls" else None


async def test_who_takes_slowly_but_steadily_is_never_taken_for_one_who_takes_nothing(
    certificates: Path | None,
) -> None:
    """Over TLS, too, where what waits in between cannot be seen and only shrinks for seconds."""
    loop = asyncio.get_running_loop()
    async with serving(certificates) as served:
        reading = asyncio.create_task(read_slowly(served))
        until_s = loop.time() + READ_SLOWLY_S
        while loop.time() < until_s:
            assert served.stuck_for_s() < STALLED_S
            await asyncio.sleep(LOOK_S)
        assert not reading.done()
        reading.cancel()


async def test_who_takes_nothing_is_seen_to(certificates: Path | None) -> None:
    async with serving(certificates) as served:
        await until(lambda: served.stuck_for_s() >= STALLED_S / 2)
        fault = served.uptake.fault(served.given_bytes, asyncio.get_running_loop().time(), STALLED_S / 4)
        assert fault is not None
        assert (fault.reason, fault.error) == ("stalled", None)
        assert fault.untaken_bytes > PIECE_BYTES


async def test_of_one_that_is_cut_off_nothing_stays_in_the_kernel() -> None:
    """The other side is told at once; it is not sent the rest first."""
    async with serving(None) as served:
        await until(lambda: served.stuck_for_s() > 0)
        served.uptake.cut_off()
        with pytest.raises(ConnectionResetError):
            await asyncio.to_thread(read_to_its_end, served.client)
        assert served.stuck_for_s() >= 0, "what is gone can still be asked"


def read_to_its_end(client: socket.socket) -> None:
    """What had come may still be read, then there is the end or an error."""
    client.settimeout(DEADLINE_S)
    while client.recv(PIECE_BYTES):
        pass


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this platform has no TCP_USER_TIMEOUT")
async def test_the_kernel_gives_up_nobody_whom_we_look_after() -> None:
    """Its time would end slow readers, too; it is for what is left when nobody looks any more."""

    def timeout_ms() -> int:
        assert served.connection is not None
        return served.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    async with serving(None) as served:
        assert timeout_ms() == 0
        served.uptake.leave_to_kernel(12.5)
        assert timeout_ms() == 12_500
