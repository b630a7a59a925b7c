"""A source followed on a store in memory: our own process, database and contest are in the way."""

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.live_contest import Decision, LiveContest
from cds.upstream.options import source_stream
from cds.upstream.source_log import PAGE_EVENTS, SourceLog, SourceTaken, line_event
from eventstore.memory import MemoryStore
from eventstore.store import Append, Head, NewEvent, StoreUnavailable
from tests.cds.dialects.feeds import CONTEST, STATE, TEAM, TYPICAL
from tests.cds.upstream.said import LINES, TEAMS, everything, name_of, said_to
from tests.cds.upstream.stage import followed, options_for
from tests.cds.upstream.test_following_law import imported
from tests.cds.upstream.upstream import Upstream, line, serving, with_tokens


class Dies(Exception):
    """The process ends here."""


class MortalStore(MemoryStore):
    """A store whose process dies at an append, before it or after it."""

    def __init__(self) -> None:
        """It lives until `dies` says otherwise."""
        super().__init__()
        self.appends = 0
        self.dies_at: int | None = None
        self.after = False

    async def append(self, append: Append) -> Head | None:
        """As the store does, unless this is the end."""
        self.appends += 1
        dying = self.appends == self.dies_at
        if dying and not self.after:
            raise Dies
        head = await super().append(append)
        if dying:
            raise Dies
        return head


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
async def test_a_follower_may_die_at_any_moment(after: bool) -> None:
    """Also between the two commits: the next one goes on, and the contest has every event of the history once."""
    store = MortalStore()
    store.after = after
    upstream = Upstream(LINES[:8])
    async with serving(upstream):
        for number in range(8, len(LINES)):
            async with followed(store, options_for(upstream)) as following:
                store.dies_at = store.appends + 2 + number % 4
                upstream.say(LINES[number])
                try:
                    await following.until_taken(len(upstream.lines))
                except Dies:
                    continue
        store.dies_at = None
        async with followed(store, options_for(upstream)) as following:
            await following.until_taken(len(LINES))
            assert everything(following) == imported(LINES)
    names = [each.data for each in await store.read("contest:c1", 0, PAGE_EVENTS) if each.id == "t1"]
    assert len(names) == len(set(names)) == 6


async def test_a_contest_that_was_here_is_brought_to_the_source_when_it_is_level(memory_store: MemoryStore) -> None:
    """Its states on the way are none of ours: nothing goes back."""
    upstream = Upstream(LINES)
    async with serving(upstream):
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until_taken(len(LINES))
        # The same contest, as if it had been imported: nobody knows anything of a source.
        other = MemoryStore()
        events = await memory_store.read("contest:c1", 0, PAGE_EVENTS)
        await other.append(
            Append(
                stream="contest:c1",
                expected_position=0,
                events=[NewEvent(type=each.type, id=each.id, data=each.data) for each in events],
                actor="import",
                cause="import",
                batch_id=SYSTEM.batch_id(),
                recorded_at_us=SYSTEM.now_us(),
            )
        )
        async with followed(other, options_for(upstream)) as following:
            await following.until(lambda: following.source.following.current.lines == len(LINES))
            await following.source.settled()
            assert following.contest.position == len(events)


async def test_what_was_written_down_and_not_put_into_the_contest_is_told_line_by_line(
    memory_store: MemoryStore,
) -> None:
    """Each event of the contest names its line, so whoever takes over knows where to go on; the history is whole."""
    upstream = Upstream(LINES[:20])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(20)
        written = following.source.following.position
    events = await memory_store.read("contest:c1", 0, PAGE_EVENTS)
    assert {each.actor for each in events} == {"source"}
    assert events[-1].cause == f"source:c1 {written}"
    source_log = SourceLog(memory_store, source_stream("c1", None), SYSTEM)
    async for _ in source_log.pages():
        pass
    await source_log.append([line_event(each) for each in LINES[20:]], "feed")
    upstream.say(*LINES[20:])
    async with serving(upstream, upstream.port), followed(memory_store, options_for(upstream)) as following:
        await following.until(lambda: everything(following) == imported(LINES))
        assert not following.source.standing.status().warnings.count
    names = [each.data for each in await memory_store.read("contest:c1", 0, PAGE_EVENTS) if each.id == "t1"]
    assert len(names) == 6


async def changed_here(contest: LiveContest, *events: NewEvent) -> None:
    """Somebody writes into the contest on this server."""
    await contest.transact(lambda _: Decision(events=events), actor="staff", cause="PUT", circumstances=SYSTEM)


async def test_what_is_changed_here_is_taken_back_when_the_source_cannot_be_followed_otherwise(
    memory_store: MemoryStore,
) -> None:
    """A team that was deleted here is there again when something names it."""
    lines = [line(name, data) for name, data in TYPICAL if name != "submissions"]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(len(lines))
        await changed_here(following.contest, NewEvent(type="teams", id="t1", data=None))
        assert not following.contest.state.objects["teams"]
        upstream.say(*(line(name, data) for name, data in TYPICAL if name == "submissions"))
        await following.until(lambda: "s1" in following.contest.state.objects["submissions"])
        assert "t1" in following.contest.state.objects["teams"]


async def test_accounts_that_are_made_here_are_ours(memory_store: MemoryStore) -> None:
    """The source tells of accounts, and so it may change and delete those that it told of; no others."""
    theirs = [line("accounts", {"id": each, "username": each, "type": "judge"}) for each in ("j1", "j2")]
    lines = [*(line(name, data) for name, data in TYPICAL), *theirs]
    upstream = Upstream(with_tokens(lines))
    async with serving(upstream):
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until_taken(len(lines))
            for identifier, team in (("ours", ""), ("of-t1", ',"team_id":"t1"')):
                account = f'{{"id":"{identifier}","username":"{identifier}","type":"team"{team}}}'.encode()
                await changed_here(following.contest, NewEvent(type="accounts", id=identifier, data=account))
            await changed_here(following.contest, NewEvent(type="accounts", id="j1", data=None))
            named = following.contest.state.objects["teams"]["t1"]
            renamed = msgspec.json.encode(msgspec.structs.replace(named, name="Ours"))
            await changed_here(following.contest, NewEvent(type="teams", id="t1", data=renamed))
        async with followed(memory_store, options_for(upstream)) as following:
            await following.until(lambda: following.source.standing.state == "following")
            assert set(following.contest.state.objects["accounts"]) == {"j1", "j2", "ours", "of-t1"}
            assert name_of(following, "teams", "t1") == "Team"
            told = {(each.type, each.id) for each in following.source.standing.status().warnings.last}
            assert told == {("teams", "t1"), ("accounts", "j1")}
            upstream.say(line("accounts", None, identifier="j2", token="z"))
            await following.until(lambda: "j2" not in following.contest.state.objects["accounts"])
            fewer = [each for each in lines if b'"teams"' not in each and b'"submissions"' not in each]
            upstream.replace(
                [msgspec.json.encode({**msgspec.json.decode(each), "token": f"n{n}"}) for n, each in enumerate(fewer)]
            )
            await following.until(lambda: not following.contest.state.objects["teams"])
            await following.until(lambda: following.source.standing.status().warnings.count >= 3)
            assert set(following.contest.state.objects["accounts"]) == {"j1", "j2", "ours"}
            assert following.source.standing.status().warnings.count == 3


async def test_a_contest_that_does_not_take_it_stops_nothing_else(memory_store: MemoryStore) -> None:
    """What our own objects stand in the way of is told, and done as soon as they do not."""
    clarification = (
        b'{"id":"q","text":"?","from_team_id":"t1","time":"2024-01-01T10:20:00Z","contest_time":"0:20:00.000"}'
    )
    lines = [line("contest", CONTEST), line("teams", TEAM), line("state", STATE)]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(3)
        await changed_here(following.contest, NewEvent(type="clarifications", id="q", data=clarification))
        upstream.say(line("teams", None, identifier="t1"), TEAMS[0])
        await following.until(lambda: "t2" in following.contest.state.objects["teams"])
        assert "t1" in following.contest.state.objects["teams"]
        assert following.source.standing.refused
        await changed_here(following.contest, NewEvent(type="clarifications", id="q", data=None))
        upstream.say(TEAMS[1])
        await following.until(lambda: "t1" not in following.contest.state.objects["teams"])
        assert not following.source.standing.refused


async def test_a_password_goes_with_its_account_and_a_new_one_counts_at_once(memory_store: MemoryStore) -> None:
    """Whoever logged in with the old one is out."""
    account = {"id": "a1", "username": "one", "type": "judge", "password": "old"}
    upstream = Upstream(with_tokens([line("contest", CONTEST), line("accounts", account)]))
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(2)
        old = (await memory_store.credentials("contest:c1"))["a1"]
        upstream.say(line("accounts", {**account, "password": "new"}, token="n"))
        await following.until_taken(3)
        assert (await memory_store.credentials("contest:c1"))["a1"] != old
        assert following.contest.state.logins["a1"].generation == 1
        upstream.say(line("accounts", None, identifier="a1", token="g"))
        await following.until(lambda: not following.contest.state.objects["accounts"])
        assert await memory_store.credentials("contest:c1") == {}


class AwayStore(MemoryStore):
    """A store whose database is away for a while."""

    def __init__(self) -> None:
        """It is there."""
        super().__init__()
        self.away = False
        self.refused = 0

    async def append(self, append: Append) -> Head | None:
        """As the store does, when it is there."""
        if self.away:
            self.refused += 1
            raise StoreUnavailable("away")
        return await super().append(append)


async def test_a_database_that_is_away_costs_time_and_nothing_else() -> None:
    """What was heard is written when it is back, once."""
    store, upstream = AwayStore(), Upstream(LINES[:10])
    async with serving(upstream), followed(store, options_for(upstream)) as following:
        await following.until_taken(10)
        store.away = True
        upstream.say(*LINES[10:])
        await following.until(lambda: store.refused > 0)
        store.away = False
        await following.until_taken(len(LINES))
        await following.until(lambda: everything(following) == imported(LINES))
    assert (await said_to(store)).count("x-line") == len(LINES)


class DutyLost(MemoryStore):
    """A store that does not know for a while whether the duty is still ours."""

    certain = True

    def holds(self, name: str) -> bool:
        """As the store does, when it is certain."""
        return self.certain and super().holds(name)


async def test_who_may_have_lost_the_duty_writes_nothing_into_the_contest() -> None:
    """Another process may be ahead: what came before must not come behind."""
    store, upstream = DutyLost(), Upstream(LINES[:10])
    async with serving(upstream), followed(store, options_for(upstream)) as following:
        await following.until_taken(10)
        store.certain = False
        before = following.contest.position
        upstream.say(*LINES[10:])
        await following.until(lambda: following.source.following.lines == len(LINES))
        assert following.contest.position == before
        store.certain = True
        await following.until(lambda: everything(following) == imported(LINES))


async def test_two_processes_do_not_both_write(memory_store: MemoryStore) -> None:
    """Who finds that another has written to the source's stream begins again."""
    upstream = Upstream(LINES[:10])
    async with serving(upstream), followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(10)
        other = SourceLog(memory_store, source_stream("c1", None), SYSTEM)
        async for _ in other.pages():
            continue
        await other.append([line_event(LINES[10])], "test")
        upstream.say(LINES[10])
        with pytest.raises(SourceTaken):
            await following.until(lambda: False)


@pytest.mark.parametrize(
    ("plainly", "otherwise"),
    [
        (b"", b""),
        (b'"accounts"', b'"\\u0061ccounts"'),
        (b'"password"', b'"p\\u0061ssword"'),
        (b'"password"', b'"\\u0070\\u0061\\u0073\\u0073\\u0077\\u006F\\u0072\\u0064"'),
    ],
)
async def test_passwords_of_accounts_are_kept_as_hashes_and_nowhere_else(
    memory_store: MemoryStore, plainly: bytes, otherwise: bytes
) -> None:
    """They let people in, as imported ones do; however JSON spells what they are."""
    account = {"id": "a1", "username": "one", "type": "judge", "password": "open sesame"}
    lines = with_tokens([line("contest", CONTEST), line("accounts", account)])
    lines = [each.replace(plainly, otherwise) if plainly else each for each in lines]
    async with serving(Upstream(lines)) as upstream, followed(memory_store, options_for(upstream)) as following:
        await following.until_taken(2)
        assert "a1" in following.contest.state.objects["accounts"]
        assert (await memory_store.credentials("contest:c1"))["a1"].startswith("$argon2id$")
    for stream in ("contest:c1", source_stream("c1", None)):
        assert all(b"sesame" not in (each.data or b"") for each in await memory_store.read(stream, 0, PAGE_EVENTS))


async def test_a_second_system_has_a_contest_of_its_own(memory_store: MemoryStore) -> None:
    """Beside the contest that it is compared with."""
    upstream = Upstream(LINES)
    async with serving(upstream), followed(memory_store, options_for(upstream, shadow="second")) as following:
        await following.until_taken(len(LINES))
        assert following.contest.stream == "shadow:c1/second"
        assert everything(following) == imported(LINES)
    heads = await memory_store.heads()
    assert set(heads) == {"source:c1/second", "shadow:c1/second"}
