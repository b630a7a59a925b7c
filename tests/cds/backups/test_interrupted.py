"""What a backup that was broken off has left is used as far as it is good, and never trusted."""

from errno import ENOSPC
from pathlib import Path

import pytest

from cds.backups.layout import MANIFESTS, UNFINISHED
from cds.backups.refusal import BackupRefused
from eventstore.postgres import PostgresStore
from tests.cds.backups.databases import Crash, back_up, crashing_backup, dump, restore
from tests.cds.contest_api.serving import cloned_database
from tests.eventstore.builders import append_ids, append_of, new_events

pytestmark = pytest.mark.usefixtures("many_files")


@pytest.fixture
async def path(store: PostgresStore, database_dsn: str, tmp_path: Path) -> Path:
    """A complete backup, and everything but the manifest of a second one."""
    await store.append(append_of("contest:a", 0, new_events(*map(str, range(6)))))
    await back_up(database_dsn, tmp_path / "backup")
    await store.append(append_of("contest:a", 6, new_events(*map(str, range(12)))))
    await store.put_file(b"the content of a file")
    await store.keep("kind", {"id": b"kept"})
    with crashing_backup(0, MANIFESTS), pytest.raises(Crash):
        await back_up(database_dsn, tmp_path / "backup")
    return tmp_path / "backup"


def inodes(path: Path, pattern: str) -> dict[Path, int]:
    """Which files are there; one that is written anew is another."""
    return {each: each.stat().st_ino for each in sorted(path.glob(pattern))}


async def test_nothing_is_copied_again(path: Path, database_dsn: str) -> None:
    before = inodes(path, "rows/*.gz") | inodes(path, "files/*/*")
    assert len(before) > 2
    taken = await back_up(database_dsn, path, verify=True)
    assert (taken.rows, taken.files) == (0, 0)
    assert inodes(path, "rows/*.gz") | inodes(path, "files/*/*") == before


@pytest.mark.parametrize("pattern", ["rows/*.gz", "files/*/*", "tables/*/*.gz"])
async def test_what_the_loss_of_power_has_spoilt_is_copied_again(
    path: Path, database_dsn: str, postgres_dsn_template: str, pattern: str
) -> None:
    """The names are there, and the lengths are right, and the contents never came to the disk."""
    newest = max(path.glob(pattern), key=lambda each: each.stat().st_mtime_ns)
    newest.write_bytes(bytes(newest.stat().st_size))
    await back_up(database_dsn, path, verify=True)
    async with cloned_database(postgres_dsn_template) as other:
        await restore(other, path)
        assert await dump(other) == await dump(database_dsn)


async def test_a_full_disk_is_named_and_nothing_half_written_is_left(
    path: Path, database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next backup goes on."""

    def full(_old: Path, _new: Path) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", full)
        with pytest.raises(BackupRefused, match=rf"{path}/.*: cannot be written: No space left on device"):
            await back_up(database_dsn, path)
    assert not list(path.glob("tables/*/*" + UNFINISHED))
    assert (await back_up(database_dsn, path, verify=True)).manifest.number == 2


async def test_rows_of_a_log_that_is_lost_are_given_up(path: Path, postgres_dsn_template: str) -> None:
    """The complete backup was restored, and the log goes on from there as another one."""
    async with cloned_database(postgres_dsn_template) as other, cloned_database(postgres_dsn_template) as third:
        await restore(other, path)
        store = await PostgresStore.open(other)
        assert await append_ids(store, "contest:a", 6, "something", "else") is not None
        await store.close()
        taken = await back_up(other, path, verify=True)
        assert taken.rows == 2
        await restore(third, path)
        assert await dump(third) == await dump(other)
