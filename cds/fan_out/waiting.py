"""Waiting for something, but not for ever. This module must not know for what."""

import asyncio


async def is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    """Wait for an event so many seconds at most; whether it is set."""
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
