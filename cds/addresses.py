"""Where a request comes from: the address of the client, also behind proxies that are trusted to tell it.

What a proxy says is believed from the right: each proxy adds the address it was called from at the end, and whatever
stands to the left of the first address that is no trusted proxy was written by that client itself. This module knows
addresses; it must not know accounts, nor any wire.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import msgspec

from cds.commands.accounts import Network

Address = IPv4Address | IPv6Address

NOWHERE = ""
"""The address of a client of which none is known, as on a Unix socket."""

OWN_NETWORK_BITS = 64
"""Of an IPv6 address so many bits are one customer's; the others they choose as they like."""


class Client(msgspec.Struct, frozen=True):
    """A client's address as text. It is `certain` when nobody could have made us believe it but the client.

    An address that is not certain is the best guess at who is to blame, and good for nothing else.
    """

    address: str
    certain: bool


def client_of(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> Client:
    """The client behind a connection from `peer`; `forwarded_for` are the values of X-Forwarded-For, in order.

    Not certain: a trusted proxy that does not say for whom it asks, or says it so that it cannot be read.
    """
    at_peer = _address(peer or "")
    if at_peer is None:
        return Client(peer or NOWHERE, certain=False)
    if not is_among(at_peer, trusted):
        return Client(str(at_peer), certain=True)
    for hop in reversed([hop for value in forwarded_for for hop in value.split(",")]):
        at_hop = _address(_without_port(hop.strip()))
        if at_hop is None:
            return Client(str(at_peer), certain=False)
        if not is_among(at_hop, trusted):
            return Client(str(at_hop), certain=True)
    return Client(str(at_peer), certain=False)


def is_among(address: Address, networks: Iterable[Network]) -> bool:
    """Whether an address is in any of the networks."""
    return any(address.version == network.version and address in network for network in networks)


def known_address(text: str) -> Address:
    """The address that a Client has in certain. Raises ValueError for a text that is none."""
    return ip_address(text)


def neighbourhood(address: str) -> str:
    """What failures are counted for: the address, of IPv6 the network that one customer has."""
    read = _address(address)
    return str(IPv6Network((read, OWN_NETWORK_BITS), strict=False)) if isinstance(read, IPv6Address) else address


def _address(text: str) -> Address | None:
    """The address that a text is; IPv4 in the form of IPv6 is IPv4, and the zone of a local address is left out."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _without_port(hop: str) -> str:
    """`192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write it, without the port and brackets."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
