"""The least that a start can do: open the same Postgres, read every row of the log's only stream, and say so.

It must not know what the rows mean.
"""

import asyncio
import sys
from pathlib import Path

import asyncpg

from eventstore.embedded.launcher import embedded_postgres

PAGE_ROWS = 1_000
PAGE_QUERY = (
    "SELECT position, type, id, data, recorded_at_us, actor, cause, version, chain FROM event "
    "WHERE stream = $1 AND position > $2 ORDER BY position LIMIT $3"
)
BY_INDEX = {"enable_bitmapscan": "off", "enable_seqscan": "off"}
"""Settings of the session: right after an import Postgres has no statistics to choose a plan by."""


async def read_all(data_dir: Path) -> None:
    """Read, and print how many rows there were as soon as they have been read."""
    async with embedded_postgres(data_dir) as dsn:
        connection = await asyncpg.connect(dsn, server_settings=BY_INDEX)
        try:
            stream = await connection.fetchval("SELECT min(number) FROM stream")
            position = 0
            while page := await connection.fetch(PAGE_QUERY, stream, position, PAGE_ROWS):
                position = page[-1][0]
            print(position, flush=True)
        finally:
            await connection.close()


if __name__ == "__main__":
    asyncio.run(read_all(Path(sys.argv[1])))
