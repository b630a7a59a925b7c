"""Who has the database open: every process says so by a lock on each of its sessions that can write or listen.

So a process knows whether it is alone. The lock goes with the session, however that ends. This module must not know
what anybody does with the database.
"""

import secrets

import asyncpg

from eventstore.queries import QUERIES

PRESENCE_CLASS = 0x636473
"""The first number of the locks; the second is that of a process. No other locks here have two numbers."""

PROCESS_NUMBERS = 2**31
LOCK_TIMEOUT_S = 3.0


class Presence:
    """The presence of one process."""

    def __init__(self) -> None:
        """A process with a number that it has drawn."""
        self.number = secrets.randbelow(PROCESS_NUMBERS)

    async def hold(self, connection: asyncpg.Connection) -> None:
        """Be present for as long as this session lives."""
        await connection.execute(QUERIES["be_present"], PRESENCE_CLASS, self.number, timeout=LOCK_TIMEOUT_S)

    async def others(self, connection: asyncpg.Connection) -> int:
        """How many sessions of other processes there are."""
        found: int = await connection.fetchval(
            QUERIES["others_present"], PRESENCE_CLASS, self.number, timeout=LOCK_TIMEOUT_S
        )
        return found
