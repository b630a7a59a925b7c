"""The player on the memory store: it appends what is due, when it is due, and goes on where it was interrupted."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec
import pytest

from cds.circumstances import SYSTEM
from cds.commands.contest_clock import decide_duration
from cds.commands.contest_settings import SettingsPatch, decide_settings
from cds.commands.decision import ObjectChange, Refused
from cds.importing import encoded_events
from cds.live_contest import Decision, LiveContest
from cds.playback.again import Again
from cds.playback.choosing import Chosen, chosen
from cds.playback.player import Player, whenever_ours
from cds.playback.recording import recording_of_log
from cds.playback.replaying import begun_now, planned
from cds.playback.schedule import Due
from cds.playback.traces import ACTOR, traced
from eventstore.memory import MemoryStore
from eventstore.store import Append, Event, Head, OutcomeUnknown, StoreUnavailable
from projections.tokens import KEY_BYTES, TokenMaker
from schemas.objects import Commentary, State
from schemas.records import Settings
from schemas.times import parse_time_ms
from tests.builders import START, put
from tests.cds.playback.plays import AGAIN_ID, SIXTY, folded, recording, rows, simulated, wanted

VERY_FAST = 4_000_000
"""Four thousand times the speed: a contest of ten minutes takes a fraction of a second."""

DEADLINE_S = 30.0
TOKENS = TokenMaker(bytes(KEY_BYTES))
CHANGES = simulated(duration_s=600, freeze_s=120, teams=5, submissions=40)
"""A small contest."""


class Interrupted(Exception):
    """Somebody stops the player."""


class UnreliableStore(MemoryStore):
    """A store that goes away now and then: before it has written, or just after."""

    appends = 0

    async def append(self, append: Append) -> Head | None:
        """See EventStore.append."""
        self.appends += 1
        if self.appends % 5 == 2:
            raise StoreUnavailable("away")
        head = await super().append(append)
        if self.appends % 5 == 4:
            raise OutcomeUnknown("away since")
        return head


class Stage:
    """A store in which a contest is played."""

    def __init__(self, pace_permille: int = VERY_FAST, from_ms: int | None = None) -> None:
        self.store: MemoryStore = MemoryStore()
        self.recording = recording(CHANGES)
        self.wanted = wanted(pace_permille, from_ms)
        self.plan = planned(self.recording, self.wanted)
        self.playback = begun_now(self.recording, self.plan, self.wanted, SYSTEM.now_us() // 1_000)
        self.told: list[int] = []
        start_ms = parse_time_ms(self.playback.start_time)
        self.again = Again(AGAIN_ID, self.plan.times, self.plan.pacing, start_ms)
        self.contest = LiveContest(AGAIN_ID, self.store, TOKENS, eager_roles=())

    async def play(self, until: int | None = None) -> None:
        """Play to the end, or until so many steps are made."""
        self.contest = LiveContest(AGAIN_ID, self.store, TOKENS, eager_roles=())
        player = Player(self.store, self.contest, self.plan.steps, self.again, self.playback, (), SYSTEM)

        def told(_batch: Sequence[Due], played: int) -> None:
            self.told.append(played)
            if until is not None and played >= until:
                raise Interrupted

        async with asyncio.timeout(DEADLINE_S):
            with suppress(Interrupted):
                await whenever_ours(self.store, self.contest.stream, lambda: player.play(told))

    async def events(self) -> list[Event]:
        """All events of the replay."""
        return await self.store.read(self.contest.stream, 0, 10_000)

    async def write(self, *changes: ObjectChange) -> None:
        """Somebody else writes."""
        await self.contest.transact(
            lambda _state: Decision(events=encoded_events(changes)), actor="other", cause="test", circumstances=SYSTEM
        )


async def test_a_contest_is_played_to_its_end_and_comes_to_the_same() -> None:
    stage = Stage()
    await stage.play()
    events = await stage.events()
    assert [(event.type, event.id) for event in events[1:]] == [(s.change.type, s.change.id) for s in stage.plan.steps]
    assert events[0].type == "x-settings"
    assert {event.actor for event in events} == {ACTOR}
    assert stage.contest.state.ended_updates
    assert rows(stage.contest.state, frozen=True) == rows(folded(CHANGES), frozen=True)
    assert stage.told[0] == 0
    assert stage.told[-1] == len(stage.plan.steps)


async def test_nothing_is_there_before_it_happens() -> None:
    stage = Stage()
    await stage.play()
    events = await stage.events()
    for event, step in zip(events[1:], stage.plan.steps, strict=True):
        assert event.recorded_at_us // 1_000 >= stage.again.happening_ms(step.moment_ms)


async def test_an_interrupted_play_goes_on_where_it_was() -> None:
    """Nothing is left out and nothing happens twice, whenever it is interrupted."""
    whole, broken = Stage(), Stage()
    await whole.play()
    steps = len(broken.plan.steps)
    for until in (1, steps // 3, steps // 3 + 1, steps // 2, steps - 1):
        await broken.play(until)
    await broken.play()
    await broken.play()
    found = [(event.type, event.id) for event in await broken.events()]
    assert found == [(event.type, event.id) for event in await whole.events()]


async def test_a_database_that_goes_away_holds_the_play_up_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a step was written or not when the connection was lost is looked up."""
    monkeypatch.setattr("cds.playback.player.RETRY_S", 0.01)
    stage = Stage(2 * VERY_FAST)
    stage.store = store = UnreliableStore()
    await stage.play()
    assert store.appends > 4
    assert [(event.type, event.id) for event in (await stage.events())[1:]] == [
        (step.change.type, step.change.id) for step in stage.plan.steps
    ]


async def test_what_others_write_does_not_confuse_the_player() -> None:
    stage = Stage()
    await stage.play(len(stage.plan.steps) // 2)
    await stage.contest.catch_up()
    start = stage.playback.start_time
    await stage.write(*put(Commentary(id="live", time=start, contest_time="0:00:00.000", message="Hello", tags=[])))
    await stage.play()
    assert (await traced(stage.store, stage.contest.stream)).steps == len(stage.plan.steps)
    assert "live" in stage.contest.state.objects["commentary"]
    assert len(await stage.events()) == len(stage.plan.steps) + 2


async def test_two_players_play_one_contest() -> None:
    """Whoever is second looks how far it has come: no step is made twice, though nobody holds them apart."""
    stage = Stage()
    done: list[int] = []
    players = [
        Player(
            stage.store,
            LiveContest(AGAIN_ID, stage.store, TOKENS, eager_roles=()),
            stage.plan.steps,
            stage.again,
            stage.playback,
            (),
            SYSTEM,
        )
        for _ in range(2)
    ]
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*(player.play(lambda batch, _: done.append(len(batch))) for player in players))
    assert [(event.type, event.id) for event in (await stage.events())[1:]] == [
        (step.change.type, step.change.id) for step in stage.plan.steps
    ]
    assert sum(done) == len(stage.plan.steps)


async def test_a_player_whose_contest_ended_its_updates_stops() -> None:
    stage = Stage()
    await stage.play(len(stage.plan.steps) // 2)
    await stage.contest.catch_up()
    await stage.write(ObjectChange("state", "", msgspec.structs.replace(_state(stage), end_of_updates=START)))
    with pytest.raises(Refused, match="ended its updates"):
        await stage.play()


async def test_a_contest_that_somebody_else_made_meanwhile_is_left_alone() -> None:
    """Two commands may have chosen the same id."""
    stage, other = Stage(), Stage(SIXTY)
    other.store = stage.store
    await stage.play(1)
    before = await stage.events()
    with pytest.raises(Refused, match="is another contest since"):
        await other.play()
    assert await stage.events() == before


def _state(stage: Stage) -> State:
    state = stage.contest.state.state
    assert state is not None
    return state


async def test_what_was_before_is_there_at_once() -> None:
    """From the fifth minute on, as fast as it was: everything up to then, and nothing of what is to come."""
    stage = Stage(1_000, 300_000)
    due = [step for step in stage.plan.steps if step.moment_ms <= 300_000]
    await stage.play(len(due))
    later = [step for step in stage.plan.steps if step.moment_ms > 300_000]
    assert due
    assert later
    made = stage.contest.state
    assert len(due) <= (await traced(stage.store, stage.contest.stream)).steps < len(due) + len(later)
    clock_ms = made.timeline.contest_time_ms(SYSTEM.now_us() // 1_000)
    assert 300_000 <= clock_ms < 300_000 + DEADLINE_S * 1_000
    assert all(time_ms <= clock_ms for time_ms in made.submission_times_ms.values())


async def test_the_same_command_goes_on_and_another_one_begins_anew() -> None:
    stage = Stage()
    stage.contest = LiveContest("then-replay", stage.store, TOKENS, eager_roles=())
    begun = Chosen("then-replay", None)
    assert await chosen(stage.store, stage.recording, stage.wanted, None) == begun
    settings = [ObjectChange("x-settings", "", Settings(playback=stage.playback)), *CHANGES[:2]]
    await stage.write(*settings)
    assert await chosen(stage.store, stage.recording, stage.wanted, None) == Chosen("then-replay", stage.playback)
    assert await chosen(stage.store, stage.recording, stage.wanted, "then-replay") == Chosen(
        "then-replay", stage.playback
    )
    assert await chosen(stage.store, stage.recording, wanted(SIXTY), None) == Chosen("then-replay-2", None)
    longer = recording([*CHANGES, *CHANGES[:1]])
    assert (await chosen(stage.store, longer, stage.wanted, None)).begun == stage.playback
    other = recording(CHANGES[1:])
    assert await chosen(stage.store, other, stage.wanted, None) == Chosen("then-replay-2", None)
    with pytest.raises(Refused, match="no unfinished replay"):
        await chosen(stage.store, other, stage.wanted, "then-replay")
    with pytest.raises(Refused, match="no id"):
        await chosen(stage.store, other, stage.wanted, "a b")


async def test_a_replay_that_is_over_is_left_alone() -> None:
    """Also where the source never ended its updates."""
    stage = Stage()
    unended = recording(CHANGES[:-1])
    stage.recording, stage.plan = unended, planned(unended, stage.wanted)
    stage.playback = begun_now(unended, stage.plan, stage.wanted, SYSTEM.now_us() // 1_000)
    await stage.play()
    assert not stage.contest.state.ended_updates
    assert await chosen(stage.store, unended, stage.wanted, None) == Chosen("then-replay", None)
    with pytest.raises(Refused, match="no unfinished replay"):
        await chosen(stage.store, unended, stage.wanted, AGAIN_ID)


async def test_a_contest_of_the_log_is_played_without_its_records() -> None:
    """The clock of a replay is the player's, whoever ran that of the contest."""
    stage = Stage()
    await stage.play()
    found = await recording_of_log(stage.store, AGAIN_ID)
    assert len(found.changes) == len(stage.plan.steps)
    assert found.pace_permille == VERY_FAST
    with pytest.raises(Refused, match="there is no contest nothing"):
        await recording_of_log(stage.store, "nothing")


async def test_nobody_else_runs_the_clock_of_a_replay() -> None:
    stage = Stage()
    await stage.play(len(stage.plan.steps) // 2)
    state = stage.contest.state
    assert _refused(lambda: decide_duration(state, 60_000, 0)) == "forbidden"
    assert _refused(lambda: decide_settings(state, SettingsPatch(clock=True))) == "forbidden"
    assert _refused(lambda: decide_settings(state, SettingsPatch(computed=True))) == "forbidden"


def _refused(decide: Callable[[], object]) -> str:
    with pytest.raises(Refused) as raised:
        decide()
    return raised.value.ground
