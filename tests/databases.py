"""Databases that tests have for themselves: copies of a template, dropped behind them.

Thousands are made. So one connection makes and drops them all, which would otherwise cost as much as what it is for;
it lives on a thread, as every test has an event loop of its own. This module must not know what databases hold.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from threading import Thread
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from eventstore.postgres import PostgresStore

MAINTENANCE_DATABASE = "postgres"

_administrations: dict[str, "Administration"] = {}
"""The connections that are kept, by the address of the database they are to."""


class Administration:
    """A connection to a Postgres, for whoever makes and drops databases there, from whichever event loop."""

    def __init__(self, dsn: str) -> None:
        """Connects when it is first needed."""
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._thread = Thread(target=self._loop.run_forever, name="administration of databases", daemon=True)
        self._thread.start()

    async def execute(self, statement: str) -> None:
        """Run a statement, behind those that others run already. Raises what asyncpg raises."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._execute(statement), self._loop))

    def close(self) -> None:
        """Close the connection and end the thread."""
        asyncio.run_coroutine_threadsafe(self._disconnect(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _execute(self, statement: str) -> None:
        async with self._turn:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._dsn)
            await self._connection.execute(statement)

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()


def with_database(dsn: str, database: str) -> str:
    """The same address with another database."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


@asynccontextmanager
async def template_on(server_dsn: str) -> AsyncIterator[str]:
    """A migrated database on a server, to be cloned for the length of the block; nothing may be connected to it."""
    maintenance_dsn = with_database(server_dsn, MAINTENANCE_DATABASE)
    administration = _administrations[maintenance_dsn] = Administration(maintenance_dsn)
    try:
        name = f"template_{uuid4().hex}"
        await administration.execute(f'CREATE DATABASE "{name}"')
        template_dsn = with_database(server_dsn, name)
        await (await PostgresStore.open(template_dsn)).close()
        try:
            yield template_dsn
        finally:
            await administration.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        del _administrations[maintenance_dsn]
        administration.close()


async def administered(template_dsn: str, statement: str) -> None:
    """Run a statement beside all databases of a server with `template_on`."""
    await _administrations[with_database(template_dsn, MAINTENANCE_DATABASE)].execute(statement)


@asynccontextmanager
async def cloned_database(template_dsn: str) -> AsyncIterator[str]:
    """A copy of a template on a server with `template_on`, for the length of the block; nobody is connected to it."""
    administration = _administrations[with_database(template_dsn, MAINTENANCE_DATABASE)]
    template, name = urlsplit(template_dsn).path.lstrip("/"), f"test_{uuid4().hex}"
    await administration.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    try:
        yield with_database(template_dsn, name)
    finally:
        await administration.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
