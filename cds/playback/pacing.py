"""How fast a contest goes on when it is played again: moments of its source become moments of today, and back.

Up to the end of the contest time passes evenly; behind it, where a contest may wait for hours until it is thawed, no
pause is longer than a given one. This module must not know what happens at any moment.
"""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from schemas.records import ORDINARY_PACE_PERMILLE


class Pacing:
    """When what happened at a moment (as in `source_times`) happens again, counted in milliseconds from the start."""

    def __init__(self, pace_permille: int, end_ms: int, pause_ms_max: int, moments_ms: Iterable[int]) -> None:
        """`moments_ms` are those at which something is to happen; those behind `end_ms` are brought nearer."""
        self.pace_permille = pace_permille
        self._knots = [_Knot(end_ms, end_ms * ORDINARY_PACE_PERMILLE)]
        for moment_ms in sorted({moment_ms for moment_ms in moments_ms if moment_ms > end_ms}):
            last = self._knots[-1]
            pause = min((moment_ms - last.moment_ms) * ORDINARY_PACE_PERMILLE, pause_ms_max * pace_permille)
            self._knots.append(_Knot(moment_ms, last.after + pause))
        self._knot_moments_ms = [knot.moment_ms for knot in self._knots]

    def after_ms(self, moment_ms: int) -> int:
        """How long after the start it happens again, negative before that. Never less for a later moment."""
        return -(-self._after(moment_ms) // self.pace_permille)

    def whole_after_ms(self, moment_ms: int) -> int:
        """The same, rounded down where that is no whole number."""
        return self._after(moment_ms) // self.pace_permille

    def _after(self, moment_ms: int) -> int:
        """The same exactly, in milliseconds times the pace: what is rounded once does not add up."""
        place = bisect_right(self._knot_moments_ms, moment_ms) - 1
        if place < 0:
            return moment_ms * ORDINARY_PACE_PERMILLE
        knot = self._knots[place]
        after = knot.after + (moment_ms - knot.moment_ms) * ORDINARY_PACE_PERMILLE
        return after if place + 1 == len(self._knots) else min(after, self._knots[place + 1].after)


class _Knot(msgspec.Struct, frozen=True):
    """Where the pace may change: a moment, and how long after the start it comes again, times the pace."""

    moment_ms: int
    after: int
