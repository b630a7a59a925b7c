"""What is wrong with a backup, a directory or a database is one clear line that names it, and nothing is half done."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest

from cds.backups.layout import BackupDirectory
from cds.backups.manifest import newest_manifest, write_manifest
from cds.backups.putting_back import check, chosen_backup, restore_backup
from cds.backups.refusal import BackupRefused
from eventstore.migrating import known_migrations, migrate
from eventstore.postgres import PostgresStore
from eventstore.presence import PRESENCE_CLASS
from eventstore.queries import QUERIES
from eventstore.restoring import RestoreTarget, opened_target
from eventstore.store import ServerAccount, StoreRefused
from tests.cds.backups.databases import Crash, back_up, crashing_restore, dump, execute, restore, untold
from tests.cds.contest_api.serving import cloned_database
from tests.eventstore.builders import append_ids, append_of, new_events

CONTENT = b"the content of a file"


pytestmark = pytest.mark.usefixtures("many_files")


@pytest.fixture
async def path(store: PostgresStore, database_dsn: str, tmp_path: Path) -> Path:
    """A complete backup of a small database."""
    await store.append(append_of("contest:a", 0, new_events(*map(str, range(12)))))
    await append_ids(store, "contest:b", 0, "x")
    await store.put_file(CONTENT)
    await store.keep("kind", {"id": b"kept"})
    await back_up(database_dsn, tmp_path / "backup")
    return tmp_path / "backup"


def only(path: Path, pattern: str) -> Path:
    """The first file of that name."""
    return min(path.glob(pattern))


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def shortened(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def removed(file: Path) -> None:
    file.unlink()


def exchanged(file: Path) -> None:
    """Another intact file stands in its place."""
    file.write_bytes(max(file.parent.glob("*")).read_bytes())


@pytest.mark.parametrize(
    ("pattern", "spoil"),
    [
        ("rows/*1.rows.gz", flipped),
        ("rows/*2.rows.gz", shortened),
        ("rows/*1.rows.gz", removed),
        ("rows/*1.rows.gz", exchanged),
        ("files/*/*", flipped),
        ("files/*/*", shortened),
        ("files/*/*", removed),
        ("tables/*/*", flipped),
        ("tables/*/*", removed),
        ("manifests/*", flipped),
        ("manifests/*", shortened),
    ],
)
async def test_whatever_is_damaged_is_named(
    path: Path, postgres_dsn_template: str, pattern: str, spoil: Callable[[Path], None]
) -> None:
    """By the check, and by the restore, after which no server starts on what is there."""
    file = only(path, pattern)
    spoil(file)
    with pytest.raises(BackupRefused, match=str(file)):
        await check(path, chosen_backup(path, None), untold)
    async with cloned_database(postgres_dsn_template) as other:
        with pytest.raises(BackupRefused, match=str(file)):
            await restore(other, path)
        if not pattern.startswith("manifests"):
            with pytest.raises(StoreRefused, match="cds restore"):
                await PostgresStore.open(other)


async def test_rows_that_end_elsewhere_than_the_manifest_says_are_refused(
    path: Path, postgres_dsn_template: str
) -> None:
    """Every part is whole, and they are not those of one backup."""
    manifest = chosen_backup(path, None).manifest
    first, *others = manifest.streams
    streams = [msgspec.structs.replace(first, position=first.position + 1), *others]
    write_manifest(BackupDirectory(path), msgspec.structs.replace(manifest, number=2, streams=streams))
    with pytest.raises(BackupRefused, match=r"ends at position 12, by the manifest it ends at 13"):
        await check(path, chosen_backup(path, None), untold)
    async with cloned_database(postgres_dsn_template) as other:
        with pytest.raises(BackupRefused, match=r"ends at position 12, by the manifest it ends at 13"):
            await restore(other, path)


async def test_verify_reads_what_earlier_backups_have_copied(path: Path, database_dsn: str) -> None:
    """Without it a later backup looks at the lengths of what is there alone."""
    file = only(path, "files/*/*")
    flipped(file)
    await back_up(database_dsn, path)
    newest = chosen_backup(path, None)
    with pytest.raises(BackupRefused, match=str(file)):
        await back_up(database_dsn, path, verify=True)
    # What was found damaged is no backup.
    assert chosen_backup(path, None) == newest
    file.unlink()
    assert (await back_up(database_dsn, path, verify=True)).manifest.number == newest.manifest.number + 1


async def test_a_lost_file_is_copied_again_and_lost_rows_are_refused(path: Path, database_dsn: str) -> None:
    only(path, "files/*/*").unlink()
    await back_up(database_dsn, path, verify=True)
    rows = only(path, "rows/*")
    rows.unlink()
    with pytest.raises(BackupRefused, match=str(rows)):
        await back_up(database_dsn, path)


async def test_a_directory_with_something_else_is_left_alone(database_dsn: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.png").write_bytes(b"")
    with pytest.raises(BackupRefused, match="holds no backup"):
        await back_up(database_dsn, tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["holiday.png"]
    with pytest.raises(BackupRefused, match="holds no backup"):
        chosen_backup(tmp_path, None)


async def test_nobody_else_may_look_into_a_backup(path: Path) -> None:
    for entry in (path, *path.rglob("*")):
        assert entry.stat().st_mode & 0o077 == 0 or entry.name == "lock"


async def test_one_at_a_time(path: Path, database_dsn: str) -> None:
    with BackupDirectory(path).locked(alone=True), pytest.raises(BackupRefused, match="another process"):
        await back_up(database_dsn, path)
    async with opened_target(database_dsn):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("eventstore.restoring.LOCK_PATIENCE_S", 0.3)
            with pytest.raises(StoreRefused, match="another process is restoring"):
                await restore(database_dsn, path)


async def test_the_backup_of_another_log_is_not_gone_on_with(
    path: Path, postgres_dsn_template: str, database_dsn: str
) -> None:
    """Such as one that was restored from an older backup and has gone on since."""
    before = newest_manifest(BackupDirectory(path))
    async with cloned_database(postgres_dsn_template) as other:
        with pytest.raises(BackupRefused, match=r"another log: stream 'contest:a'"):
            await back_up(other, path)
    assert newest_manifest(BackupDirectory(path)) == before
    await execute(database_dsn, "UPDATE event SET chain = sha256('') WHERE position = 12")
    with pytest.raises(BackupRefused, match=r"another log: stream 'contest:a'"):
        await back_up(database_dsn, path)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("UPDATE event SET actor = 'somebody else' WHERE position = 3", "'contest:a', position 3"),
        ("DELETE FROM event WHERE position = 3", "'contest:a', position 3: missing"),
        ("DELETE FROM event WHERE position = 12", "'contest:a' has rows up to position 11"),
        ("UPDATE file_chunk SET content = 'other'", "does not match its hash"),
        ("DELETE FROM file_chunk", "does not match its hash"),
    ],
)
async def test_a_damaged_log_is_not_backed_up(
    store: PostgresStore, database_dsn: str, tmp_path: Path, statement: str, names: str
) -> None:
    await store.append(append_of("contest:a", 0, new_events(*map(str, range(12)))))
    await store.put_file(CONTENT)
    await execute(database_dsn, statement)
    with pytest.raises(BackupRefused, match=names):
        await back_up(database_dsn, tmp_path / "backup")
    with pytest.raises(BackupRefused, match="no complete backup"):
        chosen_backup(tmp_path / "backup", None)


async def test_nothing_is_restored_over_anything(path: Path, postgres_dsn_template: str) -> None:
    async with cloned_database(postgres_dsn_template) as other:
        store = await PostgresStore.open(other)
        with pytest.raises(StoreRefused, match="has this database open"):
            await restore(other, path)
        await store.put_server_account(ServerAccount(username="admin", role="admin", password_hash="hash"))
        await store.close()
        before = await dump(other)
        await asyncio.sleep(0)
        with pytest.raises(StoreRefused, match=r"not empty \(1 accounts of the server\)"):
            await restore(other, path)
        assert await dump(other) == before


async def test_a_store_that_is_opened_while_a_restore_begins_is_refused(
    database_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has looked for the mark already."""

    async def marked_behind(connection: asyncpg.Connection) -> None:
        await migrate(connection)
        await execute(database_dsn, QUERIES["begin_restoring"])

    monkeypatch.setattr("eventstore.postgres.migrate", marked_behind)
    with pytest.raises(StoreRefused, match="cds restore"):
        await PostgresStore.open(database_dsn)


async def test_a_restore_that_begins_while_a_store_is_opened_leaves_it_alone(
    path: Path, postgres_dsn_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has looked for the mark already, and comes to be there when the restore has seen that nobody is."""
    mark = RestoreTarget._mark
    async with cloned_database(postgres_dsn_template) as other:
        theirs = await PostgresStore.open(other)
        await theirs.secret("tokens", lambda: b"a key in use")
        await theirs.close()
        before = await dump(other)
        session = await asyncpg.connect(other)

        async def marked(target: RestoreTarget, *arguments: Any) -> None:
            await mark(target, *arguments)
            await session.execute("SELECT pg_advisory_lock_shared($1, 7)", PRESENCE_CLASS)

        with monkeypatch.context() as patch:
            patch.setattr(RestoreTarget, "_mark", marked)
            with pytest.raises(StoreRefused, match="has this database open"):
                await restore(other, path)
        await session.close()
        assert await dump(other) == before
        await (await PostgresStore.open(other)).close()


async def test_secrets_that_any_command_makes_are_given_up_for_those_of_the_backup(
    path: Path, database_dsn: str, postgres_dsn_template: str, store: PostgresStore
) -> None:
    await store.secret("tokens", lambda: b"the key of all tokens")
    await back_up(database_dsn, path)
    async with cloned_database(postgres_dsn_template) as other:
        theirs = await PostgresStore.open(other)
        await theirs.secret("tokens", lambda: b"another key")
        await theirs.close()
        await restore(other, path)
        assert await dump(other) == await dump(database_dsn)


async def test_another_backup_does_not_go_on_where_one_stopped(
    path: Path, database_dsn: str, postgres_dsn_template: str
) -> None:
    async with cloned_database(postgres_dsn_template) as other:
        with crashing_restore(2), pytest.raises(Crash):
            await restore(other, path)
        await back_up(database_dsn, path)
        with pytest.raises(StoreRefused, match="another backup is half restored"):
            await restore(other, path)


async def test_a_half_restored_database_is_not_backed_up(
    path: Path, tmp_path: Path, postgres_dsn_template: str
) -> None:
    async with cloned_database(postgres_dsn_template) as other:
        with crashing_restore(2), pytest.raises(Crash):
            await restore(other, path)
        with pytest.raises(StoreRefused, match="being restored"):
            await back_up(other, tmp_path / "second")


async def test_a_backup_of_a_newer_program_says_so(
    path: Path, postgres_dsn_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = known_migrations()
    monkeypatch.setattr("eventstore.restoring.known_migrations", lambda: known[:-1])
    async with cloned_database(postgres_dsn_template) as other:
        with pytest.raises(StoreRefused, match="upgrade it"):
            await restore(other, path)


async def test_an_earlier_backup_can_be_chosen(path: Path, store: PostgresStore, database_dsn: str) -> None:
    first = chosen_backup(path, None)
    await append_ids(store, "contest:b", 1, "y")
    await back_up(database_dsn, path)
    assert chosen_backup(path, None).manifest.rows == first.manifest.rows + 1
    assert chosen_backup(path, first.manifest.taken_at) == first
    with pytest.raises(BackupRefused, match="or before"):
        chosen_backup(path, first.manifest.taken_at.replace(year=2000))


async def test_a_second_backup_copies_only_what_is_new(path: Path, store: PostgresStore, database_dsn: str) -> None:
    def there() -> dict[Path, int]:
        return {each: each.stat().st_ino for each in path.rglob("*") if each.is_file()}

    before = there()
    await append_ids(store, "contest:b", 1, "y")
    await store.put_file(b"another")
    taken = await back_up(database_dsn, path)
    after = there()
    assert (taken.rows, taken.files) == (1, 1)
    assert {each: after[each] for each in before} == before
    assert sorted(each.parent.name for each in after.keys() - before.keys() if each.parent.parent == path) == [
        "manifests",
        "rows",
    ]


async def test_an_earlier_backup_is_good_though_the_last_manifest_is_not(
    path: Path, database_dsn: str, postgres_dsn_template: str
) -> None:
    first = chosen_backup(path, None)
    before = await dump(database_dsn)
    await back_up(database_dsn, path)
    flipped(max(path.glob("manifests/*")))
    with pytest.raises(BackupRefused, match="--at"):
        chosen_backup(path, None)
    kept = chosen_backup(path, first.manifest.taken_at)
    assert kept == first
    async with cloned_database(postgres_dsn_template) as other:
        await restore_backup(other, path, kept, untold)
        assert await dump(other) == before
