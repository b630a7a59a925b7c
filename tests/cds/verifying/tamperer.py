"""Somebody with the database in his hands, and what has to be found of what he does.

This module must not know how anything is found.
"""

from collections.abc import Awaitable, Callable
from random import Random

import asyncpg
import msgspec

from eventstore.chain import GENESIS, Origin, next_chain
from tests.cds.verifying.logs import CONTESTS, LEDGER

FAR = 1_000_000
"""Rows are moved by so many positions and back, since no two may share a position in between."""


class Expected(msgspec.Struct, frozen=True):
    """The first difference: where it is, of which of these kinds, and at which position (None: any, or none)."""

    where: str
    kinds: tuple[str, ...]
    position: int | None = None


class Tamperer:
    """A connection, chance, and the stream that is tampered with."""

    def __init__(self, connection: asyncpg.Connection, random: Random) -> None:
        """`random` chooses places."""
        self.connection = connection
        self.random = random
        self.stream = random.choice((*CONTESTS, LEDGER))

    @property
    def where(self) -> str:
        """How the stream is called."""
        return f"stream {self.stream}"

    async def do(self, statement: str, *arguments: object) -> None:
        """Do something to the database."""
        await self.connection.execute(statement, *arguments)

    async def value(self, statement: str, *arguments: object) -> object:
        """Look at one value."""
        return await self.connection.fetchval(statement, *arguments)

    async def number(self, stream: str | None = None) -> int:
        """The number of a stream."""
        number = await self.value("SELECT number FROM stream WHERE name = $1", stream or self.stream)
        assert isinstance(number, int)
        return number

    async def last(self, stream: str | None = None) -> int:
        """Where a stream ends."""
        last = await self.value("SELECT position FROM stream WHERE name = $1", stream or self.stream)
        assert isinstance(last, int)
        return last

    async def place(self, first: int = 1, before_last: int = 0) -> int:
        """A position, at least so many before the last."""
        return self.random.randint(first, await self.last() - before_last)

    async def move(self, begin: int, by: int) -> None:
        """Count all rows from a position on further on, or back."""
        number = await self.number()
        far = FAR + by
        await self.do(
            "UPDATE event SET position = position + $3 WHERE stream = $1 AND position >= $2", number, begin, FAR
        )
        await self.do(
            "UPDATE event SET position = position - $2 WHERE stream = $1 AND position > $3", number, FAR - by, FAR
        )
        assert far > 0

    async def rechain(self, begin: int) -> None:
        """Work out anew the chain values of all rows from a position on, and that of the head."""
        number = await self.number()
        rows = await self.connection.fetch(
            "SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain FROM event "
            "WHERE stream = $1 AND position >= $2 ORDER BY position",
            number,
            begin - 1,
        )
        chain = GENESIS.chain if begin == 1 else rows[0]["chain"]
        position = begin - 1
        for row in rows[0 if begin == 1 else 1 :]:
            position, type_, id_, data, recorded_at_us, actor, cause, version, _ = row
            origin = Origin(
                stream=self.stream, recorded_at_us=recorded_at_us, actor=actor, cause=cause, version=version
            )
            chain = next_chain(chain, origin, position, type_, id_, data)
            await self.do("UPDATE event SET chain = $3 WHERE stream = $1 AND position = $2", number, position, chain)
        await self.do("UPDATE stream SET chain = $2, position = $3 WHERE number = $1", number, chain, position)


Tampering = Callable[[Tamperer], Awaitable[Expected]]
