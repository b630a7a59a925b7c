"""Import and its passwords, on the memory store."""

import pytest
from argon2 import PasswordHasher

from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.identity import matches
from cds.importing import Imported, import_contest
from cds.live_contest import stream_of
from cds.packages.contents import Change, ContestContents
from eventstore.memory import MemoryStore
from schemas.objects import Account, ContestObject
from tests.builders import CONTEST, put, state

JUDGE = Account(id="j", username="judge", type="judge")
GREEDY_HASH = "$argon2id$v=19$m=2097152,t=40,p=4$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43


def contents(*instances: ContestObject, passwords: dict[str, str] | None = None) -> ContestContents:
    """A source with a contest, its state and these objects."""
    changes = [Change(c.type, c.id, c.instance) for c in put(CONTEST, state(), *instances)]
    final: dict[str, dict[str, ContestObject]] = {}
    for change in changes:
        if change.instance is not None:
            final.setdefault(change.type, {})[change.id] = change.instance
    return ContestContents(
        contest_id=CONTEST.id,
        changes=changes,
        final=final,
        spoken_of=frozenset({"contest", "state", "accounts"}),
        files={},
        passwords=passwords or {},
        warnings=[],
    )


async def imported(store: MemoryStore, source: ContestContents) -> Imported:
    """Import as the command does."""
    return await import_contest(
        store, source, cause="test", circumstances=SYSTEM, progress=lambda _doing, _done, _total: None
    )


async def test_a_password_goes_with_its_account() -> None:
    """An id may be used again (Contest API, "Referential integrity"); the old password must not come back with it."""
    store = MemoryStore()
    await imported(store, contents(JUDGE, passwords={"j": "secret"}))
    assert matches((await store.credentials(stream_of(CONTEST.id)))["j"], "secret")
    await imported(store, contents())
    assert await store.credentials(stream_of(CONTEST.id)) == {}
    await imported(store, contents(Account(id="j", username="somebody", type="admin")))
    assert await store.credentials(stream_of(CONTEST.id)) == {}


async def test_an_account_that_is_told_of_without_password_keeps_its_own() -> None:
    store = MemoryStore()
    await imported(store, contents(JUDGE, passwords={"j": "secret"}))
    again = await imported(store, contents(JUDGE))
    assert (again.events, again.passwords) == (0, 0)
    assert "j" in await store.credentials(stream_of(CONTEST.id))


async def test_the_same_password_again_adds_nothing_and_another_one_counts() -> None:
    store = MemoryStore()
    await imported(store, contents(JUDGE, passwords={"j": "secret"}))
    assert (await imported(store, contents(JUDGE, passwords={"j": "secret"}))).passwords == 0
    assert (await imported(store, contents(JUDGE, passwords={"j": "other"}))).passwords == 1
    assert matches((await store.credentials(stream_of(CONTEST.id)))["j"], "other")


async def test_an_empty_password_is_none() -> None:
    store = MemoryStore()
    await imported(store, contents(JUDGE, passwords={"j": ""}))
    assert await store.credentials(stream_of(CONTEST.id)) == {}


async def test_a_hash_is_taken_as_it_is() -> None:
    store = MemoryStore()
    hashed = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("secret")
    await imported(store, contents(JUDGE, passwords={"j": hashed}))
    assert (await store.credentials(stream_of(CONTEST.id)))["j"] == hashed


@pytest.mark.parametrize("hashed", [GREEDY_HASH, "$argon2id$nonsense"])
async def test_a_hash_that_costs_too_much_or_cannot_be_read_is_refused(hashed: str) -> None:
    store = MemoryStore()
    with pytest.raises(Refused, match="accounts/j password"):
        await imported(store, contents(JUDGE, passwords={"j": hashed}))
    assert await store.heads() == {}
