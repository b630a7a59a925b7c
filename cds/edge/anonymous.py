"""What the core says of who comes to a contest without a login: who that is, and which addresses log somebody in.

This module must not know how the core is asked.
"""

from collections.abc import Iterable
from ipaddress import ip_network

import msgspec

from cds.addresses import known_address
from projections.tokens import ViewTags
from schemas.viewers import Viewer

EVERYWHERE = ("0.0.0.0/0", "::/0")


class Known(msgspec.Struct, frozen=True):
    """Somebody as the core has told of him: the viewer, the tags of his tokens, and the key of entity tags."""

    viewer: Viewer
    tags: ViewTags
    entity_tags_key: bytes


class Networks:
    """Networks, of which there may be one for every seat, so that an address is looked up and not searched for."""

    def __init__(self, told: Iterable[str] = ()) -> None:
        """Those that are told, each as ipaddress writes it. Raises ValueError for what is none."""
        self.told = frozenset(told)
        self._beginnings: dict[tuple[int, int], set[int]] = {}
        """The beginnings of addresses that are theirs, by version and by how many bits follow."""
        for network in map(ip_network, self.told):
            rest_bits = network.max_prefixlen - network.prefixlen
            beginning = int(network.network_address) >> rest_bits
            self._beginnings.setdefault((network.version, rest_bits), set()).add(beginning)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.told)

    def __contains__(self, text: str) -> bool:
        """Whether an address is in any of them; a text that is none is in no network."""
        try:
            address = known_address(text)
        except ValueError:
            return False
        bits = int(address)
        return any(
            version == address.version and bits >> rest_bits in beginnings
            for (version, rest_bits), beginnings in self._beginnings.items()
        )


class Anonymous(msgspec.Struct):
    """Who comes to a contest without a login and is not logged in by an address, and whether addresses count there.

    No address out of the `networks` logs anybody in. `view_key` makes the tags of the public's tokens. `at_s` is when
    the core was asked for this, `asked_s` when it was asked last, both by the loop's clock.
    """

    contest_id: str
    known: Known
    view_key: str
    by_address: bool
    networks: Networks
    at_s: float
    asked_s: float

    def changed_for(self, before: "Anonymous") -> Networks:
        """Where those come from who were the public by what held before, and now are not, or have other tokens."""
        if self.view_key != before.view_key or self.known.viewer != before.known.viewer:
            return Networks(EVERYWHERE)
        return Networks(self.networks.told - before.networks.told)
