"""Two workers of one group in this process, which hear no hints of each other: marks alone keep them from being older.

That they ask no database is part of what is tested: a group that is alone must cost a GET nothing.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

import pytest

from cds.administrator import ensure_admin
from cds.contests import Contests
from cds.workers import marks as marks_module
from cds.workers.marks import SharedMarks, marks_file
from cds.workers.membership import Membership
from eventstore.postgres import PostgresStore
from eventstore.presence import drawn_number
from eventstore.store import Head, StoreUnavailable
from tests.cds.contest_api.serving import ADMIN_PASSWORD, DEADLINE_S, Running, opened, running

CONTEST = {"id": "finals", "name": "Finals", "duration": "5:00:00", "scoreboard_type": "pass-fail"}
ROUNDS = 20


@pytest.fixture
def memberships() -> Iterator[list[Membership]]:
    """The parts of two workers, each on a port of its own."""
    descriptor, number = marks_file(2), drawn_number()
    group = [Membership(SharedMarks(descriptor, workers=2, own=own), number, ()) for own in range(2)]
    yield group
    for membership in group:
        membership.marks.close()
    os.close(descriptor)


@pytest.fixture
async def group(
    database_dsn: str, memberships: list[Membership], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[Running]]:
    """Two workers that know of each other by their marks alone; nobody else is there."""

    async def never(_contests: Contests, _stream: str) -> None:
        return None

    async with opened(database_dsn) as store:
        await ensure_admin(store, ADMIN_PASSWORD)
    async with AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(running(database_dsn, group=each)) for each in memberships]
        monkeypatch.setattr(Contests, "_catch_up", never)
        await until(lambda: all(worker.store.group_alone for worker in workers))
        yield workers


@pytest.fixture
def heads_asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the ends of streams were asked for, from here on."""
    asked: list[str] = []
    head, heads = PostgresStore.head, PostgresStore.heads

    async def noted_head(store: PostgresStore, stream: str) -> Head:
        asked.append(stream)
        return await head(store, stream)

    async def noted_heads(store: PostgresStore) -> dict[str, Head]:
        asked.append("all")
        return await heads(store)

    monkeypatch.setattr(PostgresStore, "head", noted_head)
    monkeypatch.setattr(PostgresStore, "heads", noted_heads)
    return asked


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_get_on_the_other_worker_after_a_write_is_never_older(
    group: list[Running], heads_asked: list[str]
) -> None:
    """The contest is new to the other, then its objects are; it reads what it lacks and asks for no end of a stream."""
    callers = [worker.of_role("admin") for worker in group]
    assert (await callers[0].ask("PUT", "contests/finals", json=CONTEST)).status == 201
    assert [contest["id"] for contest in await callers[1].json("contests")] == ["finals"]
    for number in range(ROUNDS):
        writer, reader = callers[number % 2], callers[(number + 1) % 2]
        written = {"id": f"g{number}", "name": f"Group {number}"}
        assert (await writer.ask("PUT", f"contests/finals/groups/g{number}", json=written)).status == 201
        assert await reader.json(f"contests/finals/groups/g{number}") == written
        assert len(await reader.json("contests/finals/groups")) == number + 1
    assert set(heads_asked) <= {"contest:finals"}


async def test_a_contest_is_found_by_name_and_in_the_list_as_soon_as_it_is_made(group: list[Running]) -> None:
    one, other = (worker.of_role("admin") for worker in group)
    for number in range(4):
        assert (await one.ask("PUT", f"contests/c{number}", json=CONTEST | {"id": f"c{number}"})).status == 201
        if number % 2:
            assert (await other.json(f"contests/c{number}"))["id"] == f"c{number}"
        else:
            assert len(await other.json("contests")) == number + 1
    assert (await other.get("contests/nothing")).status == 404


async def test_a_worker_that_is_level_asks_nobody(group: list[Running], heads_asked: list[str]) -> None:
    one, other = (worker.of_role("admin") for worker in group)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    await other.json("contests/finals")
    await other.json("contests")
    heads_asked.clear()
    for _ in range(5):
        for caller in (one, other):
            await caller.json("contests/finals/groups")
            await caller.json("contests")
            assert (await caller.get("contests/nothing")).status == 404
    assert heads_asked == []


async def test_a_get_after_a_notification_of_the_other_worker_is_never_older(group: list[Running]) -> None:
    """Law: whoever has got a line of a feed finds what it says wherever he asks."""
    one, other = (worker.of_role("admin") for worker in group)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    async with one.stream("contests/finals/event-feed?types=groups") as feed:
        for number in range(ROUNDS):
            written = {"id": f"g{number}", "name": f"Group {number}"}
            assert (await one.ask("PUT", f"contests/finals/groups/g{number}", json=written)).status == 201
            notification = await feed.notification()
            assert await other.json(f"contests/finals/groups/{notification['id']}") == notification["data"]


async def test_a_stranger_makes_the_whole_group_look_at_the_log(group: list[Running], database_dsn: str) -> None:
    """Another server, or an import, knows nothing of marks."""
    async with running(database_dsn) as stranger:
        assert not any(worker.store.group_alone for worker in group)
        admin = stranger.of_role("admin")
        assert (await admin.ask("PUT", "contests/finals", json=CONTEST)).status == 201
        for worker in group:
            assert (await worker.of_role("admin").json("contests/finals"))["name"] == "Finals"
            assert len(await worker.of_role("admin").json("contests")) == 1


async def test_without_room_for_marks_the_log_is_looked_at(
    group: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marks_module, "NAME_BYTES", 3)
    one, other = (worker.of_role("admin") for worker in group)
    for number in range(3):
        contest_id = f"c{number}"
        assert (await one.ask("PUT", f"contests/{contest_id}", json=CONTEST | {"id": contest_id})).status == 201
        assert (await other.json(f"contests/{contest_id}"))["id"] == contest_id


async def test_a_worker_that_knows_that_it_is_behind_says_nothing_rather_than_something_older(
    group: list[Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for one worker only: the other has what has been told already."""
    one, other = (worker.of_role("admin") for worker in group)
    assert (await one.ask("PUT", "contests/finals", json=CONTEST)).status == 201
    await other.json("contests/finals")
    store, read = group[1].store, group[1].store.read

    async def away(*_: object) -> None:
        raise StoreUnavailable("the database is away for the test")

    monkeypatch.setattr(store, "read", away)
    assert (await other.json("contests/finals"))["name"] == "Finals"
    assert (await one.ask("PATCH", "contests/finals", json={"name": "Other"})).status == 200
    for path in ("contests/finals", "contests"):
        answer = await other.get(path)
        assert answer.status == 503
        assert "Retry-After" in answer.headers
    monkeypatch.setattr(store, "read", read)
    assert (await other.json("contests/finals"))["name"] == "Other"
