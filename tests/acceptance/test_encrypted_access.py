"""All access over HTTPS (Contest API, "General design principles"): the server stands behind a proxy that ends TLS.

The proxy here is the least that can be called one; it forwards bytes and knows nothing of HTTP.
"""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cds.contest_api.serving import Caller, Running
from tests.cds.contest_api.small_contest import login

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME = "localhost"


def certificate(directory: Path) -> Path:
    """A key and a certificate that it signed itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = directory / "proxy.pem"
    path.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return path


@asynccontextmanager
async def proxied(port: int, certificate_file: Path) -> AsyncIterator[int]:
    """A TLS port that leads to a plain one, for the length of the block."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, inner_writer), pass_on(inner_reader, writer))

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file)
    proxy = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with proxy:
        number: int = proxy.sockets[0].getsockname()[1]
        yield number


async def test_everything_works_through_a_proxy_that_ends_tls(served: Running, tmp_path: Path) -> None:
    certificate_file = certificate(tmp_path)
    trusting = ssl.create_default_context(cafile=str(certificate_file))
    async with (
        proxied(served.server.port, certificate_file) as port,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session,
    ):
        base = f"https://{NAME}:{port}/api/"
        caller = Caller(session, base, login("small", "team-one"))
        plain = served.caller(login("small", "team-one"))
        for path in ("", "contests", "contests/small/teams", "contests/small/scoreboard", "contests/small/account"):
            assert (await caller.get(path)).body == (await plain.get(path)).body
        (source,) = (await caller.json("contests/small/submissions/s1"))["files"]
        assert (await caller.get(urljoin(base, source["href"]))).body.startswith(b"PK")
        assert await caller.lines("contests/small/event-feed") == await plain.lines("contests/small/event-feed")
        async with caller.stream("contests/small/event-feed") as stream:
            assert (await stream.notification())["type"] == "contest"
