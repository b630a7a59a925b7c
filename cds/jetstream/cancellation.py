"""Being cancelled, also when a library has not passed that on.

Up to Python 3.11 `asyncio.wait_for`, which the client of NATS waits with, returns what has come at the very moment of
the cancellation, and the task never hears of it. This module must not know what a task does.
"""

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError in a task that was cancelled. To be called wherever it could go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
