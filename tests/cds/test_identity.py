"""Who is let in and who may go on, on a store in memory: what is remembered, and what ends it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from cds import server_accounts
from cds.account_viewers import viewer_of_account
from cds.bearer_tokens import KEY_BYTES, BearerTokens
from cds.circumstances import SYSTEM
from cds.commands.accounts import login_change
from cds.commands.decision import ObjectChange
from cds.identity import FOREIGN_ACCOUNTS_TRIED_MAX, REMEMBERED_S, Identity
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest
from cds.login_attempts import Throttled, WrongCredentials
from cds.password_checking import TooManyLogins
from cds.passwords import matches
from cds.throttling import FREE_FAILURES
from eventstore.memory import MemoryStore
from eventstore.store import Credential, ServerAccount, StoreUnavailable
from projections.tokens import TokenMaker
from schemas.objects import Account
from schemas.viewers import PUBLIC, Viewer
from tests.builders import KEY, small_contest
from tests.cds.contest_api.serving import DEADLINE_S, quick_hash

ADDRESS = "10.0.0.1"
PASSWORD, NEW_PASSWORD = "the password", "a new password"


class Room:
    """A store with two contests, and an identity service over them."""

    def __init__(self, store: MemoryStore) -> None:
        """Nothing is in it before `fill`."""
        self.store = store
        self.identity = Identity(store, BearerTokens(bytes(KEY_BYTES)))
        self.contest = LiveContest("finals", store, TokenMaker(KEY), eager_roles=())
        self.other = LiveContest("other", store, TokenMaker(KEY), eager_roles=())

    async def fill(self) -> None:
        """The small contest, twice, in which team1 has a password in the first alone; and a judge of the server."""
        for contest in (self.contest, self.other):
            await self.write(contest, small_contest())
        await self.write(self.contest, [], {"account-t1": PASSWORD})
        await self.put_judge()

    async def put_judge(self, password: str = PASSWORD, *, role: str = "judge", disabled: bool = False) -> None:
        """Create or change the server's account."""
        hashed = quick_hash(password)
        await self.store.put_server_account(
            ServerAccount(username="chief", role=role, password_hash=hashed, disabled=disabled)
        )

    async def write(
        self, contest: LiveContest, changes: Sequence[ObjectChange], passwords: dict[str, str] | None = None
    ) -> None:
        """Change a contest, and passwords with it."""
        credentials = [
            Credential(scope=contest.stream, account_id=account_id, password_hash=quick_hash(password))
            for account_id, password in (passwords or {}).items()
        ]
        decision = Decision(events=encoded_events(changes), credentials=credentials)
        await contest.transact(lambda _: decision, actor="test", cause="test", circumstances=SYSTEM)

    async def set_login(self, *, password: str | None = None, disabled: bool | None = None) -> None:
        """Change the login of team1."""
        changes = login_change(self.contest.state, "account-t1", new_password=password is not None, disabled=disabled)
        await self.write(self.contest, changes, {} if password is None else {"account-t1": password})

    async def enter(
        self,
        username: str = "team1",
        password: str = PASSWORD,
        contest: LiveContest | None = None,
        *,
        address: str = ADDRESS,
    ) -> Viewer:
        """Log in on the paths of a contest (the first, unless another is named)."""
        here = contest or self.contest
        return await self.identity.viewer(username, password, here, (self.contest, self.other), address=address)

    async def refused(self, username: str = "team1", password: str = PASSWORD) -> None:
        """The login is refused."""
        with pytest.raises(WrongCredentials):
            await self.enter(username, password)


@pytest.fixture
async def room(memory_store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Room]:
    """A filled room, in which accounts of the server are read again every few milliseconds."""
    monkeypatch.setattr(server_accounts, "SERVER_ACCOUNTS_AGE_S", 0.01)
    filled = Room(memory_store)
    await filled.fill()
    yield filled
    filled.identity.close()


async def soon(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_viewer_says_who_it_is(room: Room) -> None:
    team = await room.enter()
    assert (team.role, team.team_id, team.account_id, team.automatic) == ("team", "t1", "account-t1", False)
    chief = await room.enter("chief")
    assert (chief.role, chief.server_username, chief.account_id) == ("judge", "chief", None)
    assert room.identity.valid(team, room.contest)
    assert room.identity.valid(chief, room.contest)
    assert room.identity.valid(PUBLIC, None)


async def test_a_disabled_account_is_out_at_once_although_it_is_remembered(room: Room) -> None:
    team = await room.enter()
    await room.set_login(disabled=True)
    assert not room.identity.valid(team, room.contest)
    await room.refused()
    await room.set_login(disabled=False)
    assert await room.enter() == team


async def test_a_changed_password_is_out_at_once_although_it_is_remembered(room: Room) -> None:
    team = await room.enter()
    await room.set_login(password=NEW_PASSWORD)
    assert not room.identity.valid(team, room.contest)
    await room.refused()
    changed = await room.enter(password=NEW_PASSWORD)
    assert room.identity.valid(changed, room.contest)
    assert changed != team


@pytest.mark.parametrize(
    "changed",
    [
        Account(id="account-t1", username="team1", type="judge"),
        Account(id="account-t1", username="team1", type="team", team_id="t2"),
    ],
)
async def test_another_role_or_team_ends_what_the_old_one_had(room: Room, changed: Account) -> None:
    team = await room.enter()
    await room.write(room.contest, [ObjectChange("accounts", "account-t1", changed)])
    assert not room.identity.valid(team, room.contest)
    assert await room.enter() == viewer_of_account(room.contest.state, changed)


async def test_a_deleted_account_and_its_successor_share_nothing(room: Room) -> None:
    await room.write(room.contest, [ObjectChange("accounts", "guest", Account(id="guest", username="g", type="judge"))])
    await room.write(room.contest, [], {"guest": PASSWORD})
    guest = await room.enter("g")
    erased = Credential(scope=room.contest.stream, account_id="guest", password_hash=None)
    removal = Decision(events=encoded_events([ObjectChange("accounts", "guest", None)]), credentials=[erased])
    await room.contest.transact(lambda _: removal, actor="test", cause="test", circumstances=SYSTEM)
    assert not room.identity.valid(guest, room.contest)
    await room.refused("g")
    await room.write(room.contest, [ObjectChange("accounts", "guest", Account(id="guest", username="g", type="judge"))])
    await room.refused("g")


async def test_what_changes_while_a_password_is_checked_counts(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash was read before the change: it must not be taken for the new one, nor remembered as such."""
    original = room.identity._passwords.good
    checked = asyncio.Event()

    async def slow(stored: str, password: str) -> bool:
        good = await original(stored, password)
        if not checked.is_set():
            checked.set()
            await room.set_login(password=NEW_PASSWORD)
        return good

    monkeypatch.setattr(room.identity._passwords, "good", slow)
    await room.refused()
    assert checked.is_set()
    await room.refused()
    assert (await room.enter(password=NEW_PASSWORD)).account_id == "account-t1"


async def test_an_account_of_another_contest_is_public_until_it_is_no_more(room: Room) -> None:
    assert await room.enter(contest=room.other) == PUBLIC
    await room.set_login(disabled=True)
    with pytest.raises(WrongCredentials):
        await room.enter(contest=room.other)
    await room.set_login(disabled=False)
    assert await room.enter(contest=room.other) == PUBLIC
    await room.set_login(password=NEW_PASSWORD)
    with pytest.raises(WrongCredentials):
        await room.enter(contest=room.other)


async def test_outside_contests_an_account_of_one_is_known_and_nobody(room: Room) -> None:
    """So that it is told that it may not, and not that it should log in; remembered or not."""
    for _ in range(2):
        others = (room.contest, room.other)
        viewer = await room.identity.viewer("team1", PASSWORD, None, others, address=ADDRESS)
        assert (viewer.role, viewer.anonymous, viewer.unproven) == ("public", True, False)
    assert PUBLIC.unproven


async def test_disabled_here_is_refused_here_whatever_another_contest_says(room: Room) -> None:
    await room.write(room.other, [], {"account-t1": PASSWORD})
    await room.set_login(disabled=True)
    await room.refused()
    assert (await room.enter(contest=room.other)).account_id == "account-t1"
    await room.refused()


async def test_not_every_foreign_account_is_tried(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    assert FOREIGN_ACCOUNTS_TRIED_MAX >= 1
    monkeypatch.setattr("cds.identity.FOREIGN_ACCOUNTS_TRIED_MAX", 0)
    with pytest.raises(WrongCredentials):
        await room.enter(contest=room.other)


@pytest.mark.parametrize("what", ["password", "role", "disabled", "removed"])
async def test_changes_of_the_servers_accounts_are_seen_while_somebody_depends_on_them(room: Room, what: str) -> None:
    chief = await room.enter("chief")
    await room.enter("chief")
    with room.identity.watching(chief):
        if what == "removed":
            await room.store.remove_server_account("chief")
        elif what == "password":
            await room.put_judge(NEW_PASSWORD)
        elif what == "role":
            await room.put_judge(role="admin")
        else:
            await room.put_judge(disabled=True)
        await soon(lambda: not room.identity.valid(chief, room.contest))
    if what == "role":
        assert (await room.enter("chief")).role == "admin"
    else:
        await room.refused("chief")


async def test_accounts_of_the_server_stay_as_they_were_while_the_database_is_away(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    chief = await room.enter("chief")
    away, original = asyncio.Event(), room.store.server_accounts

    async def unavailable() -> dict[str, ServerAccount]:
        away.set()
        raise StoreUnavailable("away")

    monkeypatch.setattr(room.store, "server_accounts", unavailable)
    await asyncio.wait_for(away.wait(), DEADLINE_S)
    assert await room.enter("chief") == chief
    assert room.identity.valid(chief, room.contest)
    monkeypatch.setattr(room.store, "server_accounts", original)
    await room.put_judge(disabled=True)
    await soon(lambda: not room.identity.valid(chief, room.contest))


async def test_nobody_reads_the_servers_accounts_when_nobody_depends_on_them(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.identity.REMEMBERED_S", 0.0)
    await room.enter("chief")
    refreshing = room.identity._server_accounts._refreshing
    assert refreshing is not None
    await asyncio.wait_for(refreshing, DEADLINE_S)
    assert REMEMBERED_S > 0


async def test_an_address_logs_in_the_one_account_that_names_it(room: Room) -> None:
    by_address = room.identity.automatic(ADDRESS, room.contest)
    assert by_address is not None
    assert (by_address.account_id, by_address.automatic) == ("account-t1", True)
    assert room.identity.valid(by_address, room.contest)
    assert room.identity.automatic("10.0.0.2", room.contest) is None
    rival = Account(id="rival", username="rival", type="judge", ip="10.0.0.0/8")
    await room.write(room.contest, [ObjectChange("accounts", "rival", rival)])
    assert room.identity.automatic(ADDRESS, room.contest) is None
    await room.set_login(disabled=True)
    assert not room.identity.valid(by_address, room.contest)
    instead = room.identity.automatic(ADDRESS, room.contest)
    assert instead is not None
    assert instead.account_id == "rival"


async def test_an_address_that_a_source_misspelt_logs_nobody_in(room: Room) -> None:
    for number, ip in enumerate(("10.0.0.1.5", "", "10.0.0.1,", "any")):
        account = Account(id="account-t1", username="team1", type="team", team_id="t1", ip=ip, name=str(number))
        await room.write(room.contest, [ObjectChange("accounts", "account-t1", account)])
        assert room.identity.automatic(ADDRESS, room.contest) is None


async def test_guesses_are_slowed_and_others_are_not(room: Room) -> None:
    for number in range(FREE_FAILURES):
        await room.refused(password=f"guess {number}")
    with pytest.raises(Throttled) as throttled:
        await room.enter(password="one more")
    assert 0 < throttled.value.wait_s <= 1
    with pytest.raises(Throttled):
        await room.enter()
    assert (await room.enter(address="10.0.0.2")).account_id == "account-t1"
    assert (await room.enter()).account_id == "account-t1"  # right before, so no guess
    await room.refused(password="guess 0")  # the same guess again is none


async def test_logins_that_could_not_be_checked_are_no_failures(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds.password_checking.HASHINGS_WAITING_MAX", 0)
    for number in range(FREE_FAILURES * 2):
        with pytest.raises(TooManyLogins):
            await room.enter(password=f"guess {number}")
    monkeypatch.undo()
    assert (await room.enter()).account_id == "account-t1"


@pytest.mark.parametrize("wrong", ["wrong", ""])
async def test_a_wrong_password_is_as_much_work_for_a_name_that_nobody_has(
    room: Room, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    """The same password for name after name, twice: whoever measures must not learn which names there are."""
    work: list[str] = []

    def counting(stored: str, _password: str) -> bool:
        work.append(stored)
        return False

    monkeypatch.setattr("cds.password_checking.matches", counting)
    done: dict[str, list[int]] = {}
    for username in ("nobody", "team1", "chief", "another"):
        done[username] = []
        for _ in range(2):
            before = len(work)
            await room.refused(username, password=wrong)
            done[username].append(len(work) - before)
    assert done == {username: [1, 0] for username in done}


async def test_logins_at_the_same_time_are_one(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    original, checked = room.identity._passwords.good, 0

    async def counting(stored: str, password: str) -> bool:
        nonlocal checked
        checked += 1
        return await original(stored, password)

    monkeypatch.setattr(room.identity._passwords, "good", counting)
    viewers = await asyncio.gather(*(room.enter() for _ in range(50)))
    assert len({viewer.account_id for viewer in viewers}) == 1
    assert checked == 1


async def test_unknown_names_cost_what_wrong_passwords_cost(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time and the second, also with a password that was tried under another name: nobody learns names."""
    hashed: list[str] = []

    def counted(stored: str, password: str) -> bool:
        hashed.append(stored)
        return matches(stored, password)

    monkeypatch.setattr("cds.password_checking.matches", counted)

    async def cost(username: str, password: str) -> int:
        hashed.clear()
        await room.refused(username, password)
        return len(hashed)

    names = ("nobody", "chief", "no one", "team1")
    for password in ("wrong one", "wrong two"):
        assert [await cost(name, password) for name in names] == [1] * 4
        assert [await cost(name, password) for name in names] == [0] * 4


async def test_who_leaves_while_a_password_is_checked_takes_nobody_along(room: Room) -> None:
    leaving, staying = asyncio.create_task(room.enter()), asyncio.create_task(room.enter())
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await staying).account_id == "account-t1"
    alone = asyncio.create_task(room.enter(password="wrong"))
    await asyncio.sleep(0)
    alone.cancel()
    await soon(lambda: not room.identity._attempts.under_way)


async def test_new_passwords_are_hashed_as_they_are(room: Room) -> None:
    hashed = await room.identity.hashed(PASSWORD)
    assert matches(hashed, PASSWORD)
    assert not matches(hashed, NEW_PASSWORD)
    assert not matches(await room.identity.hashed(hashed), PASSWORD)
