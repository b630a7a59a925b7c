"""Logins of users and of the server's accounts: what becomes of tokens, and what a guesser learns."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from cds import password_checking
from cds.bearer_tokens import NO_PASSWORD_HASH, NOBODY, BearerRefused
from cds.login_attempts import Throttled, WrongCredentials
from cds.password_checking import TooManyLogins
from cds.passwords import matches
from cds.throttling import FREE_FAILURES
from eventstore.memory import MemoryStore
from eventstore.store import Event, EventStore, ServerAccount, StoreUnavailable
from schemas.users import CREDENTIALS
from schemas.viewers import Viewer
from tests.cds.contest_api.serving import quick_hash
from tests.cds.users.registers import ADDRESS, HASH, PASSWORD, Process, now_ms, process_on

CHIEF = ServerAccount(username="chief", role="admin", password_hash=quick_hash("chief password"))
DAY_S = 86_400


async def fault(process: Process, token: str) -> str:
    """Why a token is refused, empty when it is not."""
    try:
        await process.logins.caller(token, now_ms=now_ms())
    except BearerRefused as refused:
        return refused.fault
    return ""


async def test_a_token_is_that_of_its_user(desk: Process) -> None:
    await desk.enter("Ada")
    caller = await desk.logins.caller(await desk.token("ada"), now_ms=now_ms())
    assert (caller.user_id, caller.username, caller.is_admin) == ("u1", "Ada", False)
    claims = desk.tokens.claims(await desk.token("ada"), now_s=now_ms() / 1_000)
    assert (claims.subject, claims.role, claims.audience) == ("u1", "user", "loc")
    assert claims.token_id != caller.token_id


@pytest.mark.parametrize(("remembered", "days"), [(False, 5), (True, 365)])
async def test_a_token_is_good_for_days(desk: Process, days: int, *, remembered: bool) -> None:
    """Five days, or a year (requirements-003, 3.3)."""
    await desk.enter("ada")
    began_ms = now_ms()
    token = await desk.logins.log_in("ada", PASSWORD, remembered=remembered, address=ADDRESS, now_ms=began_ms)
    await desk.logins.caller(token, now_ms=began_ms + days * DAY_S * 1_000 - 2_000)
    with pytest.raises(BearerRefused) as refused:
        await desk.logins.caller(token, now_ms=began_ms + days * DAY_S * 1_000)
    assert refused.value.fault == "expired"


Change = Callable[[Process], Awaitable[object]]


async def password_changed(process: Process) -> None:
    """Another password."""
    await process.register.change_password("u1", HASH, generation=0, contact=None, cause="password")


async def banned(process: Process) -> None:
    """A ban."""
    await process.register.ban("u1", banned=True, actor="server:admin")


async def back_again(process: Process) -> None:
    """A ban that is over."""
    await banned(process)
    await process.register.ban("u1", banned=False, actor="server:admin")


async def forgotten(process: Process) -> None:
    """Erased."""
    await process.register.erase("u1", actor="users")


async def promoted(process: Process) -> None:
    """Another role."""
    await process.register.set_role("u1", "admin", actor="users")


async def renamed(process: Process) -> None:
    """Another profile."""
    await process.register.change_profile("u1", name="Ada", email="new@example.com")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (password_changed, "revoked"),
        (banned, "unknown account"),
        (back_again, "revoked"),
        (forgotten, "unknown account"),
        (promoted, ""),
        (renamed, ""),
    ],
)
async def test_what_becomes_of_a_token_in_another_process(
    pair: tuple[Process, Process], change: Change, expected: str
) -> None:
    """It is known there with the very next request."""
    one, two = pair
    await one.enter("ada")
    token = await one.token("ada")
    assert await fault(two, token) == ""
    await change(one)
    assert await fault(two, token) == expected
    assert await fault(one, token) == expected


async def test_a_token_of_somebody_who_is_lost_is_nobody_elses() -> None:
    """The key of tokens and the ids of users come back with an older log, and go to whoever signs up next."""
    lost, restored = process_on(MemoryStore()), process_on(MemoryStore())
    assert (await lost.enter("ada")).id == (await restored.enter("eve")).id
    token = await lost.token("ada")
    assert await lost.holder(token) == "ada"
    assert await fault(restored, token) == "revoked"
    for process in (lost, restored):
        process.identity.close()


async def test_a_token_that_was_given_back_counts_nowhere(pair: tuple[Process, Process]) -> None:
    one, two = pair
    await one.enter("ada")
    token, other = await one.token("ada"), await one.token("ada")
    caller = await two.logins.caller(token, now_ms=now_ms())
    await asyncio.gather(two.logins.log_out(caller), one.logins.log_out(caller))
    assert [await fault(process, token) for process in pair] == ["revoked"] * 2
    assert [await fault(process, other) for process in pair] == [""] * 2


async def test_a_new_role_counts_with_the_next_request(desk: Process) -> None:
    await desk.enter("ada")
    token = await desk.token("ada")
    await promoted(desk)
    assert (await desk.logins.caller(token, now_ms=now_ms())).is_admin
    viewer = await desk.identity.viewer_of_token(token)
    assert (viewer.role, viewer.administers_platform, viewer.anonymous) == ("public", True, False)
    await desk.register.set_role("u1", "user", actor="users")
    assert not (await desk.logins.caller(token, now_ms=now_ms())).is_admin
    assert not (await desk.identity.viewer_of_token(token)).administers_platform


async def test_a_user_is_the_public_in_contests(desk: Process) -> None:
    await desk.enter("ada")
    viewer = await desk.identity.viewer_of_token(await desk.token("ada"))
    assert (viewer.role, viewer.account_id, viewer.server_username) == ("public", None, None)
    assert viewer.user_id == "u1"
    assert desk.identity.valid(viewer, None)


async def test_accounts_of_the_server_log_in_too(desk: Process, memory_store: MemoryStore) -> None:
    """An account comes before a user of the same name; one that is disabled lets nobody in."""
    await desk.enter("chief")
    await memory_store.put_server_account(CHIEF)
    caller = await desk.logins.caller(await desk.token("chief", "chief password"), now_ms=now_ms())
    assert (caller.user_id, caller.username, caller.is_admin) == (None, "chief", True)
    with pytest.raises(WrongCredentials):
        await desk.token("chief", PASSWORD)
    judge = ServerAccount(username="judge", role="judge", password_hash=CHIEF.password_hash)
    await memory_store.put_server_account(judge)
    assert not (await desk.logins.caller(await desk.token("judge", "chief password"), now_ms=now_ms())).is_admin
    gone = ServerAccount(username="judge", role="judge", password_hash=CHIEF.password_hash, disabled=True)
    await memory_store.put_server_account(gone)
    with pytest.raises(WrongCredentials):
        await desk.token("judge", "chief password")


async def test_names_like_those_of_the_server_are_the_servers(desk: Process, memory_store: MemoryStore) -> None:
    await memory_store.put_server_account(CHIEF)
    assert await desk.logins.is_of_the_server("CHIEF")
    assert not await desk.logins.is_of_the_server("chiefs")


async def test_a_token_of_nobody_is_no_login_here(desk: Process) -> None:
    """`cds token --role team` names whom it likes."""
    for subject in (NOBODY, "u1"):
        token = desk.tokens.token(
            subject=subject, role="team", password_hash=NO_PASSWORD_HASH, now_s=now_ms() // 1_000, lifetime_s=60
        )
        assert await fault(desk, token) == "unknown account"


@pytest.mark.parametrize("role", ["user", "admin", "team"])
async def test_an_account_that_is_called_like_the_id_of_a_user_is_not_the_user(
    desk: Process, memory_store: MemoryStore, role: str
) -> None:
    """Whatever an account of the server is called, no token of it passes for one of a user."""
    await desk.enter("ada")
    await memory_store.put_server_account(ServerAccount(username="u1", role=role, password_hash=""))
    token = desk.tokens.token(subject="u1", role=role, password_hash="", now_s=now_ms() // 1_000, lifetime_s=60)
    if role == "admin":
        holder = await desk.identity.holder_of_token(token, now_s=now_ms() / 1_000)
        assert (holder.user, holder.account is None) == (None, False)
    else:
        assert await fault(desk, token) == {"user": "revoked", "team": "unknown account"}[role]


async def test_a_login_while_the_password_changes_is_good_for_nothing(
    desk: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token is of the generation that had the password."""
    await desk.enter("ada")
    found = desk.identity.found

    async def slowly_found(*arguments: object, **more: object) -> Viewer:
        viewer = await found(*arguments, **more)  # type: ignore[arg-type] # whatever it is called with
        await password_changed(desk)
        return viewer

    monkeypatch.setattr(desk.identity, "found", slowly_found)
    token = await desk.token("ada")
    assert await fault(desk, token) == "revoked"


async def test_while_the_database_is_away_accounts_of_the_server_go_by_memory_and_users_wait(
    desk: Process, memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for tokens that were given back, as far as it was known."""
    await memory_store.put_server_account(CHIEF)
    await desk.enter("ada")
    user, good, given_back = [
        await desk.token(*login)
        for login in (("ada", PASSWORD), ("chief", "chief password"), ("chief", "chief password"))
    ]
    await desk.logins.log_out(await desk.logins.caller(given_back, now_ms=now_ms()))
    assert await fault(desk, good) == ""

    async def away(*_: object) -> list[Event]:
        raise StoreUnavailable("away")

    monkeypatch.setattr(memory_store, "read", away)
    assert (await desk.identity.viewer_of_token(good)).server_username == "chief"
    with pytest.raises(BearerRefused):
        await desk.identity.viewer_of_token(given_back)
    with pytest.raises(StoreUnavailable):
        await desk.identity.viewer_of_token(user)


# --- What a guesser learns.


class Work:
    """What logins cost: how many passwords are hashed, and how often password hashes are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Counts from now on."""
        self.hashings = self.readings = 0
        kept = MemoryStore.kept

        def hashed(stored: str, password: str) -> bool:
            self.hashings += 1
            return matches(stored, password)

        async def read(store: MemoryStore, kind: str, ids: object = None) -> dict[str, bytes]:
            self.readings += kind == CREDENTIALS
            return await kept(store, kind, ids)  # type: ignore[arg-type] # as it is called

        monkeypatch.setattr(password_checking, "matches", hashed)
        monkeypatch.setattr(MemoryStore, "kept", read)

    def since(self) -> tuple[int, int]:
        """Hashings and readings since the last call."""
        counted = self.hashings, self.readings
        self.hashings = self.readings = 0
        return counted


async def test_unknown_names_cost_what_wrong_passwords_cost(desk: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time and the second; also with a password that was tried under another name before."""
    await desk.enter("ada")
    await desk.enter("bob")
    await desk.register.ban("u2", banned=True, actor="server:admin")
    work = Work(monkeypatch)

    async def cost(username: str, password: str) -> tuple[int, int]:
        with pytest.raises(WrongCredentials):
            await desk.token(username, password)
        return work.since()

    for password in ("wrong one", "wrong two"):
        first = [await cost(username, password) for username in ("nobody", "ada", "bob", "no one", "n" * 500)]
        assert first == [(1, 1)] * 5
        again = [await cost(username, password) for username in ("nobody", "ada", "bob", "no one")]
        assert len(set(again)) == 1


async def test_guessing_is_slowed_alike_for_users_and_for_nobody(memory_store: MemoryStore) -> None:
    desk = process_on(memory_store, throttled=True)
    await desk.enter("ada")
    for username in ("ada", "nobody"):
        for number in range(FREE_FAILURES):
            with pytest.raises(WrongCredentials):
                await desk.token(username, f"wrong {number}")
        with pytest.raises(Throttled) as slowed:
            await desk.token(username, "one more")
        assert slowed.value.wait_s > 0
    with pytest.raises(Throttled):
        await desk.logins.proven_generation("u1", "another", address=ADDRESS)
    desk.identity.close()


async def test_another_spelling_of_a_name_is_no_fresh_beginning(memory_store: MemoryStore) -> None:
    desk = process_on(memory_store, throttled=True)
    await desk.enter("ada")
    spellings = ["ada", "Ada", "aDA", "ADA", "\uff41da", "ad\ufe00a", "aDa"]
    assert len(spellings) > FREE_FAILURES
    refused = []
    for number, username in enumerate(spellings):
        with pytest.raises((WrongCredentials, Throttled)) as failed:
            await desk.token(username, f"wrong {number}")
        refused.append(failed.type)
    assert refused == [WrongCredentials] * FREE_FAILURES + [Throttled] * (len(spellings) - FREE_FAILURES)
    desk.identity.close()


async def test_many_logins_at_once_are_one_hashing_or_are_put_off(
    desk: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.enter("ada")
    work = Work(monkeypatch)
    tokens = await asyncio.gather(*(desk.token("ada") for _ in range(5)))
    assert len(set(tokens)) == 5
    assert work.since() == (1, 1)
    monkeypatch.setattr(password_checking, "HASHINGS_WAITING_MAX", 0)
    with pytest.raises(TooManyLogins):
        await desk.token("ada", "something else")


async def test_a_present_password_is_proved(desk: Process) -> None:
    await desk.enter("ada")
    assert await desk.logins.proven_generation("u1", PASSWORD, address=ADDRESS) == 0
    with pytest.raises(WrongCredentials):
        await desk.logins.proven_generation("u1", "wrong one", address=ADDRESS)


async def test_nothing_of_a_login_is_in_the_log(stores: tuple[EventStore, ...]) -> None:
    """Logins are no events; logging out is one, that names neither the token nor its id."""
    desk = process_on(stores[0])
    # No hexadecimal digits, of which marks are made.
    await desk.enter("zoe")
    token = await desk.token("zoe")
    assert (await stores[0].head("users")).position == 1
    caller = await desk.logins.caller(token, now_ms=now_ms())
    await desk.logins.log_out(caller)
    (event,) = await stores[0].read("users", 1, 10)
    written = f"{event.type} {event.id} {event.actor} {event.data!r}"
    assert not any(secret in written for secret in (token, caller.token_id, "zoe"))
    desk.identity.close()
