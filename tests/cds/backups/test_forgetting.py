"""Forgetting earlier backups: what was erased goes with them, and all that later ones need stays."""

import gzip
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from cds.backups.layout import BackupDirectory
from cds.backups.putting_back import check, chosen_backup
from cds.backups.refusal import BackupRefused
from cds.backups.taking import Taken, take_backup
from eventstore.postgres import PostgresStore
from tests.cds.backups.databases import PROGRAM, Crash, back_up, dump, restore, small_parts, untold
from tests.cds.contest_api.serving import cloned_database
from tests.eventstore.builders import append_ids, append_of, new_events

PERSONAL = b"ada@example.com"


async def forgetting(dsn: str, path: Path, keep: timedelta = timedelta(0)) -> Taken:
    """A backup, and nothing that is older than it by so much."""
    return await take_backup(dsn, path, PROGRAM, untold, keep=keep)


@pytest.fixture
async def path(store: PostgresStore, database_dsn: str, tmp_path: Path) -> Path:
    """Two backups, between which somebody was erased."""
    with small_parts():
        await store.append(append_of("contest:a", 0, new_events(*map(str, range(12)))))
        await store.put_file(b"the content of a file")
        await store.keep("contacts", {str(number): b"%d" % number for number in range(20)})
        await store.keep("contacts", {"ada": PERSONAL})
        await back_up(database_dsn, tmp_path / "backup")
        await store.keep("contacts", {"ada": None})
        await append_ids(store, "contest:a", 12, "x")
        await back_up(database_dsn, tmp_path / "backup")
    assert is_known(tmp_path / "backup")
    return tmp_path / "backup"


def is_known(path: Path) -> bool:
    """Whether any table of any backup says who was erased."""
    return any(PERSONAL.hex().encode() in gzip.decompress(piece.read_bytes()) for piece in path.glob("tables/*/*"))


async def test_what_was_erased_goes_with_the_backups_of_before(
    path: Path, database_dsn: str, postgres_dsn_template: str
) -> None:
    assert (await forgetting(database_dsn, path, timedelta(days=1))).forgotten == 0
    assert is_known(path)
    assert (await forgetting(database_dsn, path)).forgotten == 3
    assert not is_known(path)
    assert len(list(path.glob("manifests/*"))) == 1
    await check(path, chosen_backup(path, None), untold)
    async with cloned_database(postgres_dsn_template) as other:
        await restore(other, path)
        assert await dump(other) == await dump(database_dsn)
    assert (await back_up(database_dsn, path, verify=True)).manifest.number == 5


async def test_a_backup_that_stays_keeps_what_it_needs(path: Path, database_dsn: str) -> None:
    earlier = chosen_backup(path, None)
    (min(path.glob("manifests/*"))).unlink()
    assert (await forgetting(database_dsn, path, timedelta(days=1))).forgotten == 0
    assert not is_known(path)
    await check(path, earlier, untold)


async def test_forgetting_goes_on_where_it_was_interrupted(
    path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = BackupDirectory.remove

    def crashing(directory: BackupDirectory, paths: Sequence[Path]) -> None:
        remove(directory, paths)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(BackupDirectory, "remove", crashing)
        with pytest.raises(Crash):
            await forgetting(database_dsn, path)
    assert is_known(path)
    await check(path, chosen_backup(path, None), untold)
    assert (await forgetting(database_dsn, path)).forgotten == 1
    assert not is_known(path)


async def test_nothing_is_forgotten_where_it_is_not_known_what_is_needed(path: Path, database_dsn: str) -> None:
    first = min(path.glob("manifests/*"))
    first.write_bytes(first.read_bytes()[:-3])
    before = {each for each in path.rglob("*") if each.is_file()}
    with pytest.raises(BackupRefused, match=str(first)):
        await forgetting(database_dsn, path, timedelta(days=1))
    assert before <= {each for each in path.rglob("*") if each.is_file()}
