"""Contests to play, and plays of them without a clock: every step at once, in its order.

This module must not know what a play should come to.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from cds.commands.decision import ObjectChange
from cds.playback.again import Again
from cds.playback.choosing import Wanted
from cds.playback.recording import Recording
from cds.playback.replaying import Plan, planned
from cds.simulation.contest import simulate
from cds.simulation.parameters import SimulationParameters
from projections.contest import ContestState
from projections.scoreboard import Board
from schemas.object_types import SINGLETON_ID
from schemas.records import Playback, Settings
from schemas.times import format_time, parse_time_ms
from tests.histories import History, histories

AGAIN_ID = "again"
AGAIN_START = "2030-02-03T09:00:00.000Z"
AGAIN_START_MS = parse_time_ms(AGAIN_START)
AS_IT_WAS = 1_000
SIXTY = 60_000
"""Paces, in thousandths."""


def recording(changes: Sequence[ObjectChange]) -> Recording:
    """These changes, to be played."""
    return Recording(contest_id="then", source="test", changes=changes, passwords={}, files={})


def wanted(pace_permille: int = SIXTY, from_ms: int | None = None) -> Wanted:
    """How the tests play."""
    return Wanted(pace_permille=pace_permille, from_ms=from_ms, lead_ms=0, pause_ms_max=30_000)


def plan_of(changes: Sequence[ObjectChange], pace_permille: int = SIXTY) -> Plan:
    """The plan of a play."""
    return planned(recording(changes), wanted(pace_permille))


@st.composite
def playable_histories(draw: DrawFn) -> History:
    """A history of a contest that has a start in the end."""
    history = draw(histories())
    assume(folded(history.changes).timeline.start_ms is not None)
    return history


def again_of(plan: Plan) -> Again:
    """What makes the changes of a plan those of a replay that starts at AGAIN_START."""
    return Again(AGAIN_ID, plan.times, plan.pacing, AGAIN_START_MS)


def settings_of(plan: Plan, pace_permille: int = SIXTY) -> ObjectChange:
    """The record with which a replay begins."""
    playback = Playback(
        pace_permille=pace_permille,
        source="test",
        digest="",
        changes=0,
        steps=len(plan.steps),
        start_time=format_time(AGAIN_START_MS),
        pause_ms_max=30_000,
    )
    return ObjectChange("x-settings", SINGLETON_ID, Settings(playback=playback))


def replayed(plan: Plan, pace_permille: int = SIXTY) -> list[ObjectChange]:
    """All events of a replay."""
    again = again_of(plan)
    return [settings_of(plan, pace_permille), *(again.change(step.change) for step in plan.steps)]


def folded(changes: Iterable[ObjectChange]) -> ContestState:
    """The state after these changes."""
    state = ContestState()
    for change in changes:
        state.apply(state.position + 1, change.type, change.id, change.instance)
    return state


def rows(state: ContestState, *, frozen: bool) -> Any:
    """The rows of the scoreboard of a contest."""
    return msgspec.json.decode(Board(state, frozen=frozen).scoreboard())["rows"]


def simulated(**chosen: Any) -> list[ObjectChange]:
    """A made-up contest as it is told."""
    parameters = SimulationParameters(
        **{"teams": 12, "problems": 5, "runs_per_judgement": 2, "sources": False, "statements": False, **chosen}
    )
    return [ObjectChange(each.type, each.id, each.instance) for each in simulate(parameters).timeline()]
