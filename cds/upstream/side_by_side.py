"""Doing several things at once for as long as one of them takes. This module must not know what they are."""

import asyncio
from collections.abc import Awaitable


async def first_of(main: Awaitable[None], *beside: Awaitable[None]) -> None:
    """Run all until the first has ended; then cancel the others. Raises what any of them raises."""
    tasks = [asyncio.ensure_future(each) for each in (main, *beside)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome
