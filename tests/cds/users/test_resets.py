"""Codes for new passwords: who gets one, and for how long and how often it is good."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from cds.commands.decision import Refused
from cds.mailing import Mail
from cds.password_checking import TooManyLogins
from cds.users.reset_codes import code_hash
from cds.users.resets import PasswordUnfit
from eventstore.memory import MemoryStore
from eventstore.store import EventStore, StoreUnavailable
from schemas.users import RESETS
from tests.cds.contest_api.live_contest_setup import SetClock
from tests.cds.contest_api.serving import DEADLINE_S
from tests.cds.users.registers import ADDRESS, RESET_S, Process, process_on
from tests.cds.users.stage import code_in

NEW = "another horse"


class Post:
    """A process that sends mails, and whoever reads them."""

    def __init__(self, process: Process) -> None:
        """A process."""
        self.process = process
        self._running = [asyncio.create_task(work) for work in (process.resets.run(), process.mailer.run())]

    async def request(self, email: str) -> list[Mail]:
        """Ask for a code; all mails so far, once this has been seen to."""
        await self.process.resets.request(email, neighbourhood=ADDRESS)
        async with asyncio.timeout(DEADLINE_S):
            await self.process.resets.drained()
            await self.process.mailer.drained()
        return self.process.outbox.mails

    async def code(self, email: str) -> str:
        """Ask for a code, and get it."""
        return code_in((await self.request(email))[-1].text)

    async def good(self, code: str) -> bool:
        """Whether a code is good."""
        try:
            await self.process.resets.checked(code)
        except Refused:
            return False
        return True

    def close(self) -> None:
        """Send no more."""
        for running in self._running:
            running.cancel()
        self.process.identity.close()


@pytest.fixture
async def clock() -> SetClock:
    """A clock that stands still."""
    return SetClock()


@pytest.fixture
async def post(memory_store: MemoryStore, clock: SetClock) -> AsyncIterator[Post]:
    """A post office for ada, whose id is u1, and bob."""
    made = Post(process_on(memory_store, circumstances=clock))
    await made.process.enter("ada")
    await made.process.enter("bob")
    yield made
    made.close()


async def test_a_code_is_good_once(post: Post) -> None:
    code = await post.code("ADA@example.com")
    assert await post.good(code)
    assert await post.good(code), "looking at a code does not use it up"
    await post.process.resets.use(code, NEW)
    assert not await post.good(code)
    with pytest.raises(Refused):
        await post.process.resets.use(code, "third horse")
    await post.process.token("ada", NEW)


async def test_a_code_is_kept_as_a_hash_only(post: Post, memory_store: MemoryStore) -> None:
    code = await post.code("ada@example.com")
    kept = await memory_store.kept(RESETS)
    assert kept
    told = json.dumps({id: data.decode() for id, data in kept.items()})
    assert code not in told
    assert "example" not in told
    await post.process.resets.use(code, NEW)
    assert await memory_store.kept(RESETS) == {}


async def test_only_the_newest_code_is_good(post: Post, memory_store: MemoryStore) -> None:
    first, second = await post.code("ada@example.com"), await post.code("ada@example.com")
    others = await post.code("bob@example.com")
    assert [await post.good(code) for code in (first, second, others)] == [False, True, True]
    assert len(await memory_store.kept(RESETS)) == 4, "one under the user and one under the code, for each user"


async def test_a_code_expires(post: Post, clock: SetClock) -> None:
    code = await post.code("ada@example.com")
    clock.now_ms += RESET_S * 1_000 - 1
    assert await post.good(code)
    clock.now_ms += 1
    assert not await post.good(code)
    with pytest.raises(Refused):
        await post.process.resets.use(code, NEW)


async def test_what_has_expired_is_erased(post: Post, memory_store: MemoryStore, clock: SetClock) -> None:
    await post.code("ada@example.com")
    clock.now_ms += RESET_S * 500
    code = await post.code("bob@example.com")
    clock.now_ms += RESET_S * 500
    assert await post.process.register.tidy() == 2
    assert await post.good(code)
    assert len(await memory_store.kept(RESETS)) == 2


async def change_password(post: Post) -> None:
    """Another password, by the present one."""
    await post.process.register.change_password("u1", "hash", generation=0, contact=None, cause="password")


async def change_address(post: Post) -> None:
    """Another address, so that the mail may be in the wrong hands."""
    await post.process.register.change_profile("u1", name=None, email="new@example.com")


async def change_name(post: Post) -> None:
    """Another name: what a code is good for is that of which it was made."""
    await post.process.register.change_profile("u1", name="Ada", email="ada@example.com")


async def ban(post: Post) -> None:
    """A ban."""
    await post.process.register.ban("u1", banned=True, actor="server:admin")


async def ban_and_back(post: Post) -> None:
    """A ban that is over."""
    await ban(post)
    await post.process.register.ban("u1", banned=False, actor="server:admin")


async def forget(post: Post) -> None:
    """Erased."""
    await post.process.register.erase("u1", actor="users")


@pytest.mark.parametrize("change", [change_password, change_address, change_name, ban, ban_and_back, forget])
async def test_what_ends_a_code(post: Post, change: Callable[[Post], Awaitable[None]]) -> None:
    code = await post.code("ada@example.com")
    await change(post)
    assert not await post.good(code)


async def test_a_code_outlives_a_profile_that_stays_as_it_is(post: Post) -> None:
    code = await post.code("ada@example.com")
    await post.process.register.change_profile("u1", name=None, email="ada@example.com")
    assert await post.good(code)


async def test_what_two_left_over_who_asked_at_once_goes_with_the_user(post: Post, memory_store: MemoryStore) -> None:
    """Each found no code to take the place of; what is kept under one of them is named by nothing."""
    code = await post.code("ada@example.com")
    left_over = {code_hash(letter): (await memory_store.kept(RESETS))["u1"] for letter in "abc"}
    await memory_store.keep(RESETS, left_over)
    await post.code("bob@example.com")
    assert len(await memory_store.kept(RESETS)) == 7
    assert await post.good(code)
    await post.code("ada@example.com")
    assert len(await memory_store.kept(RESETS)) == 4
    await memory_store.keep(RESETS, left_over)
    await forget(post)
    assert len(await memory_store.kept(RESETS)) == 2, "those of bob"


@pytest.mark.parametrize("leave", [ban, forget])
async def test_a_code_that_is_made_while_its_user_goes_is_not_kept(
    post: Post, memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch, leave: Callable[[Post], Awaitable[None]]
) -> None:
    """Who looks for codes to erase does not find it yet; so whoever made it looks for its user again."""
    keep = memory_store.keep

    async def keep_late(kind: str, contents: dict[str, bytes | None]) -> None:
        if kind == RESETS and any(contents.values()):
            await leave(post)
        await keep(kind, contents)

    monkeypatch.setattr(memory_store, "keep", keep_late)
    assert await post.request("ada@example.com") == []
    assert await memory_store.kept(RESETS) == {}


async def test_codes_that_are_good_for_nothing_are_tidied_away(post: Post, memory_store: MemoryStore) -> None:
    """Those of before another password, or another address."""
    await post.code("ada@example.com")
    await post.code("bob@example.com")
    await change_password(post)
    assert await post.process.register.tidy() == 2
    assert set(await memory_store.kept(RESETS)) > {"u2"}
    await post.process.register.change_profile("u2", name="Bob", email="bob@example.com")
    assert await post.process.register.tidy() == 2


@pytest.mark.parametrize("email", ["nobody@example.com", "", "ada@example.com\nBcc: x@y.de", "\ud7ff" * 300])
async def test_nobody_gets_no_code(post: Post, memory_store: MemoryStore, email: str) -> None:
    assert await post.request(email) == []
    assert await memory_store.kept(RESETS) == {}


async def test_who_is_banned_gets_no_code(post: Post) -> None:
    await ban(post)
    assert await post.request("ada@example.com") == []


@pytest.mark.parametrize("code", ["", "a" * 31, "a" * 32, "a" * 33, "u1", "é" * 32, "-" * 32])
async def test_what_is_no_code(post: Post, code: str) -> None:
    await post.code("ada@example.com")
    assert not await post.good(code)


async def test_what_a_code_is_kept_under_is_no_code(post: Post, memory_store: MemoryStore) -> None:
    """Whoever reads the database can use nothing of it."""
    await post.code("ada@example.com")
    for identifier in await memory_store.kept(RESETS):
        assert not await post.good(identifier)


async def test_a_new_password_may_not_be_ones_own_name_and_the_code_stays_good(post: Post) -> None:
    code = await post.code("ada@example.com")
    with pytest.raises(PasswordUnfit):
        await post.process.resets.use(code, "ADA@example.com")
    assert await post.good(code)


async def test_a_code_stays_good_where_too_many_passwords_are_hashed(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await post.code("ada@example.com")
    with monkeypatch.context() as patched:
        patched.setattr("cds.password_checking.NEW_PASSWORDS_WAITING_MAX", 0)
        with pytest.raises(TooManyLogins):
            await post.process.resets.use(code, NEW)
    await post.process.resets.use(code, NEW)


async def test_of_several_who_use_one_code_at_once_one_does(stores: tuple[EventStore, ...]) -> None:
    posts = [Post(process_on(store)) for store in stores]
    await posts[0].process.enter("ada")
    code = await posts[0].code("ada@example.com")
    racing = (posts[number % 2].process.resets.use(code, f"new password {number}") for number in range(4))
    told = await asyncio.gather(*racing, return_exceptions=True)
    assert sorted(type(each).__name__ for each in told) == ["NoneType", "Refused", "Refused", "Refused"]
    winner = told.index(None)
    await posts[0].process.token("ada", f"new password {winner}")
    for each in posts:
        each.close()


async def test_a_user_is_not_flooded_with_mails(memory_store: MemoryStore) -> None:
    """Three in a row; nobody is told so, and the last code stays good."""
    post = Post(process_on(memory_store, mails_at_once=3))
    await post.process.enter("ada")
    await post.process.enter("bob")
    for _ in range(5):
        await post.request("ada@example.com")
    assert len(post.process.outbox.mails) == 3
    assert await post.good(code_in(post.process.outbox.mails[-1].text))
    await post.request("bob@example.com")
    assert len(post.process.outbox.mails) == 4
    post.close()


async def test_an_address_of_the_network_may_ask_so_often(memory_store: MemoryStore) -> None:
    post = Post(process_on(memory_store, resets_at_once=1))
    await post.process.enter("ada")
    await post.process.enter("bob")
    await post.request("ada@example.com")
    await post.request("bob@example.com")
    assert [mail.to for mail in post.process.outbox.mails] == ["ada@example.com"]
    post.close()


async def test_the_database_may_be_away_for_a_moment(
    post: Post, memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one who asks was told that all is well, so it is tried again."""
    monkeypatch.setattr("cds.users.resets.AWAY_PAUSE_S", 0.01)
    keep, failures = memory_store.keep, iter((True, True))

    async def faltering(kind: str, contents: dict[str, bytes | None]) -> None:
        if next(failures, False):
            raise StoreUnavailable("away")
        await keep(kind, contents)

    monkeypatch.setattr(memory_store, "keep", faltering)
    assert await post.good(await post.code("ada@example.com"))


async def test_whoever_asks_is_told_when_the_database_is_away(
    post: Post, memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything depends on whose the address is."""

    async def away(*_: object) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(memory_store, "read", away)
    for email in ("ada@example.com", "nobody@example.com"):
        with pytest.raises(StoreUnavailable):
            await post.process.resets.request(email, neighbourhood=ADDRESS)


async def test_more_than_can_wait_are_passed_over(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.users.resets.REQUESTS_WAITING_MAX", 2)
    process = process_on(memory_store)
    await process.enter("ada")
    for _ in range(5):
        await process.resets.request("ada@example.com", neighbourhood=ADDRESS)
    post = Post(process)
    await process.resets.drained()
    await process.mailer.drained()
    assert len(process.outbox.mails) == 2
    post.close()
