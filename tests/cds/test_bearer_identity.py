"""Whose bearer tokens are, on a store in memory: what becomes of them when the account changes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from cds import server_accounts
from cds.bearer_tokens import KEY_BYTES, NOBODY, BearerRefused, BearerTokens
from cds.identity import Identity
from cds.login_attempts import WrongCredentials
from cds.throttling import FREE_FAILURES
from eventstore.memory import MemoryStore
from eventstore.store import ServerAccount, StoreUnavailable
from schemas.viewers import PUBLIC
from tests.cds.contest_api.serving import DEADLINE_S, quick_hash

CHIEF = ServerAccount(username="chief", role="admin", password_hash=quick_hash("password"))
LIFETIME_S = 600


class Desk:
    """An identity service over one account of the server, and somebody who counts what it costs."""

    def __init__(self, store: MemoryStore) -> None:
        """Over a store."""
        self.store = store
        self.tokens = BearerTokens(bytes(KEY_BYTES))
        self.identity = Identity(store, self.tokens)
        self.reads = self.hashings = 0
        self.away = False

    def token(self, account: ServerAccount = CHIEF, *, lifetime_s: int = LIFETIME_S) -> str:
        """A token of an account as it is given here."""
        return self.tokens.token(
            subject=account.username,
            role=account.role,
            password_hash=account.password_hash,
            now_s=int(time.time()),
            lifetime_s=lifetime_s,
        )

    async def fault(self, token: str) -> str:
        """Why a token is refused, empty when it is not."""
        try:
            await self.identity.viewer_of_token(token)
        except BearerRefused as refused:
            return refused.fault
        return ""


@pytest.fixture
async def desk(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A desk that knows the chief; accounts that somebody depends on are read again every few milliseconds."""
    monkeypatch.setattr(server_accounts, "SERVER_ACCOUNTS_AGE_S", 0.01)
    await memory_store.put_server_account(CHIEF)
    made, read = Desk(memory_store), memory_store.server_accounts

    async def counted() -> dict[str, ServerAccount]:
        made.reads += 1
        if made.away:
            raise StoreUnavailable("away")
        return await read()

    def hashed(_stored: str, _password: str) -> bool:
        made.hashings += 1
        return False

    monkeypatch.setattr(memory_store, "server_accounts", counted)
    monkeypatch.setattr("cds.password_checking.matches", hashed)
    yield made
    made.identity.close()


async def soon(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_who_brings_a_token_is_the_account(desk: Desk) -> None:
    viewer = await desk.identity.viewer_of_token(desk.token())
    assert (viewer.role, viewer.server_username, viewer.account_id) == ("admin", "chief", None)
    assert not viewer.anonymous
    assert viewer.expires_at_s is not None
    assert desk.identity.valid(viewer, None)
    assert desk.hashings == 0, "a token costs no hashing"


@pytest.mark.parametrize(
    ("now", "fault"),
    [
        (msgspec.structs.replace(CHIEF, password_hash=quick_hash("another")), "revoked"),
        (msgspec.structs.replace(CHIEF, password_hash=quick_hash("password")), "revoked"),
        (msgspec.structs.replace(CHIEF, disabled=True), "revoked"),
        (msgspec.structs.replace(CHIEF, role="staff"), ""),
        (None, "unknown account"),
    ],
    ids=["another password", "the same password set again", "disabled", "another role", "removed"],
)
@pytest.mark.parametrize("known_before", [True, False])
async def test_what_becomes_of_a_token_when_the_account_changes(
    desk: Desk, now: ServerAccount | None, fault: str, *, known_before: bool
) -> None:
    """Whoever is let in already is out as soon as it is known here; whoever comes anew is told at once."""
    token = desk.token()
    viewer = await desk.identity.viewer_of_token(token) if known_before else None
    if now is None:
        await desk.store.remove_server_account("chief")
    else:
        await desk.store.put_server_account(now)
    if viewer is not None:
        with desk.identity.watching(viewer):
            await soon(lambda: not desk.identity.valid(viewer, None))
    assert await desk.fault(token) == fault
    if now is not None and not fault:
        assert (await desk.identity.viewer_of_token(token)).role == now.role


async def test_a_token_of_a_moment_ago_is_good_where_the_old_password_is_still_remembered(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.identity.viewer_of_token(desk.token())
    monkeypatch.setattr(server_accounts, "SERVER_ACCOUNTS_AGE_S", 3_600.0)
    await asyncio.sleep(0)
    changed = msgspec.structs.replace(CHIEF, password_hash=quick_hash("another"))
    created = ServerAccount(username="new", role="staff", password_hash=quick_hash("new"))
    for account in (changed, created):
        await desk.store.put_server_account(account)
        assert await desk.fault(desk.token(account)) == ""


async def test_whatever_is_wrong_with_an_account_costs_the_same(desk: Desk) -> None:
    """So nobody learns from the time of an answer whether there is an account, or had another password."""
    disabled = ServerAccount(username="gone", role="admin", password_hash=quick_hash("x"), disabled=True)
    await desk.store.put_server_account(disabled)
    others = (
        desk.token(ServerAccount(username="nobody", role="admin", password_hash="")),
        desk.token(msgspec.structs.replace(CHIEF, password_hash="older")),
        desk.token(disabled),
    )
    costs = []
    for token in others:
        before = desk.reads
        assert await desk.fault(token) != ""
        costs.append((desk.reads - before, desk.hashings))
    assert costs == [(1, 0)] * len(others)


async def test_what_was_not_made_here_costs_no_look_at_the_accounts(desk: Desk) -> None:
    foreign = BearerTokens(b"x" * KEY_BYTES).token(
        subject="chief", role="admin", password_hash=CHIEF.password_hash, now_s=int(time.time()), lifetime_s=60
    )
    for token in (foreign, "nonsense", desk.token(lifetime_s=0)):
        assert await desk.fault(token) != ""
    assert desk.reads == 0


async def test_many_with_the_same_token_are_one_look(desk: Desk) -> None:
    token = desk.token()
    viewers = await asyncio.gather(*(desk.identity.viewer_of_token(token) for _ in range(20)))
    assert len(set(viewers)) == 1
    assert desk.reads <= 2


async def test_an_account_that_is_known_is_let_in_while_the_database_is_away(desk: Desk) -> None:
    token, stranger = desk.token(), ServerAccount(username="new", role="staff", password_hash="x")
    viewer = await desk.identity.viewer_of_token(token)
    desk.away = True
    assert await desk.identity.viewer_of_token(token) == viewer
    with pytest.raises(StoreUnavailable):
        await desk.identity.viewer_of_token(desk.token(stranger))


async def test_a_token_that_expires_ends_what_it_began(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = await desk.identity.viewer_of_token(desk.token())
    assert desk.identity.valid(viewer, None)
    later_s = time.time() + LIFETIME_S
    monkeypatch.setattr("cds.identity.time.time", lambda: later_s)
    assert not desk.identity.valid(viewer, None)


async def test_a_token_of_nobody_in_particular_reads_as_public_and_has_a_name_for_nothing(desk: Desk) -> None:
    nobody = ServerAccount(username=NOBODY, role="team", password_hash="")
    viewer = await desk.identity.viewer_of_token(desk.token(nobody))
    assert (viewer.role, viewer.server_username, viewer.team_id) == ("public", None, None)
    assert not viewer.anonymous, "it has proved something, so it is told 403 and not 401"
    assert desk.identity.valid(viewer, None)
    assert PUBLIC.anonymous
    assert viewer != PUBLIC
    forged = desk.token(msgspec.structs.replace(nobody, password_hash="x"))
    assert await desk.fault(forged) == "revoked"


async def test_without_limits_failed_logins_are_not_slowed(memory_store: MemoryStore) -> None:
    identity = Identity(memory_store, BearerTokens(bytes(KEY_BYTES)), throttled=False)
    for number in range(FREE_FAILURES * 3):
        with pytest.raises(WrongCredentials):
            await identity.viewer("chief", f"guess {number}", None, (), address="10.0.0.1")
    identity.close()


async def test_a_token_of_a_team_names_whom_it_likes_and_is_worth_no_more_than_none(desk: Desk) -> None:
    """Teams have accounts of contests; nor does the name of an account of the server make it that account's."""
    for name in ("team01", "chief"):
        token = desk.token(ServerAccount(username=name, role="team", password_hash=""))
        viewer = await desk.identity.viewer_of_token(token)
        assert (viewer.role, viewer.server_username, viewer.account_id) == ("public", None, None)
        assert not viewer.anonymous
    assert desk.reads == 0
    for role in ("admin", "staff"):
        assert await desk.fault(desk.token(ServerAccount(username="team01", role=role, password_hash=""))) == (
            "unknown account"
        )
        assert await desk.fault(desk.token(ServerAccount(username="chief", role=role, password_hash=""))) == "revoked"
