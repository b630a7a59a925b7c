"""At which pace the contest of an upstream goes on, as far as what it says of that may be believed yet.

A pace is told in the head of an answer and holds for the end of what the upstream has to say, but maybe not for what
was said before: of a contest that really took place, and whose freeze by hand would seem to begin much later. A slower
pace hides more, so it counts before anything else does. A faster one shows more, so what is there already has to be
made level first. This module is pure; times are arguments.
"""

from schemas.records import ORDINARY_PACE_PERMILLE

FASTER_S_MAX = 30.0
"""So long after a faster pace was told first it counts, although the upstream has not been silent since."""


class ToldPace:
    """What the heads of the answers of one upstream say of its pace."""

    def __init__(self) -> None:
        """Nothing has been said."""
        self._told = ORDINARY_PACE_PERMILLE
        self._since_s = 0.0
        self._is_open = False

    def hear(self, pace_permille: int, now_s: float) -> None:
        """An answer begins, at a time of the event loop, and says which pace it is."""
        if pace_permille != self._told:
            self._told, self._since_s = pace_permille, now_s
        self._is_open = True

    def news(self, known_permille: int, *, is_shown: bool, level: bool, now_s: float) -> int | None:
        """The pace that counts from now on; None where that is still the one that is known.

        `is_shown`: something of this contest is shown at the known pace. `level`: the upstream has said all for now.
        """
        if not self._is_open:
            return None
        waits = is_shown and not level and now_s - self._since_s < FASTER_S_MAX
        if self._told > known_permille and waits:
            return None
        self._is_open = False
        return None if self._told == known_permille else self._told
