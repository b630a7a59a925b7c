"""The law of backups: whatever was written, and wherever backup and restore were cut short, what comes back is what was
there when the backup was taken, byte for byte; and a later backup into the same directory is good in the same way."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from cds.backups.layout import BackupDirectory
from cds.backups.manifest import manifest_at
from eventstore.files import FILE_CHUNK_BYTES
from eventstore.postgres import PostgresStore
from eventstore.store import Append, Credential, NewEvent, ServerAccount
from tests.cds.backups.databases import (
    Crash,
    Dump,
    back_up,
    crashing_backup,
    crashing_restore,
    dump,
    filled,
    restore,
    small_parts,
)
from tests.cds.contest_api.serving import cloned_database
from tests.effort import examples

EXAMPLES = 7
ROUNDS = 4
STREAMS = ("contest:a", "contest:b", "students", "webhooks")

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
events = st.builds(
    NewEvent,
    type=texts,
    id=texts,
    data=st.none() | st.binary(max_size=60),
    actor=st.none() | texts,
    cause=st.none() | texts,
)
appends = st.tuples(st.just("append"), st.sampled_from(STREAMS), st.lists(events, max_size=8), texts)
files = st.tuples(st.just("file"), st.binary(max_size=40) | st.just(b"large" * (FILE_CHUNK_BYTES // 4)))
kept = st.tuples(st.just("keep"), st.sampled_from(["k", "l"]), texts, st.none() | st.binary(max_size=400))
accounts = st.tuples(st.just("account"), texts, st.booleans())
secrets = st.tuples(st.just("secret"), texts, st.binary(max_size=40))
backups = st.tuples(st.just("backup"))
crashes = st.tuples(st.just("crash"), st.integers(0, 12))
steps = st.lists(appends | appends | files | kept | accounts | secrets | backups | crashes, max_size=14)


async def take(store: PostgresStore, step: tuple[object, ...]) -> None:
    """Write something."""
    match step:
        case ("append", str(stream), list(new), str(actor)):
            head = await store.head(stream)
            await store.append(
                Append(
                    stream=stream,
                    expected_position=head.position,
                    events=new,
                    actor=actor,
                    cause="law",
                    batch_id=uuid4(),
                    recorded_at_us=1_700_000_000_000_000 + head.position,
                    credentials=[Credential(scope=stream, account_id=actor, password_hash=f"hash {head.position}")],
                )
            )
        case ("file", bytes(content)):
            await store.put_file(content)
        case ("keep", str(kind), str(identifier), data):
            assert data is None or isinstance(data, bytes)
            await store.keep(kind, {identifier: data})
        case ("account", str(name), bool(disabled)):
            account = ServerAccount(username=name, role="admin", password_hash="hash", disabled=disabled)
            await store.put_server_account(account)
        case ("secret", str(name), bytes(content)):
            await store.secret(name, lambda: content)


async def backed_up(dsn: str, path: Path, crash_at: int | None) -> Dump | None:
    """What was there when a backup was taken; None where it was cut short."""
    there = await dump(dsn)
    if crash_at is None:
        await back_up(dsn, path, verify=True)
        return there
    with crashing_backup(crash_at):
        try:
            await back_up(dsn, path)
        except Crash:
            return None
    return there


async def check_law(template: str, path: Path, taken: list[tuple[object, ...]], crash_at: int) -> None:
    """Write, back up in between, restore with interruptions, compare; then go on from what was restored."""
    async with filled(template) as (dsn, store):
        expected: Dump | None = None
        for step in taken:
            if step[0] in ("backup", "crash"):
                at = step[1] if len(step) > 1 else None
                assert at is None or isinstance(at, int)
                expected = await backed_up(dsn, path, at) or expected
            else:
                await take(store, step)
        if expected is None:
            expected = await backed_up(dsn, path, None)
    async with cloned_database(template) as other:
        for at in range(crash_at, 200, crash_at + 1):
            with crashing_restore(at):
                try:
                    await restore(other, path)
                except Crash:
                    continue
                break
        assert await dump(other) == expected
        store = await PostgresStore.open(other)
        await take(store, ("append", STREAMS[0], [NewEvent(type="t", id="i", data=b"new")], "a"))
        await store.close()
        await back_up(other, path, verify=True)
        assert manifest_at(BackupDirectory(path), None).manifest.rows == len((await dump(other))["event"])


@settings(max_examples=examples(EXAMPLES))
@given(taken=steps, crash_at=st.integers(0, 6))
def test_what_is_restored_is_what_was_there(
    postgres_dsn_template: str, taken: list[tuple[object, ...]], crash_at: int
) -> None:
    with TemporaryDirectory() as room, small_parts():
        asyncio.run(check_law(postgres_dsn_template, Path(room) / "backup", taken, crash_at))


async def test_everything_is_of_one_moment(
    store: PostgresStore, database_dsn: str, postgres_dsn_template: str, tmp_path: Path
) -> None:
    """What is kept beside the log says how far the log goes: never ahead of it, nor more than one step behind."""
    position = 0

    async def write() -> None:
        nonlocal position
        while True:
            await take(store, ("append", STREAMS[0], [NewEvent(type="t", id="i", data=b"data")], "a"))
            position += 1
            await store.keep("cursor", {"position": b"%d" % position})

    writing = asyncio.create_task(write())
    for _ in range(ROUNDS):
        begun = position
        await back_up(database_dsn, tmp_path / "backup")
        async with cloned_database(postgres_dsn_template) as other:
            await restore(other, tmp_path / "backup")
            found = await dump(other)
        kept = [int(data) for _, _, data in found["kept"] if isinstance(data, bytes)]
        assert begun - 1 <= max(kept, default=0)
        assert len(found["event"]) - 1 <= max(kept, default=0) <= len(found["event"])
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert position > ROUNDS
