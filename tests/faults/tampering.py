"""The log is tampered with on purpose, in every way that is known, and has to be told of by what `cds verify` does.

What may be done stands in tests/cds/verifying; so does what has to be found, and at which row. This module must not
know how anything is found.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from math import inf
from pathlib import Path
from random import Random
from unittest.mock import patch

import asyncpg

from cds.past import snapshots
from eventstore.embedded.launcher import embedded_postgres
from eventstore.postgres import PostgresStore
from tests.builders import small_contest
from tests.cds.verifying.logs import verified, write_logs
from tests.cds.verifying.tamperer import Expected, Tamperer, Tampering
from tests.cds.verifying.tampering import OF_ROWS, cut_off
from tests.cds.verifying.tampering_with_files import OF_FILES
from tests.cds.verifying.test_against_heads import taken
from tests.cds.verifying.test_derived import KINDS, SPOILT, WHERE, Spoil
from tests.cds.verifying.test_law_tampering import RESTORED
from tests.faults.insisting import Findings
from tests.faults.outcomes import TAMPERING, Outcome
from tests.faults.performing import performed
from tests.faults.place import until_postgres_stopped

NUMBER = 1_000_001
"""Its number among the rounds of a campaign."""

TRIES = 3
"""How often each kind is tried at most, at other places of other streams each time."""

WHOLE_S_MAX = 900.0
SNAPSHOT_EVENTS = 20
"""So that even small contests have snapshots."""


async def written_anew(tamperer: Tamperer) -> Expected:
    """From a row on, with new chain values: only a head that was signed before can tell."""
    position = await tamperer.place()
    number = await tamperer.number()
    await tamperer.do("UPDATE event SET cause = 'x' WHERE stream = $1 AND position = $2", number, position)
    await tamperer.rechain(position)
    return Expected(tamperer.where, ("rewritten",))


async def last_rows_removed_without_a_trace(tamperer: Tamperer) -> Expected:
    """Head, rows and what was noted of appends fit."""
    await cut_off(tamperer, await tamperer.place(first=2))
    await tamperer.do("DELETE FROM batch")
    return Expected(tamperer.where, ("cut off",))


async def stream_removed_without_a_trace(tamperer: Tamperer) -> Expected:
    """All of it."""
    await tamperer.do("DELETE FROM event WHERE stream = $1", await tamperer.number())
    await tamperer.do("DELETE FROM stream WHERE name = $1", tamperer.stream)
    await tamperer.do("DELETE FROM batch")
    return Expected(tamperer.where, ("gone",))


AGAINST_A_HEAD: Mapping[str, Tampering] = {
    tampering.__name__: tampering
    for tampering in (written_anew, last_rows_removed_without_a_trace, stream_removed_without_a_trace)
}
"""What no log shows by itself, and one does that is held against a signed head of earlier."""


def spoiling(spoil: Spoil, kind: str) -> Tampering:
    """The same of something that is derived: `kind` says of what."""

    async def tamper(tamperer: Tamperer) -> Expected:
        await spoil(tamperer.connection, kind)
        return Expected(WHERE, (kind,))

    return tamper


DERIVED: Mapping[str, Tampering] = {
    f"{kind}: {spoil.__name__}": spoiling(spoil, kind) for kind in KINDS for spoil in SPOILT
}
ALL: Sequence[tuple[str, Mapping[str, Tampering]]] = (
    ("rows and heads", OF_ROWS),
    ("files", OF_FILES),
    ("checkpoints and snapshots", DERIVED),
    ("against a signed head", AGAINST_A_HEAD),
)


class TamperingAct:
    """All of it, on logs in a Postgres of its own."""

    def __init__(self, seed: int, directory: Path, until_s: float = inf) -> None:
        """After `until_s` of the monotonic clock no kind is tried once more that has been tried."""
        self.until_s = until_s
        self.seed = seed
        self.directory = directory
        self.findings = Findings()
        self.outcome = Outcome(seed=seed, number=NUMBER, deployment=TAMPERING)

    async def run(self) -> Outcome:
        """Do it; what was not found stands in the violations of what is returned."""
        return await performed(self._whole(), WHOLE_S_MAX, self.directory, self.findings, self.outcome)

    async def _whole(self) -> None:
        data_dir = self.directory / "data"
        async with AsyncExitStack() as stack:
            stack.push_async_callback(until_postgres_stopped, data_dir)
            dsn = await stack.enter_async_context(embedded_postgres(data_dir, durable=False))
            await (await PostgresStore.open(dsn)).close()
            with patch.object(snapshots, "SNAPSHOT_EVENTS", SNAPSHOT_EVENTS):
                for number in range(TRIES):
                    if number and time.monotonic() > self.until_s:
                        return
                    for group, kinds in ALL:
                        for name, tampering in kinds.items():
                            await self.tried(dsn, f"{group}: {name.replace('_', ' ')}", tampering)

    async def tried(self, dsn: str, name: str, tampering: Tampering) -> None:
        """One kind once more; what is found untouched is noted too."""
        tried, found = self.outcome.tampered.get(name, (0, 0))
        found += await self._once(dsn, name, tampering, Random(f"{self.seed} {name} {tried}"))
        self.outcome.tampered[name] = [tried + 1, found]

    async def _once(self, dsn: str, name: str, tampering: Tampering, random: Random) -> bool:
        """Whether it was found first where it is, and for what it is, and nothing had been found before."""
        is_against_a_head = tampering in AGAINST_A_HEAD.values()
        await write_logs(dsn, small_contest(), derived=not is_against_a_head)
        heads = [await taken(dsn)] if is_against_a_head else []
        before = (await verified(dsn, *heads)).differences
        connection = await asyncpg.connect(dsn)
        try:
            expected = await tampering(Tamperer(connection, random))
            told = (await verified(dsn, *heads)).differences
            for statement in RESTORED:
                await connection.execute(statement)
        finally:
            connection.terminate()
        first = told[0] if told else None
        good = (
            not before
            and first is not None
            and first.where == expected.where
            and first.kind in expected.kinds
            and expected.position in (None, first.position)
        )
        if not good:
            self.findings.found(f"tampered ({name}): {expected} expected, {told[:2]} found, {before[:2]} before")
        return good
