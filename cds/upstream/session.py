"""Connections to an upstream, and to the other hosts on which it says that files are.

What an upstream names is fetched from here, so it could make us ask inside our own network. Its own host is whom we
were told to ask, and so are those that are named besides (`--files-from`); every other has to be a host of the public
internet. That is looked at in the moment in which a connection is made, since a name may lead elsewhere by then.
This module must not know what is asked.
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address

import aiohttp
from aiohttp import hdrs
from yarl import URL

from cds.commands.webhook_urls import is_public
from cds.upstream.addresses import comparable_host
from cds.upstream.options import SourceOptions

CONNECT_S_MAX = 15.0
READ_AHEAD_BYTES = 1024 * 1024

AddressInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[object, ...]]


class Outage(Exception):
    """The upstream cannot be heard; the text says why, without any secret."""


class HostRefused(Outage):
    """A host is not asked, because it is one of an inner network that nobody has named."""

    def __init__(self, host: str) -> None:
        """The host of that name or address."""
        super().__init__(f"{host} is no public address; hosts inside are asked when they are named (--files-from)")


class UpstreamSession:
    """Two pools of connections: to hosts that are named, and to strangers."""

    def __init__(self, named: aiohttp.ClientSession, strangers: aiohttp.ClientSession, hosts: frozenset[str]) -> None:
        """`hosts` are those that are named, in comparable form."""
        self._named = named
        self._strangers = strangers
        self._hosts = hosts

    async def get(self, url: URL, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The answer to one GET, its head; a redirect is an answer too. Raises HostRefused, and what aiohttp raises."""
        host = comparable_host(url.raw_host or "")
        session = self._named if host in self._hosts else self._strangers
        try:
            return await session.get(url, headers=headers, allow_redirects=False)
        except aiohttp.ClientConnectorError as error:
            if session is self._strangers and error.os_error.errno == errno.EACCES:
                raise HostRefused(host) from None
            raise


@asynccontextmanager
async def upstream_session(options: SourceOptions, version: str) -> AsyncIterator[UpstreamSession]:
    """Connections to an upstream for the length of the block. Raises OSError for certificates that cannot be read."""
    trusted: ssl.SSLContext | bool = True
    if options.certificates is not None:
        trusted = await asyncio.to_thread(ssl.create_default_context, cafile=str(options.certificates))
    hosts = options.files_from | {comparable_host(URL(options.address.url, encoded=True).raw_host or "")}
    async with (
        _session(aiohttp.TCPConnector(ssl=trusted), version) as named,
        _session(aiohttp.TCPConnector(ssl=trusted, socket_factory=_public_socket), version) as strangers,
    ):
        yield UpstreamSession(named, strangers, hosts)


def _session(connector: aiohttp.TCPConnector, version: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S_MAX),
        headers={hdrs.USER_AGENT: f"contest-data-server/{version}", hdrs.ACCEPT_ENCODING: "identity"},
        read_bufsize=READ_AHEAD_BYTES,
        trust_env=False,
    )


def _public_socket(address: AddressInfo) -> socket.socket:
    """The socket for a connection to a stranger. Raises OSError (EACCES) for an address that is not public."""
    family, kind, protocol, _, where = address
    if not is_public(ip_address(str(where[0]))):
        raise OSError(errno.EACCES, "the address is not public")
    return socket.socket(family, kind, protocol)
