"""The register of users in two processes on one log: races, and what is left of whom is erased."""

import asyncio
import random
import time
from collections.abc import Awaitable

import msgspec
import pytest

from eventstore.memory import MemoryStore
from eventstore.store import EventStore, StoreUnavailable
from projections.users import Users
from schemas.users import CONTACTS, USERS, User, UserContact
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.users.registers import HASH, Dying, Process, kept_ids, named_ids, outcomes, process_on

Pair = tuple[Process, Process]


async def test_what_one_process_writes_the_other_knows(pair: Pair) -> None:
    one, two = pair
    ada = await one.enter("Ada")
    people = await two.register.people()
    assert people.named("ada") == ada
    assert (people.username("u1"), people.display_name("u1"), people.email("u1")) == ("Ada", None, "Ada@example.com")
    await two.register.change_profile("u1", name="Ada King", email="king@example.com")
    people = await one.register.people()
    assert (people.display_name("u1"), people.email("u1")) == ("Ada King", "king@example.com")


@pytest.mark.parametrize("same", ["name", "address", "both"])
async def test_of_many_who_sign_up_alike_one_comes_in(pair: Pair, stores: tuple[EventStore, ...], same: str) -> None:
    """The log decides; nothing is left of the others."""

    def signing_up(number: int) -> Awaitable[User]:
        username = "ada" if same != "address" else f"ada{number}"
        email = "ada@example.com" if same != "name" else f"ada{number}@example.com"
        return pair[number % 2].enter(username, email=email)

    told = await outcomes(*(signing_up(number) for number in range(8)))
    assert sorted(told) == ["conflict"] * 7 + ["done"]
    assert len(await pair[0].register.fresh()) == 1
    assert await kept_ids(stores[0]) == await named_ids(pair[1])


async def test_many_who_sign_up_at_once_all_come_in(pair: Pair) -> None:
    names = [f"user{number}" for number in range(12)]
    entered = await asyncio.gather(*(pair[number % 2].enter(name) for number, name in enumerate(names)))
    assert sorted(user.id for user in entered) == sorted(f"u{number}" for number in range(1, 13))
    people = await pair[0].register.people()
    assert [people.username(user.id) for user in entered] == names


async def test_of_two_who_want_one_address_one_gets_it(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    one, two = pair
    await asyncio.gather(one.enter("ada"), two.enter("bob"))
    told = await outcomes(
        one.register.change_profile("u1", name=None, email="new@example.com"),
        two.register.change_profile("u2", name=None, email="NEW@example.com"),
    )
    assert sorted(told) == ["conflict", "done"]
    assert await kept_ids(stores[0]) == await named_ids(one)


async def test_an_address_goes_to_who_signs_up_or_who_changes_never_to_both(pair: Pair) -> None:
    one, two = pair
    await one.enter("ada")
    told = await outcomes(
        one.register.change_profile("u1", name=None, email="new@example.com"),
        two.enter("bob", email="new@example.com"),
    )
    assert sorted(told) == ["conflict", "done"]


async def test_two_who_change_the_same_profile_both_do(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    """Neither change is lost: each is made up anew behind the other."""
    one, two = pair
    await one.enter("ada")
    told = await outcomes(
        *(pair[number % 2].register.change_profile("u1", name=f"Ada {number}", email="x@y.de") for number in range(6))
    )
    assert told == ["done"] * 6
    assert await kept_ids(stores[0]) == await named_ids(two)
    assert len((await two.register.fresh()).contacts) == 1


async def test_of_several_changes_of_a_password_one_happens(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    await pair[0].enter("ada")
    told = await outcomes(
        *(
            pair[number % 2].register.change_password(
                "u1", f"hash {number}", generation=0, contact=None, cause="password"
            )
            for number in range(4)
        )
    )
    assert sorted(told) == ["done"] + ["precondition"] * 3
    users = [(await process.register.fresh()).find("u1") for process in pair]
    assert [user.generation for user in users if user is not None] == [1, 1]
    assert await kept_ids(stores[0]) == await named_ids(pair[1])


async def test_follows_that_are_asked_for_twice_are_there_once(pair: Pair) -> None:
    one, two = pair
    await one.enter("ada")
    await one.enter("bob")
    told = await outcomes(one.register.follow("u1", "u2", follow=True), two.register.follow("u1", "u2", follow=True))
    assert sorted(told) == ["conflict", "done"]
    assert [list(state.following("u1")) for state in (await one.register.fresh(), await two.register.fresh())] == [
        ["u2"],
        ["u2"],
    ]


async def test_a_ban_and_a_change_at_once_leave_no_way_back(pair: Pair) -> None:
    """Whoever is banned meanwhile changes nothing, or is banned behind the change: the tokens die either way."""
    one, two = pair
    await one.enter("ada")
    await outcomes(
        one.register.ban("u1", banned=True, actor="server:admin"),
        two.register.change_password("u1", "another", generation=0, contact=None, cause="password"),
    )
    user = (await two.register.fresh()).find("u1")
    assert user is not None
    assert not user.active
    assert user.generation >= 1


async def test_replay_is_what_is_in_memory(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    one, two = pair
    for username in ("ada", "bob", "cid"):
        await one.enter(username)
    await two.register.follow("u1", "u2", follow=True)
    await one.register.follow("u2", "u3", follow=True)
    await two.register.ban("u2", banned=True, actor="server:admin")
    await one.register.log_out("mark", expires_s=9, actor="user:u1")
    await one.register.set_role("u3", "admin", actor="users")
    await one.register.set_role("u3", "admin", actor="users")
    await two.register.erase("u1", actor="users")
    replayed = Users()
    for event in await stores[1].read(USERS, 0, 1_000):
        replayed.apply(event.position, event.type, event.id, event.data)
    assert vars(replayed) == vars(await one.register.fresh()) == vars(await two.register.fresh())
    assert replayed.position == 9, "a role that somebody has already is no event"


async def test_what_nobody_names_is_erased_when_it_is_old(memory_store: MemoryStore, desk: Process) -> None:
    """What is left over when a process dies between keeping and writing."""
    await desk.enter("ada")
    named = await kept_ids(memory_store)
    old, new = (UserContact(username="x", name=None, email="x", made_ms=made_ms) for made_ms in (0, _now_ms()))
    await memory_store.keep(CONTACTS, {"old": msgspec.json.encode(old), "new": msgspec.json.encode(new)})
    assert await desk.register.tidy() == 1
    assert (await kept_ids(memory_store))[CONTACTS] == named[CONTACTS] | {"new"}


async def test_what_is_left_over_by_those_who_died_blocks_no_name(pair: Pair, stores: tuple[EventStore, ...]) -> None:
    """Two kept what they are called, and their events never came; a third is called so, in any process."""
    left_over = msgspec.json.encode(UserContact(username="ada", name=None, email="ada@example.com", made_ms=_now_ms()))
    await stores[0].keep(CONTACTS, {"left1": left_over, "left2": left_over})
    one, two = pair
    assert await outcomes(two.enter("Ada")) == ["done"]
    assert (
        await outcomes(one.enter("ada", email="other@example.com"), two.enter("bob", email="ADA@example.com"))
        == ["conflict"] * 2
    )
    assert (await one.register.people()).named("ada") == (await two.register.people()).with_email("ada@example.com")


def any_change(chance: random.Random, pair: Pair, came_in: int) -> Awaitable[object]:
    """Somebody signs up, changes, is banned or erased, in either process; there are few names."""
    names = ("ada", "ADA", "bob", "Bob")
    register, name, email = chance.choice(pair).register, chance.choice(names), f"{chance.choice(names)}@x.org"
    user_id, banned = f"u{chance.randint(1, came_in + 4)}", chance.random() < 0.5
    return chance.choice(
        (
            lambda: register.sign_up(name, email, HASH),
            lambda: register.sign_up(name, email, HASH),
            lambda: register.change_profile(user_id, name=name, email=email),
            lambda: register.ban(user_id, banned=banned, actor="users"),
            lambda: register.erase(user_id, actor="users"),
        )
    )()


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_at_once_no_name_is_two_persons(
    pair: Pair, stores: tuple[EventStore, ...], seed: int
) -> None:
    """What is kept and named is told apart by name and by address, and both processes know all of it."""
    chance, came_in = random.Random(seed), 0
    for _ in range(6):
        await outcomes(*(any_change(chance, pair, came_in) for _ in range(8)))
        state = await pair[0].register.fresh()
        came_in = len(state)
        kept = await stores[1].kept(CONTACTS)
        assert set(kept) == state.contacts
        contacts = [msgspec.json.decode(data, type=UserContact) for data in kept.values()]
        for called in ([each.username for each in contacts], [each.email for each in contacts]):
            assert len({each.casefold() for each in called}) == len(called)
        for process in pair:
            people = await process.register.people()
            assert all(people.named_ever(each.username) is not None for each in contacts)
    assert came_in > 1


async def test_many_sign_up_again_and_again_behind_others(stores: tuple[EventStore, ...]) -> None:
    """Each has to read the names of those who came first; in processes of their own, which hear of nothing else."""
    processes = [process_on(store) for store in (*stores, *stores)]
    entered = await asyncio.gather(
        *(process.enter(f"user{number}-{each}") for each in range(6) for number, process in enumerate(processes))
    )
    assert sorted(int(user.id[1:]) for user in entered) == list(range(1, 25))
    for process in processes:
        people = await process.register.people()
        assert len({people.username(user.id) for user in entered}) == 24
        process.identity.close()


async def test_the_database_may_go_away_while_somebody_signs_up() -> None:
    """Nobody knows what was written then, so what is kept stays for a while; another try succeeds."""
    store = Dying()
    desk = process_on(store)
    store.away = True
    with pytest.raises(StoreUnavailable):
        await desk.enter("ada")
    store.away = False
    assert (await desk.enter("ada")).id == "u1"
    desk.identity.close()


async def test_a_contact_that_is_lost_is_shown_as_erased(memory_store: MemoryStore, desk: Process) -> None:
    """Something is wrong with the database, and still there is an answer."""
    await desk.enter("ada")
    await memory_store.keep(CONTACTS, dict.fromkeys(await memory_store.kept(CONTACTS)))
    other = process_on(memory_store)
    people = await asyncio.wait_for(other.register.people(), DEADLINE_S)
    assert people.username("u1") == "deleted-u1"
    other.identity.close()


async def test_people_without_anything_new_ask_nobody(desk: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.enter("ada")
    await desk.register.people()

    async def refuse(*_: object) -> dict[str, bytes]:
        raise AssertionError("the contacts are at hand")

    monkeypatch.setattr(MemoryStore, "kept", refuse)
    assert (await desk.register.people()).username("u1") == "ada"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def test_changes_of_one_profile_at_once_are_all_made(desk: Process) -> None:
    """One after the other: nobody is told that the server has failed."""
    await desk.enter("ada")
    changes = (desk.register.change_profile("u1", name=f"Ada {number}", email="x@y.de") for number in range(20))
    assert [contact.name for contact in await asyncio.gather(*changes)] == [f"Ada {number}" for number in range(20)]
