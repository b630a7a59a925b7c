"""Import and its passwords, on the memory store."""

import msgspec
import pytest
from argon2 import PasswordHasher

from cds.circumstances import SYSTEM
from cds.commands.decision import Refused
from cds.importing import Imported, decide_import, encoded_events, fold_stream, import_contest
from cds.live_contest import decoded, stream_of
from cds.packages.contents import Change, ContestContents
from cds.passwords import matches
from eventstore.memory import MemoryStore
from eventstore.store import Append
from schemas.extensions import AccountExtension, CmsParticipation
from schemas.object_types import SINGLETON_ID
from schemas.objects import Account, Award, ContestObject, Team
from schemas.records import PLATFORM_OBJECTS, AwardSettings, PlatformObjects, Settings
from tests.builders import CONTEST, START, moment, put, state
from tests.cds.commands.playing import folded, settings

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


def test_what_this_server_runs_is_left_alone_by_an_import() -> None:
    """A package that is imported again to mend a name knows the plan, not what has happened here."""
    kept = Settings(clock=True, awards=AwardSettings(computed=True))
    running = state(started=START, frozen=moment("4:00:00.000"))
    mended = msgspec.structs.replace(CONTEST, name="Mended", start_time=None, duration="3:00:00.000")
    wanted = contents(JUDGE)
    source = msgspec.structs.replace(
        wanted,
        final={**wanted.final, "contest": {SINGLETON_ID: mended}},
        spoken_of=frozenset({"contest", "state", "accounts", "awards"}),
    )
    present = folded([*put(CONTEST, running, Award(id="winner", citation="Winner", team_ids=[])), settings(kept)])
    changes = decide_import(present, source)
    assert changes == put(msgspec.structs.replace(CONTEST, name="Mended"), JUDGE)
    of_the_source = folded([*put(CONTEST, running, Award(id="winner", citation="Winner", team_ids=[]))])
    assert {change.type for change in decide_import(of_the_source, source)} == {
        "contest",
        "state",
        "accounts",
        "awards",
    }


async def test_a_new_password_that_is_imported_ends_what_the_old_one_began() -> None:
    store = MemoryStore()
    await imported(store, contents(JUDGE, passwords={"j": "secret"}))
    assert (await imported(store, contents(JUDGE, passwords={"j": "other"}))).events == 1
    assert (await fold_stream(store, stream_of(CONTEST.id))).logins["j"].generation == 1


def test_awards_that_are_kept_here_let_go_of_a_team_that_the_source_has_no_more() -> None:
    kept = Settings(clock=True, awards=AwardSettings(computed=True))
    winner = Award(id="winner", citation="Winner", team_ids=["t1", "t2"])
    costume = Award(id="best-costume", citation="Best costume", team_ids=["t1"])
    teams = [Team(id=identifier, name=identifier, label=identifier) for identifier in ("t1", "t2")]
    present = folded([*put(CONTEST, state(), *teams, winner), settings(kept)])
    wanted = contents()
    final = {**wanted.final, "teams": {"t1": teams[0]}, "awards": {"best-costume": costume}}
    spoken_of = frozenset({"contest", "teams", "awards"})
    changes = decide_import(present, msgspec.structs.replace(wanted, final=final, spoken_of=spoken_of))
    assert {change.id: change.instance for change in changes} == {
        "best-costume": costume,
        "winner": msgspec.structs.replace(winner, team_ids=["t1"]),
        "t2": None,
    }


async def test_whose_objects_are_is_written_down_once_as_the_source_says_it() -> None:
    """Of objects that it has: what it says of others, and of types that there are not, is passed over."""
    store = MemoryStore()
    said = PlatformObjects(came={"accounts": ("j", "gone"), "unheard-of": ("x",)})
    source = msgspec.structs.replace(contents(JUDGE), platform_objects=said)
    await imported(store, source)
    (last,) = await store.read(stream_of(CONTEST.id), (await store.heads())[stream_of(CONTEST.id)].position - 1, 1)
    assert (last.type, last.id) == (PLATFORM_OBJECTS, "1")
    assert decoded(last) == PlatformObjects(came={"accounts": ("j",)})
    assert (await imported(store, source)).events == 0
    other = msgspec.structs.replace(source, platform_objects=PlatformObjects(came={"teams": ("t",)}))
    assert (await imported(store, other)).events == 0


STARTED = AccountExtension(cms=CmsParticipation(starting_time=moment("1:00:00.000"), extra_time=60))


async def test_another_import_leaves_the_windows_that_participants_have_begun() -> None:
    """The source says nothing of them: only this server knows. The very same import adds nothing."""
    store = MemoryStore()
    anna = Account(id="anna", username="anna", type="admin", ext=AccountExtension(cms=CmsParticipation(extra_time=60)))
    source = contents(JUDGE, anna)
    await imported(store, source)
    stream = stream_of(CONTEST.id)
    begun = msgspec.structs.replace(anna, ext=STARTED)
    head = (await fold_stream(store, stream)).position
    await store.append(
        Append(
            stream=stream,
            expected_position=head,
            events=encoded_events(put(begun)),
            actor="account:anna",
            cause="POST start",
            batch_id=SYSTEM.batch_id(),
            recorded_at_us=SYSTEM.now_us(),
        )
    )
    assert (await imported(store, source)).events == 0
    renamed = msgspec.structs.replace(anna, name="Anna", ext=None)
    assert (await imported(store, contents(JUDGE, renamed))).events == 1
    state = await fold_stream(store, stream)
    kept = AccountExtension(cms=CmsParticipation(starting_time=moment("1:00:00.000")))
    assert state.objects["accounts"]["anna"] == msgspec.structs.replace(renamed, ext=kept)
    other = AccountExtension(cms=CmsParticipation(starting_time=moment("2:00:00.000")))
    said = msgspec.structs.replace(anna, ext=other)
    await imported(store, contents(JUDGE, said))
    assert (await fold_stream(store, stream)).objects["accounts"]["anna"] == said


async def test_an_account_that_an_import_removes_takes_its_login_with_it() -> None:
    """Who is logged in by something else than a password must be out when another import brings the id back."""
    store = MemoryStore()
    await imported(store, contents(JUDGE))
    assert ("x-logins", "j") not in (await fold_stream(store, stream_of(CONTEST.id))).versions
    await imported(store, contents())
    assert ("x-logins", "j") in (await fold_stream(store, stream_of(CONTEST.id))).versions
    assert (await imported(store, contents())).events == 0
