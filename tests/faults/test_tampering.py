"""The part of the campaign in which the log is tampered with: what is found counts, and what is not is told."""

from pathlib import Path

import pytest

from eventstore.postgres import PostgresStore
from tests.cds.verifying.tamperer import Expected, Tamperer
from tests.faults.outcomes import TAMPERING, line_of
from tests.faults.tampering import ALL, TamperingAct, written_anew


@pytest.fixture
async def dsn(database_dsn: str) -> str:
    """A database with tables."""
    await (await PostgresStore.open(database_dsn)).close()
    return database_dsn


async def harmless(_tamperer: Tamperer) -> Expected:
    """Nothing is done."""
    return Expected("stream students", ("altered",))


async def at_another_place(tamperer: Tamperer) -> Expected:
    """A row is altered, and another is expected to be named."""
    await tamperer.do("UPDATE event SET actor = 'x' WHERE stream = $1 AND position = 2", await tamperer.number())
    return Expected(tamperer.where, ("altered",), 1)


async def test_what_is_found_counts_and_what_is_not_is_told(dsn: str, tmp_path: Path) -> None:
    """At another place is not found; and every statement of a kind is done again for the next try."""
    act = TamperingAct(7, tmp_path)
    await act.tried(dsn, "anew", written_anew)
    await act.tried(dsn, "harmless", harmless)
    await act.tried(dsn, "elsewhere", at_another_place)
    assert act.outcome.tampered == {"anew": [1, 1], "harmless": [1, 0], "elsewhere": [1, 0]}
    assert [violation.partition(":")[0] for violation in act.findings.violations] == [
        "tampered (harmless)",
        "tampered (elsewhere)",
    ]
    assert line_of(act.outcome).startswith("tampering: 3 kinds, 3 times tried, 1 found")
    assert act.outcome.deployment == TAMPERING


def test_no_kind_has_the_name_of_another() -> None:
    names = [name for _, kinds in ALL for name in kinds]
    assert len(set(names)) == len(names) > 50
