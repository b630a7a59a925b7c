"""Where a command of `cds` finds the log: the store, and a contest in it.

This module must not know what any command does there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from cds.commands.decision import Refused
from cds.live_contest import LiveContest
from cds.store_opening import opened_database, opened_store
from cds.token_keeping import token_maker
from eventstore.postgres import PostgresStore


class Place(msgspec.Struct, frozen=True):
    """The database at `database_url`, or the embedded one under `data_dir`."""

    data_dir: Path
    database_url: str | None

    @asynccontextmanager
    async def store(self, *, make: bool = True) -> AsyncIterator[PostgresStore]:
        """The store there; `make`: also where there is no data directory yet. Raises StoreRefused."""
        async with opened_store(self.data_dir, self.database_url, make=make) as store:
            yield store

    @asynccontextmanager
    async def dsn(self, *, make: bool = True) -> AsyncIterator[str]:
        """The address of the database, which may be empty; `make` as for `store`. Raises StoreRefused."""
        async with opened_database(self.data_dir, self.database_url, make=make) as dsn:
            yield dsn

    @asynccontextmanager
    async def contest(self, contest_id: str) -> AsyncIterator[tuple[PostgresStore, LiveContest]]:
        """A contest of the store, level with the log. Raises Refused when there is none."""
        async with self.store(make=False) as store:
            contest = LiveContest(contest_id, store, await token_maker(store), eager_roles=())
            await contest.catch_up()
            if not contest.exists:
                raise Refused(f"there is no contest {contest_id}", ground="unknown")
            yield store, contest
