"""The clock and the identifiers of the running program, in the one place where they are made.

This module must not know what they are used for.
"""

import os
import time
from typing import Protocol
from uuid import UUID, uuid4

IDENTIFIER_BYTES = 6


class Circumstances(Protocol):
    """What a decision may not make for itself: the clock and identifiers."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        ...

    def batch_id(self) -> UUID:
        """A new identifier of a batch."""
        ...

    def identifier(self) -> str:
        """A new id of an object."""
        ...


class SystemCircumstances:
    """The machine's clock, and random identifiers."""

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return time.time_ns() // 1_000

    def batch_id(self) -> UUID:
        """A new identifier of a batch."""
        return uuid4()

    def identifier(self) -> str:
        """An id of an object that nothing has, and that tells nothing."""
        return os.urandom(IDENTIFIER_BYTES).hex()


SYSTEM = SystemCircumstances()
