"""Comparisons of contests that are in memory and go on: made beside the event loop, one at a time, and kept a while.

This module must not know who asks, nor how the answer is written.
"""

import asyncio
from collections import OrderedDict

import msgspec

from cds.comparing.words import Captions, captions_of
from cds.live_contest import LiveContest
from projections.comparison import compared
from projections.comparison_properties import Scope, left_out_of
from projections.comparison_results import Comparison
from projections.comparison_verdicts import Link, side_of
from projections.contest import ContestState
from projections.still import named, still

COMPARISONS_KEPT_MAX = 8
WAITING_MAX = 16
"""Requests that wait for a comparison at once, those that are answered with the same one included."""


class TooManyComparisons(Exception):
    """WAITING_MAX requests are waiting already."""


class Found(msgspec.Struct, frozen=True):
    """A comparison, and what the sides call teams and problems."""

    comparison: Comparison
    captions: Captions


class LiveSide(msgspec.Struct, frozen=True):
    """A contest of this server, how it is called, and where its submissions can be seen."""

    name: str
    contest: LiveContest
    link: Link


_Asked = tuple[str, str, tuple[str, ...]]
_Stamp = tuple[int, int]


class Comparisons:
    """Compares, and remembers what came of it as long as neither side has changed."""

    def __init__(self) -> None:
        """Nothing has been compared yet."""
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._kept: OrderedDict[_Asked, tuple[_Stamp, Found]] = OrderedDict()

    async def found(self, a: LiveSide, b: LiveSide, scope: Scope) -> Found:
        """What differs between two sides as they are now. Raises TooManyComparisons."""
        asked = (a.contest.stream, b.contest.stream, left_out_of(scope))
        kept = self._present(asked, a, b)
        if kept is not None:
            return kept
        if self._waiting >= WAITING_MAX:
            raise TooManyComparisons(f"{WAITING_MAX} comparisons are waiting")
        self._waiting += 1
        try:
            async with self._turn:
                return self._present(asked, a, b) or await self._compare(asked, a, b, scope)
        finally:
            self._waiting -= 1

    def _present(self, asked: _Asked, a: LiveSide, b: LiveSide) -> Found | None:
        stamp, found = self._kept.get(asked, (None, None))
        if stamp != (a.contest.position, b.contest.position):
            return None
        self._kept.move_to_end(asked)
        return found

    async def _compare(self, asked: _Asked, a: LiveSide, b: LiveSide, scope: Scope) -> Found:
        # Copied in one go, so that both sides are of one moment; the work itself is done beside the loop.
        states = still(a.contest.state, scope), still(b.contest.state, scope)
        stamp = (a.contest.position, b.contest.position)
        found = await asyncio.to_thread(_found, (a, b), states, scope)
        self._kept[asked] = (stamp, found)
        if len(self._kept) > COMPARISONS_KEPT_MAX:
            self._kept.popitem(last=False)
        return found


def _found(sides: tuple[LiveSide, LiveSide], states: tuple[ContestState, ContestState], scope: Scope) -> Found:
    a, b = (side_of(side.name, named(state), side.link) for side, state in zip(sides, states, strict=True))
    return Found(compared(a, b, scope), captions_of(a.state, b.state))
