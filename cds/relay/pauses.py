"""How long a relay waits before it asks again for what was cut off: longer each time, and never all at once.

This module must not know what was cut off.
"""

import random

from cds.relay.limits import RelayLimits

DOUBLINGS_MAX = 16


def pause_s(failures: int, limits: RelayLimits) -> float:
    """Seconds until the next attempt after so many in a row have failed before this one (from 0).

    Half of it is left to chance, so that an upstream that is back is not asked by everybody in the same moment.
    """
    whole_s: float = min(limits.first_pause_s * 2 ** min(failures, DOUBLINGS_MAX), limits.pause_s_max)
    return whole_s * (1 + random.random()) / 2  # noqa: S311 - no secret
