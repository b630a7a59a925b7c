"""Users who are erased: what is left of them, also where it is interrupted, and what the log tells of anybody."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from cds.command_line import CommandRefused
from cds.user_command import _forget
from eventstore.memory import MemoryStore
from eventstore.store import EventStore, StoreUnavailable
from schemas.users import CONTACTS, CREDENTIALS, ERASURES, RESETS, USER, USERS
from tests.cds.users.registers import HASH, Dying, Process, kept_ids, named_ids, outcomes, process_on

Pair = tuple[Process, Process]


async def test_who_is_erased_leaves_an_id(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    """Name and address are free again, follows are gone, and a placeholder is shown; in both processes."""
    one, two = pair
    await one.enter("ada")
    await one.enter("bob")
    await one.register.follow("u1", "u2", follow=True)
    await one.register.follow("u2", "u1", follow=True)
    await two.register.people()
    await one.register.erase("u1", actor="users")
    for process in pair:
        people = await process.register.people()
        assert (people.username("u1"), people.display_name("u1"), people.email("u1")) == ("deleted-u1", None, None)
        assert (people.named("ada"), people.named_ever("ada")) == (None, None)
        assert [people.username(user.id) for user in people.active_users()] == ["bob"]
        assert people.banned_users() == []
        assert (people.state.following("u2"), people.state.followers("u2")) == ([], [])
    assert await outcomes(two.register.erase("u1", actor="users")) == ["unknown"]
    assert await outcomes(two.register.ban("u1", banned=False, actor="users")) == ["unknown"]
    assert await kept_ids(stores[0]) == await named_ids(two)
    assert (await two.enter("Ada", email="ADA@example.com")).id == "u3"


async def test_the_database_may_go_away_while_somebody_is_erased() -> None:
    """What was kept is gone already then; asking once more ends it, or the duty does, whichever comes first."""
    for tidied in (False, True):
        store = Dying()
        desk, other = process_on(store), process_on(store)
        await desk.enter("ada")
        await other.register.people()
        store.away = True
        with pytest.raises(StoreUnavailable):
            await desk.register.erase("u1", actor="users")
        assert await kept_ids(store) == {CONTACTS: set(), CREDENTIALS: set(), RESETS: set()}
        store.away = False
        people = await desk.register.people()
        assert (people.named("ada"), people.username("u1")) == (None, "deleted-u1")
        assert (await desk.enter("ADA")).id == "u2", "the name is free"
        people = await other.register.people()
        assert people.named("ada") == people.state.find("u2"), "also where the name of the other is at hand still"
        if tidied:
            assert await other.register.tidy() == 1
        else:
            await desk.register.erase("u1", actor="users")
        user = (await other.register.fresh()).find("u1")
        assert user is not None
        assert user.erased
        (_, event) = (await store.read_stored(USERS, 0, 10))[1:]
        assert (event.actor, event.cause) == ("users", "forget")
        assert await store.kept(ERASURES) == {}
        assert await desk.register.tidy() == 0
        for process in (desk, other):
            process.identity.close()


class Unerasing(MemoryStore):
    """A store whose database goes away when something kept is to be erased."""

    away = False

    async def keep(self, kind: str, contents: Mapping[str, bytes | None]) -> None:
        """Fails while it is away."""
        if self.away and kind == CONTACTS and None in contents.values():
            raise StoreUnavailable("away")
        await super().keep(kind, contents)


async def test_a_name_is_not_free_before_it_is_erased() -> None:
    """Whoever was interrupted may have erased nothing, and the user is there still; until the duty ends it."""
    store = Unerasing()
    desk = process_on(store)
    await desk.enter("ada")
    store.away = True
    with pytest.raises(StoreUnavailable):
        await desk.register.erase("u1", actor="users")
    store.away = False
    assert await outcomes(desk.enter("ada", email="other@example.com")) == ["conflict"]
    assert await desk.register.tidy() == 1
    assert (await desk.enter("ada")).id == "u2"
    desk.identity.close()


async def test_two_who_erase_the_same_user_at_once_do_so_once(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    await pair[0].enter("ada")
    told = await outcomes(*(process.register.erase("u1", actor="users") for process in pair))
    assert "done" in told
    assert set(told) <= {"done", "unknown"}
    assert [event.type for event in await stores[0].read(USERS, 0, 10)] == [USER] * 2


async def test_a_password_that_is_another_by_now_erases_nobody(desk: Process) -> None:
    await desk.enter("ada")
    await desk.register.change_password("u1", "another", generation=0, contact=None, cause="password")
    assert await outcomes(desk.register.erase("u1", actor="user:u1", generation=0)) == ["precondition"]
    assert (await desk.register.people()).named("ada") is not None
    assert await outcomes(desk.register.erase("u1", actor="user:u1", generation=1)) == ["done"]


async def test_a_change_while_somebody_is_erased_leaves_nothing(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    one, two = pair
    await one.enter("ada")
    await two.register.people()
    await outcomes(
        one.register.erase("u1", actor="users"),
        *(two.register.change_profile("u1", name=f"Ada {number}", email="new@example.com") for number in range(3)),
    )
    user = (await two.register.fresh()).find("u1")
    assert user is not None
    assert user.erased
    assert await kept_ids(stores[0]) == {CONTACTS: set(), CREDENTIALS: set(), RESETS: set()}


async def test_the_log_holds_no_personal_data(stores: tuple[EventStore, ...], pair: Pair) -> None:
    """Every column of every event of a whole life."""
    one, _ = pair
    await one.enter("ada-lovelace", email="ada@analytical.example.com")
    await one.register.change_profile("u1", name="Ada King", email="king@analytical.example.com")
    await one.register.change_password("u1", "$argon2 another", generation=0, contact=None, cause="password")
    await one.register.ban("u1", banned=True, actor="server:admin")
    events = await stores[0].read_stored(USERS, 0, 1_000)
    told = b"\n".join(msgspec.json.encode([event.type, event.id, event.actor, event.cause]) for event in events)
    told += b"\n".join(event.data or b"" for event in events)
    for secret in ("lovelace", "analytical", "King", "king", HASH, "argon2"):
        assert secret.encode() not in told


async def test_who_was_erased_cannot_be_found_out_from_the_log(desk: Process, memory_store: MemoryStore) -> None:
    """Two who were called the same have nothing in common in the log, whatever else of the database somebody has."""
    for number in (1, 2):
        await desk.enter("ada")
        await desk.register.change_profile(f"u{number}", name="Ada", email=f"ada{number}@example.com")
        await desk.register.erase(f"u{number}", actor="users")
    told: list[set[str]] = [set(), set()]
    for event in await memory_store.read(USERS, 0, 10):
        fact = msgspec.json.decode(event.data or b"")
        told[event.id == "u2"] |= {str(fact.get(name)) for name in fact.keys() - OF_EVERYBODY}
    assert [len(each) for each in told] == [3, 3], "two contacts and a credential"
    assert not told[0] & told[1]
    assert await kept_ids(memory_store) == {CONTACTS: set(), CREDENTIALS: set(), RESETS: set()}


OF_EVERYBODY = {"id", "created_ms", "deleted_ms", "generation"}


async def test_whoever_is_interrupted_at_the_command_line_is_told_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the id: the name may be gone already."""
    store = Dying()
    desk = process_on(store)
    await desk.enter("ada")

    @asynccontextmanager
    async def opened_store(*_: object, **__: object) -> AsyncIterator[MemoryStore]:
        yield store

    monkeypatch.setattr("cds.store_opening.opened_store", opened_store)
    store.away = True
    with pytest.raises(CommandRefused, match=r"cds forget u1$"):
        await _forget("ada", Path(), None)
    store.away = False
    await _forget("u1", Path(), None)
    with pytest.raises(CommandRefused, match="there is no user u1"):
        await _forget("u1", Path(), None)
    desk.identity.close()
