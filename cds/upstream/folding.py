"""Folding many events of a source's stream, so that others are served in between.

This module must not know what an event means.
"""

import asyncio
from collections.abc import Sequence

from cds.upstream.following import Following, Step

FOLDED_AT_ONCE_MAX = 50
"""Events of a source's stream that are folded in one go; then others are served."""


async def folded(following: Following, events: Sequence[tuple[int, str, bytes | None]]) -> list[Step]:
    """What some events of a source's stream come to; others are served in between."""
    steps: list[Step] = []
    for first in range(0, len(events), FOLDED_AT_ONCE_MAX):
        if first:
            await asyncio.sleep(0)
        for position, type_name, data in events[first : first + FOLDED_AT_ONCE_MAX]:
            step = following.take(position, type_name, data)
            if step is not None:
                steps.append(step)
    return steps
