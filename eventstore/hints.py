"""Handing out hints inside one process.

Knows who listens and the last position that was announced of each stream. It must not know where the
announcements come from. Hints for a slow listener collapse to the latest position of each stream: its queue
is bounded by the number of streams, and nothing is lost.
"""

import asyncio
from collections.abc import Mapping
from weakref import WeakSet

from eventstore.store import Hint


class HintSubscription:
    """An endless iterator over hints; ends when the board is closed. Forgotten when nobody holds it any more."""

    def __init__(self) -> None:
        """Start with nothing pending."""
        self._pending: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, stream: str, position: int) -> None:
        """Note that a stream has grown to `position`; replaces what was pending of it."""
        self._pending[stream] = position
        self._changed.set()

    def close(self) -> None:
        """End the iteration after what is pending."""
        self._closed = True
        self._changed.set()

    def __aiter__(self) -> "HintSubscription":
        """The subscription is its own iterator."""
        return self

    async def __anext__(self) -> Hint:
        """The oldest pending hint; waits for one."""
        while not self._pending:
            if self._closed:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        stream = next(iter(self._pending))
        return Hint(stream=stream, position=self._pending.pop(stream))


class HintBoard:
    """Spreads announcements to all subscriptions of the process, each growth of a stream once."""

    def __init__(self) -> None:
        """Start with no stream known and nobody listening."""
        self._positions: dict[str, int] = {}
        self._subscriptions: WeakSet[HintSubscription] = WeakSet()
        self._closed = False

    def know(self, positions: Mapping[str, int]) -> None:
        """Take note of where streams end without telling anybody: hints are about growth from now on."""
        self._positions.update(positions)

    def known(self, stream: str) -> int:
        """The last position of a stream that is known, 0 for one that is not."""
        return self._positions.get(stream, 0)

    def announce(self, stream: str, position: int) -> None:
        """Tell everybody that a stream has grown to `position`, unless that has been told already."""
        if position <= self._positions.get(stream, 0):
            return
        self._positions[stream] = position
        for subscription in self._subscriptions:
            subscription.put(stream, position)

    def subscribe(self) -> HintSubscription:
        """A new subscription; it gets what is announced after this call."""
        subscription = HintSubscription()
        if self._closed:
            subscription.close()
        self._subscriptions.add(subscription)
        return subscription

    def close(self) -> None:
        """End every subscription, present and future."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.close()
