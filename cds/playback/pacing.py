"""How fast a contest goes on when it is played again: moments of its source become moments of today, and back.

Up to the end of the contest time passes evenly; behind it, where a contest may wait for hours until it is thawed, no
pause is longer than a given one. This module must not know what happens at any moment.
"""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from cds.commands.contest_moments import lasting_ms
from schemas.records import ORDINARY_PACE_PERMILLE


class Pacing:
    """When what happened at a moment (as in `source_times`) happens again, counted in milliseconds from the start."""

    def __init__(self, pace_permille: int, end_ms: int, pause_ms_max: int, moments_ms: Iterable[int]) -> None:
        """`moments_ms` are those at which something is to happen; those behind `end_ms` are brought nearer."""
        self._pace_permille = pace_permille
        self._knots = [_Knot(end_ms, lasting_ms(end_ms, pace_permille))]
        for moment_ms in sorted({moment_ms for moment_ms in moments_ms if moment_ms > end_ms}):
            last = self._knots[-1]
            pause_ms = min(lasting_ms(moment_ms - last.moment_ms, pace_permille), pause_ms_max)
            self._knots.append(_Knot(moment_ms, last.after_ms + pause_ms))
        self._knot_moments_ms = [knot.moment_ms for knot in self._knots]

    def after_ms(self, moment_ms: int) -> int:
        """How long after the start it happens again, negative before that. Never less for a later moment."""
        place = bisect_right(self._knot_moments_ms, moment_ms) - 1
        if place < 0:
            return lasting_ms(moment_ms, self._pace_permille)
        knot = self._knots[place]
        after_ms = knot.after_ms + lasting_ms(moment_ms - knot.moment_ms, self._pace_permille)
        return after_ms if place + 1 == len(self._knots) else min(after_ms, self._knots[place + 1].after_ms)

    def whole_after_ms(self, moment_ms: int) -> int:
        """The same, rounded down where that is no whole number."""
        return min(self.after_ms(moment_ms), moment_ms * ORDINARY_PACE_PERMILLE // self._pace_permille)


class _Knot(msgspec.Struct, frozen=True):
    """Where the pace may change: a moment, and how long after the start it comes again."""

    moment_ms: int
    after_ms: int
