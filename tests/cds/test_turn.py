"""Commands that come at the same time: one commit for all, and for each what it would have come to by itself."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import cast

import msgspec
import pytest
from hypothesis import given, settings

import cds.turn
from cds.circumstances import SYSTEM
from cds.commands.decision import ObjectChange, Refused
from cds.importing import encoded_events
from cds.live_contest import ATTEMPTS_MAX, Contended, Decision, LiveContest, stream_of
from cds.turn import Decide, TooManyCommands
from eventstore.memory import MemoryStore
from eventstore.store import Append, Credential, Event, EventStore, Head, NewEvent, StoreUnavailable
from projections.contest import ContestState
from projections.tokens import TokenMaker
from schemas.objects import Group, State
from schemas.records import Login
from tests.builders import KEY, put, setup, state
from tests.command_histories import CommandHistory, begun, command_histories
from tests.command_stage import Command, decided_changes

CONTEST_ID = "finals"
STREAM = stream_of(CONTEST_ID)
WRITERS = 500
DEADLINE_S = 20.0

Outcome = Sequence[NewEvent] | BaseException


def live(store: EventStore) -> LiveContest:
    """A contest on a store, of which nothing has been read yet."""
    return LiveContest(CONTEST_ID, store, TokenMaker(KEY), eager_roles=())


async def beginning(store: EventStore, changes: Sequence[ObjectChange] | None = None) -> LiveContest:
    """A contest in which something stands already."""
    contest = live(store)
    await transact(contest, lambda _: Decision(events=encoded_events(setup() if changes is None else changes)), "setup")
    return contest


async def transact(contest: LiveContest, decide: Decide, name: str) -> Sequence[NewEvent]:
    """One command, of the actor and with the cause that its name says."""
    return await contest.transact(decide, actor=f"actor {name}", cause=f"cause {name}", circumstances=SYSTEM)


def group(identifier: str) -> Decide:
    """A command that makes a group, and refuses when it is there."""

    def decide(state: ContestState) -> Decision:
        if identifier in state.objects["groups"]:
            raise Refused(f"group {identifier} exists", "id", ground="conflict")
        return Decision(events=encoded_events(put(Group(id=identifier, name=f"number {len(state.objects['groups'])}"))))

    return decide


def changing(changes: Sequence[ObjectChange]) -> Decide:
    """A command that always comes to these changes."""
    return lambda _: Decision(events=encoded_events(changes))


async def all_at_once(contest: LiveContest, decisions: Sequence[Decide]) -> list[Outcome]:
    """The outcomes of commands that come at the same time."""
    asked = [transact(contest, decide, str(number)) for number, decide in enumerate(decisions)]
    async with asyncio.timeout(DEADLINE_S):
        return cast("list[Outcome]", await asyncio.gather(*asked, return_exceptions=True))


async def log_of(store: EventStore) -> list[Event]:
    """The whole stream."""
    found: list[Event] = []
    while page := await store.read(STREAM, len(found), 1_000):
        found += page
    return found


class CountingStore(MemoryStore):
    """A store that counts its appends, may hold one up, be away, and let others write first."""

    def __init__(self) -> None:
        super().__init__()
        self.appends = 0
        self.others_first = 0
        self.away = False
        self.replicated = False
        self.gate: asyncio.Event | None = None

    @property
    def waits_for_standby(self) -> bool:
        """See EventStore.waits_for_standby."""
        return self.replicated

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append."""
        self.appends += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise StoreUnavailable("away")
        if self.others_first:
            self.others_first -= 1
            await super().append(await self._of_another_process())
        return await super().append(append)

    async def _of_another_process(self) -> Append:
        head = await self.head(STREAM)
        return Append(
            stream=STREAM,
            expected_position=head.position,
            events=encoded_events(put(Group(id=f"other-{self.others_first}", name="of another process"))),
            actor="other",
            cause="other",
            batch_id=SYSTEM.batch_id(),
            recorded_at_us=0,
        )


async def test_what_rests_on_the_log_is_answered_when_a_standby_has_it_too() -> None:
    """What changes nothing, or was carried out before, waits for an append of its own; elsewhere it costs none."""
    store = CountingStore()
    contest = await beginning(store)
    await transact(contest, group("a"), "first")
    with pytest.raises(Refused):
        await transact(contest, group("a"), "again")
    assert await transact(contest, changing(()), "nothing") == []
    end, appends, store.replicated = contest.end, store.appends, True
    with pytest.raises(Refused):
        await transact(contest, group("a"), "again")
    assert await transact(contest, changing(()), "nothing") == []
    assert store.appends == appends + 2
    store.away = True
    for decide in (group("a"), changing(())):
        with pytest.raises(StoreUnavailable):
            await transact(contest, decide, "while no standby is there")
    store.away, store.others_first = False, 1
    assert await transact(contest, changing(()), "nothing") == []
    assert contest.end.position == end.position + 1


@given(command_histories())
@settings(deadline=None)
def test_a_batch_gives_the_log_that_its_commands_give_one_by_one(history: CommandHistory) -> None:
    """The same events with the same authors, the same refusals, whether they come together or in turn."""

    async def compare() -> None:
        base = begun(history.start, roles=()).changes
        together, in_turn = CountingStore(), MemoryStore()
        one, other = await beginning(together, base), await beginning(in_turn, base)
        decisions = [deciding(each) for each in history.commands]
        outcomes = await all_at_once(one, decisions)
        assert together.appends <= 2
        alone = [await by_itself(other, decide, number) for number, decide in enumerate(decisions)]
        assert list(map(told, outcomes)) == list(map(told, alone))
        assert list(map(written, await log_of(together))) == list(map(written, await log_of(in_turn)))

    asyncio.run(compare())


async def by_itself(contest: LiveContest, decide: Decide, number: int) -> Outcome:
    """What one command comes to that comes alone, under the name that it has in a batch."""
    try:
        return await transact(contest, decide, str(number))
    except Refused as refused:
        return refused


def deciding(command: Command) -> Decide:
    """A command of the histories."""
    return lambda state: Decision(events=encoded_events(decided_changes(state, command)[0]))


def told(outcome: Outcome) -> object:
    """What whoever asked is told."""
    if isinstance(outcome, Refused):
        return outcome.reason, outcome.property, outcome.ground
    assert not isinstance(outcome, BaseException), outcome
    return [(event.type, event.id, event.data) for event in outcome]


def written(event: Event) -> tuple[object, ...]:
    """What stands in a row, but for when and the chain."""
    return event.position, event.type, event.id, event.data, event.actor, event.cause


async def test_a_refused_command_disturbs_no_other() -> None:
    """Each is decided against what those before it came to, and each gets its own answer; one commit for all."""
    store = CountingStore()
    contest = await beginning(store)
    appends = store.appends
    outcomes = await all_at_once(contest, [group("a"), group("a"), boom, group("b"), group("main"), group("a")])
    assert store.appends == appends + 1
    assert [isinstance(each, Refused) for each in outcomes] == [False, True, False, False, True, True]
    assert isinstance(outcomes[2], ZeroDivisionError)
    names = [msgspec.json.decode(event.data or b"", type=Group).name for event in (await log_of(store))[-2:]]
    assert names == ["number 2", "number 3"]


def boom(_state: ContestState) -> Decision:
    """A command with a fault in it."""
    raise ZeroDivisionError


async def test_when_somebody_else_writes_first_all_are_decided_anew() -> None:
    """Nothing is decided on a state that is not the present one."""
    store = CountingStore()
    contest = await beginning(store)
    store.others_first = 1
    outcomes = await all_at_once(contest, [group("other-0"), group("b"), group("c")])
    assert isinstance(outcomes[0], Refused)
    assert [list(contest.state.objects["groups"])[-3:], contest.position] == [["other-0", "b", "c"], len(setup()) + 3]
    names = [event.data for event in (await log_of(store))[-2:]]
    assert [msgspec.json.decode(data or b"", type=Group).name for data in names] == ["number 3", "number 4"]


async def test_who_is_never_first_gives_up_and_the_next_goes_on() -> None:
    """Contended is every command's answer, and the contest takes the next one."""
    store = CountingStore()
    contest = await beginning(store)
    store.others_first = ATTEMPTS_MAX
    outcomes = await all_at_once(contest, [group("a"), group("b")])
    assert [type(each) for each in outcomes] == [Contended, Contended]
    assert not isinstance((await all_at_once(contest, [group("c")]))[0], BaseException)
    assert {"a", "b"}.isdisjoint(contest.state.objects["groups"])


async def test_an_error_of_the_store_is_the_answer_to_all_and_then_it_goes_on() -> None:
    """Nothing of the batch is applied."""
    store = CountingStore()
    contest = await beginning(store)
    store.away = True
    outcomes = await all_at_once(contest, [group("a"), group("main"), group("b")])
    assert [type(each) for each in outcomes] == [StoreUnavailable] * 3
    assert list(contest.state.objects["groups"]) == ["main", "guests"]
    store.away = False
    assert not isinstance((await all_at_once(contest, [group("a")]))[0], BaseException)


@pytest.fixture(params=["memory_store", "store"])
def any_store(request: pytest.FixtureRequest) -> EventStore:
    """An empty store of each kind."""
    opened: EventStore = request.getfixturevalue(request.param)
    return opened


async def test_many_at_once_are_all_written_without_gaps_each_by_its_author(any_store: EventStore) -> None:
    """Five hundred writers: every event stands once, with its own actor and cause, and is applied."""
    store = any_store
    contest = await beginning(store)
    base = contest.position
    outcomes = await all_at_once(contest, [group(f"g{number}") for number in range(WRITERS)])
    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    log = await log_of(store)
    assert [event.position for event in log] == list(range(1, base + WRITERS + 1))
    assert [(event.id, event.actor, event.cause) for event in log[base:]] == [
        (f"g{number}", f"actor {number}", f"cause {number}") for number in range(WRITERS)
    ]
    assert contest.position == base + WRITERS
    again = live(store)
    await again.catch_up()
    assert list(again.state.objects["groups"]) == list(contest.state.objects["groups"])
    assert bytes(again._chain_bits) == bytes(contest._chain_bits)


async def test_two_processes_that_write_at_once_lose_nothing(any_store: EventStore) -> None:
    """Two contests in memory over one stream: of each group one is made, whoever is first."""
    store = any_store
    first = await beginning(store)
    second = live(store)
    await second.catch_up()
    decisions = [group(f"g{number}") for number in range(20)]
    outcomes = await asyncio.gather(all_at_once(first, decisions), all_at_once(second, decisions))
    refused = [sum(isinstance(each, Refused) for each in pair) for pair in zip(*outcomes, strict=True)]
    assert refused == [1] * 20
    await first.catch_up()
    await second.catch_up()
    assert list(first.state.objects["groups"]) == list(second.state.objects["groups"])
    assert len(first.state.objects["groups"]) == 22


async def test_who_has_gone_before_the_turn_comes_is_left_out_and_the_others_are_not() -> None:
    """A command whose asker went away while it waited is not carried out."""
    store = CountingStore()
    contest = await beginning(store)
    store.gate = asyncio.Event()
    first = asyncio.create_task(transact(contest, group("first"), "first"))
    await reached(lambda: store.appends == 2)
    waiting = {name: asyncio.create_task(transact(contest, group(name), name)) for name in ("gone", "stays")}
    await asyncio.sleep(0)
    waiting["gone"].cancel()
    await asyncio.sleep(0)
    store.gate.set()
    await asyncio.gather(first, waiting["stays"])
    assert list(contest.state.objects["groups"])[-2:] == ["first", "stays"]


async def test_who_goes_while_it_is_written_is_written_all_the_same() -> None:
    """The commit is under way; the others of the batch get their answers."""
    store = CountingStore()
    contest = await beginning(store)
    store.gate = asyncio.Event()
    tasks = [asyncio.create_task(transact(contest, group(name), name)) for name in ("a", "b")]
    await reached(lambda: store.appends == 2)
    tasks[0].cancel()
    await asyncio.sleep(0)
    store.gate.set()
    await tasks[1]
    assert tasks[0].cancelled()
    assert list(contest.state.objects["groups"])[-2:] == ["a", "b"]


async def reached(condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0)


async def test_after_the_end_of_updates_the_rest_of_the_batch_is_refused() -> None:
    """What comes to nothing is still answered so, and an account can be disabled; what changes an object is refused."""
    store = CountingStore()
    contest = await beginning(store)
    over: State = state(ended="2026-03-01T15:00:00.000+01:00", end_of_updates="2026-03-01T16:00:00.000+01:00")
    nothing = changing([])
    disabled = changing([ObjectChange("x-logins", "account-t1", Login(disabled=True))])
    decisions = [group("a"), changing(put(over)), group("b"), nothing, disabled, group("a")]
    outcomes = await all_at_once(contest, decisions)
    assert [type(each) for each in outcomes] == [list, list, Refused, list, list, Refused]
    refused = outcomes[2]
    assert isinstance(refused, Refused)
    assert refused.ground == "forbidden"
    written_last = [(event.type, event.id) for event in (await log_of(store))[-3:]]
    assert written_last == [("groups", "a"), ("state", ""), ("x-logins", "account-t1")]


async def test_a_long_queue_is_written_in_batches_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not go into a batch is the first of the next one."""
    monkeypatch.setattr(cds.turn, "BATCH_EVENTS_MAX", 3)
    monkeypatch.setattr(cds.turn, "BATCH_COMMANDS_MAX", 5)
    store = CountingStore()
    contest = await beginning(store)
    appends = store.appends
    outcomes = await all_at_once(contest, [group(f"g{number}") for number in range(13)])
    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    assert list(contest.state.objects["groups"])[2:] == [f"g{number}" for number in range(13)]
    assert store.appends - appends == 5
    assert [event.actor for event in (await log_of(store))[-13:]] == [f"actor {number}" for number in range(13)]


async def test_too_many_are_turned_away_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are carried out."""
    monkeypatch.setattr(cds.turn, "COMMANDS_WAITING_MAX", 4)
    contest = await beginning(CountingStore())
    outcomes = await all_at_once(contest, [group(f"g{number}") for number in range(6)])
    assert [isinstance(each, TooManyCommands) for each in outcomes] == [False] * 4 + [True] * 2
    assert len(contest.state.objects["groups"]) == 6


async def test_credentials_of_all_commands_go_into_the_one_commit() -> None:
    """Also of one that changes nothing else, and none of one that was refused."""
    store = CountingStore()
    contest = await beginning(store)

    def credential(name: str, decide: Decide) -> Decide:
        def with_credential(state: ContestState) -> Decision:
            events = decide(state).events
            kept = Credential(scope=STREAM, account_id=name, password_hash=f"hash of {name}")
            return Decision(events=events, credentials=[kept])

        return with_credential

    decisions = [credential("a", group("a")), credential("b", group("a")), credential("c", changing([]))]
    await all_at_once(contest, decisions)
    assert await store.credentials(STREAM) == {"a": "hash of a", "c": "hash of c"}


async def test_files_of_all_commands_go_into_their_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a command that is refused do not; and a batch takes no more of them than fit."""
    monkeypatch.setattr(cds.turn, "BATCH_FILES_BYTES_MAX", 10)
    store = CountingStore()
    contest = await beginning(store)
    appends = store.appends

    def with_file(content: bytes, decide: Decide) -> Decide:
        return lambda state: Decision(events=decide(state).events, files=[content])

    contents = [b"for g%d" % number for number in range(4)]
    decisions = [with_file(content, group(f"g{number}")) for number, content in enumerate(contents)]
    outcomes = await all_at_once(contest, [*decisions, with_file(b"refused", group("g0"))])
    assert [isinstance(each, BaseException) for each in outcomes] == [False] * 4 + [True]
    assert [await store.file(sha256(content).hexdigest()) for content in contents] == contents
    assert await store.file(sha256(b"refused").hexdigest()) is None
    assert store.appends - appends == 2
