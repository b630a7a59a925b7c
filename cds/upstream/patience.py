"""How long to wait after an outage: soon at first, then ever more rarely, and never all at the same moment.

This module is pure: chance is an argument.
"""

import msgspec

GROWTH = 2.0
CHANCE = 0.25
DOUBLINGS_MAX = 32


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """Times, in seconds.

    After an outage the upstream is left alone for `pause_s`, then for twice as long each time, at most `pause_s_max`;
    anything that is heard of it begins that again. `silence_s_max`: a feed from which not even an empty line comes for
    so long is taken for dead. `quiet_s`: when nothing has come for so long, everything has been said for now;
    `quiet_anew_s` is the same in a reading anew, where to think so too early would show what has been.
    """

    pause_s: float = 1.0
    pause_s_max: float = 30.0
    silence_s_max: float = 150.0
    quiet_s: float = 2.0
    quiet_anew_s: float = 10.0

    def pause_after_s(self, outages: int, chance: float) -> float:
        """Seconds to wait after so many outages in a row, from 1; `chance` is from 0 to 1, for up to a quarter more."""
        least_s = min(self.pause_s * GROWTH ** min(outages - 1, DOUBLINGS_MAX), self.pause_s_max / (1 + CHANCE))
        return least_s * (1 + CHANCE * chance)
