"""Who has the database open: every process says so by a lock on each of its sessions that can write or listen.

So a process knows whether it is alone. The workers of one group, who tell each other what they write, are present under
one number and count as one. A lock goes with its session, however that ends. This module must not know what anybody
does with the database.

Whoever takes himself to be alone says that too, by a lock of another class, and looks for others after he has taken it;
whoever arrives is present first and looks for such locks then, until there is none. So one of the two sees the other,
also where no word of the arrival comes through.
"""

import asyncio
import secrets
from contextlib import suppress

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.queries import QUERIES

PRESENCE_CLASS = 0x636473
"""The first number of the locks of those who are present; the second is that of a process or a group."""

ALONE_CLASS = 0x636474
"""The first number of the locks of those who take themselves to be alone."""

ARRIVAL = "present"
"""The payload of NOTIFY that begins so says that one more process has the database open; its number follows."""

ARRIVAL_S_MAX = 2.0
ARRIVAL_PAUSE_S = 0.01
"""How long whoever arrives waits for those who take themselves to be alone to notice, and how often it looks.

They notice by a word, or by their next poll; one that is frozen is not waited for any longer.
"""

PROCESS_NUMBERS = 2**31
LOCK_TIMEOUT_S = 3.0

Session = asyncpg.Connection | PoolConnectionProxy


def drawn_number() -> int:
    """A number for a process, or for a group of them."""
    return secrets.randbelow(PROCESS_NUMBERS)


class Presence:
    """The presence of one process."""

    def __init__(self, number: int | None = None) -> None:
        """A process with a number that it has drawn, or with that of its group."""
        self.number = drawn_number() if number is None else number

    @property
    def word(self) -> str:
        """The payload that tells of our arrival."""
        return f"{ARRIVAL} {self.number}"

    async def arrive(self, session: Session) -> None:
        """Be present for as long as this session lives; come back when nobody else takes himself to be alone.

        Nothing may be written before that: who is alone asks nobody whether there is something new.
        """
        await session.execute(QUERIES["hold_shared"], PRESENCE_CLASS, self.number, timeout=LOCK_TIMEOUT_S)
        # The word is for haste only: where it cannot be sent, those who are alone learn of us by their next poll.
        with suppress(asyncpg.LockNotAvailableError):
            await session.execute(QUERIES["announce_arrival"], self.word, timeout=LOCK_TIMEOUT_S)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + ARRIVAL_S_MAX
        while loop.time() < deadline_s:
            if not await self._held_by_others(session, ALONE_CLASS):
                return
            await asyncio.sleep(ARRIVAL_PAUSE_S)

    async def others(self, connection: asyncpg.Connection) -> int:
        """How many sessions there are of processes that are not of our group."""
        return await self._held_by_others(connection, PRESENCE_CLASS)

    async def say_alone(self, connection: asyncpg.Connection) -> None:
        """Let those who arrive know that we take ourselves to be alone; they wait until that is taken back."""
        await connection.execute(QUERIES["hold_shared"], ALONE_CLASS, self.number, timeout=LOCK_TIMEOUT_S)

    async def take_back(self, connection: asyncpg.Connection) -> None:
        """Say no longer that we are alone."""
        await connection.execute(QUERIES["release_shared"], ALONE_CLASS, self.number, timeout=LOCK_TIMEOUT_S)

    async def _held_by_others(self, session: Session, lock_class: int) -> int:
        found: int = await session.fetchval(QUERIES["others_holding"], lock_class, self.number, timeout=LOCK_TIMEOUT_S)
        return found
