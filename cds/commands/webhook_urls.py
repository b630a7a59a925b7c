"""Which URLs may be called: the form of the URL, and the addresses that are nobody's internal ones.

A server that posts wherever it is told can be made to reach what only its own network reaches. So an address must be
one of the public internet, unless private ones are allowed. What a name leads to is looked at when it is connected to;
this module knows texts and addresses, and must not resolve any.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from cds.commands.decision import Refused

URL = "url"
SCHEMES = ("http", "https")

Address = IPv4Address | IPv6Address

# The addresses of these networks stand for IPv4 addresses in their last 32 bits (RFC 6052, RFC 4291).
TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))

# Tunnels and translations into networks that nobody can see into from here (RFC 4380, RFC 8215).
OPAQUE = (IPv6Network("2001::/32"), IPv6Network("64:ff9b:1::/48"))

# What the library still takes for global: relays of such tunnels (RFC 7526), addresses of one site (RFC 3879), of
# segment routing (RFC 9602), and of examples (RFC 9637).
INTERNAL: tuple[IPv4Network | IPv6Network, ...] = (
    IPv4Network("192.88.99.0/24"),
    IPv6Network("fec0::/10"),
    IPv6Network("5f00::/16"),
    IPv6Network("3fff::/20"),
)

IPV4_BITS = 2**32 - 1

_NUMBER = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")


def is_public(address: Address) -> bool:
    """Whether an address belongs to a host of the public internet, also where it is written as another one."""
    if isinstance(address, IPv6Address):
        inner = _ipv4_within(address)
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in (*OPAQUE, *INTERNAL)):
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not address.is_loopback and not address.is_link_local


def check_url(url: str, *, private_allowed: bool) -> None:
    """Raise Refused for what cannot or may not be called."""
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise Refused("url holds characters that a URL cannot hold; write them percent-encoded", URL)
    parts = _parts(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise Refused("url must be http:// or https:// with a host", URL)
    if "@" in parts.netloc:
        raise Refused("url must not hold a user name or password: everybody who may see the webhook sees it", URL)
    if "#" in url:
        raise Refused("url must not hold a fragment: it is never sent", URL)
    _check_host(parts.hostname, private_allowed=private_allowed)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("url is no URL that can be read", URL) from None
    if port == 0:
        raise Refused("url: there is no port 0", URL)
    return parts


def _check_host(host: str, *, private_allowed: bool) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        # Some read such a text as an address all the same, in ways that differ.
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            raise Refused("url: the host is neither a name nor an address in the usual form", URL) from None
        return
    if not private_allowed and not is_public(address):
        raise Refused(
            f"url: {host} is no public address; the server calls such addresses only when it is told to "
            "(--webhook-allow-private)",
            URL,
        )


def _ipv4_within(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for, None for one that stands for itself."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in TRANSLATED):
        return IPv4Address(int(address) & IPV4_BITS)
    return None
