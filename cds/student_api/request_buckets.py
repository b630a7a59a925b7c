"""How often one address may ask for a sync of a handle: a bucket of requests that fills again (requirements-001, 2.2).

Knows addresses and moments that it is given; it must not know any clock, nor any wire.
"""

from collections import OrderedDict

REFILL_S = 6.0
"""After so long there is one more: as fast as Codeforces lets three questions be asked."""

ADDRESSES_MAX = 16_384
"""Addresses that are counted. Of more, those that asked longest ago are forgotten early."""


class RequestBuckets:
    """The buckets of all addresses, as this process has seen them."""

    def __init__(self, *, requests_max: int, refill_s: float = REFILL_S) -> None:
        """All are full: each holds `requests_max`; where that is 0, nobody is limited."""
        self._requests_max = requests_max
        self._refill_s = refill_s
        # For each address the moment at which its bucket will be full again.
        self._full_s: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many addresses are counted."""
        return len(self._full_s)

    def take(self, address: str, now_s: float) -> float:
        """Seconds until the address may ask again; 0: it may now, and its bucket holds one less."""
        if self._requests_max == 0:
            return 0.0
        full_s = max(self._full_s.get(address, now_s), now_s) + self._refill_s
        wait_s = full_s - now_s - self._requests_max * self._refill_s
        if wait_s > 0:
            return wait_s
        self._full_s[address] = full_s
        self._full_s.move_to_end(address)
        while len(self._full_s) > ADDRESSES_MAX:
            self._full_s.popitem(last=False)
        return 0.0
