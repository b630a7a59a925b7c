"""Futures that several wait for, or nobody. This module must not know what comes of them."""

import asyncio
from typing import TypeVar

Result = TypeVar("Result")


def seen(future: "asyncio.Future[Result]") -> None:
    """A callback: whatever became of a future, whoever waited for it has been told, and nobody else need be."""
    if not future.cancelled():
        future.exception()
